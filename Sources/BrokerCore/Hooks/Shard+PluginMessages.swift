import MQTTCodec
import PluginABI

/// Messages that come from plugins, and what notify hooks hear of messages.
extension Shard {
    /// Runs the message of a plugin through `msg.in`, as any other, and delivers what comes of it. Nobody waits for an
    /// answer to it, so a hook that would answer later counts as one that has failed.
    func publishThroughHooks(
        _ message: inout PublishedMessage, _ injected: InjectedMessage, _ entry: UnsafeMutablePointer<TopicEntry>
    ) {
        let outcome = withPluginMessage(message, nil, 0) { input in
            var input = input.pointee
            input.instance = injected.instance
            input.hops = injected.hops
            return hooks.msgIn(&input, mask: interest(entry), now: now)
        }
        switch outcome {
        case .abstain, .allow, .challenge: publish(&message, entry)
        case .replaced: publishEdited(hooks.lastResult)
        case .pending(let token, _):
            hooks.cancel(token)
            drop(nil, message, .pluginDropped)
        case .drop, .deny: drop(nil, message, .pluginDropped)
        }
    }

    private func publishEdited(_ result: HookResult) {
        guard let edited = result.message?.pointee else { return }
        // The dispatcher's memory is given to the next hook that runs: delivering may run some.
        let topic = Array(edited.topic.bytes)
        let properties = Array(edited.properties.bytes)
        let payload = Array(edited.payload.bytes)
        topic.withUnsafeBytes { topicBytes in
            properties.withUnsafeBytes { properties in
                payload.withUnsafeBytes { payload in
                    var message = PublishedMessage(
                        topic: topicBytes, properties: properties, payload: payload,
                        qos: UInt8(truncatingIfNeeded: edited.qos), retain: edited.flags & HL_MSG_RETAIN != 0,
                        origin: .plugin)
                    message.expiresAt = edited.expires == HL_NEVER ? 0 : edited.expires
                    guard TopicName.validate(topic) == nil, payload.count <= settings.maximumPayloadSize,
                        let base = topicBytes.baseAddress
                    else {
                        drop(nil, message, .pluginDropped)
                        return
                    }
                    publish(&message, topicEntry(base, topicBytes.count))
                }
            }
        }
    }

    // MARK: Notify hooks

    /// notify.published: a message was accepted. Only when somebody asked (`ShardState.notifiesPublished`).
    @inline(never)
    func notifyPublished(_ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>) {
        let connection = state.pointee.sessions.find(message.publisher)?.pointee.connection
        withPluginMessage(message, connection.map { client($0) }, 0) { input in
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
