// HOT PATH: once per topic the broker has not seen on a connection; no allocation, eight bytes a step for ASCII.

/// Strict checks of UTF-8 Encoded Strings (section 1.5.4) over borrowed bytes.
enum UnsafeUTF8 {
    /// Checks a UTF-8 Encoded String: well-formed as RFC 3629 defines it (no overlong form, no surrogate, nothing above
    /// U+10FFFF) [MQTT-1.5.4-1] and without U+0000 [MQTT-1.5.4-2]. U+FEFF is an ordinary character [MQTT-1.5.4-3].
    /// - Returns: what is wrong, or nil.
    static func validate(_ bytes: UnsafeRawPointer, count: Int) -> DecodeError.Kind? {
        isPlain(bytes, count: count, refusing: nil) ? nil : validateCharacters(bytes, count: count, isTopicName: false)
    }

    /// As ``validate(_:count:)``, and refuses `+` and `#` as well.
    static func validateTopicName(_ bytes: UnsafeRawPointer, count: Int) -> DecodeError.Kind? {
        isPlain(bytes, count: count, refusing: wildcards)
            ? nil : validateCharacters(bytes, count: count, isTopicName: true)
    }

    @inline(never)
    private static func validateCharacters(
        _ bytes: UnsafeRawPointer, count: Int, isTopicName: Bool
    ) -> DecodeError.Kind? {
        var position = 0
        while position < count {
            let first = bytes.load(fromByteOffset: position, as: UInt8.self)
            if first == 0 { return .nullCharacter }
            if isTopicName && (first == UInt8(ascii: "+") || first == UInt8(ascii: "#")) {
                return .wildcardInTopicName
            }
            let length = sequenceLength(bytes, at: position, count: count)
            if length == 0 { return .invalidUTF8 }
            position += length
            // Runs of ASCII between the others go by in blocks again.
            while count - position >= 8, special(load64(bytes, position), isTopicName ? wildcards : nil) == 0 {
                position += 8
            }
        }
        return nil
    }

    private static let lowBits: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080
    private static let wildcards = Wildcards(plus: lowBits &* 0x2B, hash: lowBits &* 0x23)

    private struct Wildcards {
        let plus: UInt64
        let hash: UInt64
    }

    /// Whether all bytes are ASCII, none is NUL and (when asked) none is a wildcard. Eight bytes a step; the last step
    /// overlaps the one before it, so that no byte is looked at alone in text of eight bytes or more.
    @inline(__always)
    private static func isPlain(_ bytes: UnsafeRawPointer, count: Int, refusing wildcards: Wildcards?) -> Bool {
        if count >= 8 {
            var found: UInt64 = 0
            var position = 0
            while position &+ 8 < count {
                found |= special(load64(bytes, position), wildcards)
                position &+= 8
            }
            return found | special(load64(bytes, count &- 8), wildcards) == 0
        }
        if count >= 4 {
            let low = bytes.loadUnaligned(as: UInt32.self)
            let high = bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
            return special(UInt64(high) << 32 | UInt64(low), wildcards) == 0
        }
        // Ones where there is no byte: 0x01 is plain.
        var word = lowBits
        for index in 0..<max(count, 0) {
            word = word << 8 | UInt64(bytes.load(fromByteOffset: index, as: UInt8.self))
        }
        return special(word, wildcards) == 0
    }

    @inline(__always)
    private static func load64(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// Not 0 when one of the eight bytes is NUL, above 0x7F or a wildcard. A zero byte in `x` makes `(x - 0x01..) & ~x`
    /// have its high bit set, and in an `x` without one no byte does.
    @inline(__always)
    private static func special(_ word: UInt64, _ wildcards: Wildcards?) -> UInt64 {
        var special = word | ((word &- lowBits) & ~word)
        if let wildcards {
            let plus = word ^ wildcards.plus
            let hash = word ^ wildcards.hash
            special |= ((plus &- lowBits) & ~plus) | ((hash &- lowBits) & ~hash)
        }
        return special & highBits
    }

    /// Length in bytes of the well-formed sequence at `position`, or 0 when there is none (RFC 3629, section 4).
    @inline(__always)
    private static func sequenceLength(_ bytes: UnsafeRawPointer, at position: Int, count: Int) -> Int {
        let first = bytes.load(fromByteOffset: position, as: UInt8.self)
        if first < 0x80 { return 1 }
        // The second byte's range shuts out overlong forms (E0, F0), surrogates (ED) and values above U+10FFFF (F4).
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard count - position >= length else { return 0 }
        guard second.contains(bytes.load(fromByteOffset: position + 1, as: UInt8.self)) else { return 0 }
        for index in 2..<max(length, 2)
        where bytes.load(fromByteOffset: position + index, as: UInt8.self) & 0xC0 != 0x80 {
            return 0
        }
        return length
    }
}
