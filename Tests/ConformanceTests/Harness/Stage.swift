import MQTTCodec
import Synchronization

/// What a session is to be.
enum SessionKind {
    /// New, and gone with the connection: Clean Session 1; Clean Start 1 without a Session Expiry Interval.
    case clean
    /// Taken up if there is one, and kept: Clean Session 0; Clean Start 0 with an interval of an hour.
    case kept
}

/// One case's place at a broker. Its client identifiers and topics are its own, so that cases can share a process.
final class Stage {
    private static let count = Atomic(0)
    let version: ProtocolVersion
    private let broker: any Carried
    private let prefix: String

    init(_ wire: Wire, _ options: BrokerOption...) throws {
        version = wire.version
        prefix = "s\(Self.count.add(1, ordering: .relaxed).newValue)"
        broker =
            switch wire.carrier {
            case .core: CoreBroker(options)
            case .tcp: options.isEmpty ? try HostBroker.shared.get() : try HostBroker(options)
            }
    }

    /// A topic or filter below one that no other case uses.
    func topic(_ name: String) -> String { "\(prefix)/\(name)" }

    /// A client identifier of this case.
    func clientID(_ name: String) -> String { "\(prefix)-\(name)" }

    /// Moves the clock; due timers run. Needs `Wire.clock`.
    func advance(seconds: Double) { broker.advance(seconds: seconds) }

    /// A connection that has sent nothing.
    func open(_ version: ProtocolVersion? = nil) throws -> Peer {
        Peer(try broker.open(), version ?? self.version)
    }

    /// A connection to the listener of `BrokerOption.webSocket`, over TCP only.
    func openWebSocket(offering subprotocols: String? = "mqtt") throws -> WebSocketLink {
        guard let host = broker as? HostBroker else { throw Unmet("the core has no WebSocket", line: #line) }
        return try host.openWebSocket(subprotocols)
    }

    /// A CONNECT of client `name`.
    func connectPacket(
        _ name: String = "client", _ session: SessionKind = .clean, version: ProtocolVersion? = nil,
        _ configure: (inout Connect) -> Void = { _ in }
    ) -> Connect {
        var packet = Connect(version: version ?? self.version, clientID: clientID(name).bytes)
        packet.cleanStart = session == .clean
        if session == .kept, packet.version == .v5_0 { packet.properties.sessionExpiryInterval = 3600 }
        configure(&packet)
        return packet
    }

    /// A client that is connected. What CONNACK said is in ``Peer/greeting``.
    func connect(
        _ name: String = "client", _ session: SessionKind = .clean, version: ProtocolVersion? = nil,
        line: UInt = #line, _ configure: (inout Connect) -> Void = { _ in }
    ) throws -> Peer {
        let packet = connectPacket(name, session, version: version, configure)
        let peer = try open(packet.version)
        peer.send(.connect(packet))
        peer.greeting = try peer.expect(\.connack, line: line)
        guard peer.greeting.reason == .success else {
            throw Unmet("\(name) was refused: \(peer.greeting.reason)", line: line)
        }
        return peer
    }

    /// A connection whose CONNECT is exactly these bytes.
    func open(_ version: ProtocolVersion? = nil, sending bytes: [UInt8]) throws -> Peer {
        let peer = try open(version)
        peer.send(bytes: bytes)
        return peer
    }
}
