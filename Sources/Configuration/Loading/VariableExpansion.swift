import PositionedYAML

/// `${VAR}` and `${VAR:-default}` in the values of a file; `$${` stands for the text `${`. Keys are left alone, and
/// what comes out is not expanded again.
struct VariableExpansion {
    var environment: [String: String]
    private(set) var errors: [ConfigurationError] = []

    init(environment: [String: String]) {
        self.environment = environment
    }

    mutating func expand(_ node: YAMLNode) -> YAMLNode {
        var result = node
        switch node.content {
        case .scalar(let text, let style):
            guard text.contains("$") else { return node }
            let expanded = expand(text, at: node.position)
            // An empty result of a plain scalar is an empty text, not null: the variable is there.
            result.content = .scalar(expanded, expanded.isEmpty ? .doubleQuoted : style)
        case .sequence(let elements):
            result.content = .sequence(elements.map { expand($0) })
        case .mapping(let entries):
            result.content = .mapping(
                entries.map { YAMLEntry(name: $0.name, position: $0.position, value: expand($0.value)) })
        }
        return result
    }

    private mutating func expand(_ text: String, at position: SourcePosition) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                result += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                guard let end = rest.firstIndex(of: "}") else {
                    errors.append(ConfigurationError(.malformedVariable(String(rest)), at: position))
                    return result
                }
                result += value(of: rest[rest.index(rest.startIndex, offsetBy: 2)..<end], at: position)
                rest = rest[rest.index(after: end)...]
            } else {
                result.append("$")
                rest = rest.dropFirst()
            }
        }
        return result + rest
    }

    /// Value of what stands between the braces.
    private mutating func value(of inner: Substring, at position: SourcePosition) -> String {
        let name = inner.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        let after = inner[name.endIndex...]
        guard let first = name.first, !first.isNumber, after.isEmpty || after.hasPrefix(":-") else {
            errors.append(ConfigurationError(.malformedVariable("${\(inner)}"), at: position))
            return ""
        }
        let value = environment[String(name)]
        if after.isEmpty {
            if value == nil { errors.append(ConfigurationError(.undefinedVariable(String(name)), at: position)) }
            return value ?? ""
        }
        // As in a shell, `:-` also replaces an empty value.
        return value.flatMap { $0.isEmpty ? nil : $0 } ?? String(after.dropFirst(2))
    }
}
