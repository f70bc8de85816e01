import Testing

@testable import AccessRules

@Suite struct RuleFileTests {
    static func errors(_ text: String) -> [String] {
        do {
            _ = try RuleFile(Array(text.utf8), name: "acl.yaml")
            return []
        } catch {
            return error.all.map(\.description)
        }
    }

    @Test func theFileOfTheManualIsRead() throws {
        let text = """
            default: deny
            groups:
              devices: [pump-1, pump-2]
            rules:
              - { user: dashboard, subscribe: "sensors/#" }
              - { group: devices, publish: "sensors/%c/#", subscribe: ["cmd/%c/#", news] }
              - { deny: [publish, subscribe], topic: "secret/#" }
              - user: [ops, admin]
                client: console
                publish: "#"
            """
        let file = try RuleFile(Array(text.utf8), name: "acl.yaml")
        #expect(file.defaults == [.publish: .deny, .subscribe: .deny, .deliver: .deny])
        #expect(file.rules.map(\.line) == [5, 6, 7, 8])
        #expect(file.rules.map(\.clauses.count) == [2, 5, 3, 1])
        let members: Set = [Array("pump-1".utf8), Array("pump-2".utf8)]
        #expect(file.rules[1].audience.conditions == [.groups([Array("devices".utf8)], members: members)])
        #expect(
            file.rules[3].audience.conditions == [
                .names(.user, [Array("ops".utf8), Array("admin".utf8)]), .names(.client, [Array("console".utf8)]),
            ])
    }

    @Test(arguments: [
        ("", "acl.yaml:1:1: an access rule file is a mapping with 'default', 'groups' and 'rules', not empty"),
        (
            "default: deny\n",
            "acl.yaml:1:1: no 'rules' in this file; write 'rules: []' to leave everything to the default"
        ),
        ("default: maybe\nrules: []", "acl.yaml:1:10: default is 'allow' or 'deny', not 'maybe'"),
        ("rules: 5", "acl.yaml:1:8: rules is a list, not '5'"),
        (
            "rules:\n  - alice",
            "acl.yaml:2:5: a rule is a mapping such as { user: alice, publish: \"a/#\" }, not 'alice'"
        ),
        (
            "rules:\n  - { user: a }",
            "acl.yaml:2:5: this rule decides nothing; add 'publish', 'subscribe', 'deliver', or 'deny' with 'topic'"
        ),
        (
            "rules:\n  - { username: a, publish: b }",
            "acl.yaml:2:7: unknown key 'username' in a rule; here it is called 'user'"
        ),
        (
            "rules:\n  - { colour: a, publish: b }",
            "acl.yaml:2:7: unknown key 'colour' in a rule; known are user, client, group, account, "
                + "certificate, address, listener, anonymous, qos, retain, publish, subscribe, deliver, deny, topic"
        ),
        (
            "rool: 1\nrules: []",
            "acl.yaml:1:1: unknown key 'rool' in an access rule file; known are default, groups, rules"
        ),
        (
            "rules:\n  - { publish: \"sensors/#/temp\" }",
            "acl.yaml:2:16: filter 'sensors/#/temp': '#' must be the last level [MQTT-4.7.1-1]"
        ),
        ("rules:\n  - { publish: \"a#\" }", "acl.yaml:2:16: filter 'a#': '#' must fill its level [MQTT-4.7.1-1]"),
        (
            "rules:\n  - { publish: [a, \"b+/c\"] }",
            "acl.yaml:2:20: filter 'b+/c': '+' must fill its level [MQTT-4.7.1-2]"
        ),
        (
            "rules:\n  - { publish: \"a/%x\" }",
            "acl.yaml:2:16: filter 'a/%x': after '%' comes c (client id), u (user name), "
                + "a (account), {name} (a claim) or % (a percent sign)"
        ),
        (
            "rules:\n  - { publish: \"a/50%\" }",
            "acl.yaml:2:16: filter 'a/50%': after '%' comes c (client id), u (user name), "
                + "a (account), {name} (a claim) or % (a percent sign)"
        ),
        (
            "rules:\n  - { subscribe: \"$share/g/a\" }",
            "acl.yaml:2:18: filter '$share/g/a': a shared subscription is checked by its filter; leave out "
                + "'$share/<group>/'"
        ),
        (
            "rules:\n  - { publish: \"a\\0b\" }",
            "acl.yaml:2:16: filter 'a?b': the null character is not allowed [MQTT-4.7.3-2]"
        ),
        ("rules:\n  - { publish: \"\" }", "acl.yaml:2:16: expected a topic filter or a list of them, not ''"),
        ("rules:\n  - { publish: [] }", "acl.yaml:2:16: an empty list; expected a topic filter or a list of them"),
        ("rules:\n  - { user: [[a]], publish: b }", "acl.yaml:2:14: expected a user name, not a list"),
        (
            "rules:\n  - { deny: publish }",
            "acl.yaml:2:13: 'deny' needs a 'topic': the filter or filters that are denied"
        ),
        (
            "rules:\n  - { deny: write, topic: a }",
            "acl.yaml:2:13: deny takes 'publish', 'subscribe', 'deliver' or several of them, not 'write'"
        ),
        (
            "rules:\n  - { topic: a }",
            "acl.yaml:2:14: 'topic' belongs to 'deny'; to allow, write the filter behind 'publish' or 'subscribe'"
        ),
        (
            "rules:\n  - { publish: a, deny: publish, topic: b }",
            "acl.yaml:2:5: a rule allows or denies, not both; write two rules"
        ),
        (
            "rules:\n  - { address: 10.0.0.7/8, publish: a }",
            "acl.yaml:2:16: '10.0.0.7/8' is not an address or a range of them such as 10.0.0.0/8; bits behind the "
                + "prefix are 0"
        ),
        ("rules:\n  - { qos: 3, publish: a }", "acl.yaml:2:12: qos is 0, 1, 2 or a list of them, not '3'"),
        (
            "rules:\n  - { retain: true, subscribe: a }",
            "acl.yaml:2:15: 'retain' is about publishing; write a rule of its own for 'subscribe' and 'deliver'"
        ),
        (
            "rules:\n  - { qos: 1, deliver: a }",
            "acl.yaml:2:12: 'qos' is about publishing and subscribing; write a rule of its own for 'deliver'"
        ),
        (
            "rules:\n  - { anonymous: true, user: a, publish: b }",
            "acl.yaml:2:5: a client is anonymous or has a user name; write two rules"
        ),
        (
            "rules:\n  - { anonymous: false, publish: b }",
            "acl.yaml:2:18: anonymous is 'true' or left out, not 'false'"
        ),
        ("rules: []\nrules: []", "acl.yaml:2:1: duplicate key 'rules'; it already stands in line 1"),
    ])
    func faultIsNamedWithItsPlace(text: String, message: String) {
        #expect(Self.errors(text) == [message])
    }

    @Test func allFaultsAreReportedInTheOrderOfTheFile() {
        let text = "default: x\nrules:\n  - { publish: \"a#\" }\n  - { client: c, topic: t }\n"
        #expect(Self.errors(text).map { $0.prefix(13) } == ["acl.yaml:1:10", "acl.yaml:3:16", "acl.yaml:4:25"])
    }

    @Test func depthOfAFilterIsBounded() {
        let deep = String(repeating: "a/", count: RuleFilter.maximumLevels) + "a"
        #expect(Self.errors("rules:\n  - { publish: \"\(deep)\" }").first?.contains("129 levels") == true)
    }
}
