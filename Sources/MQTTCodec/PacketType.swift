/// The MQTT Control Packet type: bits 7-4 of the first byte (section 2.1.2). The value 0 is forbidden.
public enum PacketType: UInt8, Sendable, Hashable, CaseIterable {
    /// Connection request, Client to Server.
    case connect = 1
    /// Connect acknowledgement, Server to Client.
    case connack = 2
    /// Publish message, both directions.
    case publish = 3
    /// Publish acknowledgement (QoS 1), both directions.
    case puback = 4
    /// Publish received (QoS 2 part 1), both directions.
    case pubrec = 5
    /// Publish release (QoS 2 part 2), both directions.
    case pubrel = 6
    /// Publish complete (QoS 2 part 3), both directions.
    case pubcomp = 7
    /// Subscribe request, Client to Server.
    case subscribe = 8
    /// Subscribe acknowledgement, Server to Client.
    case suback = 9
    /// Unsubscribe request, Client to Server.
    case unsubscribe = 10
    /// Unsubscribe acknowledgement, Server to Client.
    case unsuback = 11
    /// PING request, Client to Server.
    case pingreq = 12
    /// PING response, Server to Client.
    case pingresp = 13
    /// Disconnect notification; in 3.1.1 Client to Server only.
    case disconnect = 14
    /// Authentication exchange, 5.0 only, both directions.
    case auth = 15

    /// The type named by the first byte of a packet, or nil for the forbidden value 0.
    @inlinable
    public init?(firstByte: UInt8) {
        self.init(rawValue: firstByte >> 4)
    }

    /// The first byte of a packet of this type. For PUBLISH: with DUP 0, QoS 0, RETAIN 0.
    /// The flag bits are those of [MQTT-2.1.3-1]: 0010 for PUBREL, SUBSCRIBE and UNSUBSCRIBE, else 0000.
    @inlinable
    public var firstByte: UInt8 {
        switch self {
        case .pubrel, .subscribe, .unsubscribe: rawValue << 4 | 0b0010
        default: rawValue << 4
        }
    }

    /// The name as the specification writes it, such as "PUBLISH".
    public var name: String {
        switch self {
        case .connect: "CONNECT"
        case .connack: "CONNACK"
        case .publish: "PUBLISH"
        case .puback: "PUBACK"
        case .pubrec: "PUBREC"
        case .pubrel: "PUBREL"
        case .pubcomp: "PUBCOMP"
        case .subscribe: "SUBSCRIBE"
        case .suback: "SUBACK"
        case .unsubscribe: "UNSUBSCRIBE"
        case .unsuback: "UNSUBACK"
        case .pingreq: "PINGREQ"
        case .pingresp: "PINGRESP"
        case .disconnect: "DISCONNECT"
        case .auth: "AUTH"
        }
    }

    /// Whether a packet of this type exists in `version` and may be sent by `role`.
    public func isSent(by role: PacketRole, in version: ProtocolVersion) -> Bool {
        switch self {
        case .publish, .puback, .pubrec, .pubrel, .pubcomp: true
        case .connect, .subscribe, .unsubscribe, .pingreq: role == .fromClient
        case .connack, .suback, .unsuback, .pingresp: role == .fromServer
        case .disconnect: role == .fromClient || version == .v5_0
        case .auth: version == .v5_0
        }
    }
}

/// A set of packet types, plus the Will Properties of CONNECT, which count as a place of their own (section 2.2.2.2).
/// Tables say with it where a property or a reason code is allowed.
struct PacketTypeSet: OptionSet, Sendable {
    let rawValue: UInt16

    static let will = PacketTypeSet(rawValue: 1)
    static let connect = PacketTypeSet(.connect)
    static let connack = PacketTypeSet(.connack)
    static let publish = PacketTypeSet(.publish)
    static let puback = PacketTypeSet(.puback)
    static let pubrec = PacketTypeSet(.pubrec)
    static let pubrel = PacketTypeSet(.pubrel)
    static let pubcomp = PacketTypeSet(.pubcomp)
    static let subscribe = PacketTypeSet(.subscribe)
    static let suback = PacketTypeSet(.suback)
    static let unsubscribe = PacketTypeSet(.unsubscribe)
    static let unsuback = PacketTypeSet(.unsuback)
    static let disconnect = PacketTypeSet(.disconnect)
    static let auth = PacketTypeSet(.auth)

    init(rawValue: UInt16) { self.rawValue = rawValue }

    init(_ type: PacketType) { self.rawValue = 1 << UInt16(type.rawValue) }
}
