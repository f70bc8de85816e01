import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// What a hook that answers later must not change, what CONNECT and SUBSCRIBE tell it, what is kept of its verdicts.
@Suite struct HookGapTests {
    @Test("auth.connect sees the will and the properties of CONNECT")
    func connectInput() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var seen: [String] = []
        plugin.onConnect { _, connect in
            seen.append("\(connect.will.pointee.topic.text)=\(connect.will.pointee.payload.text)")
            seen.append("\(connect.properties.bytes.count)")
            return HL_ALLOW
        }
        test.install(plugin)
        _ = test.connect("c", expiry: 100) {
            $0.will = .init(topic: Array("w".utf8), payload: Array("gone".utf8))
            $0.properties.userProperties = [UserProperty("k", "v")]
        }
        #expect(seen == ["w=gone", "\(5 + 7)"])
    }

    @Test("acl.subscribe sees retain handling and user properties")
    func subscribeInput() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var seen: [UInt32] = []
        plugin.onSubscribe { _, subscribe in
            seen = [subscribe.retain_handling, UInt32(subscribe.properties.len)]
            return HL_ALLOW
        }
        test.install(plugin)
        let client = test.connect("c")
        var packet = Subscribe(packetID: 1, subscriptions: [.init(filter: [0x74])])
        packet.subscriptions[0].retainHandling = .doNotSend
        packet.properties.userProperties = [UserProperty("k", "v")]
        client.send(.subscribe(packet))
        #expect(seen == [2, 7])
    }

    @Test("Message expiry counts from arrival, also when a hook takes its time [MQTT-3.3.2-5][MQTT-3.3.2-6]")
    func expiryFromArrival() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onPublish { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin, deadline: 60_000_000_000)
        let receiver = test.connect("r")
        receiver.subscribe("t")
        _ = receiver.received()
        let publisher = test.connect("p")
        _ = publisher.received()
        publisher.publish("t", qos: 1) { $0.properties.messageExpiryInterval = 10 }
        test.advance(seconds: 4)
        test.complete(token, HL_ALLOW)
        #expect(receiver.messages().map(\.properties.messageExpiryInterval) == [6])
        publisher.publish("t", qos: 1, packetID: 2) { $0.properties.messageExpiryInterval = 3 }
        test.advance(seconds: 4)
        test.complete(token, HL_ALLOW)
        #expect(receiver.messages().isEmpty && test.dropped(.expired) == 1)
        #expect(publisher.received().map(\.type) == [.puback, .puback], "acknowledged all the same")
    }

    @Test(
        "What expires while a plugin decides takes the older retained message along, unless denied [MQTT-3.3.1-5]",
        arguments: [(HL_ALLOW, 0), (HL_DENY, 1)])
    func expiredRetained(_ verdict: UInt32, kept: Int) {
        let test = TestBroker()
        let plugin = TestPlugin()
        var token: UInt64?
        plugin.onPublish { call, msg in
            guard msg.payload.text == "new" else { return HL_ALLOW }
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin, deadline: 60_000_000_000)
        let publisher = test.connect("p")
        publisher.publish("t", "old", qos: 1, retain: true)
        publisher.publish("t", "new", qos: 1, retain: true, packetID: 2) { $0.properties.messageExpiryInterval = 3 }
        _ = publisher.received()
        test.advance(seconds: 4)
        test.complete(token ?? 0, verdict)
        #expect(publisher.received().count == 1 && test.broker.shared.retained.count == kept)
    }

    @Test("A message keeps its id on every hook, also across a pending answer")
    func stableID() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var ids: Set<UInt64> = []
        var token: UInt64 = 0
        plugin.onPublish { call, msg in
            ids.insert(msg.id)
            token = call.pend()
            return HL_PENDING
        }
        plugin.onMessage { _, msg in
            ids.insert(msg.id)
            return HL_ABSTAIN
        }
        plugin.onDeliver { _, msg, _ in
            ids.insert(msg.id)
            return true
        }
        test.install(plugin)
        let client = test.connect("c")
        client.subscribe("t")
        client.publish("t")
        test.complete(token, HL_ALLOW)
        #expect(client.messages().count == 1 && ids.count == 1 && !ids.contains(0))
    }

    @Test("A recheck that is answered later ends the subscription then, not before")
    func pendingRecheck() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onSubscribe { call, subscribe in
            guard subscribe.flags & HL_SUBSCRIBE_RECHECK != 0 else { return HL_ALLOW }
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin)
        let client = test.connect("c")
        client.subscribe("t")
        _ = client.received()
        let publisher = test.connect("p")
        test.tell(.recheckSubscriptions)
        publisher.publish("t")
        #expect(client.messages().count == 1)
        test.complete(token, HL_DENY)
        publisher.publish("t")
        #expect(client.messages().isEmpty)
    }

    @Test("A verdict about a filter is kept for the connection, until it is revoked")
    func filterVerdicts() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.onSubscribe { call, subscribe in
            _ = call.api.set_cache(call, HL_CACHE_CLIENT_FILTER, 5_000_000_000)
            _ = call.api.set_qos(call, 1)
            return subscribe.filter.text == "no" ? HL_DENY : HL_ALLOW
        }
        test.install(plugin)
        let client = test.connect("c")
        _ = client.received()
        for _ in 1...2 {
            client.subscribe("t", qos: 2)
            #expect(client.received().codes == [.grantedQoS1])
            client.subscribe("no")
            #expect(client.received().codes == [.notAuthorized])
        }
        #expect(plugin.calls(HL_HOOK_ACL_SUBSCRIBE) == 2)
        test.tell(.revokeVerdicts(connection: 0))
        client.subscribe("t")
        #expect(plugin.calls(HL_HOOK_ACL_SUBSCRIBE) == 3)
        test.advance(seconds: 6)
        client.subscribe("t")
        #expect(plugin.calls(HL_HOOK_ACL_SUBSCRIBE) == 4)
    }

    @Test("A filter that a plugin has rewritten is stored with the one the client named")
    func rewrittenFilterIsStored() {
        let test = TestBroker { $0.storeEnabled = true }
        let plugin = TestPlugin()
        plugin.onSubscribe { call, _ in
            call.with("tenant/t", call.api.set_topic)
            return HL_ALLOW
        }
        test.install(plugin)
        let client = test.connect("c", cleanStart: false, expiry: 100)
        test.commitAll()
        client.subscribe("t", qos: 1)
        test.commitAll()
        #expect(client.received().codes == [.grantedQoS1])
        #expect(test.store.sessions[Array("c".utf8)]?.rewritten == [Array("t".utf8): Array("tenant/t".utf8)])
    }

    @Test("An edited topic whose permission comes later waits for it; order is kept")
    func pendingEdit() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var tokens: [String: UInt64] = [:]
        plugin.onPublish { call, msg in
            guard msg.topic.text == "new" else { return HL_ALLOW }
            tokens[msg.payload.text] = call.pend()
            return HL_PENDING
        }
        plugin.onMessage { call, _ in
            call.with("new", call.api.set_topic)
            return HL_REPLACE
        }
        test.install(plugin)
        let receiver = test.connect("r")
        receiver.subscribe("#")
        _ = receiver.received()
        let publisher = test.connect("p")
        publisher.publish("old", "1", qos: 1, packetID: 1)
        publisher.publish("old", "2", qos: 1, packetID: 2)
        #expect(receiver.messages().isEmpty && tokens.count == 1)
        test.complete(tokens["1"] ?? 0, HL_ALLOW)
        test.complete(tokens["2"] ?? 0, HL_DENY)
        #expect(receiver.messages().map { String(decoding: $0.topic, as: UTF8.self) } == ["new"])
        let answers = publisher.received().compactMap { if case .puback(let ack) = $0 { ack.reason } else { nil } }
        #expect(answers == [.success, .notAuthorized])
    }

    @Test("A message of a bridge is authorised in the bridge's name, and edited like any other")
    func bridge() {
        let test = TestBroker(shards: 2)
        let plugin = TestPlugin()
        var seen: [String] = []
        plugin.onPublish { _, msg in
            let client = msg.publisher.pointee
            let isBridge = client.flags & HL_CLIENT_BRIDGE != 0
            seen.append("\(msg.origin == HL_ORIGIN_BRIDGE) \(client.client_id.text) \(isBridge)")
            return msg.topic.text == "t" ? HL_ALLOW : HL_DENY
        }
        plugin.onMessage { call, _ in
            call.with("edited", call.api.set_payload)
            return HL_REPLACE
        }
        test.install(plugin)
        let client = test.connect("c", home: 1)
        client.subscribe("#")
        _ = client.received()
        for topic in ["t", "u"] {
            var message = InjectedMessage(topic: Array(topic.utf8), payload: [1])
            message.bridge = Array("upstream".utf8)
            message.instance = 9
            message.hops = 1
            test.broker.publish(message)
        }
        test.settle()
        #expect(client.payloads() == ["edited"])
        #expect(seen == ["true upstream true", "true upstream true"])
    }
}
