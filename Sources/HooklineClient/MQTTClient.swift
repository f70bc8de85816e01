public import MQTTCodec

/// A small MQTT client for tests and tools: one connection, blocking calls, used by one thread at a time. A call ends
/// when the broker has answered, or with ``ClientError/timedOut(waitingFor:)``.
///
/// Messages that come while a call waits for something else are acknowledged and kept for ``message()``. Nothing is
/// sent by itself: keep alive is the caller's business (``ping()``), and a lost connection stays lost.
public final class MQTTClient {
    /// The version of the connection.
    public let version: ProtocolVersion
    /// What the broker answered to CONNECT.
    public private(set) var connAck: ConnAck

    private let socket: BlockingSocket
    private let milliseconds: Int32
    private var received: [UInt8] = []
    private var messages: [Publish] = []
    /// Packet ids of QoS 2 messages that came and are not released yet [MQTT-4.3.3-10].
    private var unreleased: Set<UInt16> = []
    private var lastPacketID: UInt16 = 0

    /// Connects, sends `connect` and waits for the CONNACK.
    /// - Parameters:
    ///   - host: an IPv4 address or "localhost".
    ///   - milliseconds: longest wait of each call for an answer.
    public convenience init(
        host: String = "127.0.0.1", port: UInt16, connect: Connect, milliseconds: Int32 = 10_000
    ) throws(ClientError) {
        let socket: BlockingSocket
        do throws(BlockingSocket.SystemFailure) {
            socket = try BlockingSocket.connected(to: host, port: port)
        } catch {
            throw .cannotConnect(address: "\(host):\(port)", errno: error.errno)
        }
        try self.init(socket: socket, connect: connect, milliseconds: milliseconds)
    }

    init(socket: consuming BlockingSocket, connect: Connect, milliseconds: Int32) throws(ClientError) {
        self.socket = socket
        self.milliseconds = milliseconds
        version = connect.version
        connAck = ConnAck(reason: .success)
        try send(.connect(connect))
        let answer = try receive("CONNACK")
        guard case .connack(let connAck) = answer else { throw .unexpected(answer, waitingFor: "CONNACK") }
        guard !connAck.reason.isError else { throw .refused(connAck.reason) }
        self.connAck = connAck
    }

    /// SUBSCRIBE; the reason code of the SUBACK.
    public func subscribe(_ filter: String, qos: UInt8 = 0) throws(ClientError) -> ReasonCode {
        try subscribe(Subscription(filter: Array(filter.utf8), qos: qos))
    }

    /// SUBSCRIBE with options; the reason code of the SUBACK.
    public func subscribe(
        _ subscription: Subscription, properties: Properties = Properties()
    ) throws(ClientError) -> ReasonCode {
        let id = nextPacketID()
        try send(.subscribe(Subscribe(packetID: id, subscriptions: [subscription], properties: properties)))
        return try answer("SUBACK") { packet in
            guard case .suback(let suback) = packet, suback.packetID == id else { return nil }
            return suback.reasons.first ?? .unspecifiedError
        }
    }

    /// UNSUBSCRIBE; the reason code of the UNSUBACK (success in 3.1.1, which has none).
    public func unsubscribe(_ filter: String) throws(ClientError) -> ReasonCode {
        let id = nextPacketID()
        try send(.unsubscribe(Unsubscribe(packetID: id, filters: [Array(filter.utf8)])))
        return try answer("UNSUBACK") { packet in
            guard case .unsuback(let unsuback) = packet, unsuback.packetID == id else { return nil }
            return unsuback.reasons.first ?? .success
        }
    }

    /// PUBLISH, and what its QoS asks for: nothing, PUBACK, or PUBREC, PUBREL and PUBCOMP. The reason code of the first
    /// answer; success at QoS 0.
    @discardableResult
    public func publish(
        _ topic: String, _ payload: [UInt8] = [], qos: UInt8 = 0, retain: Bool = false,
        properties: Properties = Properties()
    ) throws(ClientError) -> ReasonCode {
        let id = qos == 0 ? 0 : nextPacketID()
        try send(
            .publish(
                Publish(
                    topic: Array(topic.utf8), payload: payload, qos: qos, retain: retain, packetID: id,
                    properties: properties)))
        guard qos > 0 else { return .success }
        let reason = try answer(qos == 1 ? "PUBACK" : "PUBREC") { packet in
            switch packet {
            case .puback(let ack) where qos == 1 && ack.packetID == id: ack.reason
            case .pubrec(let ack) where qos == 2 && ack.packetID == id: ack.reason
            default: nil
            }
        }
        guard qos == 2, !reason.isError else { return reason }
        try send(.pubrel(Ack(packetID: id)))
        _ = try answer("PUBCOMP") { packet in
            guard case .pubcomp(let ack) = packet, ack.packetID == id else { return nil }
            return ack.reason
        }
        return reason
    }

    /// The next message, in the order in which they came.
    public func message() throws(ClientError) -> Publish {
        while messages.isEmpty { try keep(receive("PUBLISH"), waitingFor: "PUBLISH") }
        return messages.removeFirst()
    }

    /// PINGREQ, and waits for the PINGRESP: everything the broker sent before it has come then.
    public func ping() throws(ClientError) {
        try send(.pingreq)
        _ = try answer("PINGRESP") { $0 == .pingresp ? .success : nil }
    }

    /// DISCONNECT, and the end of the connection.
    public func disconnect(_ packet: Disconnect = Disconnect()) throws(ClientError) {
        try send(.disconnect(packet))
        socket.shutDown()
    }

    /// Ends the connection without a DISCONNECT, as a dead device does.
    public func drop() {
        socket.shutDown()
    }

    /// Sends one packet as it is, for what the calls above do not do.
    public func send(_ packet: Packet) throws(ClientError) {
        try send(bytes: packet.encode(version: version))
    }

    /// Sends bytes as they are, for what no client should send.
    public func send(bytes: [UInt8]) throws(ClientError) {
        do throws(BlockingSocket.Failure) { try socket.send(bytes) } catch { throw .closed(nil) }
    }

    /// The next packet as it is; acknowledging it is the caller's business.
    public func receive() throws(ClientError) -> Packet { try receive("packet") }

    private func receive(_ what: String) throws(ClientError) -> Packet {
        while true {
            switch scan() {
            case .frame(let length, _):
                let frame = Array(received[..<length])
                received.removeFirst(length)
                do throws(DecodeError) {
                    return try Packet.decode(frame, version: version, role: .fromServer)
                } catch { throw .malformed(error) }
            case .malformed(let error): throw .malformed(error)
            case .needMore:
                do throws(BlockingSocket.Failure) {
                    try socket.receive(into: &received, milliseconds: milliseconds)
                } catch { throw error == .timedOut ? .timedOut(waitingFor: what) : .closed(nil) }
            }
        }
    }

    private func scan() -> FrameScan {
        received.withUnsafeBytes { raw in
            guard let base = raw.baseAddress, raw.count > 1 else { return .needMore(total: 0) }
            return FrameScan.scan(base, count: raw.count, maximumPacketSize: PublishEncoder.maximumPacketSize)
        }
    }

    /// Waits for the packet from which `pick` makes a reason code; messages that come before it are kept.
    private func answer(_ what: String, _ pick: (Packet) -> ReasonCode?) throws(ClientError) -> ReasonCode {
        while true {
            let packet = try receive(what)
            if let reason = pick(packet) { return reason }
            try keep(packet, waitingFor: what)
        }
    }

    /// Keeps and acknowledges a message; ends on a DISCONNECT.
    private func keep(_ packet: Packet, waitingFor what: String) throws(ClientError) {
        switch packet {
        case .publish(let message):
            switch message.qos {
            case 0: messages.append(message)
            case 1:
                messages.append(message)
                try send(.puback(Ack(packetID: message.packetID)))
            default:
                if unreleased.insert(message.packetID).inserted { messages.append(message) }
                try send(.pubrec(Ack(packetID: message.packetID)))
            }
        case .pubrel(let ack):
            unreleased.remove(ack.packetID)
            try send(.pubcomp(Ack(packetID: ack.packetID)))
        case .disconnect(let disconnect): throw .closed(disconnect.reason)
        default: throw .unexpected(packet, waitingFor: what)
        }
    }

    /// 1 to 65,535 in turn; a blocking client has no more than a few of them in use.
    private func nextPacketID() -> UInt16 {
        lastPacketID = lastPacketID == .max ? 1 : lastPacketID + 1
        return lastPacketID
    }
}
