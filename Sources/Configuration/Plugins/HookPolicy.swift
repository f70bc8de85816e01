public import PositionedYAML

/// What an entry of plugins.yaml says about one hook of its plugin (`hooks: { acl.publish: { ... } }`); nil leaves what
/// the hook, or the plugin, has.
public struct HookPolicy: Hashable, Sendable {
    /// What an error or a missed deadline counts as.
    public enum Failure: String, CaseIterable, Sendable {
        case deny
        /// The next plugin decides; when all abstain, the default of the hook holds.
        case abstain
    }

    /// What an allow of this plugin means.
    public enum Chain: String, CaseIterable, Sendable {
        /// It decides: no later plugin is asked.
        case firstDecides = "first-decides"
        /// The later plugins are asked as well, and one deny is enough.
        case allMustAllow = "all-must-allow"
    }

    /// As written: `acl.publish`.
    public let hook: String
    /// How long an answer may take; for a hook that cannot wait, what is told to the plugin. More than zero.
    public var deadline: Duration?
    /// What an error or a missed deadline counts as.
    public var onFailure: Failure?
    /// What an allow of this plugin means.
    public var chain: Chain?
    /// Where it stands.
    public let position: SourcePosition

    /// Says nothing yet.
    public init(hook: String, position: SourcePosition) {
        self.hook = hook
        self.position = position
    }

    /// A deadline as it is written, down to microseconds.
    static func text(_ deadline: Duration) -> String {
        let (seconds, attoseconds) = deadline.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        return microseconds % 1000 == 0 ? DurationText.text(deadline) : "\(microseconds)us"
    }

    /// What it means, wherever it stands in the file.
    public var definition: String {
        let failure = onFailure?.rawValue ?? ""
        return "\(hook)=\(deadline.map { "\($0)" } ?? "") \(failure) \(chain?.rawValue ?? "")"
    }
}

extension ConfigurationReader {
    private static let policyKeys = ["deadline", "on_failure", "policy"]
    /// A verdict that takes longer is of no use to anybody.
    private static let longestDeadline = Duration.seconds(300)

    /// The mapping under `hooks`. Whether the hooks exist, and can have what is said, is for the loader to know.
    mutating func hookPolicies(_ node: YAMLNode) -> [HookPolicy] {
        let shape = "a mapping, such as { acl.publish: { deadline: 500ms, on_failure: deny } }"
        guard let hooks = node.entries else {
            report(.value(.wrongShape(found: node.summary, expected: shape)), at: node.position)
            return []
        }
        var policies: [HookPolicy] = []
        for hook in hooks {
            guard let keys = hook.value.entries else {
                report(.value(.wrongShape(found: hook.value.summary, expected: shape)), at: hook.value.position)
                continue
            }
            var policy = HookPolicy(hook: hook.name, position: hook.position)
            for key in keys {
                switch key.name {
                case "deadline": policy.deadline = deadline(key.value)
                case "on_failure": policy.onFailure = word(key.value)
                case "policy": policy.chain = word(key.value)
                default:
                    let hint = NearestName.find(key.name, in: Self.policyKeys).map { KeyHint.nearest($0) }
                    report(
                        .unknownKey(key.name, section: "a hook's policy", hint: hint ?? .known(Self.policyKeys)),
                        at: key.position)
                }
            }
            policies.append(policy)
        }
        return policies
    }

    private mutating func deadline(_ node: YAMLNode) -> Duration? {
        attempt(
            { () throws(ValueProblem) in
                let text = try node.scalarText(expected: "a duration")
                let duration = try Self.duration(text)
                guard duration > .zero, duration <= Self.longestDeadline else {
                    throw ValueProblem.outOfRange(text, low: "1us", high: "5m")
                }
                return duration
            }, at: node.position)
    }

    /// As everywhere, and in microseconds: what an event loop can spare for one call is less than a millisecond.
    private static func duration(_ text: String) throws(ValueProblem) -> Duration {
        if text.hasSuffix("us"), let count = Int64(text.dropLast(2)), count < 1_000_000_000 {
            return .microseconds(count)
        }
        return try DurationText.parse(text)
    }

    private mutating func word<Value: RawRepresentable<String> & CaseIterable>(_ node: YAMLNode) -> Value? {
        if let value = node.text.flatMap({ Value(rawValue: $0) }) { return value }
        let (text, words) = (node.text ?? node.summary, Value.allCases.map(\.rawValue))
        report(
            .value(.notOneOf(text, choices: words, nearest: NearestName.find(text, in: words))), at: node.position)
        return nil
    }
}
