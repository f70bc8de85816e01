import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// Plugins that answer at once are called with what was laid out beforehand (UnsafeFastHooks): what they see and what
/// becomes of their answers is the same as on the long way.
@Suite struct ShortWayTests {
    /// A chain of plugins that answer at once, a receiver of everything and a publisher.
    private struct Scene {
        let test = TestBroker()
        let reader: TestClient
        let publisher: TestClient

        init(_ plugins: TestPlugin...) {
            for plugin in plugins { plugin.answersAtOnce = true }
            test.install(plugins)
            reader = test.connect("reader")
            reader.subscribe("#")
            publisher = test.connect("publisher")
            _ = (reader.received(), publisher.received())
        }

        var shard: Shard { test.broker.shards[0] }
        var fast: FastHooks { shard.state.pointee.fastHooks.pointee }
    }

    private func plugin(publish: UInt32 = HL_ALLOW, deliver: UInt32 = HL_ALLOW) -> TestPlugin {
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_ACL_PUBLISH) { _, _ in publish }
        plugin.on(HL_HOOK_ACL_DELIVER) { _, _ in deliver }
        return plugin
    }

    @Test("Plugins see the message, its publisher and its receivers, and the time of the turn")
    func whatIsSeen() {
        let plugin = TestPlugin()
        var seen: [String] = []
        plugin.on(HL_HOOK_ACL_PUBLISH) { call, input in
            let msg = input.load(as: hl_msg.self)
            seen.append("\(msg.publisher.pointee.client_id.text) \(msg.topic.text) \(msg.payload.text)")
            seen.append("q\(msg.qos) p\(msg.packet_id) f\(msg.flags) o\(msg.origin) id\(msg.id != 0)")
            seen.append("\(msg.received == call.pointee.now) \(msg.expires == HL_NEVER)")
            seen.append("\(call.pointee.deadline - call.pointee.now) \(HookCalls.isInHook)")
            return HL_ALLOW
        }
        plugin.on(HL_HOOK_ACL_DELIVER) { call, input in
            let delivery = input.load(as: hl_delivery.self)
            seen.append("\(delivery.receiver_count) \(delivery.receivers[0].client.pointee.client_id.text)")
            seen.append("q\(delivery.receivers[0].qos) \(delivery.msg.pointee.publisher.pointee.client_id.text)")
            seen.append("\(delivery.deny[0]) \(delivery.allow[0]) \(call.pointee.now)")
            return HL_ALLOW
        }
        let scene = Scene(plugin)
        scene.test.advance(seconds: 5)
        scene.publisher.publish("a/b", "hello", qos: 1, packetID: 9)
        #expect(
            seen == [
                "publisher a/b hello", "q1 p9 f0 o0 idtrue", "true true", "1000000000 true", "1 reader",
                "q0 publisher", "0 0 \(scene.test.now)",
            ])
        #expect(!HookCalls.isInHook)
        #expect(scene.reader.payloads() == ["hello"])
    }

    @Test("One of several that refuses ends the chain; the others were asked in their order")
    func denyInTheMiddle() {
        let (first, second, third) = (plugin(), plugin(publish: HL_DENY), plugin())
        let scene = Scene(first, second, third)
        scene.publisher.publish("t", qos: 1, packetID: 1)
        #expect(scene.publisher.received() == [.puback(Ack(packetID: 1, reason: .notAuthorized))])
        #expect([first, second, third].map { $0.calls(HL_HOOK_ACL_PUBLISH) } == [1, 1, 0])
        #expect(scene.reader.messages().isEmpty)
    }

    @Test("An abstention after an allow lets the message go on; all abstain: the default is deny")
    func abstentions() {
        let mixed = Scene(plugin(), plugin(publish: HL_ABSTAIN), plugin())
        mixed.publisher.publish("t")
        #expect(mixed.reader.messages().count == 1)
        let silent = Scene(plugin(publish: HL_ABSTAIN), plugin(publish: HL_ABSTAIN))
        silent.publisher.publish("t")
        #expect(silent.reader.messages().isEmpty)
    }

    @Test("What one plugin denies a receiver no other allows, and others still get the message")
    func deniedReceiver() {
        let (first, second) = (plugin(), TestPlugin())
        second.onDeliver { _, _, client in client.client_id.text != "second" }
        second.on(HL_HOOK_ACL_PUBLISH) { _, _ in HL_ALLOW }
        let scene = Scene(first, second, plugin())
        let other = scene.test.connect("second")
        other.subscribe("#")
        _ = other.received()
        for _ in 0..<3 { scene.publisher.publish("t") }
        #expect(scene.reader.messages().count == 3)
        #expect(other.messages().isEmpty)
        #expect(scene.test.dropped(.deliverDenied) == 3)
        #expect(first.calls(HL_HOOK_ACL_DELIVER) == 3, "one call for both receivers")
    }

    @Test("An error of a delivery hook keeps the message from everybody, of a publish hook from being published")
    func errors() {
        let deliver = Scene(plugin(), plugin(deliver: HL_ERROR))
        deliver.publisher.publish("t")
        #expect(deliver.reader.messages().isEmpty)
        let publish = Scene(plugin(), plugin(publish: HL_ERROR))
        publish.publisher.publish("t")
        #expect(publish.reader.messages().isEmpty)
    }

    @Test("A publisher that does not want its own messages, and a client that is offline, are not asked about")
    func whoIsAsked() {
        let plugin = plugin()
        var names: [String] = []
        plugin.on(HL_HOOK_ACL_DELIVER) { _, input in
            let delivery = input.load(as: hl_delivery.self)
            for index in 0..<Int(delivery.receiver_count) {
                names.append(delivery.receivers[index].client.pointee.client_id.text)
            }
            return HL_ALLOW
        }
        let scene = Scene(plugin)
        scene.publisher.send(
            .subscribe(Subscribe(packetID: 7, subscriptions: [.init(filter: Array("#".utf8), noLocal: true)])))
        let sleeper = scene.test.connect("sleeper", expiry: 1000)
        sleeper.subscribe("#", qos: 1)
        sleeper.drop()
        scene.publisher.publish("t", qos: 1)
        #expect(names == ["reader"])
        let woken = scene.test.connect("sleeper", cleanStart: false, expiry: 1000)
        #expect(woken.messages().count == 1)
        #expect(names == ["reader", "sleeper"], "asked when its queue is sent")
    }

    @Test("A reason, a rule and memory taken in a call do not reach into the next")
    func nothingIsLeft() {
        let plugin = TestPlugin()
        var turn = 0
        plugin.on(HL_HOOK_ACL_PUBLISH) { call, _ in
            turn += 1
            switch turn {
            case 1:
                _ = call.api.set_reason(call, UInt32(ReasonCode.quotaExceeded.rawValue))
                return HL_DENY
            case 2: return call.api.alloc(call, 100) == nil ? HL_ERROR : HL_ALLOW
            case 3: return HL_DENY
            default: return HL_ALLOW
            }
        }
        let scene = Scene(plugin)
        for packetID in 1...4 { scene.publisher.publish("t", qos: 1, packetID: UInt16(packetID)) }
        #expect(
            scene.publisher.received() == [
                .puback(Ack(packetID: 1, reason: .quotaExceeded)), .puback(Ack(packetID: 2)),
                .puback(Ack(packetID: 3, reason: .notAuthorized)), .puback(Ack(packetID: 4)),
            ])
        #expect(scene.shard.hooks.frame.arena.isEmpty)
    }

    @Test("msg.in: those that abstain let the message go on, an edit is seen by the next")
    func messageIn() {
        let (first, second) = (TestPlugin(), TestPlugin())
        first.on(HL_HOOK_MSG_IN) { call, input in
            guard input.load(as: hl_msg.self).topic.text == "edit" else { return HL_ABSTAIN }
            call.with("edited", call.api.set_payload)
            return HL_REPLACE
        }
        var seen: [String] = []
        second.onMessage { _, msg in
            seen.append(msg.payload.text)
            return HL_ABSTAIN
        }
        let scene = Scene(first, second)
        scene.publisher.publish("plain", "as it is")
        scene.publisher.publish("edit", "as it was")
        #expect(seen == ["as it is", "edited"])
        #expect(scene.reader.payloads() == ["as it is", "edited"])
    }

    @Test("A verdict that may be kept closes the way, and is used; a new table opens it again")
    func keptVerdicts() {
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_ACL_PUBLISH) { call, _ in
            _ = call.api.set_cache(call, HL_CACHE_CLIENT_TOPIC, .max)
            return HL_ALLOW
        }
        let scene = Scene(plugin)
        for _ in 0..<5 { scene.publisher.publish("t") }
        #expect(plugin.calls(HL_HOOK_ACL_PUBLISH) == 1)
        #expect(scene.fast.publish == nil && scene.fast.chains.publish != nil)
        let other = self.plugin()
        other.answersAtOnce = true
        scene.test.install([other], generation: 2)
        #expect(scene.fast.publish != nil)
        #expect(scene.reader.messages().count == 5)
    }

    @Test("An allow that decides alone is not followed by another question")
    func decidesAlone() {
        let (first, second) = (plugin(), plugin(publish: HL_DENY))
        let test = TestBroker()
        var entries: [HookEntry] = []
        for (number, plugin) in [first, second].enumerated() {
            plugin.answersAtOnce = true
            entries += plugin.entries(number: UInt64(number + 1))
        }
        for index in entries.indices { entries[index].decidesAlone = true }
        test.plugins = [first, second]
        test.broker.install(HookTable(generation: 1, entries: entries))
        test.settle()
        let publisher = test.connect("publisher")
        _ = publisher.received()
        publisher.publish("t", qos: 1)
        #expect(publisher.received() == [.puback(Ack(packetID: 1, reason: .noMatchingSubscribers))])
        #expect(second.calls(HL_HOOK_ACL_PUBLISH) == 0)
    }

    @Test("A plugin that may answer later, or wants certain topics only, has the long way")
    func whoHasNone() {
        let slow = plugin()
        let test = TestBroker()
        test.install(slow)
        #expect(test.broker.shards[0].state.pointee.fastHooks.pointee.chains.publish == nil)
        var entries = slow.entries()
        for index in entries.indices { entries[index].interest.filters = [Array("a/#".utf8)] }
        test.broker.install(HookTable(generation: 2, entries: entries))
        test.settle()
        #expect(test.broker.shards[0].state.pointee.fastHooks.pointee.chains.deliver == nil)
    }

    @Test("An acl plugin is asked about the delivery of its own messages as well")
    func ownMessages() {
        let plugin = plugin()
        let scene = Scene(plugin)
        for instance in [1, 2] as [UInt64] {
            var message = InjectedMessage(topic: Array("t".utf8), payload: [1])
            message.instance = instance
            message.hops = 1
            scene.test.broker.publish(message)
            scene.test.settle()
        }
        #expect(plugin.calls(HL_HOOK_ACL_DELIVER) == 2)
        #expect(scene.reader.messages().count == 2)
    }
}
