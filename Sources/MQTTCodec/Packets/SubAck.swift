/// SUBACK: the Server answers a SUBSCRIBE, entry by entry (section 3.9).
public struct SubAck: Hashable, Sendable {
    /// That of the SUBSCRIBE.
    public var packetID: UInt16
    /// One for each entry, in order [MQTT-3.9.3-1]. In 3.1.1 all failures are 0x80.
    public var reasons: [ReasonCode]
    /// 5.0 only.
    public var properties: Properties

    /// A SUBACK.
    public init(packetID: UInt16, reasons: [ReasonCode], properties: Properties = Properties()) {
        self.packetID = packetID
        self.reasons = reasons
        self.properties = properties
    }

    /// Reads a SUBACK packet.
    /// - Parameter frame: exactly one packet; borrowed during the call.
    public static func decode(frame: UnsafeRawBufferPointer, version: ProtocolVersion) throws(DecodeError) -> SubAck {
        var reader = try UnsafeByteReader(packet: frame, expecting: .suback, version: version)
        let packetID = try reader.readPacketID()
        let properties = try Properties.decode(&reader, in: .suback, from: .fromServer)
        let reasons = try reader.readReasonCodes(in: .suback)
        return SubAck(packetID: packetID, reasons: reasons, properties: properties)
    }

    /// Appends the packet to `writer`.
    public func encode(into writer: inout ByteWriter, version: ProtocolVersion) {
        writer.writePacket(PacketType.suback.firstByte) { writer in
            writer.write(packetID)
            if version == .v5_0 { properties.encode(into: &writer, in: .suback) }
            for reason in reasons {
                writer.write(version == .v5_0 ? reason.rawValue : reason.subscribeReturnCode)
            }
        }
    }
}

extension UnsafeByteReader {
    /// The payload of SUBACK and UNSUBACK: Reason Codes up to the end, one at least.
    mutating func readReasonCodes(in type: PacketType) throws(DecodeError) -> [ReasonCode] {
        guard remaining > 0 else { throw error(.emptyAcknowledgement, .reasonCode) }
        var reasons: [ReasonCode] = []
        reasons.reserveCapacity(remaining)
        while remaining > 0 {
            let reason = try readReasonCode(in: type, from: .fromServer)
            guard version == .v5_0 || reason.subscribeReturnCode == reason.rawValue else {
                throw error(.invalidReasonCode, .reasonCode, at: position - 1)
            }
            reasons.append(reason)
        }
        return reasons
    }
}
