public import PositionedYAML

/// A JSON value to be written: RFC 8259, one line, keys in the order given. There is no reader here; JSON is a subset
/// of YAML, and `PositionedYAML` reads it.
public enum JSONText: Hashable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONText])
    case object([(key: String, value: JSONText)])

    /// The value as one line without blanks. A number that JSON cannot say (NaN, infinity) becomes null.
    public var rendered: String {
        var text = ""
        write(to: &text)
        return text
    }

    /// Appends the value to `text`.
    public func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .integer(let value): text += "\(value)"
        case .number(let value): text += value.isFinite ? "\(value)" : "null"
        case .string(let value): Self.writeString(value, to: &text)
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                element.write(to: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                Self.writeString(member.key, to: &text)
                text += ":"
                member.value.write(to: &text)
            }
            text += "}"
        }
    }

    private static func writeString(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // C1 controls and line separators are legal in JSON, but not in a YAML or JavaScript string.
            case _
            where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || scalar.value == 0x2028 || scalar.value == 0x2029 || scalar.value == 0xFEFF:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    /// By what is written: members are pairs, which have no conformance of their own.
    public static func == (left: JSONText, right: JSONText) -> Bool { left.rendered == right.rendered }

    /// By what is written.
    public func hash(into hasher: inout Hasher) { hasher.combine(rendered) }
}

extension JSONText: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// `"text"`
    public init(stringLiteral value: String) { self = .string(value) }
    /// `1`
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// `true`
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    /// `[1, "text"]`
    public init(arrayLiteral elements: JSONText...) { self = .array(elements) }
    /// `["key": 1]`; the order is kept.
    public init(dictionaryLiteral elements: (String, JSONText)...) {
        self = .object(elements.map { (key: $0.0, value: $0.1) })
    }
    /// A whole number.
    public init(_ value: some BinaryInteger) { self = .integer(Int64(clamping: value)) }
    /// Text.
    public init(_ value: some StringProtocol) { self = .string(String(value)) }

    /// A YAML tree: plain `true`, `false`, null and whole numbers keep their type, every other scalar is a string.
    public init(_ node: YAMLNode) {
        switch node.content {
        case .sequence(let elements): self = .array(elements.map { JSONText($0) })
        case .mapping(let entries): self = .object(entries.map { (key: $0.name, value: JSONText($0.value)) })
        case .scalar(let text, _):
            if node.isNull {
                self = .null
            } else if let value = node.boolean {
                self = .boolean(value)
            } else if let value = node.integer {
                self = .integer(value)
            } else {
                self = .string(text)
            }
        }
    }
}
