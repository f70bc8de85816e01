import PluginABI
import Testing

@testable import BrokerCore

/// Policies of the hooks whose chain plugins.yaml can have the other way round: auth.connect and acl.deliver.
@Suite struct GrantedTests {
    private func logIn(_ fixture: HookFixture) -> HookOutcome {
        var input = connect(user: "ada", password: "secret")
        return fixture.dispatcher.authConnect(&input, now: 0)
    }

    /// A plugin that says who the client is.
    private func named(
        _ name: String, groups: [String] = [], expires: Int64 = 0, mountPoint: String = "",
        _ look: @escaping (hl_connect) -> Void = { _ in }
    ) -> Script {
        Script(HL_ALLOW) { call, input, _ in
            look(input.load(as: hl_connect.self))
            let api = call.pointee.api.pointee
            let views = groups.map { view($0) }
            if !name.isEmpty { _ = api.set_identity(call, view(name), views, UInt32(views.count), view("acme")) }
            if expires > 0 { _ = api.set_expires_at(call, expires) }
            if !mountPoint.isEmpty { _ = api.set_mount_point(call, view(mountPoint)) }
        }
    }

    @Test("first-decides: the first allow is the answer, with all it grants")
    func first() {
        let fixture = HookFixture()
        fixture.add(named("ada", groups: ["x"], expires: 9, mountPoint: "a/"), HL_HOOK_AUTH_CONNECT)
        let second = named("eve")
        fixture.add(second, HL_HOOK_AUTH_CONNECT)
        #expect(logIn(fixture) == .allow && second.calls == 0)
        let result = fixture.dispatcher.lastResult
        #expect(result.username.text == "ada" && result.groupCount == 1 && result.expiresAt == 9)
        #expect(result.mountPoint?.text == "a/")
    }

    @Test(
        "all-must-allow: later plugins are asked, see who it is so far, and one deny is enough",
        arguments: [false, true])
    func all(secondPends: Bool) {
        let fixture = HookFixture()
        fixture.add(
            named("ada", groups: ["x", "y"], expires: 90, mountPoint: "a/"), HL_HOOK_AUTH_CONNECT, decidesAlone: false)
        var seen: [String] = []
        var token: hl_token = 0
        let second = named("", expires: 50) { connect in
            let granted = connect.granted?.pointee ?? hl_granted()
            let groups = (0..<Int(granted.group_count)).compactMap { granted.groups?[$0].text }
            seen = [granted.username.text, granted.account.text, granted.mount_point.text] + groups
        }
        if secondPends {
            let answered = second.body
            second.body = { call, input, script in
                answered?(call, input, script)
                token = call.pointee.api.pointee.pend(call)
                script.verdict = HL_PENDING
            }
        }
        fixture.add(second, HL_HOOK_AUTH_CONNECT, interest: .pending, decidesAlone: false)
        var outcome = logIn(fixture)
        if secondPends {
            var answer = hl_answer()
            answer.struct_size = UInt32(MemoryLayout<hl_answer>.size)
            answer.flags = HL_ANSWER_EXPIRES_AT
            answer.expires_at = 50
            #expect(fixture.pending.complete(token, HL_ALLOW, &answer, by: 2) == HL_OK)
            for done in fixture.pending.takeCompletions() {
                outcome = fixture.dispatcher.resume(done, now: 1) ?? .deny
            }
        }
        #expect(outcome == .allow && seen == ["ada", "acme", "a/", "x", "y"])
        let result = fixture.dispatcher.lastResult
        #expect(result.hasIdentity && result.username.text == "ada" && result.groupCount == 2)
        #expect(result.expiresAt == 50 && result.mountPoint?.text == "a/")
        fixture.add(Script(HL_DENY), HL_HOOK_AUTH_CONNECT)
        if !secondPends { #expect(logIn(fixture) == .deny) }
    }

    @Test("all-must-allow: an abstention after an allow lets in; a later identity takes the place of the earlier one")
    func overlay() {
        let fixture = HookFixture()
        fixture.add(named("ada"), HL_HOOK_AUTH_CONNECT, decidesAlone: false)
        fixture.add(named("lovelace", mountPoint: "b/"), HL_HOOK_AUTH_CONNECT, decidesAlone: false)
        fixture.add(Script(HL_ABSTAIN), HL_HOOK_AUTH_CONNECT)
        #expect(logIn(fixture) == .allow)
        #expect(fixture.dispatcher.lastResult.username.text == "lovelace")
        #expect(fixture.dispatcher.lastResult.mountPoint?.text == "b/")
    }

    @Test("acl.deliver, first-decides: what a later plugin says about receivers it allowed does not count")
    func deliver() {
        let fixture = HookFixture()
        let first = Script(HL_ABSTAIN) { _, input, _ in
            let delivery = input.load(as: hl_delivery.self)
            delivery.allow[0] |= 0b0001
            delivery.deny[0] |= 0b0010
        }
        fixture.add(first, HL_HOOK_ACL_DELIVER, decidesAlone: true)
        let second = Script(HL_DENY) { _, input, _ in input.load(as: hl_delivery.self).allow[0] |= 0b0110 }
        fixture.add(second, HL_HOOK_ACL_DELIVER)
        let receivers = (1...4).map { hl_receiver(client: client(UInt64($0)), filter: hl_view(), qos: 0, flags: 0) }
        var deny: UInt64 = 0
        var msg = message("a")
        receivers.withUnsafeBufferPointer { receivers in
            fixture.dispatcher.aclDeliver(&msg, receivers, deny: &deny, abstainDenies: true, mask: .max, now: 0)
        }
        #expect(deny & 0b1111 == 0b1010, "1: by the first, 2: denied by it, 3: by the second, 4: denied by it")
    }
}
