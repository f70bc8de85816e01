import Configuration
import Testing

@testable import Host

@Suite("A changed configuration")
struct ReloadPlanTests {
    private func load(_ text: String) throws -> ServerConfiguration {
        try ServerConfiguration.load(text: text, file: "plugins.yaml").configuration
    }

    @Test("The log level is applied, everything else is named")
    func plan() throws {
        let before = try load("broker:\n  log: { level: info }\n")
        let after = try load("broker:\n  log: { level: debug }\n  limits: { max_connections: 5 }\n")
        let plan = ReloadPlan(running: before, file: after)
        #expect(plan.applied == ["broker.log.level"])
        #expect(
            plan.waiting == [.init(setting: "broker.limits.max_connections", running: "100000", file: "5")])
    }

    @Test("A listener that moved to another line is the same; another port is not")
    func listeners() throws {
        let before = try load("broker:\n  listeners:\n    tcp: { url: \"mqtt://127.0.0.1:1883\" }\n")
        let moved = try load("\n\nbroker:\n  listeners:\n    tcp: { url: \"mqtt://127.0.0.1:1883\" }\n")
        let changed = try load("broker:\n  listeners:\n    tcp: { url: \"mqtt://127.0.0.1:1884\" }\n")
        #expect(ReloadPlan(running: before, file: moved).waiting.isEmpty)
        #expect(ReloadPlan(running: before, file: changed).waiting.map(\.setting) == ["broker.listeners.tcp"])
    }

    @Test(
        "A list of plugins is another when an entry, its settings or the order is",
        arguments: [
            ("[a, b]", "[a, b]", false), ("[a, b]", "[a, b, c]", true),
            ("[a, b]", "[{ id: a, enabled: false }, b]", true),
            ("[a, b]", "[a, { id: b, config: { x: 1 } }]", true), ("[a, b]", "[a, { id: b, grants: [log] }]", true),
            ("[a, b]", "[b, a]", true), ("[a]", "[a, { id: b, enabled: false }]", false),
        ])
    func plugins(before: String, after: String, changes: Bool) throws {
        let plan = ReloadPlan(
            running: try load("plugins: \(before)\n"), file: try load("\n# moved\nplugins: \(after)\n"))
        #expect(plan.changesPlugins == changes)
        #expect(plan.waiting.isEmpty)
    }
}
