import MQTTCodec
import Timing

/// Messages that nobody can take now leave their queue, and the store, when their time has passed [MQTT-3.3.2-5]: those
/// of a session that is offline, and those that wait for a shared group. A timer per queue, for the message in front:
/// one that stands behind another goes when its turn comes.
extension Shard {
    /// Messages that leave a queue in one go: a long one holds up nobody.
    private static var expiredPerTurn: Int { 512 }
    /// Time between two goes, ns.
    private static var expiryPause: Int64 { 1_000_000 }

    /// Looks at the queue of a session that is offline when the message in front expires.
    func watchQueue(_ session: SessionRef) {
        guard session.pointee.connection == nil, session.pointee.queueTimer == nil,
            let due = session.pointee.queue.firstExpiry
        else { return }
        session.pointee.queueTimer = wheel.schedule(
            at: max(due, now &+ Self.expiryPause), kind: TimerKind.queueExpiry.rawValue,
            payload: session.pointee.handle)
    }

    func queueExpiryDue(_ handle: UInt64) {
        guard let session = state.pointee.sessions.find(handle) else { return }
        session.pointee.queueTimer = nil
        guard session.pointee.connection == nil else { return }
        for _ in 0..<Self.expiredPerTurn {
            guard let entry = session.pointee.queue.popExpired(now) else { break }
            dropQueued(entry, of: session)
            persistDequeued(session, entry)
            entry.release()
        }
        if hasRoomAgain(session) { wakeWaiters(session) }
        watchQueue(session)
    }

    /// Looks at the queue of a shared group when the message in front expires.
    func watchGroupQueue(_ group: UInt32) {
        if let timer = groupQueueTimers.removeValue(forKey: group) { _ = wheel.cancel(timer) }
        guard let due = groupQueues[group]?.firstExpiry else { return }
        groupQueueTimers[group] = wheel.schedule(
            at: max(due, now &+ Self.expiryPause), kind: TimerKind.groupQueueExpiry.rawValue, payload: UInt64(group))
    }

    func groupQueueExpiryDue(_ number: UInt64) {
        let group = UInt32(truncatingIfNeeded: number)
        groupQueueTimers[group] = nil
        guard var queue = groupQueues.removeValue(forKey: group) else { return }
        for _ in 0..<Self.expiredPerTurn {
            guard let entry = queue.popExpired(now) else { break }
            dropQueued(entry, of: nil)
            persistGroupDequeued(groupSerials[group] ?? 0, entry)
            entry.release()
        }
        if queue.count > 0 { groupQueues[group] = queue } else { queue.release() }
        watchGroupQueue(group)
    }

    /// Counts it, and tells of it when its topic is in memory.
    private func dropQueued(_ entry: QueuedMessage, of session: SessionRef?) {
        if let message = entry.message {
            drop(session, PublishedMessage(message, origin: .client), .expired)
        } else {
            state.pointee.counters.dropped[Int(DropReason.expired.rawValue)] &+= 1
        }
    }
}
