internal import PositionedYAML

/// Turns the nodes of a rule file into rules and collects what is wrong on the way.
struct RuleFileReader {
    private(set) var errors: [RuleFileError]
    private(set) var defaultEffect = Effect.deny
    private(set) var rules: [AccessRule] = []
    /// User names by group.
    private var groups: [String: Set<[UInt8]>] = [:]

    /// - Parameter errors: what the YAML parser found.
    init(errors: [RuleFileError]) {
        self.errors = errors
    }

    mutating func read(_ root: YAMLNode) {
        guard let entries = root.entries else {
            fail(root, "an access rule file is a mapping with 'default', 'groups' and 'rules', not \(root.summary)")
            return
        }
        // Rules refer to groups, wherever these stand in the file.
        for entry in entries where entry.name == "groups" { readGroups(entry.value) }
        for entry in entries {
            switch entry.name {
            case "groups": continue
            case "default": readDefault(entry.value)
            case "rules": readRules(entry.value)
            default: failUnknown(entry, known: ["default", "groups", "rules"], in: "an access rule file")
            }
        }
        // An editor that empties the file before it writes must not lock everybody out for that moment.
        if !entries.contains(where: { $0.name == "rules" }) {
            fail(root, "no 'rules' in this file; write 'rules: []' to leave everything to the default")
        }
    }

    private mutating func readDefault(_ node: YAMLNode) {
        switch node.text {
        case "allow": defaultEffect = .allow
        case "deny": defaultEffect = .deny
        default: fail(node, "default is 'allow' or 'deny', not \(node.summary)")
        }
    }

    private mutating func readGroups(_ node: YAMLNode) {
        guard let entries = node.entries else {
            fail(node, "groups is a mapping from group to user names, such as 'devices: [pump-1, pump-2]'")
            return
        }
        for entry in entries {
            groups[entry.name] = Set(texts(entry.value, what: "a user name").map { Array($0.text.utf8) })
        }
    }

    private mutating func readRules(_ node: YAMLNode) {
        guard let elements = node.elements else {
            fail(node, "rules is a list, not \(node.summary)")
            return
        }
        for element in elements { readRule(element) }
    }

    private mutating func readRule(_ node: YAMLNode) {
        guard let entries = node.entries else {
            fail(node, "a rule is a mapping such as { user: alice, publish: \"a/#\" }, not \(node.summary)")
            return
        }
        let errorsBefore = errors.count
        var conditions: [Audience.Condition] = []
        var clauses: [AccessRule.Clause] = []
        var deniedActions: (node: YAMLNode, actions: [Action])?
        var topics: YAMLNode?
        for entry in entries {
            switch entry.name {
            case "user": conditions.append(condition(.user, entry.value, what: "a user name"))
            case "client": conditions.append(condition(.client, entry.value, what: "a client id"))
            case "group": conditions.append(groupCondition(entry.value))
            case "publish": clauses += self.clauses([.publish], .allow, entry.value)
            case "subscribe": clauses += self.clauses([.subscribe], .allow, entry.value)
            case "deny": deniedActions = (entry.value, actions(entry.value))
            case "topic": topics = entry.value
            default:
                let known = ["user", "client", "group", "publish", "subscribe", "deny", "topic"]
                failUnknown(entry, known: known, in: "a rule")
            }
        }
        let allows = !clauses.isEmpty
        switch (deniedActions, topics) {
        case (let denied?, let topics?):
            if allows { fail(node, "a rule allows or denies, not both; write two rules") }
            clauses += self.clauses(denied.actions, .deny, topics)
        case (let denied?, nil):
            fail(denied.node, "'deny' needs a 'topic': the filter or filters that are denied")
        case (nil, let topics?):
            fail(topics, "'topic' belongs to 'deny'; to allow, write the filter behind 'publish' or 'subscribe'")
        case (nil, nil):
            if !allows, errors.count == errorsBefore {
                fail(node, "this rule decides nothing; add 'publish', 'subscribe', or 'deny' with 'topic'")
            }
        }
        guard errors.count == errorsBefore else { return }
        conditions.sort { $0.kind.rawValue < $1.kind.rawValue }
        rules.append(AccessRule(line: node.position.line, audience: Audience(conditions: conditions), clauses: clauses))
    }

    private mutating func condition(
        _ kind: Audience.Condition.Kind, _ node: YAMLNode, what: String
    ) -> Audience.Condition {
        Audience.Condition(kind: kind, names: Set(texts(node, what: what).map { Array($0.text.utf8) }))
    }

    /// A group is known by the log-in, by this file, or by both.
    private mutating func groupCondition(_ node: YAMLNode) -> Audience.Condition {
        var condition = condition(.group, node, what: "a group")
        for name in condition.names {
            condition.members.formUnion(groups[String(decoding: name, as: UTF8.self), default: []])
        }
        return condition
    }

    private mutating func actions(_ node: YAMLNode) -> [Action] {
        texts(node, what: "'publish' or 'subscribe'").compactMap { text, node in
            switch text {
            case "publish": return .publish
            case "subscribe": return .subscribe
            default:
                fail(node, "deny takes 'publish', 'subscribe' or both, not '\(text)'")
                return nil
            }
        }
    }

    private mutating func clauses(_ actions: [Action], _ effect: Effect, _ node: YAMLNode) -> [AccessRule.Clause] {
        var clauses: [AccessRule.Clause] = []
        for (text, node) in texts(node, what: "a topic filter") {
            do throws(RuleFilterError) {
                let filter = try RuleFilter(text)
                clauses += actions.map { AccessRule.Clause(action: $0, effect: effect, filter: filter) }
            } catch {
                fail(node, error.message)
            }
        }
        return clauses
    }

    /// One text, or a list of at least one.
    private mutating func texts(_ node: YAMLNode, what: String) -> [(text: String, node: YAMLNode)] {
        let nodes = node.elements ?? [node]
        if nodes.isEmpty { fail(node, "an empty list; expected \(what) or a list of them") }
        return nodes.compactMap { element in
            guard let text = element.text, !text.isEmpty else {
                let alternative = node.elements == nil ? " or a list of them" : ""
                fail(element, "expected \(what)\(alternative), not \(element.summary)")
                return nil
            }
            return (text, element)
        }
    }

    private mutating func fail(_ node: YAMLNode, _ message: String) {
        errors.append(RuleFileError(position: node.position, message: message))
    }

    private mutating func failUnknown(_ entry: YAMLEntry, known: [String], in place: String) {
        let hint = Self.ourName(of: entry.name).map { "; here it is called '\($0)'" }
        let all = hint ?? "; known are \(known.joined(separator: ", "))"
        errors.append(
            RuleFileError(position: entry.position, message: "unknown key '\(entry.name)' in \(place)\(all)"))
    }

    /// What other brokers call our keys.
    private static func ourName(of key: String) -> String? {
        switch key {
        case "username", "users", "usernames": "user"
        case "clientid", "client_id", "clients": "client"
        case "topics", "filter", "filters", "pattern": "topic"
        case "write", "pub": "publish"
        case "read", "sub": "subscribe"
        case "groups", "role", "roles": "group"
        case "acl", "rule": "rules"
        default: nil
        }
    }
}
