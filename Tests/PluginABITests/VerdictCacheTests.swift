import PluginABI
import Testing

@testable import BrokerCore

@Suite struct VerdictCacheTests {
    private func script(_ verdict: UInt32, scope: UInt32, ttl: Int64 = .max) -> Script {
        Script(verdict) { call, _, _ in
            _ = call.pointee.api.pointee.set_cache(call, scope, ttl)
            _ = call.pointee.api.pointee.set_reason(call, 0x87)
        }
    }

    /// Asks about one topic, as the core does: the cache first.
    private func ask(_ fixture: HookFixture, connection: UInt64 = 1, topic: UInt64 = 10, now: Int64 = 0) -> HookOutcome
    {
        switch fixture.dispatcher.cachedPublish(connection: connection, topicEntry: topic, now: now) {
        case .allow: return .allow
        case .deny: return .deny
        case .miss: break
        }
        var msg = message("a", from: connection)
        return fixture.dispatcher.aclPublish(&msg, topicEntry: topic, mask: .max, now: now)
    }

    @Test("a verdict for client and topic is asked for once")
    func clientAndTopic() {
        let fixture = HookFixture()
        let plugin = script(HL_ALLOW, scope: HL_CACHE_CLIENT_TOPIC)
        fixture.add(plugin, HL_HOOK_ACL_PUBLISH)
        for _ in 0..<3 { #expect(ask(fixture) == .allow) }
        #expect(plugin.calls == 1)
        #expect(ask(fixture, topic: 11) == .allow)
        #expect(ask(fixture, connection: 2) == .allow)
        #expect(plugin.calls == 3)
    }

    @Test("a verdict for the client holds for every topic of this client")
    func client() {
        let fixture = HookFixture()
        let plugin = script(HL_DENY, scope: HL_CACHE_CLIENT)
        fixture.add(plugin, HL_HOOK_ACL_PUBLISH)
        for topic in 1..<100 { #expect(ask(fixture, topic: UInt64(topic)) == .deny) }
        #expect(plugin.calls == 1)
        #expect(fixture.dispatcher.cachedReason == 0x87)
        #expect(ask(fixture, connection: 2) == .deny)
        #expect(plugin.calls == 2)
    }

    @Test("one plugin that does not allow keeping keeps everybody's allow from being kept")
    func narrowest() {
        let fixture = HookFixture()
        let keeps = script(HL_ALLOW, scope: HL_CACHE_CLIENT)
        let silent = Script(HL_ABSTAIN)
        fixture.add(keeps, HL_HOOK_ACL_PUBLISH)
        fixture.add(silent, HL_HOOK_ACL_PUBLISH)
        for _ in 0..<3 { #expect(ask(fixture) == .allow) }
        #expect(silent.calls == 3)
    }

    @Test("a plugin that looks at some topics only narrows a verdict for the client to the topic")
    func filteredChain() {
        let fixture = HookFixture()
        fixture.add(script(HL_ALLOW, scope: HL_CACHE_CLIENT), HL_HOOK_ACL_PUBLISH)
        fixture.add(script(HL_DENY, scope: HL_CACHE_CLIENT), HL_HOOK_ACL_PUBLISH, interest: .filters("secret/#"))
        var open = message("open")
        let openMask = fixture.dispatcher.interestMask(topic: open.topic.bytes)
        #expect(fixture.dispatcher.aclPublish(&open, topicEntry: 1, mask: openMask, now: 0) == .allow)
        #expect(fixture.dispatcher.cachedPublish(connection: 1, topicEntry: 1, now: 0) == .allow)
        #expect(fixture.dispatcher.cachedPublish(connection: 1, topicEntry: 2, now: 0) == .miss)
        var secret = message("secret/x")
        let secretMask = fixture.dispatcher.interestMask(topic: secret.topic.bytes)
        #expect(fixture.dispatcher.aclPublish(&secret, topicEntry: 2, mask: secretMask, now: 0) == .deny)
    }

    @Test("a verdict ends with its time to live")
    func timeToLive() {
        let fixture = HookFixture()
        let plugin = script(HL_ALLOW, scope: HL_CACHE_CLIENT_TOPIC, ttl: 50)
        fixture.add(plugin, HL_HOOK_ACL_PUBLISH)
        _ = ask(fixture, now: 100)
        _ = ask(fixture, now: 149)
        #expect(plugin.calls == 1)
        _ = ask(fixture, now: 150)
        #expect(plugin.calls == 2)
    }

    @Test("a new table, a revocation of all and one of the client make the plugin be asked again")
    func revocation() {
        let fixture = HookFixture()
        let plugin = script(HL_ALLOW, scope: HL_CACHE_CLIENT_TOPIC)
        fixture.add(plugin, HL_HOOK_ACL_PUBLISH)
        _ = ask(fixture)
        fixture.dispatcher.revokeVerdicts(connection: 2)
        _ = ask(fixture)
        #expect(plugin.calls == 1)
        fixture.dispatcher.revokeVerdicts(connection: 1)
        _ = ask(fixture)
        #expect(plugin.calls == 2)
        fixture.dispatcher.revokeVerdicts(connection: 0)
        _ = ask(fixture)
        #expect(plugin.calls == 3)
        fixture.dispatcher.table = fixture.dispatcher.table
        _ = ask(fixture)
        #expect(plugin.calls == 4)
    }

    @Test("errors are never kept, and neither is a refusal that closes the connection")
    func notKept() {
        let fixture = HookFixture()
        let plugin = script(HL_ERROR, scope: HL_CACHE_CLIENT)
        fixture.add(plugin, HL_HOOK_ACL_PUBLISH)
        for _ in 0..<2 { #expect(ask(fixture) == .deny) }
        #expect(plugin.calls == 2)
        plugin.verdict = HL_DENY
        plugin.body = { call, _, _ in
            _ = call.pointee.api.pointee.set_cache(call, HL_CACHE_CLIENT, .max)
            _ = call.pointee.api.pointee.set_disconnect(call)
        }
        for _ in 0..<2 { #expect(ask(fixture) == .deny) }
        #expect(plugin.calls == 4)
    }

    @Test("a verdict that was pending is kept, but not across a new table")
    func pendingVerdicts() {
        for isSwapped in [false, true] {
            let fixture = HookFixture()
            fixture.add(
                Script(HL_PENDING) { call, _, _ in _ = call.pointee.api.pointee.pend(call) }, HL_HOOK_ACL_PUBLISH,
                interest: .pending)
            guard case .pending(let token, _) = ask(fixture) else {
                Issue.record("the hook did not pend")
                continue
            }
            if isSwapped { fixture.dispatcher.table = .empty }
            var answer = hl_answer()
            answer.struct_size = UInt32(MemoryLayout<hl_answer>.size)
            answer.flags = HL_ANSWER_CACHE
            answer.cache_scope = HL_CACHE_CLIENT_TOPIC
            answer.cache_ttl = .max
            _ = fixture.pending.complete(token, HL_ALLOW, &answer, by: 1)
            #expect(fixture.dispatcher.resume(token, now: 0) == .allow)
            let kept = fixture.dispatcher.cachedPublish(connection: 1, topicEntry: 10, now: 0)
            #expect(kept == (isSwapped ? .miss : .allow))
        }
    }

    @Test("lines that share a place replace each other and never answer for each other")
    func collisions() {
        let cache = VerdictCache(bits: 1)
        defer { cache.destroy() }
        for connection in 1...100 as ClosedRange<UInt64> {
            cache.store(
                connection: connection, topic: 7, allows: connection.isMultiple(of: 2), reason: 0, expires: .max)
            for other in 1...100 as ClosedRange<UInt64> {
                let found = cache.find(connection: other, topic: 7, now: 0)
                #expect(found == .miss || found == (other.isMultiple(of: 2) ? .allow : .deny))
                #expect(other <= connection || found == .miss)
            }
        }
    }
}
