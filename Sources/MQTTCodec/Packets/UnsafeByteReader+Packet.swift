extension UnsafeByteReader {
    /// A reader for the variable header and payload of `packet`, whose fixed header it checks: the type, the flag bits
    /// ([MQTT-2.1.3-1]; 3.1.1: [MQTT-2.2.2-2]) and a Remaining Length that fits the packet exactly.
    /// - Parameters:
    ///   - packet: exactly one packet; it must outlive the reader.
    ///   - minimal: whether the Remaining Length must have the fewest bytes; by default as the version demands.
    init(
        packet: UnsafeRawBufferPointer, expecting type: PacketType, version: ProtocolVersion, minimal: Bool? = nil
    ) throws(DecodeError) {
        guard let start = packet.baseAddress, let first = packet.first else {
            throw DecodeError(.truncated, .fixedHeader, at: 0, version: version, packet: type)
        }
        guard PacketType(firstByte: first) == type else {
            throw DecodeError(.unexpectedPacket, .fixedHeader, at: 0, version: version, packet: type)
        }
        guard first == type.firstByte || type == .publish else {
            throw DecodeError(.reservedFlags, .fixedHeader, at: 0, version: version, packet: type)
        }
        let scan = FrameScan.scan(
            start, count: packet.count, maximumPacketSize: .max, minimal: minimal ?? (version == .v5_0))
        switch scan {
        case .frame(let length, let bodyOffset):
            guard length == packet.count else {
                throw DecodeError(.trailingBytes, .remainingLength, at: length, version: version, packet: type)
            }
            self.init(frame: start, from: bodyOffset, to: length, version: version, packet: type)
        case .needMore:
            throw DecodeError(.truncated, .remainingLength, at: 1, version: version, packet: type)
        case .malformed(let error):
            throw DecodeError(error.kind, error.field, at: error.offset, version: version, packet: type)
        }
    }

    /// A Reason Code that a packet of `type` sent by `role` may carry.
    mutating func readReasonCode(in type: PacketType, from role: PacketRole) throws(DecodeError) -> ReasonCode {
        let code = ReasonCode(rawValue: try readByte(.reasonCode))
        guard code.isAllowed(in: type, from: role) else {
            throw error(.invalidReasonCode, .reasonCode, at: position - 1)
        }
        return code
    }
}
