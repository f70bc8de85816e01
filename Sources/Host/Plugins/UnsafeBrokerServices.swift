import BrokerCore
import PluginABI

extension PluginInstance {
    /// A chain of publishes caused by publishes longer than this is cut.
    private static let maximumHops: UInt32 = 8
    /// MQTT's own bound of topic names [MQTT-1.5.3] and of the payload that fits a packet.
    private static let maximumTopic: UInt64 = 65_535
    private static let maximumPayload: UInt64 = 268_435_455

    /// publish/1: checks, copies and queues.
    func publish(_ pointer: UnsafePointer<hl_publication>) -> hl_status {
        guard UnsafeRawPointer(pointer).load(as: UInt32.self) >= MemoryLayout<hl_publication>.size else {
            return HL_INVALID
        }
        let given = pointer.pointee
        guard given.qos <= 2, given.topic.len <= PluginInstance.maximumTopic,
            given.payload.len + given.properties.len <= PluginInstance.maximumPayload,
            ServiceTables.isValidTopic(given.topic.bytes)
        else { return HL_INVALID }
        guard phase < .stopped else { return HL_NOT_ALLOWED }
        let hops = HookCalls.hops(of: given.cause) + 1
        guard hops <= PluginInstance.maximumHops else {
            log(.warn, "plugin.publish_loop", "a chain of \(hops) publishes ended at \(given.topic.text)")
            return HL_INVALID
        }
        let publication = PluginPublication(
            topic: Array(given.topic.bytes), payload: Array(given.payload.bytes),
            properties: Array(given.properties.bytes), qos: UInt8(given.qos), retain: given.flags & HL_RETAIN != 0,
            expiry: given.expiry, instance: given.flags & HL_TO_OWN_HOOKS != 0 ? 0 : number, hops: hops)
        return context.environment.broker.publish(publication) ? HL_OK : HL_BUSY
    }
}

extension ServiceTables {
    static func makeClient() -> hl_client_v1 {
        var table = hl_client_v1()
        table.struct_size = UInt32(MemoryLayout<hl_client_v1>.size)
        table.revoke = { handle, connection in
            ServiceTables.withBroker(handle) { $0.revokeVerdicts(connection) }
        }
        table.recheck = { handle, connection in
            ServiceTables.withBroker(handle) { $0.recheckSubscriptions(connection) }
        }
        table.kick = { handle, connection, reason in
            guard connection != 0, let reason = UInt8(exactly: reason) else { return HL_INVALID }
            return ServiceTables.withBroker(handle) { $0.kick(connection, reason) }
        }
        table.kick_client_id = { handle, clientID, reason in
            guard let reason = UInt8(exactly: reason) else { return HL_INVALID }
            return ServiceTables.withBroker(handle) { $0.kickClientID(Array(clientID.bytes), reason) }
        }
        return table
    }

    private static func withBroker(
        _ handle: UnsafeMutablePointer<hl_self>?, _ body: (BrokerPort) -> Void
    ) -> hl_status {
        guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
        body(instance.context.environment.broker)
        return HL_OK
    }

    static func makeTopic() -> hl_topic_v1 {
        var table = hl_topic_v1()
        table.struct_size = UInt32(MemoryLayout<hl_topic_v1>.size)
        table.matches = { _, filter, topic in
            TopicFilter.matches(filter: filter.bytes, topic: topic.bytes) ? 1 : 0
        }
        table.valid_topic = { _, topic in ServiceTables.isValidTopic(topic.bytes) ? 1 : 0 }
        table.valid_filter = { _, filter in
            filter.len <= 65_535 && TopicFilter.validate(filter.bytes, maximumLevels: 65_535) == nil ? 1 : 0
        }
        table.covers = { _, wider, narrower in ServiceTables.covers(wider.bytes, narrower.bytes) ? 1 : 0 }
        return table
    }

    /// A topic name: not empty, no wildcard, no NUL [MQTT-4.7.3-1, MQTT-4.7.3-2, MQTT-3.3.2-2], valid UTF-8.
    static func isValidTopic(_ topic: UnsafeRawBufferPointer) -> Bool {
        !topic.isEmpty && topic.count <= 65_535 && !TopicFilter.hasWildcard(topic) && !topic.contains(0)
            && String(validating: topic, as: UTF8.self) != nil
    }

    /// Whether every topic that `narrower` matches is matched by `wider`.
    private static func covers(_ wider: UnsafeRawBufferPointer, _ narrower: UnsafeRawBufferPointer) -> Bool {
        let slash = UInt8(ascii: "/")
        let wide = wider.split(separator: slash, omittingEmptySubsequences: false)
        let narrow = narrower.split(separator: slash, omittingEmptySubsequences: false)
        // A wildcard at the front does not match topics that begin with '$' [MQTT-4.7.2-1].
        if narrower.first == UInt8(ascii: "$"), ["+", "#"].contains(where: { wider.starts(with: $0.utf8) }) {
            return false
        }
        for (index, level) in wide.enumerated() {
            if level.elementsEqual("#".utf8) { return true }
            guard index < narrow.count, !narrow[index].elementsEqual("#".utf8) else { return false }
            let isSame = level.elementsEqual(narrow[index])
            let isPlus = level.elementsEqual("+".utf8)
            guard isSame || isPlus else { return false }
        }
        return wide.count == narrow.count
    }
}
