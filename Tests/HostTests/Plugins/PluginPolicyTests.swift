import BrokerCore
import Configuration
import PluginABI
import PositionedYAML
import Testing

@testable import Host

/// What plugins.yaml says about single hooks of a plugin.
@Suite struct PluginPolicyTests {
    private func policy(_ hook: String, _ change: (inout HookPolicy) -> Void = { _ in }) -> HookPolicy {
        var policy = HookPolicy(hook: hook, position: SourcePosition(file: "plugins.yaml", line: 4, column: 9))
        change(&policy)
        return policy
    }

    private func verdict(
        _ harness: PluginHarness, _ verdict: String, id: String, _ policies: [HookPolicy] = []
    ) throws -> PluginEntry {
        var entry = try harness.entry(try PluginFixture.build("verdict", "-DVERDICT=\(verdict)"), id: id)
        entry.hooks = policies
        return entry
    }

    private func publish(_ dispatcher: HookDispatcher) -> HookOutcome {
        var client = hl_client()
        return withUnsafePointer(to: &client) { client in
            var msg = hl_msg()
            msg.struct_size = UInt32(MemoryLayout<hl_msg>.size)
            msg.topic = view("t")
            msg.publisher = client
            return dispatcher.aclPublish(&msg, mask: .max, now: monotonicNow())
        }
    }

    @Test("A deadline of plugins.yaml takes the place of the hook's own")
    func deadline() throws {
        for (given, expected) in [(nil, Duration.seconds(5)), (Duration.milliseconds(250), .milliseconds(250))] {
            let harness = try PluginHarness()
            var entry = try harness.entry(try PluginFixture.build("pending"), "{ mode: late }")
            if let given { entry.hooks = [policy("auth.connect") { $0.deadline = given }] }
            try harness.start([entry])
            let before = monotonicNow()
            guard case .pending(let token, let deadline) = harness.dispatchers[0].logIn("alice", "secret") else {
                Issue.record("the log-in did not pend")
                return
            }
            let allowed = Duration.nanoseconds(deadline - before)
            #expect(allowed >= expected && allowed < expected + .seconds(4), "\(allowed)")
            harness.dispatchers[0].cancel(token)
        }
    }

    @Test("A failure can be an abstention, and then the next plugin decides")
    func failure() throws {
        for (isAbstention, expected) in [(false, HookOutcome.deny), (true, .allow)] {
            let harness = try PluginHarness()
            let policies = isAbstention ? [policy("auth.connect") { $0.onFailure = .abstain }] : []
            try harness.start([
                try verdict(harness, "HL_ERROR", id: "first", policies), try verdict(harness, "HL_ALLOW", id: "second"),
            ])
            #expect(harness.dispatchers[0].logIn("alice", "x") == expected)
        }
    }

    @Test("With first-decides an allow ends the chain; a deny always does")
    func chain() throws {
        let harness = try PluginHarness()
        let first = [policy("acl.publish") { $0.chain = .firstDecides }]
        try harness.start([
            try verdict(harness, "HL_ALLOW", id: "first"), try verdict(harness, "HL_DENY", id: "second"),
        ])
        #expect(publish(harness.dispatchers[0]) == .deny)
        // The edit takes effect, and nothing is started again for it.
        let changes = try harness.apply([
            try verdict(harness, "HL_ALLOW", id: "first", first), try verdict(harness, "HL_DENY", id: "second"),
        ])
        #expect(changes == PluginChanges())
        #expect(publish(harness.dispatchers[0]) == .allow)
        #expect(harness.host.statuses.map(\.generation) == [1, 1])
        try harness.apply([
            try verdict(harness, "HL_DENY", id: "first", first), try verdict(harness, "HL_ALLOW", id: "second"),
        ])
        #expect(publish(harness.dispatchers[0]) == .deny)
    }

    @Test("A policy for what is no hook, decides nothing or has a fixed chain is refused with its place")
    func faults() throws {
        let harness = try PluginHarness()
        let policies = [
            policy("acl.publsh"), policy("notify.connected") { $0.deadline = .seconds(1) },
            policy("auth.exchange") { $0.chain = .allMustAllow },
        ]
        let error = #expect(throws: ConfigurationErrors.self) {
            try harness.apply([try verdict(harness, "HL_ALLOW", id: "first", policies)])
        }
        let words = error?.all.map(\.description) ?? []
        #expect(words.count == 3 && words.allSatisfy { $0.hasPrefix("plugins.yaml:4:9: ") }, "\(words)")
        for part in ["nearest is 'acl.publish'", "a notify hook decides nothing", "whose chain is fixed"] {
            #expect(words.contains { $0.contains(part) }, "\(words)")
        }
    }
}
