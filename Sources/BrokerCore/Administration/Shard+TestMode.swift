import MQTTCodec
import StoreFormat

/// Test mode: what lets one broker serve test after test. On the shard's thread.
extension Shard {
    /// Ends every session of this shard with its connection, subscriptions, queue and will, and every connection that
    /// has none yet. Nothing is published because of it.
    public func forgetSessions() {
        for session in Array(sessions.values) {
            session.pointee.will = nil
            if let connection = session.pointee.connection {
                disconnect(connection, reason: .administrativeAction, cause: .kicked)
            }
            // A session without `persistent` has ended with its connection.
            if !session.pointee.flags.contains(.ended) { endSession(session, expired: false) }
        }
        state.pointee.connections.forEach { _, connection in
            guard connection.pointee.phase != .closed else { return }
            disconnect(connection, reason: .administrativeAction, cause: .kicked)
        }
    }

    /// Forgets the retained messages of the whole broker; one shard does it for all.
    public func forgetRetained() {
        let walk = shared.retained.cursorOverAll()
        var isOver = false
        while !isOver {
            var messages: [RetainedMessage] = []
            isOver = walk.next(into: &messages, maximum: 256, now: now)
            for message in messages { forgetRetained(message.topic) }
        }
    }

    private func forgetRetained(_ topic: [UInt8]) {
        var order: UInt64 = 0
        let wasThere = topic.withUnsafeBytes { shared.retained.clear($0, stamp: { order = $0 }) }
        if wasThere, state.pointee.isStoreEnabled { rows.append(.retainedCleared(topic: topic, order: order)) }
    }

    /// What is under way on a shard at one moment.
    public struct Motion: Sendable, Equatable {
        /// Nothing is on its way to or from a connected client, to another shard, a plugin or the store.
        public var isStill: Bool
        /// Grows with everything that happens: two equal numbers say that nothing has happened in between.
        public var steps: UInt64
    }

    /// Whether anything is under way here.
    public var motion: Motion {
        let counters = state.pointee.counters
        let sent = counters.messagesSent
        let steps =
            counters.packetsReceived &+ counters.bytesSent &+ counters.handedOver &+ sent.0 &+ sent.1 &+ sent.2
        return Motion(isStill: isStill, steps: steps)
    }

    private var isStill: Bool {
        guard retainedDeliveries.isEmpty, pendingConnections.isEmpty, detachedWork.isEmpty, rows.isEmpty,
            unansweredRows.isEmpty, lostRows.isEmpty, outgoing.allSatisfy({ $0.batch == nil })
        else { return false }
        var isStill = true
        state.pointee.connections.forEach { _, connection in
            guard isStill, connection.pointee.phase != .closed else { return }
            isStill = connection.pointee.output.count == 0
        }
        guard isStill else { return false }
        return sessions.values.allSatisfy { session in
            session.pointee.connection == nil
                || session.pointee.window.count == 0 && session.pointee.queue.count == 0
                    && session.pointee.received.count == 0
        }
    }
}
