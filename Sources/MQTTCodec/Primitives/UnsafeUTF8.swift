// HOT PATH: once per topic the broker has not seen on a connection; no allocation, eight bytes a step for ASCII.

/// Strict checks of UTF-8 Encoded Strings (section 1.5.4) over borrowed bytes.
enum UnsafeUTF8 {
    /// Checks a UTF-8 Encoded String: well-formed as RFC 3629 defines it (no overlong form, no surrogate, nothing above
    /// U+10FFFF) [MQTT-1.5.4-1] and without U+0000 [MQTT-1.5.4-2]. U+FEFF is an ordinary character [MQTT-1.5.4-3].
    /// - Returns: what is wrong, or nil.
    static func validate(_ bytes: UnsafeRawPointer, count: Int) -> DecodeError.Kind? {
        var position = 0
        while position < count {
            position = skipPlain(bytes, from: position, count: count, refusing: nil)
            guard position < count else { break }
            let first = bytes.load(fromByteOffset: position, as: UInt8.self)
            if first == 0 { return .nullCharacter }
            let length = sequenceLength(bytes, at: position, count: count)
            if length == 0 { return .invalidUTF8 }
            position += length
        }
        return nil
    }

    /// As ``validate(_:count:)``, and refuses `+` and `#` as well.
    static func validateTopicName(_ bytes: UnsafeRawPointer, count: Int) -> DecodeError.Kind? {
        var position = 0
        while position < count {
            position = skipPlain(bytes, from: position, count: count, refusing: wildcards)
            guard position < count else { break }
            let first = bytes.load(fromByteOffset: position, as: UInt8.self)
            if first == 0 { return .nullCharacter }
            if first == UInt8(ascii: "+") || first == UInt8(ascii: "#") { return .wildcardInTopicName }
            let length = sequenceLength(bytes, at: position, count: count)
            if length == 0 { return .invalidUTF8 }
            position += length
        }
        return nil
    }

    private static let lowBits: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080
    private static let wildcards = (plus: lowBits &* 0x2B, hash: lowBits &* 0x23)

    /// Steps over blocks of eight bytes that are all ASCII, not NUL and (when asked) not a wildcard.
    /// A zero byte in `x` makes `(x - 0x01..) & ~x` have its high bit set, and no byte of an `x` without one does.
    @inline(__always)
    private static func skipPlain(
        _ bytes: UnsafeRawPointer, from start: Int, count: Int, refusing wildcards: (plus: UInt64, hash: UInt64)?
    ) -> Int {
        var position = start
        while count - position >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            var special = word | ((word &- lowBits) & ~word)
            if let wildcards {
                let plus = word ^ wildcards.plus
                let hash = word ^ wildcards.hash
                special |= ((plus &- lowBits) & ~plus) | ((hash &- lowBits) & ~hash)
            }
            if special & highBits != 0 { return position }
            position += 8
        }
        return position
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
