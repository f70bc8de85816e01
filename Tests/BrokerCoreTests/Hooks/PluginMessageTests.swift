import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// A plugin that notes what its hooks see.
private final class Spy {
    var seen: [String] = []
    var verdict: UInt32 = HL_ABSTAIN
    var body: ((UnsafeMutablePointer<hl_call>) -> Void)?
    let handle = UnsafeMutablePointer<hl_self>.allocate(capacity: 1)

    init() { handle.initialize(to: hl_self()) }
    deinit { handle.deallocate() }

    static let messageIn: hl_msg_in_fn = { state, call, msg in
        let spy = Unmanaged<Spy>.fromOpaque(state!).takeUnretainedValue()
        let msg = msg!.pointee
        spy.seen.append("\(msg.topic.text) origin \(msg.origin) instance \(msg.instance) hops \(msg.hops)")
        spy.body?(call!)
        return spy.verdict
    }

    static let notify: hl_notify_fn = { state, call, event in
        let spy = Unmanaged<Spy>.fromOpaque(state!).takeUnretainedValue()
        let event = event!.pointee
        let client = event.client?.pointee.client_id.text ?? "-"
        spy.seen.append("\(event.hook) \(client) \(event.topic.text) \(event.count) \(event.flags)")
    }

    func instance(_ number: UInt64 = 7) -> HookInstance {
        HookInstance(
            number: number, name: "spy", generation: 1, handle: handle,
            state: Unmanaged.passUnretained(self).toOpaque(), onCancel: nil, submit: { _ in false }, eventsReady: {})
    }
}

@Suite struct PluginMessageTests {
    private func injected(_ topic: String, instance: UInt64 = 1, hops: UInt32 = 1) -> InjectedMessage {
        var message = InjectedMessage(topic: Array(topic.utf8), payload: [1])
        message.instance = instance
        message.hops = hops
        return message
    }

    private func broker(_ spy: Spy, _ hook: UInt32, _ function: hl_hook_fn) -> (TestBroker, HookInstance) {
        let test = TestBroker()
        let instance = spy.instance()
        let entry = HookEntry(hook: hook, function: function, instance: instance, interest: HookInterest())
        test.broker.shards[0].install(HookTable(generation: 1, entries: [entry]))
        return (test, instance)
    }

    @Test("the message of a plugin goes through msg.in of the others, with its hops")
    func throughHooks() {
        let spy = Spy()
        let (test, _) = broker(spy, HL_HOOK_MSG_IN, unsafeBitCast(Spy.messageIn, to: hl_hook_fn.self))
        let client = test.connect("reader")
        client.subscribe("#")
        _ = client.received()
        test.broker.publish(injected("a"))
        test.settle()
        #expect(spy.seen == ["a origin \(HL_ORIGIN_PLUGIN) instance 1 hops 1"])
        test.broker.publish(injected("own", instance: 7))
        test.broker.publish(injected("of/the/broker", instance: 0, hops: 0))
        test.settle()
        #expect(spy.seen.count == 1, "neither its own nor the broker's")
        #expect(client.messages().map { String(decoding: $0.topic, as: UTF8.self) } == ["a", "own", "of/the/broker"])
    }

    @Test("what msg.in makes of a plugin's message is delivered; dropped and refused ones are counted")
    func verdicts() {
        let spy = Spy()
        let (test, _) = broker(spy, HL_HOOK_MSG_IN, unsafeBitCast(Spy.messageIn, to: hl_hook_fn.self))
        let client = test.connect("reader")
        client.subscribe("#")
        _ = client.received()
        spy.verdict = HL_REPLACE
        spy.body = { call in
            let topic = Array("b".utf8)
            topic.withUnsafeBytes { _ = call.pointee.api.pointee.set_topic(call, hl_view($0)) }
        }
        test.broker.publish(injected("a"))
        test.settle()
        #expect(client.messages().map { String(decoding: $0.topic, as: UTF8.self) } == ["b"])
        for verdict in [HL_DROP, HL_DENY, HL_ERROR] {
            spy.verdict = verdict
            test.broker.publish(injected("a"))
            test.settle()
        }
        spy.verdict = HL_REPLACE
        spy.body = { call in
            let topic = Array("no/+/topic".utf8)
            topic.withUnsafeBytes { _ = call.pointee.api.pointee.set_topic(call, hl_view($0)) }
        }
        test.broker.publish(injected("a"))
        test.settle()
        #expect(client.messages().isEmpty)
        let counters = test.broker.shards[0].state.pointee.counters
        #expect(counters.dropped[Int(DropReason.pluginDropped.rawValue)] == 4)
    }

    @Test("notify.published tells of every accepted message and its publisher")
    func published() {
        let spy = Spy()
        let (test, instance) = broker(spy, HL_HOOK_NOTIFY_PUBLISHED, unsafeBitCast(Spy.notify, to: hl_hook_fn.self))
        let client = test.connect("writer")
        client.publish("a/b", qos: 1)
        client.publish("a/c")
        #expect(!instance.events.run(limit: 10, now: 0))
        #expect(spy.seen == ["71 writer a/b 1 0", "71 writer a/c 1 0"])
    }

    @Test("notify.delivered counts, at most once a second")
    func delivered() {
        let spy = Spy()
        let (test, instance) = broker(spy, HL_HOOK_NOTIFY_DELIVERED, unsafeBitCast(Spy.notify, to: hl_hook_fn.self))
        let client = test.connect("both")
        client.subscribe("#")
        test.advance(seconds: 2)
        client.publish("a")
        for _ in 0..<4 { client.publish("a") }
        test.advance(seconds: 2)
        #expect(!instance.events.run(limit: 10, now: 0))
        #expect(spy.seen == ["73 -  1 0", "73 -  4 0"])
    }

    @Test("a plugin that starts late is told who is connected, the others are not told again")
    func replay() {
        let first = Spy()
        let function = unsafeBitCast(Spy.notify, to: hl_hook_fn.self)
        let (test, instance) = broker(first, HL_HOOK_NOTIFY_CONNECTED, function)
        let client = test.connect("early")
        let second = Spy()
        let newcomer = second.instance(8)
        let entries = [instance, newcomer].map {
            HookEntry(hook: HL_HOOK_NOTIFY_CONNECTED, function: function, instance: $0, interest: HookInterest())
        }
        test.broker.shards[0].install(HookTable(generation: 2, entries: entries))
        #expect(!newcomer.events.run(limit: 10, now: 0))
        #expect(second.seen == ["64 early  0 \(HL_EVENT_REPLAY)"])
        _ = instance.events.run(limit: 10, now: 0)
        #expect(!first.seen.contains { $0.hasSuffix(" \(HL_EVENT_REPLAY)") })
        withExtendedLifetime(client) {}
    }
}
