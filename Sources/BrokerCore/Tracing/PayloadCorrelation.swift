/// The correlation id in the payload of a 3.1.1 client, which has no properties to carry one.
///
/// This looks for a member of JSON text without parsing it: a payload is the application's business, and what looks
/// like the member is good enough to tell traces apart. Nothing is ever refused for it.
enum PayloadCorrelation {
    /// Bytes of a payload that are looked at.
    static let searched = 4096
    /// Bytes of a correlation id that is taken.
    static let maximumLength = 128

    /// The value of the first member called `field`: a text without escapes, or a number.
    static func find(_ field: [UInt8], in payload: UnsafeRawBufferPointer) -> [UInt8]? {
        guard !field.isEmpty else { return nil }
        let text = payload.prefix(searched)
        var place = text.startIndex
        while let quote = text[place...].firstIndex(of: Byte.quote) {
            place = quote + 1
            let end = place + field.count
            guard end < text.endIndex, text[end] == Byte.quote, text[place..<end].elementsEqual(field) else { continue }
            if let value = value(in: text[(end + 1)...]) { return value }
        }
        return nil
    }

    private static func value(in text: Slice<UnsafeRawBufferPointer>) -> [UInt8]? {
        let afterName = text.drop(while: isBlank)
        guard afterName.first == Byte.colon else { return nil }
        let rest = afterName.dropFirst().drop(while: isBlank)
        if rest.first == Byte.quote {
            let body = rest.dropFirst()
            guard let end = body.firstIndex(of: Byte.quote), end > body.startIndex,
                end - body.startIndex <= maximumLength, !body[..<end].contains(Byte.backslash)
            else { return nil }
            return Array(body[..<end])
        }
        let digits = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        // A number that goes on beyond what is looked at is not whole.
        guard (1...maximumLength).contains(digits.count), digits.endIndex < text.endIndex else { return nil }
        return Array(digits)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

    private enum Byte {
        static let quote = UInt8(ascii: "\"")
        static let colon = UInt8(ascii: ":")
        static let backslash = UInt8(ascii: "\\")
    }

    /// The trace that a correlation id stands for: the id itself when it is a UUID or 32 hexadecimal digits, else a
    /// hash of it. Whoever sees the same id comes to the same trace.
    static func trace(of id: [UInt8]) -> (high: UInt64, low: UInt64) {
        let digits = id.filter { $0 != UInt8(ascii: "-") }
            .map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "F") ? $0 | 0x20 : $0 }
        if digits.count == 32, let high = number(digits[..<16]), let low = number(digits[16...]), high | low != 0 {
            return (high, low)
        }
        return (hash(id, seed: 0xCBF2_9CE4_8422_2325) | 1, hash(id, seed: 0x9E37_79B9_7F4A_7C15))
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for byte in digits {
            guard let digit = TraceContext.digit(byte) else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    /// FNV-1a, then the last steps of splitmix64: its upper bits are random enough to be compared with a ratio.
    private static func hash(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
        let value = bytes.reduce(seed) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        let mixed = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        let again = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return again ^ (again >> 31)
    }
}
