import BrokerCore

/// A setting that a case needs, for either broker.
enum BrokerOption: Sendable {
    /// Highest QoS clients may publish.
    case maximumQoS(UInt8)
    case retainAvailable(Bool)
    case receiveMaximum(Int)
    /// Bytes.
    case maximumPacketSize(Int)
    case maximumTopicAlias(UInt16)
    /// Seconds.
    case serverKeepAlive(UInt16)
    /// Seconds.
    case maximumSessionExpiry(UInt32)
    /// A Client Identifier that is connected cannot connect again.
    case refuseDuplicates
    /// A listener for WebSocket beside that for TCP: ``Stage/openWebSocket(offering:)``.
    case webSocket
    /// No other case shares the broker: for cases that subscribe to everything.
    case alone

    func apply(to settings: inout BrokerSettings) {
        switch self {
        case .maximumQoS(let qos): settings.maximumQoS = qos
        case .retainAvailable(let isAvailable): settings.retainAvailable = isAvailable
        case .receiveMaximum(let count): settings.receiveMaximum = count
        case .maximumPacketSize(let size):
            settings.maximumPacketSize = size
            settings.maximumPayloadSize = min(settings.maximumPayloadSize, size)
        case .maximumTopicAlias(let alias): settings.maximumTopicAlias = alias
        case .serverKeepAlive(let seconds): settings.serverKeepAlive = seconds
        case .maximumSessionExpiry(let seconds): settings.maximumSessionExpiry = seconds
        case .refuseDuplicates: settings.duplicateClientPolicy = .refuse
        case .webSocket, .alone: break
        }
    }

    /// What `hookline-host` is told.
    var arguments: [String] {
        switch self {
        case .maximumQoS(let qos): ["--set", "broker.mqtt.max_qos=\(qos)"]
        case .retainAvailable(let isAvailable): ["--set", "broker.mqtt.retain_available=\(isAvailable)"]
        case .receiveMaximum(let count): ["--set", "broker.mqtt.receive_maximum=\(count)"]
        case .maximumPacketSize(let size):
            [
                "--set", "broker.limits.max_packet_size=\(size)", "--set",
                "broker.limits.max_payload_size=\(min(size, 256 << 10))",
            ]
        case .maximumTopicAlias(let alias): ["--set", "broker.mqtt.max_topic_alias=\(alias)"]
        case .serverKeepAlive(let seconds): ["--set", "broker.mqtt.server_keep_alive=\(seconds)s"]
        case .maximumSessionExpiry(let seconds): ["--set", "broker.session.max_expiry_interval=\(seconds)s"]
        case .refuseDuplicates: ["--set", "broker.session.duplicate_client_id=refuse"]
        case .webSocket: ["--listen", "tcp=mqtt://127.0.0.1:0", "--listen", "ws=ws://127.0.0.1:0/mqtt"]
        case .alone: []
        }
    }
}
