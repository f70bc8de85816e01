import PluginABI
import Testing

@testable import BrokerCore

@Suite struct DeliverTests {
    /// The bits that `aclDeliver` sets for receivers 1...count.
    private func deliver(
        _ fixture: HookFixture, count: Int, abstainDenies: Bool = true, topicEntry: UInt64 = 0
    ) -> [Int] {
        let receivers = (1...count).map { hl_receiver(client: client(UInt64($0)), filter: hl_view(), qos: 0, flags: 0) }
        var deny = [UInt64](repeating: 0, count: (count + 63) / 64)
        var msg = message("a")
        receivers.withUnsafeBufferPointer { receivers in
            fixture.dispatcher.aclDeliver(
                &msg, receivers, deny: &deny, abstainDenies: abstainDenies, topicEntry: topicEntry, mask: .max, now: 0)
        }
        return (0..<count).filter { deny[$0 / 64] & (1 << UInt64($0 % 64)) != 0 }.map { $0 + 1 }
    }

    /// A plugin that sets bits for some receivers.
    private func script(_ verdict: UInt32, denies: [Int] = [], allows: [Int] = []) -> Script {
        Script(verdict) { _, input, _ in
            let delivery = input.assumingMemoryBound(to: hl_delivery.self).pointee
            for index in denies { delivery.deny[(index - 1) / 64] |= 1 << UInt64((index - 1) % 64) }
            for index in allows { delivery.allow[(index - 1) / 64] |= 1 << UInt64((index - 1) % 64) }
        }
    }

    @Test("the verdict holds for receivers without a bit")
    func bits() {
        for (verdict, denied) in [
            (HL_ALLOW, [2, 70]), (HL_ABSTAIN, [1, 2] + Array(4...100)), (HL_DENY, [1, 2] + Array(4...100)),
            (HL_ERROR, Array(1...100)),
        ] {
            let fixture = HookFixture()
            fixture.add(script(verdict, denies: [2, 70], allows: [3]), HL_HOOK_ACL_DELIVER)
            #expect(deliver(fixture, count: 100) == denied, "verdict \(verdict)")
        }
    }

    @Test("receivers nobody has an opinion about follow the default")
    func abstain() {
        let fixture = HookFixture()
        fixture.add(script(HL_ABSTAIN, denies: [2], allows: [3]), HL_HOOK_ACL_DELIVER)
        #expect(deliver(fixture, count: 4, abstainDenies: false) == [2])
        #expect(deliver(fixture, count: 4, abstainDenies: true) == [1, 2, 4])
    }

    @Test("nothing is kept when a plugin looks at the publisher's listener")
    func notKept() {
        let fixture = HookFixture()
        fixture.add(
            Script(HL_ALLOW) { call, _, _ in _ = call.pointee.api.pointee.set_cache(call, HL_CACHE_CLIENT, .max) },
            HL_HOOK_ACL_DELIVER)
        var interest = HookInterest()
        interest.listeners = [Array("inside".utf8)]
        fixture.add(Script(HL_DENY), HL_HOOK_ACL_DELIVER, interest: interest)
        #expect(deliver(fixture, count: 1, topicEntry: 9) == [], "only the first was asked")
        #expect(fixture.dispatcher.cachedDeliver(connection: 1, topicEntry: 9, now: 0) == .miss)
    }

    @Test("what one plugin denies no other can allow, not even by clearing the bit")
    func denyIsTerminal() {
        let fixture = HookFixture()
        fixture.add(script(HL_ALLOW, denies: [1]), HL_HOOK_ACL_DELIVER)
        fixture.add(
            Script(HL_ALLOW) { _, input, _ in
                let delivery = input.assumingMemoryBound(to: hl_delivery.self).pointee
                delivery.deny[0] = 0
                delivery.allow[0] = .max
            }, HL_HOOK_ACL_DELIVER)
        #expect(deliver(fixture, count: 3) == [1])
    }

    @Test("verdicts per receiver are kept when every plugin says so")
    func cache() {
        let fixture = HookFixture()
        let plugin = script(HL_ALLOW, denies: [2])
        let setBits = plugin.body
        plugin.body = { call, input, script in
            setBits?(call, input, script)
            _ = call.pointee.api.pointee.set_cache(call, HL_CACHE_CLIENT_TOPIC, .max)
        }
        fixture.add(plugin, HL_HOOK_ACL_DELIVER)
        #expect(deliver(fixture, count: 3, topicEntry: 9) == [2])
        #expect(fixture.dispatcher.cachedDeliver(connection: 1, topicEntry: 9, now: 0) == .allow)
        #expect(fixture.dispatcher.cachedDeliver(connection: 2, topicEntry: 9, now: 0) == .deny)
        #expect(fixture.dispatcher.cachedDeliver(connection: 4, topicEntry: 9, now: 0) == .miss)
        #expect(fixture.dispatcher.cachedPublish(connection: 1, topicEntry: 9, now: 0) == .miss)
    }
}
