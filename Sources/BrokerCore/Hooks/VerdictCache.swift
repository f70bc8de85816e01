// HOT PATH: a look-up is two multiplications and one cache line, no ARC, no allocation (budget 5 ns).

/// Verdicts of the chain by connection and topic: direct-mapped and lossy, keys exact. One shard's thread.
///
/// A line is valid while its epoch is that of the cache: a new hook table or a revocation makes all lines stale at
/// once.
struct VerdictCache {
    private struct Line {
        var connection: UInt64
        var topic: UInt64
        var expires: Int64
        var epoch: UInt32
        var allows: Bool
        var reason: UInt8
    }

    private struct State {
        var lines: UnsafeMutablePointer<Line>?
        var epoch: UInt32 = 1
        /// A verdict was kept in this epoch, and one for all topics of a connection.
        var isUsed = false
        var hasWholeClients = false
        var lastReason: UInt8 = 0
    }

    /// Stands for "every topic"; topic entry ids are never 0.
    static let everyTopic: UInt64 = 0

    private let state: UnsafeMutablePointer<State>
    private let bits: UInt64

    /// - Parameter bits: 2^bits lines of 32 bytes, allocated with the first verdict.
    init(bits: Int) {
        precondition((1...24).contains(bits), "a verdict cache has 2 to 2^24 lines")
        self.bits = UInt64(bits)
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    func destroy() {
        state.pointee.lines?.deallocate()
        state.deallocate()
    }

    /// MQTT reason code of the last `.deny` found; 0 when the plugin gave none.
    var lastReason: UInt8 { state.pointee.lastReason }

    /// Whether a verdict may be in it.
    var isUsed: Bool { state.pointee.isUsed }

    @inline(__always)
    func find(connection: UInt64, topic: UInt64, now: Int64) -> CachedVerdict {
        guard let lines = state.pointee.lines else { return .miss }
        let exact = verdict(lines + index(connection, topic), connection, topic, now)
        if exact != .miss || !state.pointee.hasWholeClients { return exact }
        let every = VerdictCache.everyTopic
        return verdict(lines + index(connection, every), connection, every, now)
    }

    func store(connection: UInt64, topic: UInt64, allows: Bool, reason: UInt32, expires: Int64) {
        let lines = state.pointee.lines ?? allocateLines()
        state.pointee.isUsed = true
        if topic == VerdictCache.everyTopic { state.pointee.hasWholeClients = true }
        lines[index(connection, topic)] = Line(
            connection: connection, topic: topic, expires: expires, epoch: state.pointee.epoch, allows: allows,
            reason: UInt8(truncatingIfNeeded: reason))
    }

    /// Makes every line stale.
    func revokeAll() {
        state.pointee.epoch &+= 1
        state.pointee.hasWholeClients = false
        state.pointee.isUsed = false
        // After 2^32 revocations an old line could look valid again.
        if state.pointee.epoch == 0, let lines = state.pointee.lines {
            lines.deallocate()
            state.pointee.lines = nil
            state.pointee.epoch = 1
        }
    }

    /// Makes the lines of one connection stale: a walk over the whole cache, for rare use.
    func revoke(connection: UInt64) {
        guard let lines = state.pointee.lines else { return }
        for index in 0..<(1 << Int(bits)) where lines[index].connection == connection { lines[index].epoch = 0 }
    }

    @inline(__always)
    private func verdict(
        _ line: UnsafeMutablePointer<Line>, _ connection: UInt64, _ topic: UInt64, _ now: Int64
    ) -> CachedVerdict {
        guard line.pointee.connection == connection, line.pointee.topic == topic,
            line.pointee.epoch == state.pointee.epoch, now < line.pointee.expires
        else { return .miss }
        if line.pointee.allows { return .allow }
        state.pointee.lastReason = line.pointee.reason
        return .deny
    }

    @inline(__always)
    private func index(_ connection: UInt64, _ topic: UInt64) -> Int {
        let mixed = (connection &* 0x9E37_79B9_7F4A_7C15) ^ (topic &* 0xC2B2_AE3D_27D4_EB4F)
        return Int(truncatingIfNeeded: (mixed &* 0x9E37_79B9_7F4A_7C15) >> (64 &- bits))
    }

    private func allocateLines() -> UnsafeMutablePointer<Line> {
        let count = 1 << Int(bits)
        let lines = UnsafeMutablePointer<Line>.allocate(capacity: count)
        lines.initialize(
            repeating: Line(connection: 0, topic: 0, expires: 0, epoch: 0, allows: false, reason: 0), count: count)
        state.pointee.lines = lines
        return lines
    }
}
