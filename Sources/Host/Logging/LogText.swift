/// Text of a log line. Everything that comes from outside passes ``appendEscaped``: no byte of a client can start a
/// new line, move a terminal's cursor or reverse its direction of writing.
struct LogText {
    /// Longest value, in bytes, that is shown; the rest is counted.
    static let maximumValueBytes = 512

    private(set) var bytes: [UInt8] = []

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    mutating func append(_ byte: UInt8) { bytes.append(byte) }
    mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func append(_ text: String, paddedTo width: Int) {
        append(text)
        for _ in 0..<max(0, width - text.utf8.count) { append(UInt8(ascii: " ")) }
    }

    /// A decimal number with leading zeros.
    mutating func append(_ number: Int, digits: Int) {
        let text = String(number)
        for _ in 0..<max(0, digits - text.utf8.count) { append(UInt8(ascii: "0")) }
        append(text)
    }

    /// `value`, or `"value"` where it holds something that would end it.
    mutating func appendValue(_ value: some Collection<UInt8>) {
        let shown = value.prefix(Self.maximumValueBytes)
        let plain = !value.isEmpty && shown.count == value.count && shown.allSatisfy(Self.isPlain)
        guard !plain else { return bytes.append(contentsOf: value) }
        append(UInt8(ascii: "\""))
        appendEscaped(shown, style: .text)
        appendRest(value.count - shown.count)
        append(UInt8(ascii: "\""))
    }

    /// A JSON string.
    mutating func appendJSONString(_ value: some Collection<UInt8>) {
        let shown = value.prefix(Self.maximumValueBytes)
        append(UInt8(ascii: "\""))
        appendEscaped(shown, style: .json)
        appendRest(value.count - shown.count)
        append(UInt8(ascii: "\""))
    }

    private mutating func appendRest(_ count: Int) {
        if count > 0 { append("...(+\(count) bytes)") }
    }

    private enum Style { case text, json }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "="), UInt8(ascii: "\\"): false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    private mutating func appendEscaped(_ value: some Collection<UInt8>, style: Style) {
        var decoder = UTF8()
        var iterator = value.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): append(scalar, style: style)
            case .emptyInput: return
            case .error: append("\u{FFFD}")
            }
        }
    }

    private mutating func append(_ scalar: Unicode.Scalar, style: Style) {
        switch scalar {
        case "\"", "\\":
            append(UInt8(ascii: "\\"))
            append(UInt8(truncatingIfNeeded: scalar.value))
        case "\n": append("\\n")
        case "\r": append("\\r")
        case "\t": append("\\t")
        case _ where Self.mustBeEscaped(scalar): appendCode(scalar, style: style)
        default: append(String(scalar))
        }
    }

    /// Control characters, line separators, and the characters that change the direction of what follows.
    private static func mustBeEscaped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1F, 0x7F...0x9F, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF, 0xFFF9...0xFFFB: true
        default: scalar.value & 0xFFFE == 0xFFFE || (0xE0000...0xE007F).contains(scalar.value)
        }
    }

    /// `\u{202e}` in text; in JSON what RFC 8259 knows: `\u202e`, and a surrogate pair beyond 0xFFFF.
    private mutating func appendCode(_ scalar: Unicode.Scalar, style: Style) {
        switch style {
        case .text: append("\\u{" + String(scalar.value, radix: 16) + "}")
        case .json:
            for unit in Unicode.UTF16.encode(scalar) ?? .init() {
                let hexadecimal = String(unit, radix: 16)
                append("\\u" + String(repeating: "0", count: 4 - hexadecimal.utf8.count) + hexadecimal)
            }
        }
    }
}
