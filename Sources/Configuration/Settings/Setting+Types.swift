import PositionedYAML

// One constructor per type of setting; each knows how its values are read, checked and written.
extension Setting {
    typealias Field<Value> = WritableKeyPath<BrokerConfiguration, Value> & Sendable

    static func boolean(_ path: String, _ field: Field<Bool>, _ help: String) -> Setting {
        Setting(
            path: path, type: "boolean", help: help, availability: .now, shape: .boolean,
            read: { "\($0[keyPath: field])" },
            write: { (node, _, settings) throws(ValueProblem) in
                settings[keyPath: field] = try BooleanText.parse(try node.scalarText(expected: "true or false"))
            })
    }

    static func integer(
        _ path: String, _ field: Field<Int>, _ range: ClosedRange<Int>, _ help: String
    ) -> Setting {
        Setting(
            path: path, type: "integer, \(range.lowerBound) to \(range.upperBound)", help: help, availability: .now,
            shape: .integer(range),
            read: { "\($0[keyPath: field])" },
            write: { (node, _, settings) throws(ValueProblem) in
                let text = try node.scalarText(expected: "a whole number")
                guard let value = Int(text) else { throw .notAnInteger(text) }
                try range.check(value, text) { "\($0)" }
                settings[keyPath: field] = value
            })
    }

    static func size(_ path: String, _ field: Field<Int>, _ range: ClosedRange<Int>, _ help: String) -> Setting {
        let (low, high) = (ByteSize.text(range.lowerBound), ByteSize.text(range.upperBound))
        return Setting(
            path: path, type: "size, \(low) to \(high)", help: help, availability: .now, shape: .size,
            read: { ByteSize.text($0[keyPath: field]) },
            write: { (node, _, settings) throws(ValueProblem) in
                let text = try node.scalarText(expected: "a size")
                let value = try ByteSize.parse(text)
                try range.check(value, text, ByteSize.text)
                settings[keyPath: field] = value
            })
    }

    /// - Parameter wholeSeconds: true where MQTT itself counts in seconds.
    static func duration(
        _ path: String, _ field: Field<Duration>, _ range: ClosedRange<Duration>, wholeSeconds: Bool = false,
        _ help: String
    ) -> Setting {
        let (low, high) = (DurationText.text(range.lowerBound), DurationText.text(range.upperBound))
        return Setting(
            path: path, type: "duration, \(low) to \(high)", help: help, availability: .now, shape: .duration,
            read: { DurationText.text($0[keyPath: field]) },
            write: { (node, _, settings) throws(ValueProblem) in
                let text = try node.scalarText(expected: "a duration")
                let value = try DurationText.parse(text)
                try range.check(value, text, DurationText.text)
                guard !wholeSeconds || value.wholeMilliseconds % 1_000 == 0 else { throw .notWholeSeconds(text) }
                settings[keyPath: field] = value
            })
    }

    static func rate(_ path: String, _ field: Field<Rate?>, _ help: String) -> Setting {
        Setting(
            path: path, type: "rate (N/s, N/m, N/h) or unlimited", help: help, availability: .now, shape: .rate,
            read: { Rate.text($0[keyPath: field]) },
            write: { (node, _, settings) throws(ValueProblem) in
                settings[keyPath: field] = try Rate.parse(try node.scalarText(expected: "a rate such as 100/s"))
            })
    }

    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ path: String, _ field: Field<Choice>, _ help: String
    ) -> Setting {
        let names = Choice.allCases.map(\.rawValue)
        return Setting(
            path: path, type: names.joined(separator: ", "), help: help, availability: .now, shape: .choice(names),
            read: { $0[keyPath: field].rawValue },
            write: { (node, _, settings) throws(ValueProblem) in
                let text = try node.scalarText(expected: "one of \(names.joined(separator: ", "))")
                guard let choice = Choice(rawValue: text) else {
                    throw .notOneOf(text, choices: names, nearest: NearestName.find(text, in: names))
                }
                settings[keyPath: field] = choice
            })
    }

    static func directory(_ path: String, _ field: Field<String>, _ help: String) -> Setting {
        Setting(
            path: path, type: "path", help: help, availability: .now, shape: .path,
            read: { PlainYAML.scalar($0[keyPath: field]) },
            write: { (node, base, settings) throws(ValueProblem) in
                let text = node.isNull ? "" : try node.scalarText(expected: "a path")
                settings[keyPath: field] = base.resolve(text, at: node.position)
            })
    }

    static func directories(_ path: String, _ field: Field<[String]>, _ help: String) -> Setting {
        Setting(
            path: path, type: "list of paths", help: help, availability: .now, shape: .paths,
            read: { "[" + $0[keyPath: field].map(PlainYAML.scalar).joined(separator: ", ") + "]" },
            write: { (node, base, settings) throws(ValueProblem) in
                var directories: [String] = []
                for element in node.elements ?? [node] {
                    let text = try element.scalarText(expected: "a path")
                    directories.append(base.resolve(text, at: element.position))
                }
                settings[keyPath: field] = directories
            })
    }

    /// Levels by part of the log: a mapping, or, in the environment and with `--set`, the same in flow style.
    static func levels(_ path: String, _ field: Field<[String: LogLevel]>, _ help: String) -> Setting {
        Setting(
            path: path, type: "levels by part", help: help, availability: .now, shape: .levels,
            read: { LogLevels(parts: $0[keyPath: field]).partsText },
            write: { (node, _, settings) throws(ValueProblem) in
                var levels: [String: LogLevel] = [:]
                let names = LogLevel.allCases.map(\.rawValue)
                guard node.isNull || node.entries != nil else {
                    throw .wrongShape(found: node.summary, expected: "{ client: debug, plugin.auth: trace }")
                }
                for entry in node.entries ?? [] {
                    guard LogLevels.isPart(entry.name) else {
                        throw .notOneOf(
                            entry.name, choices: LogLevels.ownParts + ["plugin.NAME"],
                            nearest: NearestName.find(entry.name, in: LogLevels.ownParts))
                    }
                    let text = try entry.value.scalarText(expected: "one of \(names.joined(separator: ", "))")
                    guard let level = LogLevel(rawValue: text) else {
                        throw .notOneOf(text, choices: names, nearest: NearestName.find(text, in: names))
                    }
                    levels[entry.name] = level
                }
                settings[keyPath: field] = levels
            })
    }

    /// A key of a later version: known, documented, and refused with the reason.
    static func later(_ path: String, _ type: String, because reason: String) -> Setting {
        Setting(
            path: path, type: type, help: "Not available in this version: \(reason).", availability: .later(reason),
            shape: .path,
            read: { _ in "" }, write: { (_, _, _) throws(ValueProblem) in })
    }
}

extension ClosedRange {
    fileprivate func check(_ value: Bound, _ text: String, _ write: (Bound) -> String) throws(ValueProblem) {
        guard contains(value) else {
            throw .outOfRange(text, low: write(lowerBound), high: write(upperBound))
        }
    }
}

/// YAML 1.2 booleans: `true` and `false`. Quotes do not matter for a key whose type is known, so that
/// `"${RULES:-false}"` works.
enum BooleanText {
    static func parse(_ text: String) throws(ValueProblem) -> Bool {
        switch text {
        case "true": return true
        case "false": return false
        default:
            switch text.lowercased() {
            case "yes", "on", "y", "1", "true", "t", "enabled": throw .notABoolean(text, suggestion: "true")
            case "no", "off", "n", "0", "false", "f", "disabled": throw .notABoolean(text, suggestion: "false")
            default: throw .notABoolean(text, suggestion: nil)
            }
        }
    }
}

extension YAMLNode {
    /// The text of a scalar, or an error that says what belongs here.
    func scalarText(expected: String) throws(ValueProblem) -> String {
        guard let text else { throw .wrongShape(found: summary == "empty" ? "nothing" : summary, expected: expected) }
        guard !text.utf8.contains(0) else { throw .holdsNull }
        return text
    }
}
