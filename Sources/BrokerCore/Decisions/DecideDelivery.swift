import MQTTCodec
import PluginABI

/// Who may receive what: `acl.deliver`, in one batch per message, remembered per connection and topic.
extension Shard {
    /// Delivers to those targets that may have the message. A session that is offline is asked about when its queue is
    /// sent: rules may have changed by then.
    @inline(never)
    func deliverAuthorised(
        _ result: UnsafePointer<MatchResult>, _ message: inout PublishedMessage,
        _ entry: UnsafeMutablePointer<TopicEntry>, _ made: inout MessageRef?
    ) {
        var unknown: [Target] = []
        for target in result.pointee.targets {
            let session = target.session.assumingMemoryBound(to: Session.self)
            guard let connection = session.pointee.connection else {
                deliver(target, result, message, entry, &made)
                continue
            }
            switch hooks.cachedDeliver(connection: connection.pointee.id, topicEntry: entry.pointee.id, now: now) {
            case .allow: deliver(target, result, message, entry, &made)
            case .deny: drop(session, message, .deliverDenied)
            case .miss: unknown.append(target)
            }
        }
        var start = 0
        while start < unknown.count {
            let batch = unknown[start..<min(start + HookDispatcher.maximumBatch, unknown.count)]
            let connections = batch.compactMap { $0.session.assumingMemoryBound(to: Session.self).pointee.connection }
            let denied = askDeliver(message, entry, connections)
            for (offset, target) in batch.enumerated() {
                if denied[offset / 64] & (1 << UInt64(offset % 64)) == 0 {
                    deliver(target, result, message, entry, &made)
                } else {
                    drop(target.session.assumingMemoryBound(to: Session.self), message, .deliverDenied)
                }
            }
            start += HookDispatcher.maximumBatch
        }
    }

    /// Whether one client may have one message: from a queue, the retained store or a shared group.
    func mayReceive(_ connection: ConnectionRef, _ message: PublishedMessage) -> Bool {
        guard state.pointee.authorisesDelivery, let base = message.topic.baseAddress else { return true }
        let entry = topicEntry(base, message.topic.count)
        switch hooks.cachedDeliver(connection: connection.pointee.id, topicEntry: entry.pointee.id, now: now) {
        case .allow: return true
        case .deny: return false
        case .miss: return askDeliver(message, entry, [connection])[0] & 1 == 0
        }
    }

    /// Bit i of the answer: connection i may not have the message. With an acl plugin the default is deny.
    private func askDeliver(
        _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>, _ connections: [ConnectionRef]
    ) -> [UInt64] {
        var denied = [UInt64](repeating: 0, count: (connections.count + 63) / 64)
        let receivers = connections.map { connection in
            var receiver = hl_receiver()
            receiver.client = client(connection).pointer
            receiver.qos = UInt32(message.qos)
            return receiver
        }
        let mask = interest(entry)
        withPluginMessage(message, nil, 0) { input in
            receivers.withUnsafeBufferPointer { receivers in
                denied.withUnsafeMutableBufferPointer { denied in
                    hooks.aclDeliver(
                        input, receivers, deny: denied.baseAddress!, abstainDenies: true,
                        topicEntry: entry.pointee.id, mask: mask, now: now)
                }
            }
        }
        return denied
    }
}
