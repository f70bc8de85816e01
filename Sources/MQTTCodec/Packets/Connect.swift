/// CONNECT: a Client asks for a connection (section 3.1).
public struct Connect: Hashable, Sendable {
    /// The version the Client speaks; everything after CONNECT is in it.
    public var version: ProtocolVersion
    /// UTF-8; may be empty: then the Server chooses one, or refuses. The rules for that are the Server's.
    public var clientID: [UInt8]
    /// Clean Start; in 3.1.1 Clean Session.
    public var cleanStart: Bool
    /// Seconds; 0 turns the mechanism off.
    public var keepAlive: UInt16
    /// The message to publish when the connection is lost.
    public var will: Will?
    /// UTF-8.
    public var userName: [UInt8]?
    /// Any bytes. In 3.1.1 only beside a user name [MQTT-3.1.2-22].
    public var password: [UInt8]?
    /// 5.0 only.
    public var properties: Properties

    /// A CONNECT; text is given as UTF-8 of 65,535 bytes at most.
    public init(
        version: ProtocolVersion, clientID: [UInt8], cleanStart: Bool = true, keepAlive: UInt16 = 0,
        will: Will? = nil, userName: [UInt8]? = nil, password: [UInt8]? = nil, properties: Properties = Properties()
    ) {
        self.version = version
        self.clientID = clientID
        self.cleanStart = cleanStart
        self.keepAlive = keepAlive
        self.will = will
        self.userName = userName
        self.password = password
        self.properties = properties
    }

    /// The Client Identifier as text.
    public var clientIDText: String { String(decoding: clientID, as: UTF8.self) }
    /// The user name as text.
    public var userNameText: String? { userName.map { String(decoding: $0, as: UTF8.self) } }
}

/// The Will Message of a CONNECT (section 3.1.2.5).
public struct Will: Hashable, Sendable {
    /// UTF-8, without wildcards, 1 to 65,535 bytes.
    public var topic: [UInt8]
    /// 0 to 65,535 bytes.
    public var payload: [UInt8]
    /// 0, 1 or 2.
    public var qos: UInt8
    /// Publish it as a retained message.
    public var retain: Bool
    /// Will Properties; 5.0 only.
    public var properties: Properties

    /// A Will Message.
    public init(
        topic: [UInt8], payload: [UInt8] = [], qos: UInt8 = 0, retain: Bool = false,
        properties: Properties = Properties()
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.properties = properties
    }

    /// The topic as text.
    public var topicText: String { String(decoding: topic, as: UTF8.self) }
}

/// The Connect Flags byte (section 3.1.2.3).
struct ConnectFlags: OptionSet {
    let rawValue: UInt8

    static let reserved = ConnectFlags(rawValue: 0x01)
    static let cleanStart = ConnectFlags(rawValue: 0x02)
    static let will = ConnectFlags(rawValue: 0x04)
    static let willRetain = ConnectFlags(rawValue: 0x20)
    static let password = ConnectFlags(rawValue: 0x40)
    static let userName = ConnectFlags(rawValue: 0x80)

    var willQoS: UInt8 { (rawValue >> 3) & 0b11 }
}
