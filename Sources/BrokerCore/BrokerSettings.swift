/// What to do with a QoS 1 or QoS 2 message when the queue of a receiving session is at its bound.
public enum QueueFullPolicy: UInt8, Sendable {
    /// The message is not queued for that session; it is counted and offered to the dead-letter service.
    case deadLetter
    /// The publish is answered with 0x97 (Quota exceeded); for 3.1.1 the connection is closed.
    case refuse
    /// The publisher is no longer read until the queue has room again.
    case pause
}

/// What happens when a second connection arrives with the Client Identifier of a connected one.
public enum DuplicateClientPolicy: UInt8, Sendable {
    /// The older connection is told 0x8E and closed [MQTT-3.1.4-3].
    case takeover
    /// The newer connection is refused with 0x85 (5.0) or 0x02 (3.1.1).
    case refuse
}

/// Every bound and choice of the broker core. A value: the host builds it from its configuration before the start.
public struct BrokerSettings: Sendable {
    /// Largest packet accepted, in bytes, fixed header included; 2 ... 268,435,460. 5.0 clients are told it
    /// [MQTT-3.2.2-15]: less would keep them from sending a full payload under a long topic, or a long SUBSCRIBE.
    public var maximumPacketSize = 1 << 20
    /// Largest CONNECT or AUTH of a client that has not logged in, in bytes: what strangers make the broker hold.
    public var maximumConnectSize = 128 << 10
    /// Largest application payload accepted, in bytes; a larger one ends the connection with 0x95.
    public var maximumPayloadSize = 256 << 10
    /// Largest number of levels in a topic name or filter; 1 ... 65,535.
    public var maximumTopicLevels = 128
    /// Largest number of subscriptions of one session.
    public var maximumSubscriptionsPerSession = 10_000
    /// Largest number of retained messages.
    public var maximumRetainedMessages = 1_000_000
    /// Largest sum of the bytes of all retained messages.
    public var maximumRetainedBytes = 1 << 30
    /// Upper bound of the session expiry interval a client may ask for, in seconds; `UInt32.max` = no bound.
    public var maximumSessionExpiry: UInt32 = 7 * 86_400
    /// Unacknowledged QoS 1 and QoS 2 messages towards one client; 1 ... 65,535.
    public var maximumInflight = 100
    /// Receive Maximum towards 5.0 clients; 1 ... 65,535, which is the protocol's own default and not announced. A
    /// QoS 2 exchange that is open costs two bytes, and well-known clients ignore a smaller value.
    public var receiveMaximum = Int(UInt16.max)
    /// Messages that may wait for one session.
    public var maximumQueuedMessages = 100_000
    /// Bytes that may wait for one session.
    public var maximumQueuedBytes = 16 << 20
    /// What happens at the bound of a session's queue.
    public var queueFullPolicy = QueueFullPolicy.deadLetter
    /// Bytes that may wait in one connection's output before QoS 0 messages to it are dropped and counted.
    public var maximumOutputBytes = 16 << 20
    /// What happens when a Client Identifier connects twice.
    public var duplicateClientPolicy = DuplicateClientPolicy.takeover
    /// Highest QoS accepted from a publisher [MQTT-3.2.2-9]; 0 ... 2.
    public var maximumQoS: UInt8 = 2
    /// Whether clients may publish retained messages [MQTT-3.2.2-14].
    public var retainAvailable = true
    /// Topic Alias Maximum announced to clients, and the most the broker uses towards a client.
    public var maximumTopicAlias: UInt16 = 32
    /// Keep-alive cap in seconds; a larger (or absent) one is replaced by this; 0 = no cap.
    public var maximumKeepAlive: UInt16 = 0
    /// Keep-alive that replaces whatever the client asked for, in seconds; 0 = the client decides.
    public var serverKeepAlive: UInt16 = 0
    /// Largest topic name or filter in bytes; 1 ... 65,535.
    public var maximumTopicLength = 65_535
    /// Sessions of the whole broker, connected or not; `Int.max` = no bound.
    public var maximumSessions = Int.max
    /// Messages one client may publish; nil = no limit.
    public var maximumMessageRate: ClientRate?
    /// Bytes of PUBLISH packets one client may send; nil = no limit.
    public var maximumByteRate: ClientRate?
    /// What happens to a client that is faster.
    public var ratePolicy = RatePolicy.pause
    /// Time a connection has to send its CONNECT, in nanoseconds.
    public var connectTimeout: Int64 = 10_000_000_000
    /// Bytes kept for a connection that is not read while a hook decides or a receiver has no room: at the bound it
    /// ends. Reading stops at once, so that this much comes only from a transport that goes on all the same.
    public var maximumPendingInput = 256 << 10
    /// True when durable state is handed to a store: acknowledgements then wait for the commit.
    public var storeEnabled = false
    /// Messages of a stored queue that are in memory, at its front; the others are read when their turn comes near.
    public var queueWindow = 1_000

    /// The documented defaults.
    public init() {}
}

/// A listener as the core knows it.
public struct ListenerSettings: Sendable {
    /// Its name in the configuration.
    public var name: String
    /// Whether a client without credentials is let in when no plugin refuses it.
    public var allowAnonymous: Bool
    /// The name in a client's certificate is its user name and its log-in: plugins may still refuse it.
    public var certificateIsLogin = false
    /// The layers under MQTT.
    public var layers: TransportLayers = []
    /// What stands before every topic and filter of its clients, which do not see it: a valid one for
    /// ``Shard/isMountPoint(_:)``, or empty.
    public var mountPoint: [UInt8] = []
    /// Whether well-known faults of clients are counted and logged instead of ending the connection; see
    /// ``ToleratedFault``.
    public var isLenient: Bool

    /// A listener named `name`.
    public init(name: String, allowAnonymous: Bool, isLenient: Bool = false) {
        self.name = name
        self.allowAnonymous = allowAnonymous
        self.isLenient = isLenient
    }
}
