import PositionedYAML

/// Writes scalars so that any YAML reader gives the same text back.
enum PlainYAML {
    /// `text` plain where that is unambiguous, else in double quotes.
    static func scalar(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && text.utf8.allSatisfy(isPlainByte) && text.first != "-" && text.first != "."
            && !["true", "false", "null", "yes", "no", "on", "off"].contains(text.lowercased())
            && !(text.first?.isNumber ?? false)
        return isPlain ? text : quoted(text)
    }

    /// `text` in double quotes.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count == 1 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func isPlainByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: ".")].contains(byte)
        }
    }
}

extension PlainYAML {
    /// A tree on one line.
    static func flow(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(let text, .plain) where node.isNull || node.boolean != nil || node.integer != nil: text
        case .scalar(let text, _): scalar(text)
        case .sequence(let elements): "[" + elements.map { flow($0) }.joined(separator: ", ") + "]"
        case .mapping(let entries):
            entries.isEmpty
                ? "{}" : "{ " + entries.map { "\(scalar($0.name)): \(flow($0.value))" }.joined(separator: ", ") + " }"
        }
    }
}
