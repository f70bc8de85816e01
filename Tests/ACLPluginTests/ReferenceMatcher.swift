@testable import AccessRules

/// The slow, obvious reading of the rules that decisions are compared with: every rule, every filter, level by level,
/// on strings, with placeholders put in as text. It shares no code with `RuleSet`.
struct ReferenceMatcher {
    struct Rule {
        var line: Int
        var users: [String]?
        var clients: [String]?
        var accounts: [String]?
        var certificates: [String]?
        var listeners: [String]?
        /// The first one has the members.
        var groups: [String]?
        var members: [String] = []
        /// "10.0.0.0/8", IPv4 only.
        var ranges: [String]?
        var qos: Set<UInt8>?
        var retain: Bool?
        var effect: Effect
        var actions: Set<Action>
        var filters: [String]
    }

    var rules: [Rule]
    var defaultEffect: Effect

    func decide(_ action: Action, _ name: String, _ traits: MessageTraits, by asked: AskedClient) -> Decision {
        let applicable = rules.filter { rule in
            rule.actions.contains(action) && Self.isAbout(asked, rule)
                && rule.qos?.contains(traits.qos) != false && (rule.retain ?? traits.retain) == traits.retain
                && rule.filters.contains { Self.covers($0, name, asked) }
        }
        for effect in [Effect.deny, .allow] {
            if let line = applicable.filter({ $0.effect == effect }).map(\.line).min() {
                return Decision(effect: effect, line: line)
            }
        }
        return Decision(effect: defaultEffect, line: nil)
    }

    private static func isAbout(_ asked: AskedClient, _ rule: Rule) -> Bool {
        if let users = rule.users, !users.contains(asked.user) { return false }
        if let clients = rule.clients, !clients.contains(asked.client) { return false }
        if let accounts = rule.accounts, !accounts.contains(asked.account) { return false }
        if let certificates = rule.certificates, !certificates.contains(asked.certificate) { return false }
        if let listeners = rule.listeners, !listeners.contains(asked.listener) { return false }
        if let groups = rule.groups {
            let isMember = !asked.user.isEmpty && rule.members.contains(asked.user)
            guard isMember || asked.groups.contains(where: groups.contains) else { return false }
        }
        if let ranges = rule.ranges {
            let bits = bits(of: String(asked.address.split(separator: ":")[0]))
            let isInside = ranges.contains { range in
                let parts = range.split(separator: "/").map(String.init)
                return bits.hasPrefix(self.bits(of: parts[0]).prefix(Int(parts[1]) ?? 0))
            }
            guard isInside else { return false }
        }
        return true
    }

    /// "10.0.0.1" as 32 characters 0 and 1.
    private static func bits(of address: String) -> String {
        address.split(separator: ".").map { number in
            let digits = String(Int(number) ?? 0, radix: 2)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    static func covers(_ filter: String, _ name: String, _ asked: AskedClient) -> Bool {
        var expansions: [[String]] = [[]]
        for (index, level) in filter.split(separator: "/", omittingEmptySubsequences: false).enumerated() {
            let values = expand(String(level), asked).filter { value in
                !(index == 0 && value.hasPrefix("$") && level.hasPrefix("%"))
            }
            expansions = expansions.flatMap { known in values.map { known + [$0] } }
        }
        let requested = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        return expansions.contains { covers($0, requested, first: true) }
    }

    /// Every text that a level can stand for; none when a placeholder's value could not stand in a topic level.
    private static func expand(_ level: String, _ asked: AskedClient) -> [String] {
        guard let percent = level.firstIndex(of: "%") else { return [level] }
        let head = String(level[..<percent])
        var rest = level[level.index(after: percent)...]
        var values: [String] = []
        switch rest.removeFirst() {
        case "%": values = ["%"]
        case "c": values = usable(asked.client)
        case "u": values = usable(asked.user)
        case "a": values = usable(asked.account)
        default:
            let name = rest.prefix { $0 != "}" }
            rest = rest.dropFirst(name.count + 1)
            values = asked.groups.filter { $0.hasPrefix("\(name)=") }
                .flatMap { usable(String($0.dropFirst(name.count + 1))) }
        }
        let tails = expand(String(rest), asked)
        return values.flatMap { value in tails.map { head + value + $0 } }
    }

    private static func usable(_ value: String) -> [String] {
        value.isEmpty || value.contains(where: { "+#/\0".contains($0) }) ? [] : [value]
    }

    private static func covers(_ filter: [String], _ name: [String], first: Bool) -> Bool {
        guard let level = filter.first else { return name.isEmpty }
        let wildcardApplies = !(first && name.first?.hasPrefix("$") == true)
        if level == "#" { return wildcardApplies }
        // `+/#` says the same as `#` where a topic begins.
        if first, filter == ["+", "#"] { return wildcardApplies }
        guard let own = name.first, own != "#" else { return false }
        guard level == own || (level == "+" && wildcardApplies) else { return false }
        return covers(Array(filter.dropFirst()), Array(name.dropFirst()), first: false)
    }
}
