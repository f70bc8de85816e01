import MQTTCodec
import PluginABI

/// Messages that come from plugins, and what notify hooks hear of messages.
extension Shard {
    /// Publishes a message that no connection sent, and says what became of it, at once or when a hook has answered.
    func inject(_ injected: InjectedMessage) {
        guard TopicName.validate(injected.topic) == nil else {
            injected.done?(InjectionReport(.refused(.topicNameInvalid)))
            return
        }
        injected.topic.withUnsafeBytes { topic in
            injected.properties.withUnsafeBytes { properties in
                injected.payload.withUnsafeBytes { payload in
                    var message = PublishedMessage(
                        topic: topic, properties: properties, payload: payload, qos: injected.qos,
                        retain: injected.retain, origin: injected.bridge.isEmpty ? .plugin : .bridge)
                    if let expiry = injected.expiry { message.expiresAt = now &+ Int64(expiry) &* 1_000_000_000 }
                    inject(&message, injected)
                }
            }
        }
    }

    private func inject(_ message: inout PublishedMessage, _ injected: InjectedMessage) {
        guard let base = message.topic.baseAddress else { return }
        guard !refusesInjected(message) else {
            injected.done?(InjectionReport(.refused(.quotaExceeded)))
            return
        }
        let isAsked = !injected.bridge.isEmpty || !injected.asClient.isEmpty
        // The broker's own messages have made no hop and are not for plugins to change.
        if injected.hops > 0, state.pointee.editsMessages || isAsked {
            publishThroughHooks(message, injected)
            return
        }
        // Notify hooks and consumers know a plugin's messages by these, and a chain of publishes ends.
        message.view.instance = injected.instance
        message.view.hops = injected.hops
        publish(&message, topicEntry(base, message.topic.count), telling: injected.done, counts: injected.wantsCounts)
    }

    /// Publishes, and says what became of it: at once, or with counts when all shards are done with it.
    func publish(
        _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        telling done: (@Sendable (InjectionReport) -> Void)?, counts wantsCounts: Bool
    ) {
        guard let done, wantsCounts else {
            let isMatched = publish(message, entry)
            done?(InjectionReport(.routed(matched: isMatched)))
            return
        }
        if message.pointee.id == 0 { message.pointee.id = state.pointee.makeMessageID() }
        let id = message.pointee.id
        let tally = DeliveryTally { counts, isStored in
            var report = InjectionReport(isStored ? .routed(matched: counts.matched > 0) : .notStored)
            report.counts = counts
            report.id = id
            done(report)
        }
        _ = publishCounted(message, entry, tally)
    }

    /// Runs the message of a plugin through `msg.in`, as any other, and that of a bridge, or one in the name of a
    /// client, through `acl.publish` before; then delivers what comes of it, at once or when a hook has answered.
    private func publishThroughHooks(_ message: PublishedMessage, _ injected: InjectedMessage) {
        var message = message
        var identity: ClientIdentity?
        if !injected.bridge.isEmpty {
            identity = ClientIdentity(
                clientID: injected.bridge, username: [], groups: [], account: [], address: "", listener: "")
        } else if !injected.asClient.isEmpty {
            guard let session = findSession(injected.asClient), let connection = session.pointee.connection,
                connection.isOnline
            else {
                injected.done?(InjectionReport(.noSuchClient))
                return
            }
            identity = connection.extras.identity
            message.publisher = session.pointee.id
        }
        let detached = DetachedMessage(
            message, id: state.pointee.makeMessageID(), identity: identity,
            flags: injected.bridge.isEmpty ? 0 : HL_CLIENT_BRIDGE)
        detached.instance = injected.instance
        detached.hops = injected.hops
        detached.done = injected.done
        detached.wantsCounts = injected.wantsCounts
        publishDetached(detached)
    }

    // MARK: Notify hooks

    /// notify.published: a message was accepted. Only when somebody asked (`ShardState.notifiesPublished`).
    @inline(never)
    func notifyPublished(_ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>) {
        let connection = state.pointee.sessions.find(message.publisher)?.pointee.connection
        withPluginMessage(message, connection.map { pluginClient($0) }, 0) { input in
            var event = hl_event()
            event.struct_size = UInt32(MemoryLayout<hl_event>.size)
            event.hook = HL_HOOK_NOTIFY_PUBLISHED
            event.time = now
            event.client = input.pointee.publisher
            event.msg = input
            event.topic = input.pointee.topic
            event.count = 1
            event.qos = UInt32(message.qos)
            hooks.notify(&event, mask: interest(entry))
        }
    }

    /// notify.acked: a receiver has a message. Only when somebody asked (`ShardState.notifiesAcked`).
    @inline(never)
    func notifyAcked(_ session: SessionRef, _ slot: UnsafeMutablePointer<InflightSlot>) {
        guard let connection = session.pointee.connection else { return }
        var event = hl_event()
        event.struct_size = UInt32(MemoryLayout<hl_event>.size)
        event.hook = HL_HOOK_NOTIFY_ACKED
        event.time = now
        event.client = client(connection).pointer
        if let block = slot.pointee.message { event.topic = hl_view(block.topic) }
        event.count = 1
        event.qos = UInt32(slot.pointee.qos)
        hooks.notify(&event)
    }

    /// notify.delivered: how many messages this shard has sent since the last time, by QoS, at most once a second.
    @inline(never)
    func notifyDelivered() {
        let sent = state.pointee.counters.messagesSent
        let before = state.pointee.notifiedSent
        guard sent != before, now &- state.pointee.notifiedAt >= 1_000_000_000 else { return }
        state.pointee.notifiedSent = sent
        state.pointee.notifiedAt = now
        for (qos, count) in [sent.0 &- before.0, sent.1 &- before.1, sent.2 &- before.2].enumerated() where count > 0 {
            var event = hl_event()
            event.struct_size = UInt32(MemoryLayout<hl_event>.size)
            event.hook = HL_HOOK_NOTIFY_DELIVERED
            event.time = now
            event.count = count
            event.qos = UInt32(qos)
            hooks.notify(&event)
        }
    }

    /// Tells plugins that were not in the table before who is connected (HL_EVENT_REPLAY): a plugin that starts, or a
    /// new generation, would otherwise not know of clients that are there already.
    func replayConnected(after old: HookTable) {
        guard hooks.table.hasNewcomers(HL_HOOK_NOTIFY_CONNECTED, since: old) else { return }
        state.pointee.connections.forEach { _, connection in
            guard connection.isOnline else { return }
            var event = hl_event()
            event.struct_size = UInt32(MemoryLayout<hl_event>.size)
            event.flags = HL_EVENT_REPLAY
            event.hook = HL_HOOK_NOTIFY_CONNECTED
            event.time = now
            event.client = client(connection).pointer
            hooks.notify(&event, newSince: old)
        }
    }
}
