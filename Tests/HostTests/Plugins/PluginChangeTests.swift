import Configuration
import Foundation
import PluginABI
import StaticFixture
import Testing

@testable import BrokerCore
@testable import Host

/// One edit of plugins.yaml applies wholly or not at all.
@Suite("A changed list of plugins")
struct PluginChangeTests {
    private func verdict(_ verdict: String) throws -> String {
        try PluginFixture.build("verdict", "-DVERDICT=\(verdict)")
    }

    private func tunable() throws -> String { try PluginFixture.build("tunable") }

    @Test("Adding, removing and reordering is one change with one report")
    func wholly() throws {
        let harness = try PluginHarness()
        let (allow, deny) = (try verdict("HL_ALLOW"), try verdict("HL_DENY"))
        try harness.apply([harness.entry(allow, id: "a"), harness.entry(deny, id: "b")])
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
        let changes = try harness.apply([harness.entry(deny, id: "b"), harness.entry(allow, id: "a")])
        var expected = PluginChanges()
        expected.isReordered = true
        #expect(changes == expected)
        #expect(harness.host.statuses.map(\.generation) == [1, 1], "nothing was started anew")
        #expect(harness.dispatchers[0].logIn("u", "p") == .deny)
        let second = try harness.apply([harness.entry(allow, id: "c"), harness.entry(allow, id: "a")])
        #expect(second.started == ["c"] && second.stopped == ["b"] && !second.isReordered)
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
    }

    @Test(
        "When one instance is refused at any step, nothing has changed for any of them",
        arguments: ["prepare", "start", "hook"])
    func notAtAll(step: String) throws {
        let harness = try PluginHarness()
        let allow = try verdict("HL_ALLOW")
        let life = try PluginFixture.build("life", "-DVERSION=\"1\"")
        try harness.apply([harness.entry(allow, id: "a"), harness.entry(try tunable(), id: "t", "{ level: 1 }")])
        let before = harness.host.statuses.map(\.generation)
        #expect(throws: ConfigurationErrors.self) {
            try harness.apply([
                harness.entry(try tunable(), id: "t", "{ level: 2 }"),
                harness.entry(try verdict("HL_DENY"), id: "new"),
                harness.entry(life, id: "l", "{ fail: \(step) }"),
            ])
        }
        harness.turn()
        #expect(harness.host.statuses.map(\.id) == ["a", "t"])
        #expect(harness.host.statuses.map(\.generation) == before)
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
        #expect(harness.messagesNow("test.tuned") == ["1"], "no new setting came into use")
        #expect(harness.messagesNow("test.aborted") == ["2"], "what was prepared was thrown away")
    }

    @Test("Errors of all plugins come in one go")
    func allErrors() throws {
        let harness = try PluginHarness()
        do {
            try harness.apply([
                harness.entry(try tunable(), id: "t", "{ level: 99 }"), harness.entry("/nowhere.so", id: "gone"),
            ])
            Issue.record("it was accepted")
        } catch let errors as ConfigurationErrors {
            #expect(errors.description.contains("/nowhere.so"), "\(errors)")
        }
        do {
            try harness.apply([
                harness.entry(try tunable(), id: "t", "{ level: 99 }"),
                harness.entry(try tunable(), id: "u", "{ level: 98 }"),
            ])
            Issue.record("it was accepted")
        } catch let errors as ConfigurationErrors {
            #expect(errors.description.contains("plugins.yaml:1:10: plugin 't': 99 is above 10"), "\(errors)")
            #expect(errors.description.contains("plugin 'u': 98 is above 10"), "\(errors)")
        }
        #expect(harness.host.statuses.isEmpty)
    }

    @Test("A plugin with prepare and commit takes new settings without a new generation")
    func commit() throws {
        let harness = try PluginHarness()
        try harness.apply([harness.entry(try tunable(), id: "t", "{ level: 1 }")])
        let changes = try harness.apply([harness.entry(try tunable(), id: "t", "{ level: 5 }")])
        #expect(changes.reconfigured == ["t"] && changes.replaced.isEmpty)
        #expect(harness.messagesNow("test.tuned") == ["1", "5"])
        #expect(harness.host.statuses.map(\.generation) == [1])
        let renewed = try harness.apply(
            [harness.entry(try tunable(), id: "t", "{ level: 5 }")], renewing: ["t"])
        #expect(renewed.replaced == ["t"])
        #expect(harness.host.statuses.map(\.generation) == [2])
    }

    @Test("A plugin is granted what it asks for and what the file allows; what it requires must be allowed")
    func grants() throws {
        let harness = try PluginHarness()
        var entry = try harness.entry(try tunable(), id: "t", "{ level: 1 }")
        entry.grants = ["log"]
        try harness.apply([entry])
        #expect(harness.messagesNow("test.granted") == ["log only"])
        entry.grants = ["log", "nonsense"]
        #expect(throws: ConfigurationErrors.self) { try harness.apply([entry]) }
        var every = try harness.entry(
            try PluginFixture.build("everything", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wpedantic"), id: "e")
        every.grants = ["log", "kv"]
        do {
            try harness.apply([every])
            Issue.record("it was accepted")
        } catch let errors as ConfigurationErrors {
            #expect(errors.description.contains("requires publish/1"), "\(errors)")
            #expect(errors.description.contains("which 'grants' does not list; add it"), "\(errors)")
        }
    }

    @Test("A plugin that is linked in is configured as builtin:NAME and is like any other")
    func builtin() throws {
        let harness = try PluginHarness(builtins: ["fixture": hl_plugin_entry_v1_fixture])
        let text = "plugins: [{ id: a, plugin: \"builtin:fixture\" }, { id: b, plugin: \"builtin:fixture\" }]"
        let entries = try ServerConfiguration.load(text: text, file: "plugins.yaml").configuration.plugins
        try harness.apply(entries)
        #expect(harness.messagesNow("test.static") == ["linked in", "linked in"])
        #expect(harness.dispatchers[0].logIn("guest", "") == .deny)
        #expect(harness.dispatchers[1].logIn("ann", "") == .allow)
        try harness.apply([try #require(entries.last)], renewing: ["b"])
        #expect(harness.host.statuses.map(\.generation) == [2])
        var unknown = entries
        unknown[0].plugin = "builtin:nobody"
        #expect(throws: ConfigurationErrors.self) { try harness.apply(unknown) }
    }
}
