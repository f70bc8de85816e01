import Configuration
import PluginABI
import Testing

@testable import BrokerCore
@testable import Host

@Suite struct PluginLifeTests {
    private func life(_ version: String = "1") throws -> String {
        try PluginFixture.build("life", "-DVERSION=\"\(version)\"")
    }

    @Test("the steps of life come in order, shards in between")
    func steps() throws {
        let harness = try PluginHarness()
        try harness.start(try life())
        harness.host.stop()
        #expect(
            harness.messagesNow("test.step") == [
                "create", "prepare", "start prepared", "msg.out is offered", "start_shard 0", "start_shard 1",
                "drain", "stop_shard 0", "stop_shard 1", "stop", "destroy",
            ])
    }

    @Test(
        "a start that fails leaves nothing behind and says why",
        arguments: [
            ("start", "plugins.yaml:3:5: plugin 'test': no route to database"),
            ("silent", "plugins.yaml:3:5: plugin 'test': start failed: HL_FAILED; see the log"),
            ("hook", "plugins.yaml:3:5: plugin 'test': asks for hook msg.in with the filter 'a/#/b'"),
            ("unknown", "plugins.yaml:3:5: plugin 'test': hook 99 is in no registry this broker knows"),
        ])
    func failedStart(fail: String, words: String) throws {
        let harness = try PluginHarness()
        let refusal = try harness.refusal(try life(), "{ fail: \(fail) }")
        #expect(refusal.hasPrefix(words), "\(refusal)")
        #expect(harness.messagesNow("test.step").last == "destroy")
        #expect(harness.host.statuses.isEmpty)
        #expect(harness.dispatchers[0].message("life/x") == .abstain)
    }

    @Test("prepare may refuse several settings, each with its place")
    func failedPrepare() throws {
        let harness = try PluginHarness()
        let refusal = try harness.refusal(try life(), "{ fail: prepare,\n  number: 8 }")
        #expect(refusal.contains("plugins.yaml:1:9: plugin 'test': prepare was told to fail"), "\(refusal)")
        #expect(refusal.contains("plugins.yaml:2:11: plugin 'test': this one as well"), "\(refusal)")
        #expect(harness.messagesNow("test.step") == ["create", "prepare", "destroy"])
    }

    @Test("when a later plugin fails, the earlier ones are stopped again")
    func unwound() throws {
        let harness = try PluginHarness()
        let allow = try PluginFixture.build("verdict", "-DVERDICT=HL_ALLOW")
        #expect(throws: ConfigurationErrors.self) {
            try harness.start([
                harness.entry(allow, id: "first"), harness.entry(try life(), id: "second", "{ fail: start }"),
            ])
        }
        harness.turn()
        #expect(harness.host.statuses.isEmpty)
        #expect(harness.dispatchers[0].logIn("a", "b") == .abstain)
    }

    @Test("order is the order of the file: deny before allow, and allow before deny")
    func order() throws {
        let allow = try PluginFixture.build("verdict", "-DVERDICT=HL_ALLOW")
        let deny = try PluginFixture.build("verdict", "-DVERDICT=HL_DENY")
        let harness = try PluginHarness()
        try harness.start([harness.entry(deny, id: "deny"), harness.entry(allow, id: "allow")])
        #expect(harness.dispatchers[0].logIn("a", "b") == .deny)
        #expect(harness.dispatchers[0].lastResult.instanceName == "deny")
        #expect(harness.dispatchers[0].lastResult.rule.text == "verdict.c")
        let other = try PluginHarness()
        try other.start([other.entry(allow, id: "allow"), other.entry(deny, id: "deny")])
        #expect(other.dispatchers[1].logIn("a", "b") == .allow)
    }

    @Test("a new generation takes the place of the old one, which is then stopped")
    func replace() throws {
        let harness = try PluginHarness()
        let allow = try PluginFixture.build("verdict", "-DVERDICT=HL_ALLOW")
        let deny = try PluginFixture.build("verdict", "-DVERDICT=HL_DENY")
        try harness.start(allow)
        #expect(harness.dispatchers[0].logIn("a", "b") == .allow)
        try harness.replace(deny)
        #expect(harness.dispatchers[0].logIn("a", "b") == .deny)
        #expect(harness.host.statuses.map(\.generation) == [2])
        #expect(harness.messagesNow("plugin.stopped").count == 1)
    }

    @Test("the same path with new content is new code")
    func samePath() throws {
        let harness = try PluginHarness()
        let allow = try PluginFixture.build("verdict", "-DVERDICT=HL_ALLOW")
        try harness.start(allow)
        try harness.replace(allow)
        #expect(harness.host.statuses.map(\.generation) == [2])
        #expect(harness.dispatchers[0].logIn("a", "b") == .allow)
    }

    @Test("a replacement that fails leaves the old generation in force")
    func failedReplace() throws {
        let harness = try PluginHarness()
        try harness.start(try life())
        #expect(throws: ConfigurationErrors.self) { try harness.replace(try life("2"), "{ fail: start }") }
        harness.turn()
        #expect(harness.host.statuses.map(\.version) == ["1"])
        #expect(harness.dispatchers[0].message("life/x") == .deny)
        #expect(harness.dispatchers[0].message("other") == .abstain)
    }

    @Test("a removed plugin is out of the chain")
    func remove() throws {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("verdict", "-DVERDICT=HL_DENY"))
        try harness.remove("test")
        #expect(harness.host.statuses.isEmpty)
        #expect(harness.dispatchers[0].logIn("a", "b") == .abstain)
    }

    @Test("200 generations of one plugin live side by side")
    func manyGenerations() throws {
        let harness = try PluginHarness(shards: 1)
        let allow = try PluginFixture.build("verdict", "-DVERDICT=HL_ALLOW")
        try harness.start(allow)
        for _ in 0..<200 { try harness.replace(allow) }
        #expect(harness.host.statuses.map(\.generation) == [201])
        #expect(harness.dispatchers[0].logIn("a", "b") == .allow)
    }
}
