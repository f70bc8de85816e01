/// Sizes as people write them: `256KiB`, `1MiB`, or a plain number of bytes. Units are powers of 1,024 and say so.
public enum ByteSize {
    private static let units: [(name: String, shift: Int)] = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)]

    /// Bytes of a text such as `64KiB`.
    public static func parse(_ text: String) throws(ValueProblem) -> Int {
        let (digits, unit) = splitNumber(text)
        guard let number = Int(digits), let shift = unit.isEmpty ? 0 : units.first(where: { $0.name == unit })?.shift
        else { throw .notASize(text, suggestion: suggestion(for: text)) }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        guard !overflow else { throw .outOfRange(text, low: "0B", high: "8589934591GiB") }
        return bytes
    }

    /// The shortest exact text: `1MiB` for 1,048,576.
    public static func text(_ bytes: Int) -> String {
        for unit in units where bytes >= 1 << unit.shift && bytes % (1 << unit.shift) == 0 {
            return "\(bytes >> unit.shift)\(unit.name)"
        }
        return "\(bytes)B"
    }

    /// `256KB`, `256 kb`, `256k` all mean 256KiB to whoever types them.
    private static func suggestion(for text: String) -> String? {
        let (digits, rest) = splitNumber(text)
        guard !digits.isEmpty, Int(digits) != nil else { return nil }
        switch rest.trimmed.lowercased() {
        case "k", "kb", "kib", "kbyte", "kbytes": return digits + "KiB"
        case "m", "mb", "mib", "mbyte", "mbytes": return digits + "MiB"
        case "g", "gb", "gib", "gbyte", "gbytes": return digits + "GiB"
        case "b", "byte", "bytes": return digits + "B"
        default: return nil
        }
    }
}

/// Leading ASCII digits and what follows them.
func splitNumber(_ text: String) -> (digits: String, rest: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    return (String(digits), String(text[digits.endIndex...]))
}

extension String {
    /// Without blanks at both ends.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
