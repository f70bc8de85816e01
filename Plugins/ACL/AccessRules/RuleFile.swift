internal import PositionedYAML

/// An access rule file, read and checked: what `acl.yaml` says, not yet compiled.
///
///     default: deny
///     groups:
///       devices: [pump-1, pump-2]
///     rules:
///       - { user: dashboard, subscribe: "sensors/#" }
///       - { group: devices, publish: "sensors/%c/#", subscribe: "cmd/%c/#" }
///       - { deny: [publish, subscribe], topic: "secret/#" }
///
/// A file of mosquitto (`acl_file`) is known by its first word and read as well.
struct RuleFile: Equatable {
    /// What holds for each action where no rule applies.
    let defaults: [Action: Effect]
    let rules: [AccessRule]

    init(_ rules: [AccessRule], defaults: [Action: Effect]) {
        self.rules = rules
        self.defaults = defaults
    }

    init(_ rules: [AccessRule], defaultEffect: Effect) {
        self.init(rules, defaults: Self.same(defaultEffect))
    }

    /// Number of rules as they stand in the file; one may have become several here.
    var count: Int { Set(rules.map(\.line)).count }

    /// Far above any file written by hand, and small enough that a wrong path cannot exhaust the broker.
    static let maximumBytes = 16 << 20
    private static let limits = YAMLLimits(maxBytes: maximumBytes, maxDepth: 8, maxNodes: 2_000_000)

    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - name: the file's name as messages show it.
    /// - Throws: everything that is wrong with the file, in one go.
    init(_ bytes: [UInt8], name: String) throws(RuleFileErrors) {
        if MosquittoRuleFile.isOne(bytes) {
            self = try MosquittoRuleFile.read(bytes, name: name)
            return
        }
        let (root, problems) = YAMLParser.parseCollecting(bytes, file: name, limits: Self.limits)
        var reader = RuleFileReader(errors: problems.map { RuleFileError(position: $0.position, message: $0.message) })
        if let root { reader.read(root) }
        guard reader.errors.isEmpty else { throw RuleFileErrors(reader.errors) }
        self.init(reader.rules, defaultEffect: reader.defaultEffect)
    }

    private static func same(_ effect: Effect) -> [Action: Effect] {
        Dictionary(uniqueKeysWithValues: Action.allCases.map { ($0, effect) })
    }
}

/// One thing that is wrong with a rule file.
package struct RuleFileError: Error, Equatable, CustomStringConvertible {
    let position: SourcePosition
    let message: String

    /// `acl.yaml:12:18: filter 'sensors/#/temp': '#' must be the last level [MQTT-4.7.1-1]`
    package var description: String { "\(position): \(message)" }
}

/// All that is wrong with a rule file, in the order of the file; never empty.
package struct RuleFileErrors: Error, Equatable {
    package let all: [RuleFileError]

    init(_ errors: [RuleFileError]) {
        precondition(!errors.isEmpty, "a file is refused for a reason")
        all = errors.sorted { $0.position < $1.position }
    }
}
