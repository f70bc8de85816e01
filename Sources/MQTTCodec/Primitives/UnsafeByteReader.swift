/// Bytes of a packet, counted from its first byte. Trivial: it borrows nothing and may outlive the packet.
public struct ByteRange: Hashable, Sendable {
    /// Offset in bytes from the start of the packet.
    public var offset: Int
    /// Length in bytes.
    public var length: Int

    /// A range of `length` bytes at `offset`.
    @inlinable
    public init(offset: Int, length: Int) {
        self.offset = offset
        self.length = length
    }
}

/// Reads the fields of one packet from borrowed bytes, never past `end`. Each error names the field and its offset.
///
/// Invariant: 0 <= position <= end <= length of the packet.
struct UnsafeByteReader {
    let frame: UnsafeRawPointer
    let version: ProtocolVersion
    let packet: PacketType
    private(set) var position: Int
    let end: Int

    init(frame: UnsafeRawPointer, from position: Int, to end: Int, version: ProtocolVersion, packet: PacketType) {
        self.frame = frame
        self.packet = packet
        self.position = position
        self.end = end
        self.version = version
    }

    var remaining: Int { end - position }

    func error(_ kind: DecodeError.Kind, _ field: DecodeError.Field, at offset: Int? = nil) -> DecodeError {
        DecodeError(kind, field, at: offset ?? position, version: version, packet: packet)
    }

    mutating func readByte(_ field: DecodeError.Field) throws(DecodeError) -> UInt8 {
        guard remaining >= 1 else { throw error(.truncated, field) }
        let value = frame.load(fromByteOffset: position, as: UInt8.self)
        position += 1
        return value
    }

    mutating func readUInt16(_ field: DecodeError.Field) throws(DecodeError) -> UInt16 {
        guard remaining >= 2 else { throw error(.truncated, field) }
        let value = UInt16(bigEndian: frame.loadUnaligned(fromByteOffset: position, as: UInt16.self))
        position += 2
        return value
    }

    mutating func readUInt32(_ field: DecodeError.Field) throws(DecodeError) -> UInt32 {
        guard remaining >= 4 else { throw error(.truncated, field) }
        let value = UInt32(bigEndian: frame.loadUnaligned(fromByteOffset: position, as: UInt32.self))
        position += 4
        return value
    }

    mutating func readVariableByteInteger(_ field: DecodeError.Field) throws(DecodeError) -> Int {
        let (value, next) = try VariableByteInteger.read(
            frame, at: position, end: end, field: field, version: version, packet: packet)
        position = next
        return value
    }

    /// A Packet Identifier, which is never 0 ([MQTT-2.2.1-3]; 3.1.1: [MQTT-2.3.1-1]).
    mutating func readPacketID() throws(DecodeError) -> UInt16 {
        let value = try readUInt16(.packetID)
        guard value != 0 else { throw error(.zeroPacketID, .packetID, at: position - 2) }
        return value
    }

    /// Binary Data: a Two Byte Integer and that many bytes.
    @inline(__always)
    mutating func readBinary(_ field: DecodeError.Field) throws(DecodeError) -> ByteRange {
        guard remaining >= 2 else { throw error(.truncated, field) }
        let length = Int(UInt16(bigEndian: frame.loadUnaligned(fromByteOffset: position, as: UInt16.self)))
        guard remaining - 2 >= length else { throw error(.truncated, field) }
        let range = ByteRange(offset: position + 2, length: length)
        position += 2 + length
        return range
    }

    /// A UTF-8 Encoded String, checked.
    @inline(__always)
    mutating func readString(_ field: DecodeError.Field) throws(DecodeError) -> ByteRange {
        let start = position
        let range = try readBinary(field)
        if let kind = UnsafeUTF8.validate(frame + range.offset, count: range.length) {
            throw error(kind, field, at: start)
        }
        return range
    }

    /// A UTF-8 Encoded String that is a Topic Name of at least one byte.
    mutating func readTopicName(_ field: DecodeError.Field) throws(DecodeError) -> ByteRange {
        let start = position
        let range = try readBinary(field)
        if let kind = TopicName.validate(frame + range.offset, count: range.length) {
            throw error(kind, field, at: start)
        }
        return range
    }

    /// Splits off a reader for the property block that starts here, and steps over the block.
    mutating func readPropertyBlock(_ field: DecodeError.Field) throws(DecodeError) -> UnsafeByteReader {
        let start = position
        let length = try readVariableByteInteger(field)
        guard remaining >= length else { throw error(.truncated, field, at: start) }
        let block = UnsafeByteReader(
            frame: frame, from: position, to: position + length, version: version, packet: packet)
        position += length
        return block
    }

    /// Everything up to `end`.
    mutating func readRest() -> ByteRange {
        let range = ByteRange(offset: position, length: remaining)
        position = end
        return range
    }

    /// A copy of bytes that were read.
    func bytes(_ range: ByteRange) -> [UInt8] {
        [UInt8](UnsafeRawBufferPointer(start: frame + range.offset, count: range.length))
    }

    /// Fails when bytes are left over after the field that was read last.
    func expectEnd(after field: DecodeError.Field) throws(DecodeError) {
        guard remaining == 0 else { throw error(.trailingBytes, field) }
    }
}
