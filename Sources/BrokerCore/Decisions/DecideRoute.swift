import PluginABI

/// msg.route: who gets a message beside, or in spite of, the subscriptions.
extension Shard {
    /// Asks msg.route; nil: the subscriptions alone decide.
    func askRoute(_ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>) -> RouteEdits? {
        let publisher = state.pointee.sessions.find(message.publisher & 0x00ff_ffff_ffff_ffff)?.pointee.connection
        let mask = interest(entry)
        return withPluginMessage(message, publisher.map { pluginClient($0) }, 0) {
            hooks.msgRoute($0, mask: mask, now: now)
        }
    }

    /// Clients of this shard that a plugin has added: their sessions get the message, online or not.
    func deliverAdded(_ edits: RouteEdits, _ message: PublishedMessage) {
        for (clientID, granted) in edits.added where shared.homeShard(of: clientID) == index {
            guard !edits.removed.contains(clientID), let session = findSession(clientID) else { continue }
            let delivery = Delivery(
                qos: min(message.qos, granted), retain: false,
                identifiers: UnsafeBufferPointer(start: nil, count: 0), group: 0)
            if let connection = session.pointee.connection {
                deliverInspected(connection, session, message, delivery)
            } else {
                state.pointee.templates.reset()
                var made: MessageRef?
                deliver(session, message, nil, delivery, &made)
                made?.release()
            }
        }
    }
}
