import MQTTCodec
import PluginABI
import Timing

/// How far a connection has come.
enum ConnectionPhase: UInt8 {
    /// Nothing but CONNECT is accepted [MQTT-3.1.0-1].
    case awaitingConnect
    /// CONNECT is being decided on by a plugin.
    case authenticating
    /// An AUTH packet of the client is awaited [MQTT-4.12.0-3].
    case exchanging
    /// CONNACK with success is on its way; packets flow.
    case online
    /// Ended; freed at the end of the turn.
    case closed
}

/// What may be true of a connection beside its phase.
struct ConnectionFlags: OptionSet {
    let rawValue: UInt16
    /// On the list of connections that have output for this turn.
    static let dirty = ConnectionFlags(rawValue: 1)
    /// The socket took less than it was given; ``Shard/writable(_:now:)`` will say when to go on.
    static let blocked = ConnectionFlags(rawValue: 2)
    /// Reading is paused in the transport.
    static let readingPaused = ConnectionFlags(rawValue: 4)
    /// A hook decides on the packet at hand; later packets wait.
    static let hookPending = ConnectionFlags(rawValue: 8)
    /// The broker assigns topic aliases towards this client.
    static let usesAliases = ConnectionFlags(rawValue: 16)
    /// Output past the first gate waits for the store.
    static let gated = ConnectionFlags(rawValue: 32)
    /// Waits for room in the queue of a receiver (``QueueFullPolicy/pause``) or in a hand-over ring.
    static let backpressure = ConnectionFlags(rawValue: 64)
    /// Goes to its home shard at the end of the turn; what came in with CONNECT goes along.
    static let moving = ConnectionFlags(rawValue: 128)
    static let cleanStart = ConnectionFlags(rawValue: 256)
    static let sentDisconnect = ConnectionFlags(rawValue: 512)
    /// Something was written to it: CONNACK is on its way.
    static let answered = ConnectionFlags(rawValue: 1024)
    /// Published faster than it may; read again when the time is over.
    static let rateHeld = ConnectionFlags(rawValue: 2048)
    /// Came in through a lenient listener.
    static let lenient = ConnectionFlags(rawValue: 4096)
    /// Its topics stand under a mount point.
    static let mounted = ConnectionFlags(rawValue: 8192)
    /// Either of these: a frame made for others is not for this client.
    static let ownFrames: ConnectionFlags = [.usesAliases, .mounted]
    /// Any of these: what comes in is kept, not handled.
    static let holdsInput: ConnectionFlags = [.hookPending, .backpressure, .moving, .rateHeld]
}

typealias ConnectionRef = UnsafeMutablePointer<Connection>

/// One network connection. A pointer struct in the shard's slab: what every packet needs is here, the rest in
/// ``ConnectionExtras``.
struct Connection {
    /// Slab handle, the transport's context word.
    var handle: UInt64 = 0
    /// Never reused in this run of the broker: caches of verdicts key on it.
    let id: UInt64
    /// The transport's own handle.
    var transport: UInt64
    /// Nil until CONNECT was accepted.
    var session: SessionRef?
    var output = OutputBuffer()
    var input = InputTail()
    /// Host clock ns of the last whole packet received.
    var lastReceived: Int64
    /// One and a half times the keep-alive in ns; 0 = none [MQTT-3.1.2-22].
    var silenceLimit: Int64 = 0
    var timer: TimerID?
    /// The client's Maximum Packet Size in bytes [MQTT-3.1.2-24].
    var clientPacketLimit: Int32 = .max
    /// QoS 2 messages that may be open at a time: our Receive Maximum [MQTT-3.3.4-7], and those that were open when
    /// the connection began, for which nothing but PUBREL may come.
    var receiveLimit: Int = 0
    var phase = ConnectionPhase.awaitingConnect
    var version = ProtocolVersion.v3_1_1
    var flags: ConnectionFlags = []
    let listener: UInt16
    /// The identity as plugins see it, once one was asked; `extras` keeps it alive.
    var pluginClient: UnsafePointer<hl_client>?
    let extras: Unmanaged<ConnectionExtras>
}

/// The rarely touched side of a connection. Belongs to the shard's thread.
final class ConnectionExtras {
    var identity: ClientIdentity
    var connectedAt: Int64
    var keepAlive: UInt16 = 0
    /// Topics the client gave aliases to: index = alias - 1 [MQTT-3.3.2-7].
    var inboundAliases: [[UInt8]?] = []
    /// Aliases the broker gave, by topic entry id, and how many the client allows [MQTT-3.1.2-26].
    var outboundAliases: [UInt64: UInt16] = [:]
    var outboundAliasMaximum: UInt16 = 0
    /// Whether the client wants reason strings and user properties beyond CONNACK and DISCONNECT [MQTT-3.1.2-29].
    var wantsProblemInformation = true
    /// Verdicts of acl.subscribe that plugins let the broker keep.
    var filterVerdicts = FilterVerdicts()
    /// What waits for a hook's answer.
    var pending: PendingStage?
    /// Enhanced authentication, when its CONNECT names a method.
    var enhanced: EnhancedAuthentication?
    /// When its credentials end, host clock ns; 0 = never.
    var credentialsEnd: Int64 = 0
    var credentialsTimer: TimerID?
    /// What plugins that let it in have lowered.
    var limits = SessionLimits()
    /// Its CONNECT while it moves to its home shard.
    var moving: Connect?
    /// Output positions that wait for the store, oldest first.
    var gates: [OutputGate] = []
    /// The identity as plugins see it; made on first use.
    var pluginClient: PluginClient?
    /// What is left of the client's message and byte rates.
    var rates = ClientRates()
    /// What a lenient listener has forgiven and logged already.
    var tolerated: ToleratedFaults = []
    /// Why the broker is ending the connection, when it is.
    var cause: DisconnectCause?
    var reason = ReasonCode.success

    init(identity: ClientIdentity, connectedAt: Int64) {
        self.identity = identity
        self.connectedAt = connectedAt
    }
}

/// Output after `position` (bytes ever appended) waits until `gate` opens.
struct OutputGate {
    /// Bytes that may be written before the gate, counted from what is now the first byte waiting.
    var position: Int
    /// The shard's gate number.
    let gate: UInt64
    /// The commit the gate stands for; 0 when it stands for answers of other shards.
    var ticket: UInt64 = 0
}

extension UnsafeMutablePointer where Pointee == Connection {
    /// The cold side; valid while the connection is.
    var extras: ConnectionExtras { pointee.extras._withUnsafeGuaranteedRef { $0 } }
    var isOnline: Bool { pointee.phase == .online }
}
