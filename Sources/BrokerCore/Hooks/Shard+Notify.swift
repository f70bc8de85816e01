import MQTTCodec
import PluginABI

/// Notify hooks about clients. Events are copied and queued, so nothing here waits for a plugin; without a plugin that
/// asked, it is one branch.
extension Shard {
    /// Tells the plugins what ``ShardTransport/event(_:)`` reported. On the shard's thread.
    public func notifyPlugins(_ event: BrokerEvent) {
        guard hooks.table.notifyMask != 0 else { return }
        switch event {
        case .connected(let identity, let connection, let version, _, let present, _):
            notify(
                HL_HOOK_NOTIFY_CONNECTED, identity, connection, level: version.rawValue,
                flags: present ? HL_EVENT_SESSION_PRESENT : 0)
        case .disconnected(let identity, let connection, let cause, let reason, let byBroker, let will, _, _):
            let hasWill = will == .published || will == .delayed
            notify(
                HL_HOOK_NOTIFY_DISCONNECTED, identity, connection,
                flags: (byBroker ? HL_EVENT_BY_BROKER : 0) | (hasWill ? HL_EVENT_WILL : 0), code: reason.rawValue,
                word: cause.word)
            if cause == .takenOver { notify(HL_HOOK_NOTIFY_TAKEN_OVER, identity, connection) }
        case .subscribed(let identity, let connection, let filter, let qos):
            notify(HL_HOOK_NOTIFY_SUBSCRIBED, identity, connection, topic: filter, qos: qos)
        case .unsubscribed(let identity, let connection, let filter):
            notify(HL_HOOK_NOTIFY_UNSUBSCRIBED, identity, connection, topic: filter)
        case .dropped(let clientID, let topic, let reason):
            let receiver = ClientIdentity(
                clientID: clientID, username: [], groups: [], account: [], address: "", listener: "")
            notify(HL_HOOK_NOTIFY_DROPPED, receiver, 0, topic: topic, word: reason.word, count: 1)
        case .sessionEnded(let clientID, let expired) where expired:
            let owner = ClientIdentity(
                clientID: clientID, username: [], groups: [], account: [], address: "", listener: "")
            notify(HL_HOOK_NOTIFY_EXPIRED, owner, 0)
        case .connectRefused, .sessionEnded, .publishDenied, .subscribeDenied, .tolerated: break
        }
    }

    /// notify.offline: the session of a client that has gone waits for it.
    func notifyOffline(_ identity: ClientIdentity, _ connection: UInt64) {
        notify(HL_HOOK_NOTIFY_OFFLINE, identity, connection)
    }

    // MARK: notify.stats

    private static var statsPeriod: Int64 { 10_000_000_000 }

    /// Begins or ends the round of notify.stats, as the hook table wants it.
    func startStats() {
        let isWanted = hooks.table.notifies(HL_HOOK_NOTIFY_STATS)
        if isWanted, statsTimer == nil {
            statsTimer = wheel.schedule(at: now &+ Self.statsPeriod, kind: TimerKind.stats.rawValue, payload: 0)
        } else if !isWanted, let timer = statsTimer.take() {
            _ = wheel.cancel(timer)
        }
    }

    /// One event per number, then the next round.
    func notifyStats() {
        statsTimer = nil
        let numbers = snapshot()
        let counters = numbers.counters
        for (name, count) in [
            ("connections", UInt64(numbers.connections)), ("sessions", UInt64(numbers.sessions)),
            ("subscriptions", UInt64(numbers.subscriptions)), ("queued_messages", UInt64(numbers.queuedMessages)),
            ("messages_received", Self.sum(counters.messagesReceived)),
            ("messages_sent", Self.sum(counters.messagesSent)),
            ("messages_dropped", counters.dropped.reduce(0, &+)), ("bytes_received", counters.bytesReceived),
            ("bytes_sent", counters.bytesSent),
        ] {
            let word = Array(name.utf8)
            word.withUnsafeBytes { word in
                var event = hl_event()
                event.struct_size = UInt32(MemoryLayout<hl_event>.size)
                event.hook = HL_HOOK_NOTIFY_STATS
                event.time = now
                event.reason = hl_view(word)
                event.count = count
                hooks.notify(&event)
            }
        }
        startStats()
    }

    private static func sum(_ byQoS: (UInt64, UInt64, UInt64)) -> UInt64 { byQoS.0 &+ byQoS.1 &+ byQoS.2 }

    private func notify(
        _ hook: UInt32, _ identity: ClientIdentity, _ connection: UInt64, level: UInt8 = 0, flags: UInt32 = 0,
        code: UInt8 = 0, topic: [UInt8] = [], qos: UInt8 = 0, word: String = "", count: UInt64 = 0
    ) {
        guard hooks.table.notifyMask & (1 << UInt64(hook - 64)) != 0 else { return }
        let client = PluginClient(
            identity, connection: connection, protocolLevel: level, isAnonymous: identity.username.isEmpty)
        let reason = Array(word.utf8)
        topic.withUnsafeBytes { topic in
            reason.withUnsafeBytes { reason in
                var event = hl_event()
                event.struct_size = UInt32(MemoryLayout<hl_event>.size)
                event.flags = flags
                event.hook = hook
                event.reason_code = UInt32(code)
                event.time = now
                event.client = client.pointer
                event.topic = hl_view(topic)
                event.reason = hl_view(reason)
                event.count = count
                event.qos = UInt32(qos)
                withExtendedLifetime(client) { hooks.notify(&event) }
            }
        }
    }
}
