import PositionedYAML

/// What an entry of `plugins` says about its file: pin, unloading, reloading.
extension ConfigurationReader {
    private static let reloadKeys = ["auto", "debounce", "probation", "preflight"]

    /// A SHA-256 as people copy it, from `sha256sum` or with a prefix.
    mutating func digest(_ node: YAMLNode) -> String? {
        attempt(
            { () throws(ValueProblem) in
                let text = try node.scalarText(expected: "64 hexadecimal digits")
                let digits = (text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text).lowercased()
                guard digits.utf8.count == 64, digits.allSatisfy(\.isHexDigit) else {
                    throw .wrongShape(found: "'\(text)'", expected: "64 hexadecimal digits, as sha256sum prints them")
                }
                return digits
            }, at: node.position)
    }

    mutating func word(_ node: YAMLNode, of choices: [String]) -> String? {
        attempt(
            { () throws(ValueProblem) in
                let text = try node.scalarText(expected: "one of \(choices.joined(separator: ", "))")
                guard choices.contains(text) else {
                    throw .notOneOf(text, choices: choices, nearest: NearestName.find(text, in: choices))
                }
                return text
            }, at: node.position)
    }

    mutating func pluginReload(_ node: YAMLNode) -> PluginReload {
        var reload = PluginReload()
        guard let keys = node.entries else {
            let shape = "a mapping, such as { auto: false, probation: 1m }"
            report(.value(.wrongShape(found: node.summary, expected: shape)), at: node.position)
            return reload
        }
        for key in keys {
            switch key.name {
            case "auto":
                reload.isAutomatic = attempt(
                    { () throws(ValueProblem) in
                        try BooleanText.parse(try key.value.scalarText(expected: "true or false"))
                    }, at: key.value.position)
            case "debounce": reload.debounce = duration(key.value)
            case "probation": reload.probation = duration(key.value)
            case "preflight":
                let choices = BrokerConfiguration.Reload.Preflight.allCases.map(\.rawValue)
                reload.preflight = word(key.value, of: choices).flatMap { .init(rawValue: $0) }
            default:
                let hint = NearestName.find(key.name, in: Self.reloadKeys).map { KeyHint.nearest($0) }
                report(
                    .unknownKey(
                        key.name, section: "reload of a plugin",
                        hint: hint ?? .words("it has \(Self.reloadKeys.joined(separator: ", "))")), at: key.position)
            }
        }
        return reload
    }

    private mutating func duration(_ node: YAMLNode) -> Duration? {
        attempt(
            { () throws(ValueProblem) in
                try DurationText.parse(try node.scalarText(expected: "a duration, such as 30s"))
            }, at: node.position)
    }
}
