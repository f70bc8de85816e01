@testable import ACLPlugin

/// The slow, obvious reading of the rules that decisions are compared with: every rule, every filter, level by level,
/// on strings, with placeholders put in as text. It shares no code with `RuleSet`.
struct ReferenceMatcher {
    struct Rule {
        var line: Int
        var users: [String]?
        var clients: [String]?
        var effect: Effect
        var actions: Set<Action>
        var filters: [String]
    }

    var rules: [Rule]
    var defaultEffect: Effect

    func decide(_ action: Action, _ name: String, client: String, user: String) -> Decision {
        let applicable = rules.filter { rule in
            rule.actions.contains(action)
                && (rule.users.map { !user.isEmpty && $0.contains(user) } ?? true)
                && (rule.clients.map { $0.contains(client) } ?? true)
                && rule.filters.contains { Self.covers($0, name, client: client, user: user) }
        }
        for effect in [Effect.deny, .allow] {
            if let line = applicable.filter({ $0.effect == effect }).map(\.line).min() {
                return Decision(effect: effect, line: line)
            }
        }
        return Decision(effect: defaultEffect, line: nil)
    }

    static func covers(_ filter: String, _ name: String, client: String, user: String) -> Bool {
        var levels: [String] = []
        for (index, level) in filter.split(separator: "/", omittingEmptySubsequences: false).enumerated() {
            guard let expanded = expand(String(level), client: client, user: user) else { return false }
            if index == 0, expanded.hasPrefix("$"), level.hasPrefix("%") { return false }
            levels.append(expanded)
        }
        let requested = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        return covers(levels, requested, first: true)
    }

    /// nil when a placeholder's value could not stand in a topic level.
    private static func expand(_ level: String, client: String, user: String) -> String? {
        var result = ""
        var rest = Substring(level)
        while let character = rest.popFirst() {
            guard character == "%" else {
                result.append(character)
                continue
            }
            let selector = rest.popFirst()
            if selector == "%" {
                result.append("%")
                continue
            }
            let value = selector == "c" ? client : user
            if value.isEmpty || value.contains(where: { "+#/\0".contains($0) }) { return nil }
            result += value
        }
        return result
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
