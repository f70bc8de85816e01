/// Section `broker` of plugins.yaml without its listeners: every value typed, with its default beside it.
///
/// Range, help and place in the file of each field stand in ``SettingsTable``; this type is what the broker reads.
public struct BrokerConfiguration: Hashable, Sendable {
    /// `data_dir`: absolute path; empty keeps everything in memory.
    public var dataDirectory = ""
    /// `threads`: event loops, each with one shard; 0 = one per CPU of the affinity mask and the cgroup.
    public var threads = 0
    /// `limits`
    public var limits = Limits()
    /// `tcp`
    public var tcp = TCP()
    /// `session`
    public var session = Session()
    /// `mqtt`
    public var mqtt = MQTT()
    /// `store`
    public var store = Store()
    /// `shutdown`
    public var shutdown = Shutdown()
    /// `log`
    public var log = Log()
    /// `plugin_dirs`: absolute paths, searched in order for `lib<plugin>.so`, before the folder of the executable.
    public var pluginDirectories: [String] = []
    /// `require_pins`: every plugin's file must have a `sha256`, and owners and modes are enforced.
    public var requiresPins = false
    /// `reload`
    public var reload = Reload()
    /// `containment`
    public var containment = Containment()

    /// The built-in defaults.
    public init() {}

    /// `broker.limits`: what the whole broker or one client may take.
    public struct Limits: Hashable, Sendable {
        /// Connections at the same time, all listeners together.
        public var maxConnections = 100_000
        /// Bytes of one MQTT packet, either direction, fixed header included [MQTT-3.1.2-24].
        public var maxPacketSize = 1 << 20
        /// Bytes of a CONNECT, and of an AUTH before the log-in is over.
        public var maxConnectSize = 128 << 10
        /// Bytes of the payload of one PUBLISH.
        public var maxPayloadSize = 256 << 10
        /// New connections from one address; nil = unlimited.
        public var connectRatePerIP: Rate? = Rate(count: 100, per: .seconds(1))
        /// Connections over that rate that wait for their turn.
        public var connectQueue = 1_000
        /// How long one of them may have to wait; a longer wait is a refusal at once.
        public var connectQueueTimeout: Duration = .seconds(10)
        /// Time from accepting a connection to its complete CONNECT.
        public var connectTimeout: Duration = .seconds(10)
        /// Subscriptions of one session.
        public var maxSubscriptions = 10_000
        /// Levels of a topic name or filter.
        public var maxTopicLevels = 128
        /// Bytes of a topic name or filter.
        public var maxTopicLength = 65_535
        /// Sessions of the whole broker, connected or not.
        public var maxSessions = 1_000_000
        /// Resident memory of the process in bytes; 0 = no bound.
        public var maxMemory = 0
        /// Messages one client may publish; nil = unlimited.
        public var maxMessageRate: Rate?
        /// Bytes of PUBLISH packets one client may send; nil = unlimited.
        public var maxByteRate: Rate?
        /// How long a silence a client may make up for at once.
        public var rateBurst: Duration = .seconds(1)
        /// What happens to a client that is faster.
        public var onRateExceeded = RatePolicy.pause
        /// Retained messages of the whole broker.
        public var maxRetainedMessages = 1_000_000
        /// Bytes of all retained messages, topics included.
        public var maxRetainedBytes = 1 << 30
        /// Bytes waiting for one connection's socket before QoS 0 messages to it are dropped and counted.
        public var maxOutputBytes = 16 << 20

        /// `on_rate_exceeded`
        public enum RatePolicy: String, CaseIterable, Hashable, Sendable {
            /// It is not read for a while.
            case pause
            /// Its message is dropped and counted; QoS 1 and 2 are answered 0x97.
            case drop
            /// It is told 0x96 and disconnected.
            case disconnect
        }
    }

    /// `broker.tcp`: options of the sockets of clients.
    public struct TCP: Hashable, Sendable {
        /// Small packets leave at once (TCP_NODELAY).
        public var noDelay = true
        /// Connections the kernel keeps until they are accepted.
        public var backlog = 4_096
        /// Silence after which the kernel probes whether the peer is there; zero = never.
        public var keepAlive: Duration = .seconds(60)
        /// How long sent bytes may stay unacknowledged before the kernel gives up; zero = the system's default.
        public var userTimeout: Duration = .zero

        /// The defaults.
        public init() {}
    }

    /// `broker.session`
    public struct Session: Hashable, Sendable {
        /// Cap on the session expiry interval a client may ask for; whole seconds.
        public var maxExpiryInterval: Duration = .seconds(7 * 24 * 3600)
        /// QoS 1 and 2 messages on their way to one client without its acknowledgement; a client's own receive
        /// maximum may lower it [MQTT-3.3.4-9].
        public var maxInflight = 100
        /// Messages waiting for one session behind those in flight.
        public var maxQueuedMessages = 100_000
        /// Bytes (topic and payload) waiting for one session.
        public var maxQueuedBytes = 16 << 20
        /// What happens at those two bounds.
        public var onQueueFull = QueueFullPolicy.deadLetter
        /// What happens when a client id that is connected connects again.
        public var duplicateClientID = DuplicateClientPolicy.takeover

        /// `on_queue_full`
        public enum QueueFullPolicy: String, CaseIterable, Hashable, Sendable {
            /// Drop the new message, count it, and hand it to the dead letters.
            case deadLetter = "dead_letter"
            /// Answer the publisher with 0x97 (quota exceeded).
            case refuse
            /// Stop reading from the publisher until there is room.
            case pause
        }

        /// `duplicate_client_id`
        public enum DuplicateClientPolicy: String, CaseIterable, Hashable, Sendable {
            /// The old connection is closed [MQTT-3.1.4-3].
            case takeover
            /// The new connection is refused.
            case refuse
        }
    }

    /// `broker.mqtt`: what CONNACK announces, and how strictly packets are read.
    public struct MQTT: Hashable, Sendable {
        /// 0, 1 or 2; clients are told and may not publish above it [MQTT-3.2.2-11].
        public var maxQoS = 2
        /// Whether retained messages may be published [MQTT-3.2.2-14].
        public var retainAvailable = true
        /// Receive maximum told to MQTT 5 clients: QoS 1 and 2 messages they may send without acknowledgement
        /// [MQTT-3.3.4-7]; 65,535 is the protocol's own default and not announced.
        public var receiveMaximum = 65_535
        /// Topic aliases per connection and direction; 0 = none [MQTT-3.2.2-17].
        public var maxTopicAlias = 32
        /// Longest keep alive a client may ask for; whole seconds up to 65,535; zero = no cap.
        public var maxKeepAlive: Duration = .zero
        /// Overrides every client's keep alive [MQTT-3.2.2-21]; whole seconds; zero = the client's own value.
        public var serverKeepAlive: Duration = .zero
        /// How packets that break the specification are taken, where a listener does not say otherwise.
        public var strictness = Strictness.strict
    }

    /// `broker.store`: how what must survive the process is kept, when a plugin keeps it.
    public struct Store: Hashable, Sendable {
        /// When an acknowledgement may leave.
        public var sync = StoreSync.always
        /// The longest time that `sync: interval` may lose.
        public var interval: Duration = .milliseconds(50)
    }

    /// `broker.shutdown`
    public struct Shutdown: Hashable, Sendable {
        /// How long a stop waits for clients to take what is already on its way.
        public var drain: Duration = .seconds(10)
    }

    /// `broker.log`
    public struct Log: Hashable, Sendable {
        /// Lines below this level are not written.
        public var level = LogLevel.info
        /// Levels of single parts, which go before `level`; see ``LogLevels``.
        public var levels: [String: LogLevel] = [:]
        /// How lines look.
        public var format = LogFormat.text

        /// `level` and `levels` together.
        public var allLevels: LogLevels { LogLevels(general: level, parts: levels) }
    }
}

/// `mqtt.strictness`
public enum Strictness: String, CaseIterable, Hashable, Sendable {
    /// What breaks the specification ends the connection, as the specification asks.
    case strict
    /// Well-known faults of clients that harm nobody else are counted and logged (docs/strictness.md).
    case lenient
}

/// `store.sync`
public enum StoreSync: String, CaseIterable, Hashable, Sendable {
    /// Acknowledged means on the disk: it survives the loss of power.
    case always
    /// Acknowledged means written; the disk is told to flush every `sync_interval`.
    case interval
    /// Acknowledged means written; the system flushes when it likes. It survives the end of the process.
    case never
}

/// `log.level`, least talkative first.
public enum LogLevel: String, CaseIterable, Hashable, Sendable, Comparable {
    case error, warn, info, debug, trace

    /// Orders by talkativeness: `error < trace`.
    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .error: 0
        case .warn: 1
        case .info: 2
        case .debug: 3
        case .trace: 4
        }
    }
}

/// `log.format`
public enum LogFormat: String, CaseIterable, Hashable, Sendable {
    case text, json
}
