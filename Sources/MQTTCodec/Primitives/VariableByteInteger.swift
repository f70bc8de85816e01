// HOT PATH: once per 5.0 PUBLISH in each direction; no allocation.

/// The Variable Byte Integer of section 1.5.5: 1 to 4 bytes of 7 bits, least significant first.
public enum VariableByteInteger {
    /// The largest value that four bytes hold.
    public static let maximum = 268_435_455

    /// Bytes that `value` takes: 1 to 4. `value` is 0 to ``maximum``.
    @inlinable
    public static func size(_ value: Int) -> Int {
        if value < 128 { return 1 }
        if value < 16_384 { return 2 }
        return value < 2_097_152 ? 3 : 4
    }

    /// Writes `value` (0 to ``maximum``) in the fewest bytes [MQTT-1.5.5-1] to `target`, which has room for four.
    /// - Returns: the number of bytes written.
    @inlinable
    public static func write(_ value: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var rest = value
        var count = 0
        while rest >= 0x80 && count < 3 {
            target[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            count += 1
        }
        target[count] = UInt8(truncatingIfNeeded: rest) & 0x7F
        return count + 1
    }

    /// Reads the integer at `offset` of a packet; bytes at and after `end` are not touched.
    /// - Returns: the value, and the offset of the byte after the integer.
    /// - Throws: `truncated`, `variableByteIntegerTooLong`, `variableByteIntegerNotMinimal`, all at `offset`.
    @inlinable
    static func read(
        _ frame: UnsafeRawPointer, at offset: Int, end: Int, field: DecodeError.Field, version: ProtocolVersion,
        packet: PacketType
    ) throws(DecodeError) -> (value: Int, next: Int) {
        if offset < end {
            let first = frame.load(fromByteOffset: offset, as: UInt8.self)
            if first < 0x80 { return (Int(first), offset &+ 1) }
        }
        return try readLong(frame, at: offset, end: end, field: field, version: version, packet: packet)
    }

    @usableFromInline
    @inline(never)
    static func readLong(
        _ frame: UnsafeRawPointer, at offset: Int, end: Int, field: DecodeError.Field, version: ProtocolVersion,
        packet: PacketType
    ) throws(DecodeError) -> (value: Int, next: Int) {
        var value = 0
        for index in 0..<4 {
            guard offset + index < end else {
                throw DecodeError(.truncated, field, at: offset, version: version, packet: packet)
            }
            let byte = frame.load(fromByteOffset: offset + index, as: UInt8.self)
            value |= Int(byte & 0x7F) << (7 * index)
            if byte < 0x80 {
                if byte == 0 && index > 0 {
                    throw DecodeError(
                        .variableByteIntegerNotMinimal, field, at: offset, version: version, packet: packet)
                }
                return (value, offset + index + 1)
            }
        }
        throw DecodeError(.variableByteIntegerTooLong, field, at: offset, version: version, packet: packet)
    }
}
