/// Base64 (RFC 4648): with the standard alphabet, without padding as the PHC string format has it, or with it; and with
/// the alphabet for URLs, never padded, as tokens have it (RFC 7515, 2).
public enum Base64 {
    /// What the two last of the 64 values look like.
    public enum Alphabet: Sendable {
        /// `+` and `/`
        case standard
        /// `-` and `_`
        case url

        fileprivate var last: (UInt8, UInt8) {
            switch self {
            case .standard: (UInt8(ascii: "+"), UInt8(ascii: "/"))
            case .url: (UInt8(ascii: "-"), UInt8(ascii: "_"))
            }
        }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// With the standard alphabet, without padding.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(0) { $0 << 8 | Int($1) }
            bits <<= 8 * (3 - group.count)
            for index in 0...group.count { text.append(alphabet[bits >> (18 - 6 * index) & 63]) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// With `=` up to a multiple of four characters.
    public static func encodePadded(_ bytes: [UInt8]) -> String {
        let text = encode(bytes)
        return text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    }

    /// Text without padding. Nil for anything that encoding would not have produced, left-over bits included: one value
    /// has one text, so nobody can change a token and keep its signature.
    public static func decode(_ text: some Sequence<UInt8>, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        let last = alphabet.last
        var bytes: [UInt8] = []
        var (bits, bitCount) = (0, 0)
        for character in text {
            guard let value = value(of: character, last) else { return nil }
            bits = bits << 6 | value
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
                bits &= (1 << bitCount) - 1
            }
        }
        return bits == 0 && bitCount < 6 ? bytes : nil
    }

    /// As the one for any sequence, with the standard alphabet.
    public static func decode(_ text: String) -> [UInt8]? { decode(text.utf8) }

    /// As `decode`, for text that `encodePadded` made.
    public static func decodePadded(_ text: String) -> [UInt8]? {
        guard text.utf8.count % 4 == 0 else { return nil }
        var digits = text[...]
        for _ in 0..<2 where digits.last == "=" { digits.removeLast() }
        guard let bytes = decode(String(digits)), encodePadded(bytes).utf8.count == text.utf8.count else { return nil }
        return bytes
    }

    private static func value(of character: UInt8, _ last: (UInt8, UInt8)) -> Int? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(character - UInt8(ascii: "0")) + 52
        case last.0: 62
        case last.1: 63
        default: nil
        }
    }
}
