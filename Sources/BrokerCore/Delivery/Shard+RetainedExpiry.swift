import Timing

/// When a retained message's time has passed it leaves memory and the store, though nobody asks for it
/// [MQTT-3.3.2-5]. A timer per topic, of the shard that kept the message.
extension Shard {
    /// A topic whose message may have expired.
    struct RetainedExpiry {
        let topic: [UInt8]
        /// Host clock ns.
        let due: Int64
    }

    /// Longest time between two looks at a topic, ns: a timer that was overtaken by an earlier one of another shard is
    /// in memory until then.
    private static var longestWatch: Int64 { 3_600_000_000_000 }
    /// Topics that are looked at in one turn: a million that expire together hold up nobody.
    private static var expiriesPerTurn: Int { 512 }

    /// Looks at a topic when its message expires.
    func watchRetained(_ topic: [UInt8], until expiresAt: Int64) {
        let due = min(expiresAt, now &+ Self.longestWatch)
        guard shared.retained.watch(topic, until: due) else { return }
        nextRetainedWatch &+= 1
        retainedWatches[nextRetainedWatch] = RetainedExpiry(topic: topic, due: due)
        _ = wheel.schedule(at: due, kind: TimerKind.retainedExpiry.rawValue, payload: nextRetainedWatch)
    }

    /// The time of a watch has come; its topic gets its turn.
    func retainedExpiryDue(_ number: UInt64) {
        if let expiry = retainedWatches.removeValue(forKey: number) { dueRetained.append(expiry) }
    }

    /// Looks at the next topics whose time has come.
    func expireRetained() {
        let piece = Array(dueRetained.suffix(Self.expiriesPerTurn))
        dueRetained.removeLast(piece.count)
        for expiry in piece {
            var order: UInt64 = 0
            let found = shared.retained.expire(
                expiry.topic, watchedUntil: expiry.due, now: now, stamp: { order = $0 })
            switch found {
            case .settled: break
            case .gone: persistRetainedGone(expiry.topic, order: order)
            case .later(let expiresAt): watchRetained(expiry.topic, until: expiresAt)
            }
        }
    }
}
