/// Any MQTT Control Packet as a value.
public enum Packet: Hashable, Sendable {
    /// CONNECT.
    case connect(Connect)
    /// CONNACK.
    case connack(ConnAck)
    /// PUBLISH.
    case publish(Publish)
    /// PUBACK.
    case puback(Ack)
    /// PUBREC.
    case pubrec(Ack)
    /// PUBREL.
    case pubrel(Ack)
    /// PUBCOMP.
    case pubcomp(Ack)
    /// SUBSCRIBE.
    case subscribe(Subscribe)
    /// SUBACK.
    case suback(SubAck)
    /// UNSUBSCRIBE.
    case unsubscribe(Unsubscribe)
    /// UNSUBACK.
    case unsuback(UnsubAck)
    /// PINGREQ: two bytes, no content.
    case pingreq
    /// PINGRESP: two bytes, no content.
    case pingresp
    /// DISCONNECT.
    case disconnect(Disconnect)
    /// AUTH.
    case auth(Auth)

    /// The type of the packet.
    public var type: PacketType {
        switch self {
        case .connect: .connect
        case .connack: .connack
        case .publish: .publish
        case .puback: .puback
        case .pubrec: .pubrec
        case .pubrel: .pubrel
        case .pubcomp: .pubcomp
        case .subscribe: .subscribe
        case .suback: .suback
        case .unsubscribe: .unsubscribe
        case .unsuback: .unsuback
        case .pingreq: .pingreq
        case .pingresp: .pingresp
        case .disconnect: .disconnect
        case .auth: .auth
        }
    }

    /// Reads one packet.
    /// - Parameters:
    ///   - frame: exactly one packet, as ``FrameScan`` found it; borrowed during the call.
    ///   - version: of the connection. A CONNECT is read in the version it names, whatever this says.
    ///   - role: which end sent it; packets the other end may not send are refused.
    public static func decode(
        frame: UnsafeRawBufferPointer, version: ProtocolVersion, role: PacketRole
    ) throws(DecodeError) -> Packet {
        guard let first = frame.first else { throw DecodeError(.truncated, .fixedHeader, at: 0, version: version) }
        guard let type = PacketType(firstByte: first), version == .v5_0 || type != .auth else {
            throw DecodeError(.reservedPacketType, .fixedHeader, at: 0, version: version)
        }
        guard type.isSent(by: role, in: version) else {
            throw DecodeError(.unexpectedPacket, .fixedHeader, at: 0, version: version, packet: type)
        }
        return switch type {
        case .connect: .connect(try Connect.decode(frame: frame))
        case .connack: .connack(try ConnAck.decode(frame: frame, version: version))
        case .publish: .publish(try Publish.decode(frame: frame, version: version, role: role))
        case .puback: .puback(try Ack.decode(frame: frame, type: type, version: version))
        case .pubrec: .pubrec(try Ack.decode(frame: frame, type: type, version: version))
        case .pubrel: .pubrel(try Ack.decode(frame: frame, type: type, version: version))
        case .pubcomp: .pubcomp(try Ack.decode(frame: frame, type: type, version: version))
        case .subscribe: .subscribe(try Subscribe.decode(frame: frame, version: version))
        case .suback: .suback(try SubAck.decode(frame: frame, version: version))
        case .unsubscribe: .unsubscribe(try Unsubscribe.decode(frame: frame, version: version))
        case .unsuback: .unsuback(try UnsubAck.decode(frame: frame, version: version))
        case .pingreq, .pingresp: try decodePing(frame: frame, type: type, version: version)
        case .disconnect: .disconnect(try Disconnect.decode(frame: frame, version: version, role: role))
        case .auth: .auth(try Auth.decode(frame: frame, role: role))
        }
    }

    /// As ``decode(frame:version:role:)`` for a packet in an array.
    public static func decode(
        _ bytes: [UInt8], version: ProtocolVersion, role: PacketRole
    ) throws(DecodeError) -> Packet {
        let result = bytes.withUnsafeBytes { raw in
            Result { () throws(DecodeError) in try decode(frame: raw, version: version, role: role) }
        }
        return try result.get()
    }

    private static func decodePing(
        frame: UnsafeRawBufferPointer, type: PacketType, version: ProtocolVersion
    ) throws(DecodeError) -> Packet {
        let reader = try UnsafeByteReader(packet: frame, expecting: type, version: version)
        try reader.expectEnd(after: .fixedHeader)
        return type == .pingreq ? .pingreq : .pingresp
    }

    /// The bytes of the packet. A CONNECT is written in the version it names.
    public func encode(version: ProtocolVersion) -> [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer, version: version)
        return writer.bytes
    }

    /// Appends the bytes of the packet to `writer`.
    public func encode(into writer: inout ByteWriter, version: ProtocolVersion) {
        switch self {
        case .connect(let packet): packet.encode(into: &writer)
        case .connack(let packet): packet.encode(into: &writer, version: version)
        case .publish(let packet): packet.encode(into: &writer, version: version)
        case .puback(let packet), .pubrec(let packet), .pubrel(let packet), .pubcomp(let packet):
            packet.encode(into: &writer, type: type, version: version)
        case .subscribe(let packet): packet.encode(into: &writer, version: version)
        case .suback(let packet): packet.encode(into: &writer, version: version)
        case .unsubscribe(let packet): packet.encode(into: &writer, version: version)
        case .unsuback(let packet): packet.encode(into: &writer, version: version)
        case .pingreq, .pingresp: writer.writePacket(type.firstByte) { _ in }
        case .disconnect(let packet): packet.encode(into: &writer, version: version)
        case .auth(let packet): packet.encode(into: &writer)
        }
    }
}
