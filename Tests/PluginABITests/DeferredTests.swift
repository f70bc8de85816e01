import PluginABI
import Testing

@testable import BrokerCore

@Suite struct DeferredTests {
    @Test("hl_defer runs on a worker with an input that is still there, and completes with its setters")
    func deferred() {
        let fixture = HookFixture()
        let script = Script(HL_PENDING) { call, _, script in
            script.verdict = DeferredCall.start(
                { state, call in
                    let asked = call!.pointee.input.assumingMemoryBound(to: hl_connect.self).pointee
                    #expect(asked.username.text == "alice" && call!.pointee.flags == HL_CALL_DEFERRED)
                    let api = call!.pointee.api.pointee
                    #expect(api.pend(call) == 0)
                    _ = api.set_rule(call, view("directory"))
                    #expect(api.complete(call, HL_DENY) == HL_OK)
                    #expect(api.complete(call, HL_DENY) == HL_STALE)
                }, from: call)
        }
        fixture.add(script, HL_HOOK_AUTH_CONNECT, interest: .pending)
        do {
            var asked = connect(user: "alice")
            let outcome = fixture.dispatcher.authConnect(&asked, now: 0)
            guard case .pending = outcome else {
                Issue.record("the hook did not pend: \(outcome)")
                return
            }
        }
        script.work[0]()
        let tokens = fixture.pending.takeCompletions()
        #expect(tokens.count == 1)
        #expect(fixture.dispatcher.resume(tokens[0], now: 0) == .deny)
        #expect(fixture.dispatcher.lastResult.rule.text == "directory")
    }

    @Test("work that begins after the client has gone finds its input, and hears CANCELLED")
    func cancelledBeforeItBegins() {
        let fixture = HookFixture()
        let script = Script(HL_PENDING) { call, _, script in
            script.verdict = DeferredCall.start(
                { state, call in
                    let asked = call!.pointee.input.assumingMemoryBound(to: hl_connect.self).pointee
                    #expect(asked.username.text == "alice")
                    #expect(call!.pointee.api.pointee.complete(call, HL_ALLOW) == HL_CANCELLED)
                }, from: call)
        }
        fixture.add(script, HL_HOOK_AUTH_CONNECT, interest: .pending)
        var asked = connect(user: "alice")
        guard case .pending(let token, _) = fixture.dispatcher.authConnect(&asked, now: 0) else { return }
        fixture.dispatcher.cancel(token)
        script.work[0]()
        #expect(fixture.instances[0].pendingCalls == 0)
    }

    @Test("hooks of a blocking plugin run on a worker, as pending calls")
    func blocking() {
        let fixture = HookFixture()
        let script = Script(HL_ALLOW)
        fixture.add(script, HL_HOOK_MSG_IN, HL_HOOK_ACL_PUBLISH, blocks: true)
        var msg = message("a")
        guard case .pending(let token, _) = fixture.dispatcher.aclPublish(&msg, mask: .max, now: 0) else {
            Issue.record("a blocking hook ran on the loop")
            return
        }
        #expect(script.calls == 0)
        script.work[0]()
        #expect(script.calls == 1)
        #expect(fixture.pending.takeCompletions() == [token])
        #expect(fixture.dispatcher.resume(token, now: 0) == .allow)
    }
}
