import MQTTCodec
import Timing

typealias SessionRef = UnsafeMutablePointer<Session>

/// What may be true of a session.
struct SessionFlags: OptionSet {
    let rawValue: UInt8
    /// Outlives its connection: Session Expiry Interval above zero, or 3.1.1 without Clean Session.
    static let persistent = SessionFlags(rawValue: 1)
    /// Member of at least one shared group.
    static let sharing = SessionFlags(rawValue: 2)
    /// Told its groups that it can take messages.
    static let ready = SessionFlags(rawValue: 4)
    /// Ended; freed at the end of the turn.
    static let ended = SessionFlags(rawValue: 8)
    /// Its state is in the store.
    static let durable = SessionFlags(rawValue: 16)
    /// Publishers wait for room in its queue.
    static let hasWaiters = SessionFlags(rawValue: 32)
    /// The next messages of its queue are being read from the store.
    static let loading = SessionFlags(rawValue: 64)
}

/// The state kept for a Client Identifier [MQTT-4.1.0-1]. A pointer struct in the slab of its home shard, which it
/// never leaves. Invariants: `window.count <= windowLimit`; messages wait in `queue` only while the window is full or
/// no connection is online; a session without `persistent` has a connection.
struct Session {
    /// Shard number in the upper 8 bits, slab handle below; 0 is never used.
    let id: UInt64
    var handle: UInt64
    let clientID: [UInt8]
    /// The connection it is online with.
    var connection: ConnectionRef?
    var subscriptions = SessionSubscriptions()
    var window = SendWindow()
    var queue = MessageQueue()
    var received = PacketIDSet()
    var will: Will?
    /// Fires the will's delay or the session's expiry.
    var willTimer: TimerID?
    var expiryTimer: TimerID?
    /// Fires when the message in front of the queue expires, while the session is offline.
    var queueTimer: TimerID?
    /// When these two are due, host clock ns: a turn takes up what came in before it runs timers.
    var willDue = Int64.max
    var expiresAt = Int64.max
    /// Seconds; `UInt32.max` = never [MQTT-3.1.2-11 ff].
    var expiryInterval: UInt32 = 0
    /// Most messages under way: the smaller of ours and the client's Receive Maximum [MQTT-3.3.4-9].
    var windowLimit: Int32
    var flags: SessionFlags = []
    /// What plugins made of filters, by the filter the client named: UNSUBSCRIBE names that one again.
    var rewrittenFilters: [[UInt8]: [UInt8]] = [:]
    /// Position of the message queued last, in the store.
    var lastPosition: UInt64 = 0
    /// Gates its last connection waited for when it ended.
    var openGates: [UInt64] = []
    /// Version of the last connection: decides how its messages are encoded.
    var version: ProtocolVersion

    /// Its state is in the store.
    var isDurable: Bool { flags.contains(.durable) }

    init(id: UInt64, handle: UInt64, clientID: [UInt8], windowLimit: Int32, version: ProtocolVersion) {
        self.id = id
        self.handle = handle
        self.clientID = clientID
        self.windowLimit = windowLimit
        self.version = version
    }
}

/// The message a client left with the broker for the case that it disappears [MQTT-3.1.2-8].
final class Will {
    let topic: [UInt8]
    let payload: [UInt8]
    let properties: [UInt8]
    let qos: UInt8
    let retain: Bool
    /// Seconds between the end of the connection and the publication [MQTT-3.1.3-9].
    let delay: UInt32
    /// Message expiry in seconds, counted from publication; nil = never.
    let expiry: UInt32?
    /// Whose will it is: its publication is authorised again when it happens.
    let identity: ClientIdentity

    /// The properties that are forwarded with the message, in wire form: those of a PUBLISH with the same values.
    static func forwardable(_ properties: Properties) -> [UInt8] {
        var kept = properties
        kept.willDelayInterval = nil
        kept.messageExpiryInterval = nil
        guard !kept.isEmpty else { return [] }
        let packet = Packet.publish(Publish(topic: [0x78], payload: [], qos: 0, properties: kept)).encode(
            version: .v5_0)
        return packet.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress,
                case .frame(let length, let bodyOffset) = FrameScan.scan(
                    base, count: bytes.count, maximumPacketSize: bytes.count),
                let header = try? PublishHeader.parse(
                    frame: base, length: length, bodyOffset: bodyOffset, version: .v5_0)
            else { return [] }
            return Array(bytes[header.propertiesOffset..<(header.propertiesOffset + header.propertiesLength)])
        }
    }

    init(
        topic: [UInt8], payload: [UInt8], properties: [UInt8], qos: UInt8, retain: Bool, delay: UInt32, expiry: UInt32?,
        identity: ClientIdentity
    ) {
        self.topic = topic
        self.payload = payload
        self.properties = properties
        self.qos = qos
        self.retain = retain
        self.delay = delay
        self.expiry = expiry
        self.identity = identity
    }
}
