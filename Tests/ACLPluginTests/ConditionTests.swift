import Testing

@testable import AccessRules

/// Conditions of rules, the format of mosquitto, and addresses.
@Suite struct ConditionTests {
    private func rules(_ text: String) throws -> RuleSet {
        do {
            return try RuleSet(Array(text.utf8), name: "acl.yaml")
        } catch {
            Issue.record("\(error.all)")
            throw error
        }
    }

    private static let everyCondition = """
        rules:
          - { account: [acme], publish: "by/account" }
          - { certificate: CN-1, publish: "by/certificate" }
          - { listener: tls, publish: "by/listener" }
          - { address: [10.0.0.0/8, "2001:db8::/32"], publish: "by/address" }
          - { anonymous: true, publish: "by/nobody" }
          - { qos: [0, 1], publish: "by/qos", subscribe: "by/qos" }
          - { retain: false, publish: "by/retain" }
          - { user: u, address: 10.1.0.0/16, listener: tls, publish: "by/all" }
        """

    @Test(arguments: [
        ("account", AskedClient(user: "u", account: "acme"), AskedClient(user: "u", account: "other")),
        ("certificate", AskedClient(user: "u", certificate: "CN-1"), AskedClient(user: "CN-1")),
        ("listener", AskedClient(user: "u", listener: "tls"), AskedClient(user: "u")),
        ("address", AskedClient(address: "10.9.8.7:1"), AskedClient(address: "11.0.0.1:1")),
        ("address", AskedClient(address: "[2001:db8::5]:1"), AskedClient(address: "[2001:db9::5]:1")),
        ("address", AskedClient(address: "[::ffff:10.0.0.1]:1"), AskedClient(address: "unix")),
        ("nobody", AskedClient(user: ""), AskedClient(user: "u")),
        (
            "all", AskedClient(user: "u", listener: "tls", address: "10.1.2.3:1"),
            AskedClient(user: "u", listener: "tls", address: "10.2.2.3:1")
        ),
    ])
    func conditionDecides(topic: String, fulfils: AskedClient, doesNot: AskedClient) throws {
        let rules = try rules(Self.everyCondition)
        #expect(rules.decision(.publish, "by/\(topic)", by: fulfils).effect == .allow)
        #expect(rules.decision(.publish, "by/\(topic)", by: doesNot).effect == .deny)
    }

    @Test func messageDecides() throws {
        let rules = try rules(Self.everyCondition)
        let (client, anonymous) = (AskedClient(user: "u"), AskedClient())
        #expect(rules.decision(.publish, "by/qos", by: client, MessageTraits(qos: 1)).effect == .allow)
        #expect(rules.decision(.publish, "by/qos", by: client, MessageTraits(qos: 2)).effect == .deny)
        #expect(rules.decision(.subscribe, "by/qos", by: client, MessageTraits(qos: 2)).effect == .deny)
        // Whoever has got its subscription is sent messages of every QoS.
        #expect(rules.decision(.deliver, "by/qos", by: client, MessageTraits(qos: 2)).effect == .allow)
        #expect(rules.decision(.publish, "by/retain", by: client, MessageTraits(qos: 0, retain: true)).effect == .deny)
        #expect(rules.decision(.publish, "by/retain", by: client, MessageTraits(qos: 0)).effect == .allow)
        #expect(rules.decision(.publish, "x", by: anonymous).dependsOnTraits, "or the host would remember too much")
        let plain = try self.rules("rules:\n  - { user: u, publish: a }")
        #expect(!plain.decision(.publish, "a", by: client).dependsOnTraits)
    }

    @Test func rulesForDeliveryCutDownASubscription() throws {
        let rules = try rules(
            """
            rules:
              - { subscribe: "#", deliver: "tenant/%a/#" }
              - { deny: deliver, topic: "+/+/secret" }
            """)
        let client = AskedClient(account: "acme")
        #expect(rules.decision(.subscribe, "#", by: client).effect == .allow)
        #expect(rules.decision(.deliver, "tenant/acme/x", by: client).effect == .allow)
        #expect(rules.decision(.deliver, "tenant/other/x", by: client).effect == .deny)
        #expect(rules.decision(.deliver, "tenant/acme/secret", by: client).line == 3)
        #expect(rules.decision(.subscribe, "tenant/acme/secret", by: client).effect == .allow)
    }

    /// A client writes other clients' inboxes only inside its own account, and reads nobody's but its own.
    @Test func inboxesStayInsideTheAccount() throws {
        let rules = try rules("rules:\n  - { publish: \"inbox/%a/+\", subscribe: \"inbox/%a/%c\" }")
        let client = AskedClient(client: "c1", account: "acme")
        #expect(rules.decision(.publish, "inbox/acme/c2", by: client).effect == .allow)
        #expect(rules.decision(.publish, "inbox/other/c2", by: client).effect == .deny)
        #expect(rules.decision(.subscribe, "inbox/acme/c1", by: client).effect == .allow)
        for filter in ["inbox/acme/c2", "inbox/acme/+", "inbox/+/c1", "inbox/#", "inbox/other/c1"] {
            #expect(rules.decision(.subscribe, filter, by: client).effect == .deny, "\(filter)")
        }
        for account in ["", "+", "#", "a/b", "a\0"] {
            let crafted = AskedClient(client: "c1", account: account)
            #expect(rules.decision(.publish, "inbox/\(account)/c2", by: crafted).effect == .deny, "'\(account)'")
            #expect(rules.decision(.subscribe, "inbox/\(account)/c1", by: crafted).effect == .deny, "'\(account)'")
        }
    }

    @Test func claimsStandInFilters() throws {
        let rules = try rules("rules:\n  - { publish: \"plant/%{site}/line-%{line}/#\" }")
        let client = AskedClient(groups: ["staff", "site=berlin", "line=1", "line=2", "site=a/b"])
        for (topic, effect) in [
            ("plant/berlin/line-1/x", Effect.allow), ("plant/berlin/line-2/x", .allow),
            ("plant/berlin/line-3/x", .deny),
            ("plant/a/b/line-1/x", .deny), ("plant/staff/line-1/x", .deny),
        ] {
            #expect(rules.decision(.publish, topic, by: client).effect == effect, "\(topic)")
        }
    }

    // MARK: mosquitto

    private static let mosquitto = """
        # anonymous clients
        topic read public/#
        user alice
        topic readwrite home/%u/#
        topic write in/alice with blanks
        topic deny home/%u/locked
        topic both
        pattern read user/%u/%c/#
        pattern write 100%/%c
        """

    @Test(
        arguments: [
            (Action.publish, "home/%u/x", "alice", Effect.allow, 4),
            (.deliver, "home/%u/x", "alice", .allow, 4),
            (.deliver, "home/%u/locked", "alice", .deny, 6),
            (.publish, "in/alice with blanks", "alice", .allow, 5),
            (.deliver, "in/alice with blanks", "alice", .deny, nil),
            (.publish, "both", "alice", .allow, 7),
            (.deliver, "both", "alice", .allow, 7),
            (.publish, "both", "bob", .deny, nil),
            (.deliver, "public/x", "", .allow, 2),
            (.publish, "public/x", "", .deny, nil),
            (.deliver, "public/x", "alice", .deny, nil),
            (.deliver, "user/bob/c1/x", "bob", .allow, 8),
            (.deliver, "user/alice/c1/x", "bob", .deny, nil),
            (.publish, "100%/c1", "bob", .allow, 9),
            // Subscriptions are not refused there; what is delivered is cut down.
            (.subscribe, "#", "bob", .allow, nil),
        ] as [(Action, String, String, Effect, Int?)])
    func fileOfMosquittoMeansTheSameHere(
        action: Action, name: String, user: String, effect: Effect, line: Int?
    ) throws {
        let decision = try rules(Self.mosquitto).decision(action, name, client: "c1", user: user)
        #expect(decision.effect == effect && decision.line == line)
    }

    @Test func faultsOfAMosquittoFileNameTheirLines() {
        let text = "user alice\ntopic read a/#/b\nacl x\nuser\n"
        #expect(
            RuleFileTests.errors(text) == [
                "acl.yaml:2:1: filter 'a/#/b': '#' must be the last level [MQTT-4.7.1-1]",
                "acl.yaml:3:1: 'acl' is not known; a line begins with user, topic or pattern",
                "acl.yaml:4:1: 'user' needs a name",
            ])
    }

    // MARK: Addresses

    @Test(arguments: [
        ("10.0.0.7:51234", "10.0.0.7"), ("[::1]:51234", "::1"), ("::", "0:0:0:0:0:0:0:0"), ("1::", "1:0:0:0:0:0:0:0"),
        ("[1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8"), ("::ffff:1.2.3.4", "1.2.3.4"), ("1::8", "1:0:0:0:0:0:0:8"),
        ("a:b::7:8", "A:B:0:0:0:0:7:8"), ("1:2:3:4::8", "1:2:3:4:0:0:0:8"), ("[fe80::1%eth0]:1", "fe80::1"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func addressIsRead(text: String, same: String) {
        let address = IPAddress(Array(text.utf8).span)
        #expect(address != nil && address == IPAddress(Array(same.utf8).span))
    }

    @Test(arguments: [
        "", "unix", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1..2.3", ":", ":::", "1::2::3", "12345::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "[::1", "g::", "1:", "::1.2.3",
    ])
    func whatIsNoAddressIsNone(text: String) {
        #expect(IPAddress(Array(text.utf8).span) == nil)
    }

    @Test(arguments: [
        "10.0.0.0/33", "10.0.0.1/24", "::/129", "10.0.0.0/", "10.0.0.0/+8", "[::]/0", "a/8", "1.2.3.4/8/8",
    ])
    func whatIsNoRangeIsNone(text: String) {
        #expect(AddressRange(text) == nil)
    }
}
