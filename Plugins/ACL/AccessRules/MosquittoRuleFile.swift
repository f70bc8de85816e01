internal import PositionedYAML

/// Reads the `acl_file` of mosquitto: `user NAME`, `topic [read|write|readwrite|deny] FILTER` and
/// `pattern [read|write|readwrite|deny] FILTER`, one a line.
///
/// As there, `topic` lines are about the user above them, or about anonymous clients before the first one; `pattern`
/// lines are about everybody and know `%c` and `%u`; everybody may ask for any subscription and is sent what may be
/// read. Unlike there, a denial is final wherever it stands: there, a `topic` line of the user goes before a `pattern`.
enum MosquittoRuleFile {
    private static let words: Set<String> = ["user", "topic", "pattern"]

    /// Whether the first word that is no comment is one of that format. In YAML it would be followed by a colon.
    static func isOne(_ bytes: [UInt8]) -> Bool {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let text = trimmed(line)
            if text.isEmpty || text.first == UInt8(ascii: "#") { continue }
            guard let end = text.firstIndex(where: isBlank) else { return false }
            return words.contains(String(decoding: text[..<end], as: UTF8.self))
        }
        return false
    }

    static func read(_ bytes: [UInt8], name: String) throws(RuleFileErrors) -> RuleFile {
        var rules: [AccessRule] = []
        var errors: [RuleFileError] = []
        var user: [UInt8] = []
        for (index, row) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            let text = trimmed(row)
            if text.isEmpty || text.first == UInt8(ascii: "#") { continue }
            do throws(Fault) {
                let end = text.firstIndex(where: isBlank) ?? text.endIndex
                let value = trimmed(text[end...])
                switch String(decoding: text[..<end], as: UTF8.self) {
                case "user":
                    guard !value.isEmpty else { throw Fault("'user' needs a name") }
                    user = Array(value)
                case "topic":
                    let audience = Audience(conditions: [.names(.user, [user])])
                    rules.append(try rule(value, audience, line: index + 1, placeholders: .none))
                case "pattern":
                    let audience = Audience(conditions: [])
                    rules.append(try rule(value, audience, line: index + 1, placeholders: .clientAndUser))
                case let other:
                    throw Fault("'\(other.prefix(40))' is not known; a line begins with user, topic or pattern")
                }
            } catch {
                let position = SourcePosition(file: name, line: index + 1, column: 1)
                errors.append(RuleFileError(position: position, message: error.message))
            }
        }
        guard errors.isEmpty else { throw RuleFileErrors(errors) }
        return RuleFile(rules, defaults: [.publish: .deny, .subscribe: .allow, .deliver: .deny])
    }

    private struct Fault: Error {
        let message: String

        init(_ message: String) {
            self.message = message
        }
    }

    private static func rule(
        _ text: ArraySlice<UInt8>, _ audience: Audience, line: Int, placeholders: RuleFilter.Placeholders
    ) throws(Fault) -> AccessRule {
        var (actions, effect): ([Action], Effect) = ([.publish, .deliver], .allow)
        var filter = text
        // The access may be left out, and a filter may hold blanks: only a known word is one.
        if let end = text.firstIndex(where: isBlank) {
            let rest = trimmed(text[end...])
            switch String(decoding: text[..<end], as: UTF8.self) {
            case "read": (actions, filter) = ([.deliver], rest)
            case "write": (actions, filter) = ([.publish], rest)
            case "readwrite": filter = rest
            case "deny": (effect, filter) = (.deny, rest)
            default: break
            }
        }
        guard let written = String(validating: filter, as: UTF8.self) else { throw Fault("not UTF-8 text") }
        do throws(RuleFilterError) {
            let filter = try RuleFilter(written, placeholders: placeholders)
            let clauses = actions.map { AccessRule.Clause(action: $0, effect: effect, filter: filter) }
            return AccessRule(line: line, audience: audience, clauses: clauses)
        } catch {
            throw Fault(error.message)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isPadding: (UInt8) -> Bool = { isBlank($0) || $0 == UInt8(ascii: "\r") }
        var text = text.drop(while: isPadding)
        while let last = text.last, isPadding(last) { text.removeLast() }
        return text
    }
}
