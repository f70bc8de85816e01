import PluginABI
import Testing

@testable import BrokerCore

@Suite struct NotifyTests {
    private func notify(_ fixture: HookFixture, _ hook: UInt32, reason: String = "") {
        var event = hl_event()
        event.struct_size = UInt32(MemoryLayout<hl_event>.size)
        event.hook = hook
        event.client = client(7)
        event.reason = view(reason)
        fixture.dispatcher.notify(&event)
    }

    @Test("events reach those who asked, in order, as copies")
    func order() {
        let fixture = HookFixture()
        nonisolated(unsafe) var seen: [String] = []
        let script = Script { _, input, _ in
            let event = input.assumingMemoryBound(to: hl_event.self).pointee
            seen.append("\(event.hook) \(event.reason.text) \(event.client.pointee.connection)")
        }
        let instance = fixture.add(script, HL_HOOK_NOTIFY_CONNECTED, HL_HOOK_NOTIFY_DISCONNECTED)
        #expect(fixture.dispatcher.table.notifyMask == 3)
        notify(fixture, HL_HOOK_NOTIFY_CONNECTED)
        notify(fixture, HL_HOOK_NOTIFY_SUBSCRIBED)
        notify(fixture, HL_HOOK_NOTIFY_DISCONNECTED, reason: "keepalive_timeout")
        #expect(script.calls == 100, "ready is called once for a queue that was empty")
        #expect(!instance.events.run(limit: 10, now: 5))
        #expect(seen == ["64  7", "65 keepalive_timeout 7"])
    }

    @Test("a slow plugin loses events, counted, and is told how many")
    func bounded() {
        let fixture = HookFixture()
        nonisolated(unsafe) var lost: [UInt64] = []
        let script = Script { _, input, _ in
            lost.append(input.assumingMemoryBound(to: hl_event.self).pointee.lost)
        }
        let instance = fixture.add(script, HL_HOOK_NOTIFY_CONNECTED)
        for _ in 0..<7 { notify(fixture, HL_HOOK_NOTIFY_CONNECTED) }
        #expect(instance.events.dropped == 3)
        #expect(instance.events.run(limit: 3, now: 0), "more wait")
        #expect(!instance.events.run(limit: 3, now: 0))
        #expect(lost == [3, 0, 0, 0])
        script.calls = 0
        notify(fixture, HL_HOOK_NOTIFY_CONNECTED)
        #expect(script.calls == 100, "an emptied queue becomes ready again")
    }

    @Test("sampling shows one event in so many")
    func sampling() {
        let fixture = HookFixture()
        var interest = HookInterest()
        interest.sampling = 3
        let script = Script()
        let instance = fixture.add(script, HL_HOOK_NOTIFY_CONNECTED, interest: interest)
        for _ in 0..<9 { notify(fixture, HL_HOOK_NOTIFY_CONNECTED) }
        _ = instance.events.run(limit: 10, now: 0)
        #expect(script.calls == 103)
    }

    @Test("a closed queue takes nothing and runs nothing")
    func closed() {
        let fixture = HookFixture()
        let script = Script()
        let instance = fixture.add(script, HL_HOOK_NOTIFY_CONNECTED)
        notify(fixture, HL_HOOK_NOTIFY_CONNECTED)
        instance.events.close()
        notify(fixture, HL_HOOK_NOTIFY_CONNECTED)
        #expect(!instance.events.run(limit: 10, now: 0))
        #expect(script.calls == 100)
    }
}
