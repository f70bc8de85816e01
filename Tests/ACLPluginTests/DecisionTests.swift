import Testing

@testable import AccessRules

/// The meaning of the rule file, one row per sentence of its manual.
@Suite struct DecisionTests {
    private static let file = """
        default: deny
        groups: { devices: [pump-1, pump-2] }
        rules:
          - { user: dashboard, subscribe: "sensors/#" }
          - { group: devices, publish: "sensors/%c/#", subscribe: "cmd/%c/#" }
          - { deny: [publish, subscribe], topic: "secret/#" }
          - { user: root, publish: "#", subscribe: ["#", "$SYS/#"] }
          - { user: pair, client: one, publish: both }
          - { publish: "home/%u/%c-out", subscribe: "%c/in" }
          - { user: plus, subscribe: "a/+/c" }
          - { group: devices, client: c9, publish: "line/11" }
        """

    private func decide(
        _ action: Action, _ name: String, client: String = "c1", user: String = "", groups: [String] = [],
        file: String = Self.file
    ) throws -> Decision {
        let file = try RuleFile(Array(file.utf8), name: "acl.yaml")
        return RuleSet(file, name: "acl.yaml")
            .decision(action, name, client: client, user: user, groups: groups)
    }

    @Test(
        arguments: [
            (Action.subscribe, "sensors/#", "c1", "dashboard", Effect.allow, 4),
            (.subscribe, "sensors", "c1", "dashboard", .allow, 4),
            (.subscribe, "sensors/+/temp", "c1", "dashboard", .allow, 4),
            (.publish, "sensors/a", "c1", "dashboard", .deny, nil),
            (.subscribe, "sensors/#", "c1", "somebody", .deny, nil),
            (.publish, "sensors/c1/temp", "c1", "pump-1", .allow, 5),
            (.publish, "sensors/c2/temp", "c1", "pump-1", .deny, nil),
            (.publish, "sensors/c1/temp", "c1", "pump-3", .deny, nil),
            // Deny wins, wherever it stands, and only where it covers the request.
            (.publish, "secret/x", "c1", "root", .deny, 6),
            (.subscribe, "secret/+", "c1", "root", .deny, 6),
            (.subscribe, "#", "c1", "root", .allow, 7),
            // Topics that begin with '$' are not reached by wildcards [MQTT-4.7.2-1].
            (.publish, "$SYS/broker", "c1", "root", .deny, nil),
            (.subscribe, "$SYS/broker/#", "c1", "root", .allow, 7),
            (.subscribe, "+/broker", "c1", "root", .allow, 7),
            // All conditions of a rule must hold.
            (.publish, "both", "one", "pair", .allow, 8),
            (.publish, "both", "two", "pair", .deny, nil),
            (.publish, "both", "one", "other", .deny, nil),
            (.publish, "line/11", "c9", "pump-2", .allow, 11),
            (.publish, "line/11", "c8", "pump-2", .deny, nil),
            // Placeholders as part of a level; nobody's name stands for nothing.
            (.publish, "home/u/c1-out", "c1", "u", .allow, 9),
            (.publish, "home//c1-out", "c1", "", .deny, nil),
            (.subscribe, "c1/in", "c1", "", .allow, 9),
            // A value that is no plain level never matches.
            (.subscribe, "a/b/in", "a/b", "", .deny, nil),
            (.subscribe, "+/in", "+", "", .deny, nil),
            (.subscribe, "#", "#", "", .deny, nil),
            (.subscribe, "$SYS/in", "$SYS", "", .deny, nil),
            // A filter must be covered by one filter.
            (.subscribe, "a/b/c", "c1", "plus", .allow, 10),
            (.subscribe, "a/+/c", "c1", "plus", .allow, 10),
            (.subscribe, "a/+/+", "c1", "plus", .deny, nil),
            (.subscribe, "a/#", "c1", "plus", .deny, nil),
        ] as [(Action, String, String, String, Effect, Int?)])
    func ruleDecides(
        action: Action, name: String, client: String, user: String, effect: Effect, line: Int?
    ) throws {
        let decision = try decide(action, name, client: client, user: user)
        #expect(decision == Decision(effect: effect, line: line))
    }

    @Test func groupsComeFromTheLogInToo() throws {
        #expect(try decide(.publish, "sensors/c1/t", user: "x", groups: ["staff", "devices"]).line == 5)
        #expect(try decide(.publish, "sensors/c1/t", groups: ["devices"]).line == 5)
        #expect(try decide(.publish, "line/11", client: "c9", groups: ["devices"]).line == 11)
        #expect(try decide(.publish, "line/11", client: "c9", groups: ["staff"]).line == nil)
        // A user's name is not a group's.
        #expect(try decide(.publish, "sensors/c1/t", user: "devices").line == nil)
        #expect(try decide(.publish, "sensors/c1/t", groups: ["pump-1"]).line == nil)
    }

    @Test func orderOfTheRulesDoesNotMatter() throws {
        let allow = "  - { publish: \"a/#\" }"
        let deny = "  - { deny: publish, topic: \"a/b\" }"
        for rules in [[allow, deny], [deny, allow]] {
            let file = "rules:\n" + rules.joined(separator: "\n")
            #expect(try decide(.publish, "a/b", file: file).effect == .deny)
            #expect(try decide(.publish, "a/c", file: file).effect == .allow)
        }
    }

    @Test func denyDecidesWithoutAWord() throws {
        #expect(try decide(.publish, "a", file: "rules: []") == Decision(effect: .deny, line: nil))
        #expect(try decide(.publish, "a", file: "default: allow\nrules: []") == Decision(effect: .allow, line: nil))
    }

    @Test func multiLevelWildcardAfterSingleLevelOneAtTheRootMeansAllTopics() throws {
        #expect(try decide(.subscribe, "#", file: "rules:\n  - { subscribe: \"+/#\" }").effect == .allow)
    }

    @Test func longestTopicDoesNotExhaustTheStack() throws {
        let topic = String(repeating: "/", count: 65_535)
        let file = "rules:\n  - { publish: \"+/+/+/#\" }\n  - { deny: publish, topic: \"/////////x/#\" }"
        #expect(try decide(.publish, topic, file: file).effect == .allow)
    }
}
