public import MQTTCodec

/// Who a connection belongs to, for logs and notifications. Immutable; shared by reference.
public final class ClientIdentity: Sendable {
    /// The Client Identifier, UTF-8.
    public let clientID: [UInt8]
    /// The authenticated user, UTF-8; empty when anonymous.
    public let username: [UInt8]
    /// Groups the authentication gave.
    public let groups: [[UInt8]]
    /// The account (tenant) the authentication gave; empty when none.
    public let account: [UInt8]
    /// Peer address as text, such as `10.0.0.7:51234`.
    public let address: String
    /// Name of the listener.
    public let listener: String
    /// The name in its verified certificate; empty without one.
    public let certificate: [UInt8]
    /// The layers under MQTT.
    public let layers: TransportLayers
    /// What TLS has found out about it; nil: nothing, or no TLS.
    public let peer: TLSPeer?
    /// What stands before its topics, and it does not see; empty: nothing.
    public let mountPoint: [UInt8]

    init(
        clientID: [UInt8], username: [UInt8], groups: [[UInt8]], account: [UInt8], address: String, listener: String,
        certificate: [UInt8] = [], layers: TransportLayers = [], peer: TLSPeer? = nil, mountPoint: [UInt8] = []
    ) {
        self.clientID = clientID
        self.username = username
        self.groups = groups
        self.account = account
        self.address = address
        self.listener = listener
        self.certificate = certificate
        self.layers = layers
        self.peer = peer
        self.mountPoint = mountPoint
    }

    /// The same connection from where it really comes, with what TLS has found out; nil leaves what was known.
    func with(address: String? = nil, certificate: [UInt8]? = nil, peer: TLSPeer? = nil) -> ClientIdentity {
        ClientIdentity(
            clientID: clientID, username: username, groups: groups, account: account, address: address ?? self.address,
            listener: listener, certificate: certificate ?? self.certificate, layers: layers, peer: peer ?? self.peer,
            mountPoint: mountPoint)
    }

    /// The same client with another tree of topics.
    func with(mountPoint: [UInt8]) -> ClientIdentity {
        ClientIdentity(
            clientID: clientID, username: username, groups: groups, account: account, address: address,
            listener: listener, certificate: certificate, layers: layers, peer: peer, mountPoint: mountPoint)
    }

    /// The same connection with somebody else behind it.
    func with(username: [UInt8], groups: [[UInt8]], account: [UInt8], clientID: [UInt8]? = nil) -> ClientIdentity {
        ClientIdentity(
            clientID: clientID ?? self.clientID, username: username, groups: groups, account: account,
            address: address, listener: listener, certificate: certificate, layers: layers, peer: peer,
            mountPoint: mountPoint)
    }
}

/// What lies between the socket and MQTT.
public struct TransportLayers: OptionSet, Sendable {
    /// Bits as plugins see them (`HL_CLIENT_TLS`, `HL_CLIENT_WEBSOCKET`).
    public let rawValue: UInt32

    /// From the bits.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// TLS.
    public static let tls = TransportLayers(rawValue: 1)
    /// WebSocket.
    public static let webSocket = TransportLayers(rawValue: 2)
}

/// Why a connection ended.
public enum DisconnectCause: Sendable, Equatable {
    /// The client sent DISCONNECT.
    case clientDisconnect
    /// The socket was closed or broke without DISCONNECT.
    case connectionLost
    /// The client was silent for one and a half times its keep-alive [MQTT-3.1.2-22].
    case keepAliveTimeout
    /// No CONNECT arrived in time.
    case connectTimeout
    /// Another connection took over the session [MQTT-3.1.4-3].
    case takenOver
    /// The client broke the protocol; the text names field and statement.
    case protocolViolation(String)
    /// CONNECT was refused.
    case refused(String)
    /// The credentials it logged in with are no longer valid, and it has not authenticated again.
    case credentialsExpired
    /// A plugin or an administrator ended it.
    case kicked
    /// The broker is stopping.
    case shutdown
    /// A bound was reached; the text names it.
    case limit(String)
}

/// Why a message did not reach a receiver.
public enum DropReason: UInt8, Sendable, CaseIterable {
    case queueFull, outputFull, expired, packetTooLarge, offlineQoS0, deliverDenied, noSharedMember, retainedLimit
    case pluginDropped, publishDenied, rateLimited, sessionEnded
}

/// What the log, notifications and statistics hear of. Emitted on the shard's thread, never per message on the happy
/// path.
public enum BrokerEvent: Sendable {
    /// A client is connected; `present` says whether a session was resumed.
    case connected(
        ClientIdentity, connection: UInt64, version: ProtocolVersion, cleanStart: Bool, present: Bool, keepAlive: UInt16
    )
    /// CONNECT was answered with an error, or never came.
    case connectRefused(ClientIdentity, reason: ReasonCode, cause: DisconnectCause, rule: String)
    /// A connected client is gone. `online` in ns.
    case disconnected(
        ClientIdentity, connection: UInt64, cause: DisconnectCause, reason: ReasonCode, byBroker: Bool,
        will: WillOutcome,
        queued: Int, online: Int64)
    /// A session ended: by expiry, clean start or administration.
    case sessionEnded(clientID: [UInt8], expired: Bool)
    case subscribed(ClientIdentity, connection: UInt64, filter: [UInt8], qos: UInt8)
    case unsubscribed(ClientIdentity, connection: UInt64, filter: [UInt8])
    /// A publish was refused by a plugin. `rule` is what the plugin named, for the log only.
    case publishDenied(ClientIdentity, topic: [UInt8], qos: UInt8, reason: ReasonCode, rule: String)
    case subscribeDenied(ClientIdentity, filter: [UInt8], reason: ReasonCode, rule: String)
    /// A lenient listener has forgiven `fault` for the first time on this connection; `detail` names the statement.
    case tolerated(ClientIdentity, connection: UInt64, ToleratedFault, detail: String)
    /// Messages were dropped; `count` since the last event of this kind and receiver.
    case dropped(clientID: [UInt8], topic: [UInt8], reason: DropReason)
}

/// What became of the will of a connection that ended.
public enum WillOutcome: Sendable, Equatable {
    case none, published, delayed, discarded
}
