// HOT PATH: once per PUBACK, PUBREC, PUBREL and PUBCOMP in each direction; no allocation.

/// What a PUBACK, PUBREC, PUBREL or PUBCOMP says. Trivial: it borrows nothing.
public struct AckHeader: Sendable, Equatable {
    /// One of the four.
    public let type: PacketType
    /// 1 to 65,535.
    public let packetID: UInt16
    /// Success when the packet names none, as always in 3.1.1.
    public let reason: ReasonCode
    /// The properties (Reason String and User Properties), already checked, as an offset from the start of the packet;
    /// empty in most packets and always in 3.1.1.
    public let properties: ByteRange

    /// Reads and checks an acknowledgement.
    /// - Parameters:
    ///   - frame: first byte of a complete packet of one of the four types; borrowed during the call.
    ///   - length: length of the packet in bytes, as ``FrameScan`` told it.
    ///   - bodyOffset: offset of the variable header, as ``FrameScan`` told it.
    @inlinable
    public static func parse(
        frame: UnsafeRawPointer, length: Int, bodyOffset: Int, version: ProtocolVersion
    ) throws(DecodeError) -> AckHeader {
        // The short form: a Packet Identifier and nothing else.
        if length == 4 && bodyOffset == 2 {
            let first = frame.load(as: UInt8.self)
            let packetID = UInt16(bigEndian: frame.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
            if packetID != 0, let type = ackType(first) {
                return AckHeader(
                    type: type, packetID: packetID, reason: .success, properties: ByteRange(offset: 4, length: 0))
            }
        }
        return try parseLong(frame: frame, length: length, bodyOffset: bodyOffset, version: version)
    }

    /// The type of an acknowledgement with the right flag bits.
    @inlinable
    static func ackType(_ first: UInt8) -> PacketType? {
        switch first {
        case 0x40: .puback
        case 0x50: .pubrec
        case 0x62: .pubrel
        case 0x70: .pubcomp
        default: nil
        }
    }

    @usableFromInline
    static func parseLong(
        frame: UnsafeRawPointer, length: Int, bodyOffset: Int, version: ProtocolVersion
    ) throws(DecodeError) -> AckHeader {
        let first = frame.load(as: UInt8.self)
        let type = PacketType(firstByte: first)
        guard let type, type == .puback || type == .pubrec || type == .pubrel || type == .pubcomp else {
            throw DecodeError(.unexpectedPacket, .fixedHeader, at: 0, version: version, packet: type)
        }
        guard first == type.firstByte else {
            throw DecodeError(.reservedFlags, .fixedHeader, at: 0, version: version, packet: type)
        }
        var reader = UnsafeByteReader(frame: frame, from: bodyOffset, to: length, version: version, packet: type)
        let packetID = try reader.readPacketID()
        if reader.remaining == 0 {
            return AckHeader(
                type: type, packetID: packetID, reason: .success, properties: ByteRange(offset: length, length: 0))
        }
        guard version == .v5_0 else { throw reader.error(.trailingBytes, .packetID) }
        let reason = try reader.readReasonCode(in: type, from: .fromClient)
        // Section 3.4.2.2.1: below a Remaining Length of 4 there is no Property Length.
        let properties = reader.remaining == 0 ? reader.readRest() : try readProperties(&reader, type)
        try reader.expectEnd(after: .properties)
        return AckHeader(type: type, packetID: packetID, reason: reason, properties: properties)
    }

    @inlinable
    init(type: PacketType, packetID: UInt16, reason: ReasonCode, properties: ByteRange) {
        self.type = type
        self.packetID = packetID
        self.reason = reason
        self.properties = properties
    }

    private static func readProperties(
        _ reader: inout UnsafeByteReader, _ type: PacketType
    ) throws(DecodeError) -> ByteRange {
        let block = try reader.readPropertyBlock(.properties)
        var source = UnsafePropertyReader(block, in: PacketTypeSet(type), from: .fromClient)
        while try source.next() != nil {}
        return ByteRange(offset: block.position, length: block.remaining)
    }
}

/// Room in bytes that ``writeAck(type:packetID:reason:version:to:)`` needs.
public let maximumAckSize = 5

/// Writes a PUBACK, PUBREC, PUBREL or PUBCOMP without properties: four bytes, or five when MQTT 5.0 has a reason other
/// than success to tell. MQTT 3.1.1 cannot tell one; the reason is left out.
/// - Parameters:
///   - type: one of the four.
///   - packetID: 1 to 65,535.
///   - target: room for ``maximumAckSize`` bytes.
/// - Returns: the number of bytes written.
@inlinable
public func writeAck(
    type: PacketType, packetID: UInt16, reason: ReasonCode, version: ProtocolVersion,
    to target: UnsafeMutablePointer<UInt8>
) -> Int {
    target[0] = type.firstByte
    target[2] = UInt8(truncatingIfNeeded: packetID >> 8)
    target[3] = UInt8(truncatingIfNeeded: packetID)
    if reason == .success || version == .v3_1_1 {
        target[1] = 2
        return 4
    }
    target[1] = 3
    target[4] = reason.rawValue
    return 5
}
