import BrokerCore

/// Times one turn of a loop in sixteen, for the durations among the metrics: a clock costs as much as a message does.
/// Its loop's thread only.
struct TurnSampling {
    /// This turn is timed.
    private(set) var isTimed = false
    private var turns: UInt = 0
    /// Of the turn that is timed: ns spent in reading, and the messages there were before it.
    private var reading: Int64 = 0
    private var publishesBefore: UInt64 = 0

    private static let interval: UInt = 16

    /// Times one call that handles what was read.
    mutating func timeReading(_ body: () -> Void) {
        let began = monotonicNow()
        body()
        reading += monotonicNow() - began
    }

    /// - Parameter now: when the turn began, host clock ns.
    @inline(__always)
    mutating func turnEnded(_ shard: Shard, now: Int64) {
        turns &+= 1
        if isTimed || turns % Self.interval == 0 { change(shard, now: now) }
    }

    @inline(never)
    private mutating func change(_ shard: Shard, now: Int64) {
        if isTimed {
            shard.note(
                turn: monotonicNow() - now, reading: reading, publishes: shard.publishCount &- publishesBefore)
        }
        isTimed = turns % Self.interval == 0
        reading = 0
        publishesBefore = shard.publishCount
    }
}
