import PluginABI
import Testing

@testable import BrokerCore

@Suite struct ChainTests {
    @Test("without plugins every hook abstains")
    func empty() {
        let fixture = HookFixture()
        var asked = connect(user: "alice")
        #expect(!HookTable.empty.hasAuthConnect && !HookTable.empty.hasMsgIn && HookTable.empty.notifyMask == 0)
        #expect(fixture.dispatcher.authConnect(&asked, now: 0) == .abstain)
    }

    @Test(
        "auth.connect: the first plugin with an opinion decides, in the order of the file",
        arguments: [
            ([HL_ABSTAIN, HL_ALLOW, HL_DENY], HookOutcome.allow, [1, 1, 0]),
            ([HL_ABSTAIN, HL_DENY, HL_ALLOW], .deny, [1, 1, 0]),
            ([HL_ABSTAIN, HL_ABSTAIN, HL_ABSTAIN], .abstain, [1, 1, 1]),
            ([HL_ERROR, HL_ALLOW, HL_ALLOW], .deny, [1, 0, 0]),
            ([HL_DROP, HL_ALLOW, HL_ALLOW], .deny, [1, 0, 0]),
            ([77, HL_ALLOW, HL_ALLOW], .deny, [1, 0, 0]),
        ])
    func auth(verdicts: [UInt32], outcome: HookOutcome, calls: [Int]) {
        let fixture = HookFixture()
        let scripts = verdicts.map { Script($0) }
        for script in scripts { fixture.add(script, HL_HOOK_AUTH_CONNECT) }
        var asked = connect(user: "alice")
        #expect(fixture.dispatcher.authConnect(&asked, now: 0) == outcome)
        #expect(scripts.map(\.calls) == calls)
    }

    @Test(
        "acl: everybody who has an opinion must allow, and deny is terminal",
        arguments: [
            ([HL_ALLOW, HL_ABSTAIN, HL_ALLOW], HookOutcome.allow, [1, 1, 1]),
            ([HL_ALLOW, HL_DENY, HL_ALLOW], .deny, [1, 1, 0]),
            ([HL_DENY, HL_ALLOW, HL_ALLOW], .deny, [1, 0, 0]),
            ([HL_ALLOW, HL_ERROR, HL_ALLOW], .deny, [1, 1, 0]),
            ([HL_ALLOW, HL_REPLACE, HL_ALLOW], .deny, [1, 1, 0]),
            ([HL_ALLOW, HL_PENDING, HL_ALLOW], .deny, [1, 1, 0]),
            ([HL_ABSTAIN, HL_ABSTAIN, HL_ABSTAIN], .abstain, [1, 1, 1]),
        ])
    func acl(verdicts: [UInt32], outcome: HookOutcome, calls: [Int]) {
        let fixture = HookFixture()
        let scripts = verdicts.map { Script($0) }
        for script in scripts { fixture.add(script, HL_HOOK_ACL_PUBLISH, HL_HOOK_ACL_SUBSCRIBE) }
        var msg = message("a/b")
        #expect(fixture.dispatcher.aclPublish(&msg, mask: .max, now: 0) == outcome)
        #expect(scripts.map(\.calls) == calls)
        var asked = hl_subscribe()
        asked.client = client(1)
        #expect(fixture.dispatcher.aclSubscribe(&asked, now: 0) == outcome)
    }

    @Test("msg.in: allow is no verdict of it, drop ends the chain, deny rejects")
    func messageVerdicts() {
        for (verdict, outcome) in [
            (HL_ABSTAIN, HookOutcome.abstain), (HL_DROP, .drop), (HL_DENY, .deny), (HL_ALLOW, .deny), (HL_ERROR, .deny),
        ] {
            let fixture = HookFixture()
            fixture.add(Script(verdict), HL_HOOK_MSG_IN)
            var msg = message("a")
            #expect(fixture.dispatcher.msgIn(&msg, mask: .max, now: 0) == outcome)
        }
    }

    @Test("an error counts, and says that it was no opinion")
    func failures() {
        let fixture = HookFixture()
        let instance = fixture.add(Script(HL_ERROR), HL_HOOK_AUTH_CONNECT)
        var asked = connect(user: "alice")
        _ = fixture.dispatcher.authConnect(&asked, now: 0)
        #expect(fixture.dispatcher.lastResult.hasFailed)
        #expect(fixture.dispatcher.lastResult.instanceName == "plugin-1")
        #expect(instance.failures == 1)
    }

    @Test("an entry may be configured to be passed over when it fails")
    func failureVerdict() {
        let fixture = HookFixture()
        fixture.add(Script(HL_ERROR), HL_HOOK_AUTH_CONNECT, onFailure: HL_ABSTAIN)
        fixture.add(Script(HL_ALLOW), HL_HOOK_AUTH_CONNECT)
        var asked = connect(user: "alice")
        #expect(fixture.dispatcher.authConnect(&asked, now: 0) == .allow)
    }

    @Test("what a plugin says beside its verdict is there after the call")
    func answers() {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_ALLOW) { call, _, _ in
                var groups = [view("devices"), view("sensors")]
                let api = call.pointee.api.pointee
                #expect(api.set_identity(call, view("bob"), &groups, 2, view("acme")) == HL_OK)
                #expect(api.set_qos(call, 1) == HL_NOT_ALLOWED)
                #expect(api.set_topic(call, view("x")) == HL_NOT_ALLOWED)
            }, HL_HOOK_AUTH_CONNECT)
        fixture.add(
            Script(HL_DENY) { call, _, _ in
                let api = call.pointee.api.pointee
                #expect(api.set_rule(call, view("acl.yaml:9")) == HL_OK)
                #expect(api.set_reason(call, 0x87) == HL_OK)
                #expect(api.set_reason(call, 0x187) == HL_INVALID)
                #expect(api.set_disconnect(call) == HL_OK)
            }, HL_HOOK_ACL_PUBLISH)
        var asked = connect(user: "alice")
        #expect(fixture.dispatcher.authConnect(&asked, now: 0) == .allow)
        let identity = fixture.dispatcher.lastResult
        #expect(identity.hasIdentity && identity.username.text == "bob" && identity.account.text == "acme")
        #expect((0..<Int(identity.groupCount)).map { identity.groups![$0].text } == ["devices", "sensors"])
        var msg = message("a")
        #expect(fixture.dispatcher.aclPublish(&msg, mask: .max, now: 0) == .deny)
        let refusal = fixture.dispatcher.lastResult
        #expect(refusal.rule.text == "acl.yaml:9" && refusal.reasonCode == 0x87 && refusal.disconnects)
        #expect(!refusal.hasIdentity, "nothing is left of the call before")
    }

    @Test("acl.subscribe: the lowest QoS is granted and later plugins see the rewritten filter")
    func subscribeEdits() {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_ALLOW) { call, _, _ in
                _ = call.pointee.api.pointee.set_qos(call, 1)
                _ = call.pointee.api.pointee.set_topic(call, view("tenant/a/#"))
            }, HL_HOOK_ACL_SUBSCRIBE)
        fixture.add(
            Script(HL_ALLOW) { call, input, _ in
                #expect(input.assumingMemoryBound(to: hl_subscribe.self).pointee.filter.text == "tenant/a/#")
                _ = call.pointee.api.pointee.set_qos(call, 2)
            }, HL_HOOK_ACL_SUBSCRIBE)
        var asked = hl_subscribe()
        asked.client = client(1)
        asked.filter = view("a/#")
        #expect(fixture.dispatcher.aclSubscribe(&asked, now: 0) == .allow)
        #expect(fixture.dispatcher.lastResult.grantedQoS == 1)
        #expect(fixture.dispatcher.lastResult.filter?.text == "tenant/a/#")
        #expect(asked.filter.text == "a/#", "the core's own struct is not written to")
    }

    @Test("msg.in: edits compose in order and the result is a message of its own")
    func messageEdits() {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_REPLACE) { call, _, _ in
                let api = call.pointee.api.pointee
                _ = api.set_topic(call, view("new/topic"))
                _ = api.add_user_property(call, view("k"), view("v1"))
                _ = api.set_retain(call, 1)
                _ = api.set_expiry(call, 2)
            }, HL_HOOK_MSG_IN)
        fixture.add(
            Script(HL_REPLACE) { call, input, _ in
                let seen = input.assumingMemoryBound(to: hl_msg.self).pointee
                #expect(seen.topic.text == "new/topic" && seen.flags & HL_MSG_RETAIN != 0)
                _ = call.pointee.api.pointee.set_payload(call, view("new payload"))
                _ = call.pointee.api.pointee.add_user_property(call, view("k"), view("v2"))
            }, HL_HOOK_MSG_IN)
        var msg = message("old/topic", payload: "old")
        #expect(fixture.dispatcher.msgIn(&msg, mask: .max, now: 1000) == .replaced)
        let edited = fixture.dispatcher.lastResult.message!.pointee
        #expect(edited.topic.text == "new/topic" && edited.payload.text == "new payload")
        #expect(edited.expires == 2_000_001_000 && edited.qos == 0)
        let property = [0x26, 0, 1, UInt8(ascii: "k"), 0, 2, UInt8(ascii: "v")]
        #expect(Array(edited.properties.bytes) == property + [UInt8(ascii: "1")] + property + [UInt8(ascii: "2")])
        #expect(msg.topic.text == "old/topic" && msg.payload.text == "old")
    }

    @Test("edits of a plugin that answers anything but replace are dropped")
    func editsNeedReplace() {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_ABSTAIN) { call, _, _ in _ = call.pointee.api.pointee.set_payload(call, view("evil")) },
            HL_HOOK_MSG_IN)
        var msg = message("a", payload: "good")
        #expect(fixture.dispatcher.msgIn(&msg, mask: .max, now: 0) == .abstain)
        #expect(fixture.dispatcher.lastResult.message == nil)
    }

    @Test("an edited topic is matched against the interest of later plugins")
    func interestFollowsEdits() {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_REPLACE) { call, _, _ in _ = call.pointee.api.pointee.set_topic(call, view("b/1")) },
            HL_HOOK_MSG_IN)
        let old = Script(HL_DENY)
        let new = Script(HL_ABSTAIN)
        fixture.add(old, HL_HOOK_MSG_IN, interest: .filters("a/#"))
        fixture.add(new, HL_HOOK_MSG_IN, interest: .filters("b/+"))
        var msg = message("a/1")
        let mask = fixture.dispatcher.interestMask(topic: msg.topic.bytes)
        #expect(fixture.dispatcher.msgIn(&msg, mask: mask, now: 0) == .replaced)
        #expect(old.calls == 0 && new.calls == 1)
    }
}
