import PluginABI
import PluginSDK
import Testing

@testable import ACLPlugin

/// Compiled rules against the slow reading of the same rules, on names chosen to collide.
@Suite struct RandomDecisionTests {
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
            return value ^ (value >> 31)
        }
    }

    private static let people = ["", "a", "b", "$SYS", "a/b", "+", "x#", "ä", "%c"]
    private static let plainLevels = ["", "a", "b", "ab", "$SYS", "ä", "%c"]
    private static let ruleLevels = ["", "a", "b", "ab", "$SYS", "ä", "+", "%c", "%u", "a%c", "%u-%c", "%%c", "+", "b"]

    private func levels(
        _ random: inout Seeded, from alphabet: [String], endingInHash: Bool
    ) -> String {
        var levels = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            alphabet.randomElement(using: &random) ?? ""
        }
        if endingInHash { levels[levels.count - 1] = "#" }
        let name = levels.joined(separator: "/")
        return name.isEmpty ? "a" : name
    }

    private func rules(_ random: inout Seeded) -> [ReferenceMatcher.Rule] {
        (1...Int.random(in: 1...12, using: &random)).map { line in
            ReferenceMatcher.Rule(
                line: line,
                users: Bool.random(using: &random) ? nil : [Self.people.randomElement(using: &random) ?? "a", "z"],
                clients: Int.random(in: 0..<3, using: &random) > 0
                    ? nil : [Self.people.randomElement(using: &random) ?? "a", "b"],
                effect: Int.random(in: 0..<3, using: &random) == 0 ? .deny : .allow,
                actions: Bool.random(using: &random) ? [.publish] : [.publish, .subscribe],
                filters: (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    let hash = Int.random(in: 0..<3, using: &random) == 0
                    return levels(&random, from: Self.ruleLevels, endingInHash: hash)
                })
        }
    }

    private func compile(_ rules: [ReferenceMatcher.Rule], _ defaultEffect: Effect) throws -> RuleSet {
        let compiled = try rules.map { rule in
            var conditions: [Audience.Condition] = []
            if let users = rule.users {
                conditions.append(.init(kind: .user, names: Set(users.filter { !$0.isEmpty }.map { Array($0.utf8) })))
            }
            if let clients = rule.clients {
                conditions.append(.init(kind: .client, names: Set(clients.map { Array($0.utf8) })))
            }
            var clauses: [AccessRule.Clause] = []
            for filter in try rule.filters.map(RuleFilter.init) {
                clauses += rule.actions.map { .init(action: $0, effect: rule.effect, filter: filter) }
            }
            return AccessRule(line: rule.line, audience: Audience(conditions: conditions), clauses: clauses)
        }
        return RuleSet(RuleFile(compiled, defaultEffect: defaultEffect), name: "acl.yaml")
    }

    @Test(arguments: 0..<10)
    func compiledRulesDecideAsTheReferenceDoes(seed: Int) throws {
        var random = Seeded(state: UInt64(seed))
        var answers: Set<String> = []
        for _ in 0..<200 {
            let written = rules(&random)
            let defaultEffect: Effect = Bool.random(using: &random) ? .deny : .allow
            let reference = ReferenceMatcher(rules: written, defaultEffect: defaultEffect)
            let compiled = try compile(written, defaultEffect)
            for _ in 0..<50 {
                let client = Self.people.randomElement(using: &random) ?? "a"
                let user = Self.people.randomElement(using: &random) ?? "a"
                let action: Action = Bool.random(using: &random) ? .publish : .subscribe
                let isFilter = action == .subscribe && Bool.random(using: &random)
                let name = levels(
                    &random, from: Self.plainLevels + (isFilter ? ["+", "+"] : []),
                    endingInHash: isFilter && Bool.random(using: &random))
                let expected = reference.decide(action, name, client: client, user: user)
                let decided = compiled.decision(action, name, client: client, user: user)
                if decided != expected {
                    Issue.record(
                        "seed \(seed): \(action) '\(name)' by '\(client)'/'\(user)': \(decided) under \(written)")
                }
                answers.insert("\(expected.effect) \(expected.line == nil)")
            }
        }
        #expect(answers.count == 4, "the random rules no longer reach every kind of answer")
    }

    /// What a subscription is allowed by, each of its topics is allowed by: else deliveries would be refused at random.
    @Test func filterThatCoversASubscriptionCoversEveryTopicOfIt() throws {
        var random = Seeded(state: 7)
        var seen = 0
        while seen < 1_000 {
            let wide = levels(&random, from: ["a", "b", "+", "$SYS"], endingInHash: Bool.random(using: &random))
            let narrow = levels(&random, from: ["a", "b", "+", "$SYS"], endingInHash: Bool.random(using: &random))
            let topic = levels(&random, from: ["a", "b", "$SYS"], endingInHash: false)
            let rule = AccessRule(
                line: 1, audience: Audience(conditions: []),
                clauses: [.init(action: .subscribe, effect: .allow, filter: try RuleFilter(wide))])
            let rules = RuleSet(RuleFile([rule], defaultEffect: .deny), name: "acl.yaml")
            guard ReferenceMatcher.covers(narrow, topic, client: "c", user: "u"),
                rules.decision(.subscribe, narrow, client: "c", user: "u").effect == .allow
            else { continue }
            seen += 1
            #expect(
                rules.decision(.subscribe, topic, client: "c", user: "u").effect == .allow,
                "\(wide) covers \(narrow), which matches \(topic)")
        }
    }
}

extension RuleSet {
    func decision(
        _ action: Action, _ name: String, client: String, user: String, groups: [String] = []
    ) -> Decision {
        let (name, id, user) = (Array(name.utf8), Array(client.utf8), Array(user.utf8))
        let names = groups.map { Array($0.utf8) }
        let copies = names.map { name in
            let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: name.count)
            copy.initialize(from: name, count: name.count)
            return hl_view(ptr: copy, len: UInt64(name.count))
        }
        defer { for view in copies { view.ptr.deallocate() } }
        return copies.withUnsafeBufferPointer { views in
            decide(action, name.span, by: Subject(client: id.span, user: user.span, groups: TextList(views)))
        }
    }
}
