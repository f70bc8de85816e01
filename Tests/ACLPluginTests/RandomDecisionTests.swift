import Glibc
import PluginABI
import PluginSDK
import Testing

@testable import AccessRules

/// Compiled rules against the slow reading of the same rules, on names chosen to collide: 40,000 decisions;
/// `HOOKLINE_DECISIONS=1000000` makes it a million.
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

        mutating func oneIn(_ number: Int) -> Bool { Int.random(in: 0..<number, using: &self) == 0 }
        mutating func some(_ choices: [String]) -> String { choices.randomElement(using: &self) ?? "a" }
        /// Mostly nothing; else one or two of them.
        mutating func perhaps(_ choices: [String], oneIn number: Int) -> [String]? {
            oneIn(number) ? [some(choices), some(choices)] : nil
        }
    }

    private static let people = ["", "a", "b", "$SYS", "a/b", "+", "x#", "ä", "%c"]
    private static let groups = ["g", "h", "site=a", "site=b", "site=a/b", "site=", "sit=a", "zone=ä"]
    private static let addresses = ["10.0.0.1:1", "10.0.1.1:1", "10.128.0.1:1", "11.0.0.1:1"]
    private static let ranges = [
        "10.0.0.0/8", "10.0.0.0/24", "10.0.0.1/32", "10.128.0.0/9", "0.0.0.0/0", "11.0.0.0/31",
    ]
    private static let plainLevels = ["", "a", "b", "ab", "$SYS", "ä", "%c", "aa"]
    private static let ruleLevels = [
        "", "a", "b", "ab", "$SYS", "ä", "+", "%c", "%u", "a%c", "%u-%c", "%%c", "+", "b", "%a", "%{site}",
        "%{site}%{zone}", "a%{site}",
    ]
    private static let decisionsPerSeed =
        (getenv("HOOKLINE_DECISIONS").flatMap { Int(String(cString: $0)) } ?? 40_000) / 10

    private func levels(_ random: inout Seeded, from alphabet: [String], endingInHash: Bool) -> String {
        var levels = (0..<Int.random(in: 1...4, using: &random)).map { _ in random.some(alphabet) }
        if endingInHash { levels[levels.count - 1] = "#" }
        let name = levels.joined(separator: "/")
        return name.isEmpty ? "a" : name
    }

    private func rules(_ random: inout Seeded) -> [ReferenceMatcher.Rule] {
        (1...Int.random(in: 1...12, using: &random)).map { line in
            ReferenceMatcher.Rule(
                line: line,
                users: random.perhaps(Self.people, oneIn: 3), clients: random.perhaps(Self.people, oneIn: 4),
                accounts: random.perhaps(["a", "b"], oneIn: 8), certificates: random.perhaps(["a", "b"], oneIn: 12),
                listeners: random.perhaps(["tcp", "tls"], oneIn: 8), groups: random.perhaps(["g", "h"], oneIn: 6),
                members: random.perhaps(["a", "b"], oneIn: 2) ?? [], ranges: random.perhaps(Self.ranges, oneIn: 6),
                qos: random.oneIn(8) ? [UInt8.random(in: 0...2, using: &random), 1] : nil,
                retain: random.oneIn(10) ? Bool.random(using: &random) : nil,
                effect: random.oneIn(3) ? .deny : .allow,
                actions: Set(Action.allCases.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random))),
                filters: (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    let hash = random.oneIn(3)
                    return levels(&random, from: Self.ruleLevels, endingInHash: hash)
                })
        }
    }

    private func audience(_ rule: ReferenceMatcher.Rule) throws -> Audience {
        var conditions: [Audience.Condition] = []
        let named: [(Audience.Property, [String]?)] = [
            (.user, rule.users), (.client, rule.clients), (.account, rule.accounts),
            (.certificate, rule.certificates), (.listener, rule.listeners),
        ]
        for case (let property, let names?) in named {
            conditions.append(.names(property, Set(names.map { Array($0.utf8) })))
        }
        if let groups = rule.groups {
            let members = Set(rule.members.map { Array($0.utf8) })
            conditions.append(.groups(Set(groups.map { Array($0.utf8) }), members: members))
        }
        if let ranges = rule.ranges {
            conditions.append(.addresses(Set(try ranges.map { try #require(AddressRange($0)) })))
        }
        if let qos = rule.qos { conditions.append(.qos(qos.reduce(0) { $0 | 1 << $1 })) }
        if let retain = rule.retain { conditions.append(.retain(retain)) }
        return Audience(conditions: conditions)
    }

    private func compile(_ rules: [ReferenceMatcher.Rule], _ defaultEffect: Effect) throws -> RuleSet {
        let compiled = try rules.map { rule in
            var clauses: [AccessRule.Clause] = []
            for filter in try rule.filters.map({ try RuleFilter($0) }) {
                clauses += rule.actions.map { .init(action: $0, effect: rule.effect, filter: filter) }
            }
            return AccessRule(line: rule.line, audience: try audience(rule), clauses: clauses)
        }
        return RuleSet(RuleFile(compiled, defaultEffect: defaultEffect), name: "acl.yaml")
    }

    private func client(_ random: inout Seeded) -> AskedClient {
        AskedClient(
            client: random.some(Self.people), user: random.some(Self.people),
            account: random.some(["", "a", "b", "x+"]),
            certificate: random.some(["", "a", "b"]), listener: random.some(["tcp", "tls"]),
            address: random.some(Self.addresses),
            groups: (0..<Int.random(in: 0...3, using: &random)).map { _ in random.some(Self.groups) })
    }

    @Test(arguments: 0..<10)
    func compiledRulesDecideAsTheReferenceDoes(seed: Int) throws {
        var random = Seeded(state: UInt64(seed))
        var answers: Set<String> = []
        for _ in 0..<(Self.decisionsPerSeed / 50) {
            let written = rules(&random)
            let defaultEffect: Effect = Bool.random(using: &random) ? .deny : .allow
            let reference = ReferenceMatcher(rules: written, defaultEffect: defaultEffect)
            let compiled = try compile(written, defaultEffect)
            for _ in 0..<50 {
                let asked = client(&random)
                let action = Action.allCases.randomElement(using: &random) ?? .publish
                let traits = MessageTraits(
                    qos: UInt8.random(in: 0...2, using: &random), retain: Bool.random(using: &random))
                let isFilter = action == .subscribe && Bool.random(using: &random)
                let name = levels(
                    &random, from: Self.plainLevels + (isFilter ? ["+", "+"] : []),
                    endingInHash: isFilter && Bool.random(using: &random))
                let expected = reference.decide(action, name, traits, by: asked)
                let decided = compiled.decision(action, name, by: asked, traits)
                if decided.effect != expected.effect || decided.line != expected.line {
                    Issue.record("seed \(seed): \(action) '\(name)' by \(asked): \(decided) under \(written)")
                }
                answers.insert("\(expected.effect) \(expected.line == nil)")
                guard !decided.dependsOnTraits else { continue }
                let other = MessageTraits(qos: (traits.qos + 1) % 3, retain: !traits.retain)
                #expect(compiled.decision(action, name, by: asked, other) == decided, "would be remembered wrongly")
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
            guard ReferenceMatcher.covers(narrow, topic, AskedClient()),
                rules.decision(.subscribe, narrow, client: "c", user: "u").effect == .allow
            else { continue }
            seen += 1
            #expect(
                rules.decision(.subscribe, topic, client: "c", user: "u").effect == .allow,
                "\(wide) covers \(narrow), which matches \(topic)")
        }
    }
}
