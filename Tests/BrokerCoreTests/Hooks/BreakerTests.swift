import PluginABI
import Testing

@testable import BrokerCore

/// Failures in a row are counted, whichever way a call takes and however it fails.
@Suite("A hook that does nothing but fail")
struct BreakerTests {
    /// One plugin, a reader of everything and a publisher.
    private struct Scene {
        let test = TestBroker()
        let plugin = TestPlugin()
        let reader: TestClient
        let publisher: TestClient
        private let answer: Answer

        private final class Answer { var verdict = HL_ALLOW }

        init(_ hook: UInt32, breaker: HookBreaker = HookBreaker(limit: 3)) {
            let answer = Answer()
            self.answer = answer
            plugin.answersAtOnce = true
            plugin.breaker = breaker
            plugin.on(hook) { _, _ in answer.verdict }
            test.install(plugin)
            reader = test.connect("reader")
            reader.subscribe("#")
            publisher = test.connect("publisher")
        }

        func publish(_ verdicts: UInt32...) {
            for verdict in verdicts {
                answer.verdict = verdict
                publisher.publish("t")
            }
        }
    }

    @Test(
        "is told once, when so many have failed in a row and none in between has not",
        arguments: [HL_HOOK_ACL_PUBLISH, HL_HOOK_ACL_DELIVER, HL_HOOK_MSG_IN, HL_HOOK_MSG_OUT, HL_HOOK_MSG_ROUTE])
    func inARow(hook: UInt32) {
        let scene = Scene(hook)
        let good = hook == HL_HOOK_ACL_PUBLISH || hook == HL_HOOK_ACL_DELIVER ? HL_ALLOW : HL_ABSTAIN
        scene.publish(good, HL_ERROR, 77, good, HL_ERROR, HL_ERROR, good)
        #expect(scene.plugin.turns.isEmpty, "a good answer ends the row, also one the short way would have taken")
        scene.publish(HL_ERROR, 77)
        #expect(scene.plugin.turns.isEmpty)
        scene.publish(HL_ERROR, HL_ERROR)
        #expect(scene.plugin.turns == [.init(hook: hook, what: .fails(3))])
        scene.publish(good, good)
        #expect(scene.plugin.turns.count == 1, "only what was given up is told to work again")
    }

    @Test(
        "and was given up before is told at the first failure, or at the first good answer", arguments: [true, false])
    func probation(works: Bool) {
        let scene = Scene(HL_HOOK_ACL_PUBLISH, breaker: HookBreaker(limit: 3, isOnProbation: true))
        let verdict = works ? HL_ALLOW : HL_ERROR
        scene.publish(verdict, verdict, verdict)
        #expect(scene.plugin.turns == [.init(hook: HL_HOOK_ACL_PUBLISH, what: works ? .works : .fails(1))])
    }

    @Test("is never told where nobody wants to know")
    func never() {
        let scene = Scene(HL_HOOK_ACL_PUBLISH, breaker: HookBreaker())
        for _ in 0..<20 { scene.publish(HL_ERROR) }
        #expect(scene.plugin.turns.isEmpty)
    }

    @Test("takes the short way again when the row is over")
    func shortWay() {
        let scene = Scene(HL_HOOK_ACL_PUBLISH)
        let fast = { scene.test.broker.shards[0].state.pointee.fastHooks.pointee.chains }
        #expect(fast().publish != nil)
        scene.publish(HL_ERROR)
        #expect(fast().publish == nil)
        scene.publish(HL_ALLOW)
        #expect(fast().publish != nil)
    }

    @Test("A missed deadline, and an error that comes later, are failures like any other")
    func later() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.breaker = HookBreaker(limit: 3)
        var tokens: [UInt64] = []
        plugin.onMessage { call, _ in
            tokens.append(call.pend())
            return HL_PENDING
        }
        test.install(plugin)
        let publisher = test.connect("publisher")
        for verdict in [HL_ERROR, nil, HL_ABSTAIN, nil, HL_ERROR] {
            publisher.publish("t")
            if let verdict, let token = tokens.last { test.complete(token, verdict) }
            test.advance(seconds: 60)
        }
        #expect(plugin.turns.isEmpty)
        publisher.publish("t")
        test.advance(seconds: 60)
        #expect(plugin.turns == [.init(hook: HL_HOOK_MSG_IN, what: .fails(3))])
    }
}
