import MQTTCodec

/// A client as the case plays it: it sends what it is told, and expects each packet in the order in which it comes.
///
/// Every `expect` takes the *next* packet and fails with anything else.
final class Peer {
    let version: ProtocolVersion
    /// The CONNACK of a client made by ``Stage/connect(_:_:version:line:_:)``.
    var greeting = ConnAck(reason: .unspecifiedError)
    /// The bytes of the packet that was taken last.
    private(set) var lastFrame: [UInt8] = []
    private let link: any Link
    private var input: [UInt8] = []
    private var lastPacketID: UInt16 = 0

    init(_ link: any Link, _ version: ProtocolVersion) {
        self.link = link
        self.version = version
    }

    // MARK: Sending

    func send(_ packets: Packet...) { send(bytes: packets.flatMap { $0.encode(version: version) }) }

    func send(bytes: [UInt8]) { link.send(bytes) }

    /// A packet identifier that this client has not used.
    func freePacketID() -> UInt16 {
        lastPacketID += 1
        return lastPacketID
    }

    /// The network breaks; the broker has noticed.
    func cut() { link.cut() }

    // MARK: Expecting

    /// The next packet, which is of this kind: `try client.expect(\.puback)`.
    @discardableResult
    func expect<Content>(_ kind: KeyPath<Packet, Content?>, line: UInt = #line) throws -> Content {
        let packet = try next(line: line)
        guard let content = packet[keyPath: kind] else { throw Unmet("came instead: \(packet)", line: line) }
        return content
    }

    /// The next packet is these bytes.
    func expect(bytes: [UInt8], line: UInt = #line) throws {
        _ = try next(line: line)
        guard lastFrame == bytes else { throw Unmet("came instead: \(lastFrame)", line: line) }
    }

    /// Nothing has come, and nothing of what the broker has taken in so far is still to come.
    ///
    /// The answer to a PINGREQ proves it. It takes two: the first may overtake what another event loop hands over.
    func expectNothing(line: UInt = #line) throws {
        for _ in 0..<2 { try ping(line: line) }
    }

    /// Everything sent so far has been taken in by the broker, and nothing but the PINGRESP came.
    func ping(line: UInt = #line) throws {
        send(.pingreq)
        guard try next(line: line) == .pingresp else { throw Unmet("unexpected: \(lastFrame)", line: line) }
    }

    /// The broker closes the connection and says nothing before.
    func expectClose(line: UInt = #line) throws {
        guard let packet = try take(line: line) else { return }
        throw Unmet("not closed; came: \(packet)", line: line)
    }

    /// The broker ends the connection: 5.0 is told why by a DISCONNECT, 3.1.1 is just closed.
    @discardableResult
    func expectEnd(_ reason: ReasonCode, line: UInt = #line) throws -> Disconnect? {
        var farewell: Disconnect?
        if version == .v5_0 {
            farewell = try expect(\.disconnect, line: line)
            guard farewell?.reason == reason else { throw Unmet("came: \(farewell!.reason)", line: line) }
        }
        try expectClose(line: line)
        return farewell
    }

    /// The broker answers CONNECT with a refusal and closes the connection.
    @discardableResult
    func expectRefusal(_ reason: ReasonCode, line: UInt = #line) throws -> ConnAck {
        let answer = try expect(\.connack, line: line)
        guard answer.reason == reason, !answer.sessionPresent else { throw Unmet("came: \(answer)", line: line) }
        try expectClose(line: line)
        return answer
    }

    /// The broker closes the connection, perhaps with a CONNACK that refuses before.
    func expectRefusalOrClose(line: UInt = #line) throws {
        guard let packet = try take(line: line) else { return }
        guard let answer = packet.connack, answer.reason.rawValue >= 0x80 else {
            throw Unmet("not refused; came: \(packet)", line: line)
        }
        try expectClose(line: line)
    }

    // MARK: Reading

    /// The next packet; the connection is open.
    func next(line: UInt = #line) throws -> Packet {
        guard let packet = try take(line: line) else { throw Unmet("the broker closed the connection", line: line) }
        return packet
    }

    /// The next packet, or nil at the end of the connection.
    private func take(line: UInt) throws -> Packet? {
        while true {
            if let packet = try decodeFirst(line: line) { return packet }
            guard let bytes = link.receive() else { throw Unmet("the broker says nothing", line: line) }
            if bytes.isEmpty {
                guard input.isEmpty else { throw Unmet("closed within a packet: \(input)", line: line) }
                return nil
            }
            input += bytes
        }
    }

    private func decodeFirst(line: UInt) throws -> Packet? {
        let scan = input.withUnsafeBytes { bytes in
            bytes.baseAddress.map { FrameScan.scan($0, count: bytes.count, maximumPacketSize: .max) }
        }
        guard case .frame(let length, _)? = scan else { return nil }
        lastFrame = Array(input[..<length])
        input.removeFirst(length)
        do {
            return try lastFrame.withUnsafeBytes {
                try Packet.decode(frame: $0, version: version, role: .fromServer)
            }
        } catch {
            throw Unmet("no client may be sent this: \(error) in \(lastFrame)", line: line)
        }
    }
}
