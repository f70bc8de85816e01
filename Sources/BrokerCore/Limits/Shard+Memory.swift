/// What a shard does while the process uses more memory than it may: whatever can grow counts as full.
extension Shard {
    /// Bytes that may wait in one connection's output while memory is short: enough for a reader that keeps up.
    private static var outputLimitWhenShort: Int { 64 << 10 }

    /// Takes over what the host has found out. Queues and retained messages look at the flag; QoS 0 messages to readers
    /// that do not keep up are dropped much earlier.
    func noteMemory(isShort: Bool) {
        isShortOfMemory = isShort
        let limit = settings.maximumOutputBytes
        state.pointee.outputLimit = isShort ? min(limit, Self.outputLimitWhenShort) : limit
    }
}
