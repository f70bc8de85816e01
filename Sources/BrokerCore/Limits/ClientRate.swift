/// How much one client may publish: so many units (messages or bytes) in an interval, some of them at once.
public struct ClientRate: Sendable, Equatable {
    /// Time one unit costs, in nanoseconds; less than one for bytes at high rates.
    let nanosecondsPerUnit: Double
    /// Time's worth of units that may come at once, in nanoseconds.
    let burst: Int64

    /// - Parameters:
    ///   - count: units allowed per `interval`; 1 or more.
    ///   - interval: in nanoseconds; 1 or more.
    ///   - burst: how long a silence may be made up for, in nanoseconds; 0 or more.
    public init(count: Int, interval: Int64, burst: Int64) {
        precondition(count > 0 && interval > 0 && burst >= 0, "a rate is positive")
        nanosecondsPerUnit = Double(interval) / Double(count)
        self.burst = burst
    }
}

/// What happens to a client that publishes faster than it may.
public enum RatePolicy: UInt8, Sendable {
    /// It is not read until it has kept still long enough; nothing is lost.
    case pause
    /// QoS 0 messages are dropped and counted; QoS 1 and 2 are answered 0x97 (5.0), or the client is disconnected
    /// (3.1.1, which has no such answer).
    case drop
    /// It is told 0x96 (5.0) and disconnected.
    case disconnect
}

/// What is left of a rate: a token bucket kept as the time at which it will be full again.
struct RateBucket {
    private var fullAt: Int64 = 0

    /// Takes `units` out of the bucket, whether they are there or not; answers how many nanoseconds it is overdrawn by,
    /// 0 when they were there.
    mutating func take(_ units: Int, at now: Int64, _ rate: ClientRate) -> Int64 {
        let cost = Int64(min(Double(units) * rate.nanosecondsPerUnit, 1e15))
        fullAt = max(fullAt, now) &+ cost
        return max(0, fullAt &- now &- rate.burst &- cost)
    }

    /// As ``take(_:at:_:)``, but what is not there is not taken; answers whether it was.
    mutating func takeIfThere(_ units: Int, at now: Int64, _ rate: ClientRate) -> Bool {
        let before = fullAt
        if take(units, at: now, rate) == 0 { return true }
        fullAt = before
        return false
    }
}

/// The two buckets of a connection.
struct ClientRates {
    var messages = RateBucket()
    var bytes = RateBucket()
}
