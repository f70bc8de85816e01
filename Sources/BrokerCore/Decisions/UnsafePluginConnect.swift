import MQTTCodec
import PluginABI

extension HookArena {
    /// A copy that lives until `reset`.
    func copy(_ bytes: [UInt8]) -> hl_view { bytes.withUnsafeBytes { copy(hl_view($0)) } }
}

/// CONNECT as plugins see it, in memory of its own that is wiped when it is freed: it carries secrets.
final class PluginConnect {
    /// Borrowed while this object lives; nil when there is no memory.
    let pointer: UnsafePointer<hl_connect>?
    private let arena = HookArena(firstSize: 1024, wipes: true)
    private let client: PluginClient

    init(_ connect: Connect, _ client: PluginClient) {
        self.client = client
        var input = hl_connect()
        input.struct_size = UInt32(MemoryLayout<hl_connect>.size)
        if connect.cleanStart { input.flags |= HL_CONNECT_CLEAN_START }
        if connect.userName != nil { input.flags |= HL_CONNECT_HAS_USERNAME }
        if connect.password != nil { input.flags |= HL_CONNECT_HAS_PASSWORD }
        if connect.clientID.isEmpty { input.flags |= HL_CONNECT_ASSIGNED_ID }
        input.client = client.pointer
        input.client_id = client.pointer.pointee.client_id
        input.username = arena.copy(connect.userName ?? [])
        input.password = arena.copy(connect.password ?? [])
        input.auth_method = arena.copy(connect.properties.authenticationMethod ?? [])
        input.auth_data = arena.copy(connect.properties.authenticationData ?? [])
        if connect.version == .v5_0 {
            var readable = connect.properties
            // A secret is where it is looked after, and nowhere else.
            readable.authenticationData = nil
            input.properties = arena.copy(readable.wireForm(in: .connect))
        }
        input.keep_alive = UInt32(connect.keepAlive)
        input.session_expiry = connect.properties.sessionExpiryInterval ?? 0
        input.receive_max = UInt32(connect.properties.receiveMaximum ?? .max)
        input.max_packet_size = connect.properties.maximumPacketSize ?? 0
        input.max_topic_alias = UInt32(connect.properties.topicAliasMaximum ?? 0)
        if let will = connect.will {
            input.will_delay = will.properties.willDelayInterval ?? 0
            input.will = PluginConnect.message(will, client, in: arena).map { UnsafePointer($0) }
        }
        pointer = arena.hasFailed ? nil : arena.place(input).map { UnsafePointer($0) }
    }

    private static func message(
        _ will: MQTTCodec.Will, _ client: PluginClient, in arena: HookArena
    ) -> UnsafeMutablePointer<hl_msg>? {
        var message = hl_msg()
        message.struct_size = UInt32(MemoryLayout<hl_msg>.size)
        message.flags = will.retain ? HL_MSG_RETAIN : 0
        message.topic = arena.copy(will.topic)
        message.payload = arena.copy(will.payload)
        message.properties = arena.copy(Will.forwardable(will.properties))
        // Its life begins when it is published.
        message.expires = Int64(HL_NEVER)
        message.qos = UInt32(will.qos)
        message.origin = HL_ORIGIN_WILL
        message.publisher = client.pointer
        return arena.place(message)
    }
}
