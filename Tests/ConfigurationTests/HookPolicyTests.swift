import Configuration
import Testing

/// `hooks` of a plugin's entry.
@Suite struct HookPolicyTests {
    @Test func `deadline, failure verdict and policy of a hook are read, in the order of the file`() throws {
        let loaded = try load(
            """
            plugins:
              - id: acl
                hooks:
                  acl.publish: { deadline: 250ms, on_failure: abstain, policy: first-decides }
                  acl.deliver: { deadline: 20us }
            """)
        let policies = try #require(loaded.configuration.plugins.first).hooks
        #expect(policies.map(\.hook) == ["acl.publish", "acl.deliver"])
        #expect(policies[0].deadline == .milliseconds(250))
        #expect(policies[0].onFailure == .abstain && policies[0].chain == .firstDecides)
        #expect(policies[1].deadline == .microseconds(20))
        #expect(policies[1].onFailure == nil && policies[1].chain == nil)
    }

    @Test(
        arguments: [
            ("acl.publish: { deadline: 0 }", "plugins.yaml:1:57: '0' is out of range; allowed is 1us to 5m"),
            ("acl.publish: { deadline: unlimited }", "'unlimited' is not a duration"),
            ("acl.publish: { deadline: 1h }", "'1h' is out of range"),
            ("acl.publish: { on_failure: alow }", "'alow' is not one of deny, abstain"),
            ("acl.publish: { policy: all }", "'all' is not one of first-decides, all-must-allow"),
            ("acl.publish: { dedline: 1s }", "unknown key 'dedline' in a hook's policy"),
            ("acl.publish: deny", "a mapping, such as"),
        ])
    func `what cannot be is said with its place`(written: String, expected: String) throws {
        let all = try messages("plugins: [ { id: acl, hooks: { \(written) } } ]")
        #expect(all.count == 1 && all[0].contains(expected), "\(all)")
    }

    @Test func `grants and policies are shown as they hold`() throws {
        let written = """
            plugins: [ { id: acl, grants: [log], hooks: { acl.publish: { deadline: 250ms, on_failure: deny } } } ]
            """
        let shown = ConfigurationText.effective(try load(written))
        #expect(shown.contains(#"grants: ["log"]"#), "\(shown)")
        #expect(shown.contains("hooks: { acl.publish: { deadline: 250ms, on_failure: deny } }"), "\(shown)")
    }
}
