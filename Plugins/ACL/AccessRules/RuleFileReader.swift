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
        var draft = Draft()
        for entry in entries { readEntry(entry, &draft) }
        conclude(&draft, of: node, hasNewErrors: errors.count > errorsBefore)
        guard errors.count == errorsBefore else { return }
        for (audience, clauses) in draft.parts where !clauses.isEmpty {
            rules.append(AccessRule(line: node.position.line, audience: audience, clauses: clauses))
        }
    }

    /// A rule while its keys are read.
    private struct Draft {
        var conditions: [Audience.Condition] = []
        /// Conditions on the message: they hold where one is published or a subscription is asked for.
        var traits: [Audience.Condition] = []
        var clauses: [AccessRule.Clause] = []
        var denied: (node: YAMLNode, actions: [Action])?
        var topics: YAMLNode?
        var deliver: YAMLNode?
        var retain: YAMLNode?
        var qos: YAMLNode?

        /// A rule about some QoS is two rules: what may be sent to a client that got its subscription does not depend
        /// on the QoS it asked for.
        var parts: [(Audience, [AccessRule.Clause])] {
            guard !traits.isEmpty else { return [(Audience(conditions: conditions), clauses)] }
            let sent = clauses.filter { $0.action == .deliver && $0.effect == .allow }
            return [
                (Audience(conditions: conditions + traits), clauses.filter { $0.action != .deliver }),
                (Audience(conditions: conditions), sent),
            ]
        }
    }

    private static let keys = [
        "user", "client", "group", "account", "certificate", "address", "listener", "anonymous", "qos", "retain",
        "publish", "subscribe", "deliver", "deny", "topic",
    ]

    private mutating func readEntry(_ entry: YAMLEntry, _ draft: inout Draft) {
        let value = entry.value
        switch entry.name {
        case "user": draft.conditions.append(names(.user, value, what: "a user name"))
        case "client": draft.conditions.append(names(.client, value, what: "a client id"))
        case "account": draft.conditions.append(names(.account, value, what: "an account"))
        case "certificate": draft.conditions.append(names(.certificate, value, what: "the identity of a certificate"))
        case "listener": draft.conditions.append(names(.listener, value, what: "the name of a listener"))
        case "group": draft.conditions.append(groupCondition(value))
        case "address": draft.conditions.append(addresses(value))
        case "anonymous":
            if value.boolean != true { fail(value, "anonymous is 'true' or left out, not \(value.summary)") }
            draft.conditions.append(.names(.user, [[]]))
        case "qos":
            draft.qos = value
            draft.traits.append(qos(value))
        case "retain":
            draft.retain = value
            if value.boolean == nil { fail(value, "retain is 'true' or 'false', not \(value.summary)") }
            draft.traits.append(.retain(value.boolean ?? false))
        case "publish": draft.clauses += clauses([.publish], .allow, value)
        case "subscribe": draft.clauses += clauses([.subscribe], .allow, value)
        case "deliver":
            draft.deliver = value
            draft.clauses += clauses([.deliver], .allow, value)
        case "deny": draft.denied = (value, actions(value))
        case "topic": draft.topics = value
        default: failUnknown(entry, known: Self.keys, in: "a rule")
        }
    }

    /// What the keys of a rule mean together.
    private mutating func conclude(_ draft: inout Draft, of node: YAMLNode, hasNewErrors: Bool) {
        let allows = !draft.clauses.isEmpty
        // Whoever may subscribe may be sent it, unless the rule says itself what is sent.
        if draft.deliver == nil {
            draft.clauses += draft.clauses.filter { $0.action == .subscribe }
                .map { AccessRule.Clause(action: .deliver, effect: .allow, filter: $0.filter) }
        }
        switch (draft.denied, draft.topics) {
        case (let denied?, let topics?):
            if allows { fail(node, "a rule allows or denies, not both; write two rules") }
            draft.clauses += clauses(denied.actions, .deny, topics)
        case (let denied?, nil):
            fail(denied.node, "'deny' needs a 'topic': the filter or filters that are denied")
        case (nil, let topics?):
            fail(topics, "'topic' belongs to 'deny'; to allow, write the filter behind 'publish' or 'subscribe'")
        case (nil, nil):
            if !allows, !hasNewErrors {
                fail(node, "this rule decides nothing; add 'publish', 'subscribe', 'deliver', or 'deny' with 'topic'")
            }
        }
        let users = draft.conditions.count { if case .names(.user, _) = $0 { true } else { false } }
        if users > 1 { fail(node, "a client is anonymous or has a user name; write two rules") }
        if let retain = draft.retain, draft.clauses.contains(where: { $0.action != .publish }) {
            fail(retain, "'retain' is about publishing; write a rule of its own for 'subscribe' and 'deliver'")
        }
        if let qos = draft.qos, draft.deliver != nil || draft.denied?.actions == [.deliver] {
            fail(qos, "'qos' is about publishing and subscribing; write a rule of its own for 'deliver'")
        }
    }

    private mutating func names(_ property: Audience.Property, _ node: YAMLNode, what: String) -> Audience.Condition {
        .names(property, Set(texts(node, what: what).map { Array($0.text.utf8) }))
    }

    /// A group is known by the log-in, by this file, or by both.
    private mutating func groupCondition(_ node: YAMLNode) -> Audience.Condition {
        let names = texts(node, what: "a group").map(\.text)
        let members = names.reduce(into: Set<[UInt8]>()) { $0.formUnion(groups[$1, default: []]) }
        return .groups(Set(names.map { Array($0.utf8) }), members: members)
    }

    private mutating func addresses(_ node: YAMLNode) -> Audience.Condition {
        let what = "an address or a range of them such as 10.0.0.0/8"
        var ranges: Set<AddressRange> = []
        for (text, node) in texts(node, what: what) {
            guard let range = AddressRange(text) else {
                fail(node, "'\(text)' is not \(what); bits behind the prefix are 0")
                continue
            }
            ranges.insert(range)
        }
        return .addresses(ranges)
    }

    private mutating func qos(_ node: YAMLNode) -> Audience.Condition {
        var mask: UInt8 = 0
        for (text, node) in texts(node, what: "a QoS") {
            switch text {
            case "0": mask |= 1
            case "1": mask |= 2
            case "2": mask |= 4
            default: fail(node, "qos is 0, 1, 2 or a list of them, not '\(text)'")
            }
        }
        return .qos(mask)
    }

    /// Denying to subscribe denies what is sent, too: what was subscribed before must stop.
    private mutating func actions(_ node: YAMLNode) -> [Action] {
        let written: [Action] = texts(node, what: "'publish', 'subscribe' or 'deliver'").compactMap { text, node in
            switch text {
            case "publish": return .publish
            case "subscribe": return .subscribe
            case "deliver": return .deliver
            default:
                fail(node, "deny takes 'publish', 'subscribe', 'deliver' or several of them, not '\(text)'")
                return nil
            }
        }
        guard written.contains(.subscribe), !written.contains(.deliver) else { return written }
        return written + [.deliver]
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
        case "ip", "ipaddr", "addresses", "peerhost": "address"
        case "cert", "common_name", "cn": "certificate"
        case "tenant": "account"
        case "receive": "deliver"
        case "acl", "rule": "rules"
        default: nil
        }
    }
}
