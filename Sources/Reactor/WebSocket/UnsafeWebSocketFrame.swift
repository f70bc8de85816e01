// HOT PATH: a header is read in place when it is whole; unmasking takes eight bytes a step, while it copies.
import Glibc

/// What may be in a frame [RFC 6455, 5.2].
enum WebSocketOpcode: UInt8 {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue >= 8 }
}

/// Close codes the broker sends [RFC 6455, 7.4.1].
enum WebSocketCloseCode {
    static let normal: UInt16 = 1000
    static let protocolError: UInt16 = 1002
    /// [MQTT-6.0.0-1]: a frame that is not binary.
    static let unsupportedData: UInt16 = 1003
    static let invalidPayload: UInt16 = 1007

    /// Whether a peer may send the code.
    static func isValid(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// The header of a client's frame.
struct WebSocketFrameHeader: Equatable {
    /// Bytes of the largest header: two, eight of length, four of mask.
    static let maximumBytes = 14

    var isFinal: Bool
    var opcode: WebSocketOpcode
    var payloadBytes: Int
    /// As it stands on the wire, loaded as a little-endian number.
    var mask: UInt32

    enum Result: Equatable {
        case needMore
        case header(WebSocketFrameHeader, bytes: Int)
        /// The rules are broken; the close code that says so.
        case malformed(UInt16)
    }

    /// Reads a header from the front of `bytes`. Wrong ones are told as soon as the byte that is wrong is there.
    static func read(_ bytes: UnsafeRawBufferPointer) -> Result {
        guard bytes.count >= 1 else { return .needMore }
        let first = bytes[0]
        // Reserved bits belong to extensions, and none was agreed on.
        guard first & 0x70 == 0, let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
            return .malformed(WebSocketCloseCode.protocolError)
        }
        guard bytes.count >= 2 else { return .needMore }
        let isFinal = first & 0x80 != 0
        let second = bytes[1]
        let short = Int(second & 0x7F)
        // A client masks every frame [RFC 6455, 5.1]; control frames are short and whole [5.5].
        guard second & 0x80 != 0, !opcode.isControl || (isFinal && short <= 125) else {
            return .malformed(WebSocketCloseCode.protocolError)
        }
        let lengthBytes = short == 127 ? 8 : short == 126 ? 2 : 0
        let total = 2 + lengthBytes + 4
        guard bytes.count >= total else { return .needMore }
        var payload = UInt64(short)
        if lengthBytes > 0 {
            payload = bytes[2..<(2 + lengthBytes)].reduce(0) { $0 << 8 | UInt64($1) }
            // The shortest form is the only one, and the topmost bit is zero.
            guard payload >= (lengthBytes == 2 ? 126 : 65_536), payload <= UInt64(Int64.max) else {
                return .malformed(WebSocketCloseCode.protocolError)
            }
        }
        let mask = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: total - 4, as: UInt32.self))
        return .header(
            WebSocketFrameHeader(isFinal: isFinal, opcode: opcode, payloadBytes: Int(payload), mask: mask),
            bytes: total)
    }

    /// Appends the header of a final frame as the server sends it, without a mask.
    static func append(_ opcode: WebSocketOpcode, payloadBytes: Int, to sink: inout UnsafeByteSink) {
        sink.append(room: 10) { room in
            room[0] = 0x80 | opcode.rawValue
            if payloadBytes <= 125 {
                room[1] = UInt8(truncatingIfNeeded: payloadBytes)
                return 2
            }
            let lengthBytes = payloadBytes <= 0xFFFF ? 2 : 8
            room[1] = lengthBytes == 2 ? 126 : 127
            for position in 0..<lengthBytes {
                let shift = 8 * (lengthBytes - 1 - position)
                room[2 + position] = UInt8(truncatingIfNeeded: payloadBytes >> shift)
            }
            return 2 + lengthBytes
        }
    }
}

/// Masking [RFC 6455, 5.3]: byte `i` of a payload is combined with byte `i` modulo 4 of the mask.
enum WebSocketMask {
    /// Copies `source` to `target` and takes the mask off. `offset` is the place of the first byte in its payload.
    static func copy(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, mask: UInt32, offset: Int
    ) {
        guard let from = source.baseAddress else { return }
        let turned = UInt32(truncatingIfNeeded: offset & 3) &* 8
        let key = turned == 0 ? mask : mask >> turned | mask << (32 &- turned)
        let wide = (UInt64(key) | UInt64(key) << 32).littleEndian
        var position = 0
        while position &+ 8 <= source.count {
            let word = from.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            target.storeBytes(of: word ^ wide, toByteOffset: position, as: UInt64.self)
            position &+= 8
        }
        while position < source.count {
            let byte = UInt8(truncatingIfNeeded: key >> (UInt32(truncatingIfNeeded: position & 3) &* 8))
            let masked = from.load(fromByteOffset: position, as: UInt8.self)
            target.storeBytes(of: masked ^ byte, toByteOffset: position, as: UInt8.self)
            position &+= 1
        }
    }
}
