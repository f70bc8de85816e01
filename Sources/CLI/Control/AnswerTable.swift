import Configuration

extension ControlAnswer {
    /// `key  value`, one a line, for people; lists and objects stand below their key.
    var table: String {
        let width = (members.map(\.key.count).max() ?? 0) + 2
        return members.map { member in
            let head = member.key + String(repeating: " ", count: width - member.key.count)
            let rows = Self.rows(member.value)
            let indent = "\n" + String(repeating: " ", count: width)
            return head + (rows.isEmpty ? "none" : rows.joined(separator: indent)) + "\n"
        }.joined()
    }

    private static func rows(_ value: JSONText) -> [String] {
        switch value {
        case .object(let members): return members.map { "\($0.key) \(word($0.value))" }
        case .array(let elements):
            let isPlain = elements.allSatisfy { element in
                switch element {
                case .array, .object: false
                case .null, .boolean, .integer, .number, .string: true
                }
            }
            let words = elements.map(word)
            return isPlain && !words.isEmpty ? [words.joined(separator: ", ")] : words
        case .null, .boolean, .integer, .number, .string: return [word(value)]
        }
    }

    private static func word(_ value: JSONText) -> String {
        switch value {
        case .string(let text): text
        case .object(let members): members.map { "\($0.key)=\(word($0.value))" }.joined(separator: " ")
        case .null, .boolean, .integer, .number, .array: value.rendered
        }
    }
}
