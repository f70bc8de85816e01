import PluginABI
import Testing

@testable import BrokerCore

@Suite struct PendingTests {
    /// A fixture whose only plugin pends auth.connect and answers nothing.
    private func pendingLogIn(
        _ script: Script = Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }
    ) -> (HookFixture, token: UInt64) {
        let fixture = HookFixture()
        fixture.add(script, HL_HOOK_AUTH_CONNECT, interest: .pending)
        var asked = connect(user: "alice", password: "secret")
        guard case .pending(let token, let deadline) = fixture.dispatcher.authConnect(&asked, now: 100) else {
            Issue.record("the hook did not pend")
            return (fixture, 0)
        }
        #expect(deadline == 5_000_000_100)
        return (fixture, token)
    }

    private func complete(_ fixture: HookFixture, _ token: UInt64, _ verdict: UInt32 = HL_ALLOW) -> UInt32 {
        fixture.pending.complete(token, verdict, nil, by: 1)
    }

    @Test("an answer arrives in the mailbox, wakes the loop once and resumes the chain")
    func resume() {
        let (fixture, token) = pendingLogIn()
        let second = Script(HL_DENY)
        fixture.add(second, HL_HOOK_AUTH_CONNECT)
        #expect(PendingHooks.shard(of: token) == 3)
        #expect(fixture.pending.takeCompletions().isEmpty)
        #expect(complete(fixture, token, HL_ALLOW) == HL_OK)
        #expect(fixture.wakes.count == 1)
        #expect(fixture.pending.takeCompletions() == [token])
        #expect(fixture.dispatcher.resume(token, now: 200) == .allow)
        #expect(fixture.dispatcher.resume(token, now: 200) == nil)
        #expect(second.calls == 0)
    }

    @Test("the chain goes on after the plugin that pended, with the plugins that run by then")
    func goesOn() {
        let fixture = HookFixture()
        let first = Script(HL_ALLOW)
        fixture.add(first, HL_HOOK_ACL_PUBLISH)
        fixture.add(
            Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }, HL_HOOK_ACL_PUBLISH,
            interest: .pending)
        let last = Script(HL_DENY) { _, input, script in
            #expect(input.assumingMemoryBound(to: hl_msg.self).pointee.topic.text == "a/b")
        }
        var msg = message("a/b")
        guard case .pending(let token, _) = fixture.dispatcher.aclPublish(&msg, mask: .max, now: 0) else {
            Issue.record("the hook did not pend")
            return
        }
        msg.topic = view("overwritten")
        fixture.add(last, HL_HOOK_ACL_PUBLISH)
        #expect(fixture.pending.complete(token, HL_ALLOW, nil, by: 2) == HL_OK)
        #expect(fixture.dispatcher.resume(token, now: 1) == .deny)
        #expect(first.calls == 1 && last.calls == 1)
        #expect(fixture.dispatcher.lastResult.instanceName == "plugin-3")
    }

    @Test("the second answer is stale, and so is the token of somebody else")
    func exactlyOnce() {
        let (fixture, token) = pendingLogIn()
        #expect(fixture.pending.complete(token, HL_ALLOW, nil, by: 2) == HL_STALE)
        #expect(complete(fixture, token, HL_DENY) == HL_OK)
        #expect(complete(fixture, token, HL_ALLOW) == HL_STALE)
        #expect(fixture.dispatcher.resume(token, now: 0) == .deny)
        #expect(complete(fixture, token, HL_ALLOW) == HL_STALE)
        #expect(complete(fixture, token &+ 1) == HL_STALE)
        #expect(complete(fixture, 0) == HL_STALE)
        #expect(complete(fixture, .max) == HL_STALE)
    }

    @Test("a completion inside the hook, before it has returned, is a completion like any other")
    func completeEarly() {
        let (fixture, token) = pendingLogIn(
            Script(HL_PENDING) { call, _, _ in
                let api = call.pointee.api.pointee
                _ = api.pend(call)
                _ = api.set_identity(call, view("early"), nil, 0, hl_view())
                #expect(api.complete(call, HL_ALLOW) == HL_OK)
                #expect(api.complete(call, HL_ALLOW) == HL_STALE)
            })
        #expect(fixture.pending.takeCompletions() == [token])
        #expect(fixture.dispatcher.resume(token, now: 0) == .allow)
        #expect(fixture.dispatcher.lastResult.username.text == "early")
    }

    @Test("after the deadline the failure verdict holds and the plugin is told EXPIRED")
    func expire() {
        let script = Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }
        let (fixture, token) = pendingLogIn(script)
        #expect(fixture.dispatcher.expire(token, now: 6_000_000_000) == .deny)
        #expect(fixture.dispatcher.lastResult.hasFailed)
        #expect(script.cancelled == [token])
        #expect(fixture.dispatcher.expire(token, now: 0) == nil)
        #expect(complete(fixture, token) == HL_EXPIRED)
        #expect(complete(fixture, token) == HL_STALE)
        #expect(fixture.pending.takeCompletions().isEmpty)
    }

    @Test("a deadline that meets an answer in the mailbox loses")
    func answerBeatsDeadline() {
        let (fixture, token) = pendingLogIn()
        #expect(complete(fixture, token) == HL_OK)
        #expect(fixture.dispatcher.expire(token, now: 0) == nil)
        #expect(fixture.dispatcher.resume(token, now: 0) == .allow)
    }

    @Test("when the client is gone the plugin is told CANCELLED and nobody resumes")
    func cancel() {
        let script = Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }
        let (fixture, token) = pendingLogIn(script)
        fixture.dispatcher.cancel(token)
        #expect(script.cancelled == [token])
        #expect(fixture.instances[0].pendingCalls == 1, "the plugin may still be looking at the input")
        #expect(complete(fixture, token) == HL_CANCELLED)
        #expect(fixture.instances[0].pendingCalls == 0)
        #expect(fixture.dispatcher.resume(token, now: 0) == nil)
    }

    @Test("a plugin that lets go in on_cancel frees the input at once")
    func letGo() {
        let script = Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }
        script.cancelAnswer = HL_OK
        let (fixture, token) = pendingLogIn(script)
        fixture.dispatcher.cancel(token)
        #expect(fixture.instances[0].pendingCalls == 0)
        #expect(complete(fixture, token) == HL_CANCELLED)
    }

    @Test("an answer in the mailbox of a client that has gone is thrown away")
    func cancelAnswered() {
        let (fixture, token) = pendingLogIn()
        #expect(complete(fixture, token) == HL_OK)
        fixture.dispatcher.cancel(token)
        #expect(fixture.dispatcher.resume(token, now: 0) == nil)
        #expect(fixture.instances[0].pendingCalls == 0)
    }

    @Test("the input is the same memory during the hook and until the answer, and a copy of the core's")
    func stableInput() throws {
        nonisolated(unsafe) var seen: UnsafePointer<hl_connect>?
        let (fixture, token) = pendingLogIn(
            Script(HL_PENDING) { call, input, _ in
                seen = input.assumingMemoryBound(to: hl_connect.self)
                #expect(call.pointee.input == input)
                _ = call.pointee.api.pointee.pend(call)
            })
        let kept = try #require(seen)
        #expect(kept.pointee.username.text == "alice" && kept.pointee.password.text == "secret")
        #expect(kept.pointee.client.pointee.listener.text == "tcp")
        #expect(complete(fixture, token) == HL_OK)
    }

    @Test("a token whose hook returned something else is void, and the verdict an error")
    func brokenPromise() {
        let fixture = HookFixture()
        nonisolated(unsafe) var token: UInt64 = 0
        fixture.add(
            Script(HL_ALLOW) { call, _, _ in token = call.pointee.api.pointee.pend(call) }, HL_HOOK_AUTH_CONNECT,
            interest: .pending)
        var asked = connect(user: "alice")
        #expect(fixture.dispatcher.authConnect(&asked, now: 0) == .deny)
        #expect(token != 0)
        #expect(complete(fixture, token) == HL_STALE)
    }

    @Test("a hook that may not pend gets no token")
    func mayNotPend() {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_PENDING) { call, _, _ in
                #expect(call.pointee.flags & HL_CALL_MAY_PEND == 0)
                #expect(call.pointee.api.pointee.pend(call) == 0)
            }, HL_HOOK_MSG_IN)
        var msg = message("a")
        #expect(fixture.dispatcher.msgIn(&msg, mask: .max, now: 0) == .deny)
    }

    @Test("over the limit the failure verdict says busy, and tokens are not lost")
    func limit() {
        let fixture = HookFixture(maximumPending: 2)
        fixture.add(
            Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }, HL_HOOK_AUTH_CONNECT,
            interest: .pending)
        var asked = connect(user: "alice")
        var tokens: [UInt64] = []
        for _ in 0..<3 {
            if case .pending(let token, _) = fixture.dispatcher.authConnect(&asked, now: 0) { tokens.append(token) }
        }
        #expect(tokens.count == 2 && Set(tokens).count == 2)
        for token in tokens { #expect(complete(fixture, token) == HL_OK) }
        for token in fixture.pending.takeCompletions() { #expect(fixture.dispatcher.resume(token, now: 0) == .allow) }
        #expect(fixture.dispatcher.authConnect(&asked, now: 0) != .deny)
    }

    @Test("a token is never given out twice, though its slot is")
    func noReuse() {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }, HL_HOOK_AUTH_CONNECT,
            interest: .pending)
        var asked = connect(user: "alice")
        var seen: Set<UInt64> = []
        for _ in 0..<1000 {
            guard case .pending(let token, _) = fixture.dispatcher.authConnect(&asked, now: 0) else { continue }
            #expect(seen.insert(token).inserted)
            fixture.dispatcher.cancel(token)
            _ = complete(fixture, token)
        }
        #expect(seen.count == 1000)
    }

    @Test("an edit that comes with the completion is applied; what the hook has no use for is not")
    func answerWithCompletion() {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }, HL_HOOK_MSG_IN,
            interest: .pending)
        var msg = message("a", payload: "old")
        guard case .pending(let token, _) = fixture.dispatcher.msgIn(&msg, mask: .max, now: 0) else {
            Issue.record("the hook did not pend")
            return
        }
        var answer = hl_answer()
        answer.struct_size = UInt32(MemoryLayout<hl_answer>.size)
        answer.flags = HL_ANSWER_PAYLOAD | HL_ANSWER_QOS | HL_ANSWER_IDENTITY
        answer.payload = view("new")
        answer.username = view("mallory")
        #expect(fixture.pending.complete(token, HL_REPLACE, &answer, by: 1) == HL_OK)
        #expect(fixture.dispatcher.resume(token, now: 0) == .replaced)
        #expect(fixture.dispatcher.lastResult.message?.pointee.payload.text == "new")
        #expect(fixture.dispatcher.lastResult.message?.pointee.topic.text == "a")
        #expect(!fixture.dispatcher.lastResult.hasIdentity)
    }

    @Test("an answer with a broken struct_size is refused and can be repeated")
    func brokenAnswer() {
        let (fixture, token) = pendingLogIn()
        var answer = hl_answer()
        answer.struct_size = 4
        #expect(fixture.pending.complete(token, HL_ALLOW, &answer, by: 1) == HL_INVALID)
        #expect(complete(fixture, token) == HL_OK)
    }

    @Test("an answer of an older minor version, with a shorter struct, is read as far as it goes")
    func olderAnswer() {
        let (fixture, token) = pendingLogIn()
        var answer = hl_answer()
        answer.struct_size = 12
        answer.flags = HL_ANSWER_REASON
        answer.reason_code = 0x86
        #expect(fixture.pending.complete(token, HL_DENY, &answer, by: 1) == HL_OK)
        #expect(fixture.dispatcher.resume(token, now: 0) == .deny)
        #expect(fixture.dispatcher.lastResult.reasonCode == 0x86)
    }

    @Test("stopping an instance answers what waits for it with the failure verdict")
    func abandon() {
        let (fixture, token) = pendingLogIn()
        fixture.pending.abandon(fixture.instances[0])
        #expect(fixture.wakes.count == 1)
        #expect(fixture.pending.takeCompletions() == [token])
        #expect(fixture.dispatcher.resume(token, now: 0) == .deny)
        #expect(fixture.instances[0].pendingCalls == 0)
    }

    @Test("completions from many threads: each token is answered exactly once")
    func manyThreads() async {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }, HL_HOOK_AUTH_CONNECT,
            interest: .pending)
        var asked = connect(user: "alice")
        var tokens: [UInt64] = []
        for _ in 0..<500 {
            if case .pending(let token, _) = fixture.dispatcher.authConnect(&asked, now: 0) { tokens.append(token) }
        }
        let pending = fixture.pending
        let accepted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { [tokens] in
                    tokens.filter { pending.complete($0, HL_ALLOW, nil, by: 1) == HL_OK }.count
                }
            }
            return await group.reduce(0, +)
        }
        #expect(accepted == 500)
        #expect(fixture.pending.takeCompletions().sorted() == tokens.sorted())
    }
}
