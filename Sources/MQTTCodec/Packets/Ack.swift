/// PUBACK, PUBREC, PUBREL or PUBCOMP as a value of its own (sections 3.4 to 3.7). ``AckHeader`` and
/// ``writeAck(type:packetID:reason:version:to:)`` do the same without memory of their own.
public struct Ack: Hashable, Sendable {
    /// 1 to 65,535.
    public var packetID: UInt16
    /// 5.0 only; 3.1.1 knows success alone.
    public var reason: ReasonCode
    /// 5.0 only.
    public var properties: Properties

    /// An acknowledgement.
    public init(packetID: UInt16, reason: ReasonCode = .success, properties: Properties = Properties()) {
        self.packetID = packetID
        self.reason = reason
        self.properties = properties
    }

    /// Reads a packet of `type`, one of the four.
    /// - Parameter frame: exactly one packet; borrowed during the call.
    public static func decode(
        frame: UnsafeRawBufferPointer, type: PacketType, version: ProtocolVersion
    ) throws(DecodeError) -> Ack {
        let reader = try UnsafeByteReader(packet: frame, expecting: type, version: version)
        let header = try AckHeader.parse(
            frame: reader.frame, length: reader.end, bodyOffset: reader.position, version: version)
        var ack = Ack(packetID: header.packetID, reason: header.reason)
        if header.properties.length > 0 {
            // The Property Length stands right after Packet Identifier and Reason Code.
            var rest = UnsafeByteReader(
                frame: reader.frame, from: reader.position + 3, to: reader.end, version: version, packet: type)
            ack.properties = try Properties.decode(&rest, in: PacketTypeSet(type), from: .fromClient)
        }
        return ack
    }

    /// Appends the packet to `writer`, in its shortest form.
    /// - Parameter type: one of the four.
    public func encode(into writer: inout ByteWriter, type: PacketType, version: ProtocolVersion) {
        writer.writePacket(type.firstByte) { writer in
            writer.write(packetID)
            guard version == .v5_0, reason != .success || !properties.isEmpty else { return }
            writer.write(reason.rawValue)
            if !properties.isEmpty { properties.encode(into: &writer, in: PacketTypeSet(type)) }
        }
    }
}
