import BrokerCore
import Configuration
import Foundation
import PluginABI
import Testing

@testable import Host

/// When a call takes too long, and who is remembered for a crash.
@Suite("Plugins in trouble")
struct ContainmentTests {
    private let thresholds = HangTracker.Thresholds(report: 100, stuck: 500, abort: 1000)

    private func hook(_ serial: UInt64) -> WatchedCall {
        WatchedCall(plugin: 1, step: nil, hook: HL_HOOK_MSG_IN, serial: serial, isLoop: true, thread: 7)
    }

    @Test("A loop that a hook holds is reported, given up for the others, and lost, in this order and once each")
    func ladder() {
        var tracker = HangTracker(thresholds)
        #expect(tracker.see(0, hook(1), now: 0).isEmpty)
        #expect(tracker.see(0, hook(1), now: 99).isEmpty)
        #expect(tracker.see(0, hook(1), now: 100) == [.report(hook(1), took: 100)])
        #expect(tracker.see(0, hook(1), now: 200).isEmpty)
        #expect(tracker.see(0, hook(1), now: 500) == [.stuck(hook(1), took: 500)])
        #expect(tracker.see(0, hook(1), now: 999).isEmpty)
        #expect(tracker.see(0, hook(1), now: 1000) == [.abort(hook(1), took: 1000)])
        #expect(tracker.see(0, hook(1), now: 2000).isEmpty)
    }

    @Test("A call that returns ends what it began, and another call is another story")
    func over() {
        var tracker = HangTracker(thresholds)
        _ = tracker.see(0, hook(1), now: 0)
        #expect(tracker.see(0, hook(2), now: 600).isEmpty, "many calls are no hang")
        _ = tracker.see(0, hook(2), now: 1200)
        #expect(tracker.see(0, nil, now: 1300) == [.over(hook(2), took: 700, wasStuck: true)])
        #expect(tracker.see(0, nil, now: 5000).isEmpty)
    }

    @Test("Work on a worker is reported late and never given up")
    func work() {
        var tracker = HangTracker(thresholds)
        let call = WatchedCall(plugin: 1, step: "work", hook: 0, serial: 1, isLoop: false, thread: 9)
        _ = tracker.see(3, call, now: 0)
        #expect(tracker.see(3, call, now: 400).isEmpty)
        #expect(tracker.see(3, call, now: 500) == [.report(call, took: 500)])
        #expect(tracker.see(3, call, now: 100_000).isEmpty)
    }

    @Test("A threshold of zero is never met")
    func never() {
        var tracker = HangTracker(.init(report: 0, stuck: 0, abort: 0))
        _ = tracker.see(0, hook(1), now: 0)
        #expect(tracker.see(0, hook(1), now: .max / 2).isEmpty)
    }

    @Test("Crashes of one file within the window are counted; others, older and forgiven ones are not")
    func ledger() throws {
        let folder = try TemporaryDirectory()
        let digest = String(repeating: "a", count: 64)
        func crash(_ time: Int64, _ plugin: String, _ digest: String) -> CrashLedger.Crash {
            .init(
                time: time, plugin: plugin, sha256: digest, hooks: [HL_HOOK_ACL_PUBLISH],
                words: "SIGSEGV in hook acl.publish of generation 1")
        }
        let lines = [
            crash(100, "acl", digest), crash(950, "acl", digest), crash(960, "acl", String(repeating: "b", count: 64)),
            crash(970, "geo", digest), crash(980, "acl", digest),
        ].map { $0.line + "\n" }.joined()
        try lines.write(toFile: folder.path + "/crashes", atomically: true, encoding: .utf8)
        let ledger = CrashLedger(folder: folder.path, limit: 2, window: 100, now: 1000)
        #expect(ledger.latest == nil)
        #expect(ledger.verdict("acl", digest) == [crash(950, "acl", digest), crash(980, "acl", digest)])
        #expect(ledger.verdict("geo", digest) == nil)
        ledger.forgive("acl")
        #expect(ledger.verdict("acl", digest) == nil)
        #expect(CrashLedger(folder: folder.path, limit: 1, window: 100, now: 1000).verdict("acl", digest) == nil)
        #expect(CrashLedger(folder: folder.path, limit: 0, window: 100, now: 1000).verdict("geo", digest) == nil)
    }

    @Test("A hook that is left out comes to its failure verdict, whatever its plugin would say")
    func leftOut() throws {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("verdict", "-DVERDICT=HL_ALLOW"))
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
        let number = try #require(harness.host.statuses.first).number
        harness.host.state.withLock { _ = $0.stuck.insert(number) }
        harness.host.install {}
        harness.turn()
        #expect(harness.dispatchers[0].logIn("u", "p") == .deny)
        #expect(harness.host.statuses.first?.isStuck == true)
        harness.host.state.withLock { $0.stuck = [] }
        harness.host.install {}
        harness.turn()
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
    }

    @Test("A hook that does nothing but fail is left out for a while, and comes back when it works", arguments: [1, 2])
    func breaker(failures: Int) throws {
        var containment = BrokerConfiguration.Containment()
        containment.breakerFailures = failures
        containment.breakerPause = .milliseconds(20)
        let harness = try PluginHarness(containment: containment)
        try harness.start(try PluginFixture.build("verdict", "-DVERDICT=HL_ERROR"))
        for turn in 1...failures {
            #expect(harness.messagesNow("plugin.breaker_open").isEmpty)
            #expect(harness.dispatchers[0].logIn("u", "\(turn)") == .deny)
        }
        #expect(harness.messages("plugin.breaker_open").count == 1)
        // Asked again after the pause: one failure is enough.
        #expect(harness.hasTables(3))
        harness.turn()
        #expect(harness.dispatchers[0].logIn("u", "p") == .deny)
        #expect(harness.messages("plugin.breaker_open", count: 2).count == 2)
        #expect(harness.hasTables(5))
        harness.turn()
        let status = try #require(harness.host.statuses.first)
        #expect(status.leftOut.isEmpty)
        harness.host.hookTurned(
            Breaker(number: status.number, hook: HL_HOOK_AUTH_CONNECT), of: status.generation, .works)
        #expect(harness.messages("plugin.breaker_closed").count == 1)
        // Of a generation that has gone nothing is believed.
        harness.host.hookTurned(Breaker(number: status.number, hook: HL_HOOK_AUTH_CONNECT), of: 7, .fails(9))
        harness.host.keeper.sync {}
        #expect(harness.messagesNow("plugin.breaker_open").count == 2)
    }

    @Test("Measuring sees every call, its verdict and its time, and leaves no trace behind")
    func measured() throws {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("verdict", "-DVERDICT=HL_DENY"))
        let dispatcher = harness.dispatchers[0]
        #expect(dispatcher.logIn("u", "p") == .deny)
        #expect(dispatcher.measures.isEmpty)
        dispatcher.setMeasuring(true)
        for _ in 0..<10 { #expect(dispatcher.logIn("u", "p") == .deny) }
        let measure = try #require(dispatcher.measures.first { $0.hook == HL_HOOK_AUTH_CONNECT })
        #expect(measure.calls == 10 && measure.denied == 10 && measure.failed == 0)
        #expect(measure.durations.reduce(0, +) == 10)
        #expect((measure.quantile(0.99) ?? 0) > 0)
        dispatcher.setMeasuring(false)
        #expect(dispatcher.measures.isEmpty)
        #expect(dispatcher.logIn("u", "p") == .deny)
    }
}
