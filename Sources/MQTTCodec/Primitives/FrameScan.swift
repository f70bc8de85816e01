// HOT PATH: once per packet; no allocation, no call for packets of up to 129 bytes.

/// The result of looking for one packet at the start of a receive buffer.
public enum FrameScan: Sendable, Equatable {
    /// A complete packet of `length` bytes, whose variable header starts at `bodyOffset`.
    case frame(length: Int, bodyOffset: Int)
    /// More bytes are needed: `total` from the start of the packet, or 0 while the length is not known.
    case needMore(total: Int)
    /// The stream cannot be read any further; the Network Connection is to be closed.
    case malformed(DecodeError)

    /// Finds the packet that starts at `bytes`.
    ///
    /// Only the length is looked at: the first byte is checked by whoever reads the packet. A packet that is too large
    /// is reported as soon as its length is known, so a receive buffer never has to grow beyond `maximumPacketSize`.
    /// - Parameters:
    ///   - bytes: the first byte of a packet; borrowed during the call.
    ///   - count: bytes that may be read there, 0 or more.
    ///   - maximumPacketSize: longest packet accepted, in bytes and with its fixed header [MQTT-3.2.2-15].
    ///   - minimal: refuse a Remaining Length of more bytes than needed. MQTT 5.0 demands it [MQTT-1.5.5-1]; 3.1.1 has
    ///     no such rule, so a reader that knows the version may pass false for it.
    @inlinable
    public static func scan(
        _ bytes: UnsafeRawPointer, count: Int, maximumPacketSize: Int, minimal: Bool = true
    ) -> FrameScan {
        guard count >= 2 else { return .needMore(total: 0) }
        let first = bytes.load(fromByteOffset: 1, as: UInt8.self)
        guard first < 0x80 else {
            return scanLong(bytes, count: count, maximumPacketSize: maximumPacketSize, minimal: minimal)
        }
        return frame(
            bytes, remainingLength: Int(first), bodyOffset: 2, count: count, maximumPacketSize: maximumPacketSize)
    }

    /// The Remaining Length has two to four bytes.
    @usableFromInline
    static func scanLong(
        _ bytes: UnsafeRawPointer, count: Int, maximumPacketSize: Int, minimal: Bool
    ) -> FrameScan {
        var value = 0
        var position = 1
        while position < count {
            let byte = bytes.load(fromByteOffset: position, as: UInt8.self)
            value |= Int(byte & 0x7F) << (7 * (position - 1))
            position += 1
            if byte < 0x80 {
                if minimal && byte == 0 {
                    return malformed(.variableByteIntegerNotMinimal, bytes)
                }
                return frame(
                    bytes, remainingLength: value, bodyOffset: position, count: count,
                    maximumPacketSize: maximumPacketSize)
            }
            if position == 5 {
                return malformed(.variableByteIntegerTooLong, bytes)
            }
        }
        return .needMore(total: 0)
    }

    @inlinable
    static func frame(
        _ bytes: UnsafeRawPointer, remainingLength: Int, bodyOffset: Int, count: Int, maximumPacketSize: Int
    ) -> FrameScan {
        let length = bodyOffset + remainingLength
        if length > maximumPacketSize {
            return malformed(.packetTooLarge, bytes)
        }
        return count >= length ? .frame(length: length, bodyOffset: bodyOffset) : .needMore(total: length)
    }

    @usableFromInline
    static func malformed(_ kind: DecodeError.Kind, _ bytes: UnsafeRawPointer) -> FrameScan {
        let packet = PacketType(firstByte: bytes.load(as: UInt8.self))
        return .malformed(DecodeError(kind, .remainingLength, at: 1, version: .v5_0, packet: packet))
    }
}
