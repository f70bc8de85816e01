import PluginABI
import Testing

@testable import BrokerCore
@testable import Host

@Suite struct PluginPendingTests {
    @Test(
        "a log-in answered from another thread: the first answer counts, the second is stale",
        arguments: ["thread", "worker"])
    func answered(mode: String) throws {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("pending"), "{ mode: \(mode) }")
        let dispatcher = harness.dispatchers[1]
        for (password, outcome) in [("secret", HookOutcome.allow), ("wrong", .deny)] {
            guard case .pending(let token, _) = dispatcher.logIn("alice", password) else {
                Issue.record("the log-in did not pend")
                return
            }
            #expect(harness.completions(1) == [token])
            #expect(dispatcher.resume(token, now: monotonicNow()) == outcome)
            #expect(dispatcher.lastResult.rule.text == "pending.c")
            #expect(dispatcher.lastResult.hasIdentity == (outcome == .allow))
        }
        #expect(harness.messages("test.completed", count: 2) == ["0 8", "0 8"])
    }

    @Test("hl_defer blocks a worker, not the loop")
    func deferred() throws {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("pending"), "{ mode: defer }")
        guard case .pending(let token, _) = harness.dispatchers[0].logIn("alice", "secret") else {
            Issue.record("the log-in did not pend")
            return
        }
        #expect(harness.completions() == [token])
        #expect(harness.dispatchers[0].resume(token, now: monotonicNow()) == .allow)
        #expect(harness.messages("test.completed") == ["0"])
    }

    @Test("a completion after the deadline is EXPIRED, after the client's end CANCELLED")
    func late() throws {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("pending"), "{ mode: late }")
        let dispatcher = harness.dispatchers[0]
        guard case .pending(let first, let deadline) = dispatcher.logIn("alice", "secret"),
            case .pending(let second, _) = dispatcher.logIn("alice", "secret")
        else {
            Issue.record("the log-in did not pend")
            return
        }
        #expect(first != second, "two attempts of one client are two calls")
        #expect(dispatcher.expire(first, now: deadline) == .deny)
        dispatcher.cancel(second)
        #expect(harness.messages("test.cancelled", count: 2) == ["\(HL_EXPIRED)", "\(HL_CANCELLED)"])
        #expect(harness.host.statuses.map(\.pending) == [0])
    }

    @Test("stopping a plugin answers what waits for it")
    func stopped() throws {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("pending"), "{ mode: late }")
        guard case .pending(let token, _) = harness.dispatchers[0].logIn("alice", "secret") else {
            Issue.record("the log-in did not pend")
            return
        }
        harness.host.stop()
        #expect(harness.completions() == [token])
        #expect(harness.dispatchers[0].resume(token, now: monotonicNow()) == .deny)
        #expect(harness.dispatchers[0].lastResult.hasFailed)
    }
}
