import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// msg.store, msg.route, msg.out, will.publish, retain.set and retain.get.
@Suite struct MessageHookTests {
    private func subscriber(_ test: TestBroker, _ name: String, home: Int, qos: UInt8 = 0) -> TestClient {
        let client = test.connect(name, home: home)
        client.subscribe("t/#", qos: qos)
        _ = client.received()
        return client
    }

    // MARK: msg.store

    @Test("PUBACK and PUBREC wait for msg.store; the message and other packets do not", arguments: [1, 2])
    func storeGates(qos: Int) {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_MSG_STORE) { _, _ in HL_ALLOW }
        test.install(plugin)
        let receiver = subscriber(test, "r", home: 0)
        let publisher = test.connect("p")
        _ = publisher.received()
        publisher.publish("t/a", qos: UInt8(qos))
        #expect(receiver.messages().count == 1)
        #expect(publisher.received().isEmpty, "no acknowledgement before it is kept")
        plugin.runWork()
        test.settle()
        #expect(publisher.received().map(\.type) == [qos == 1 ? .puback : .pubrec])
    }

    @Test("Several acknowledgements wait at once and leave in order [MQTT-4.6.0-2]")
    func storeOrder() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var tokens: [UInt64] = []
        plugin.on(HL_HOOK_MSG_STORE) { call, _ in
            tokens.append(call.pointee.token)
            return HL_PENDING
        }
        test.install(plugin)
        let publisher = test.connect("p")
        _ = publisher.received()
        for number in 1...3 { publisher.publish("t/a", qos: 1, packetID: UInt16(number)) }
        plugin.runWork()
        test.complete(tokens[2], HL_ALLOW)
        test.complete(tokens[1], HL_ALLOW)
        #expect(publisher.received().isEmpty)
        test.complete(tokens[0], HL_ALLOW)
        let acknowledged = publisher.received().compactMap { packet in
            if case .puback(let ack) = packet { ack.packetID } else { nil }
        }
        #expect(acknowledged == [1, 2, 3])
    }

    @Test("A message that cannot be kept is never acknowledged", arguments: ProtocolVersion.allCases)
    func storeFails(version: ProtocolVersion) {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_MSG_STORE) { _, _ in HL_ERROR }
        test.install(plugin)
        let publisher = test.connect("p", version)
        _ = publisher.received()
        publisher.publish("t", qos: 1)
        plugin.runWork()
        test.settle()
        #expect(publisher.isClosed)
        #expect(!publisher.received().contains { $0.type == .puback })
        let slow = test.connect("s", version)
        _ = slow.received()
        slow.publish("t", qos: 1)
        test.advance(seconds: 5.1)
        #expect(slow.isClosed && !slow.received().contains { $0.type == .puback })
    }

    @Test("What is not QoS 1 or 2 of a client is not asked about")
    func storeScope() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_MSG_STORE) { _, _ in HL_ALLOW }
        test.install(plugin)
        test.connect("p").publish("t", qos: 0)
        plugin.runWork()
        #expect(plugin.calls(HL_HOOK_MSG_STORE) == 0)
    }

    // MARK: msg.route

    @Test("msg.route adds and removes receivers on every shard", arguments: [1, 2, 3])
    func route(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        let audited = test.clientID("audit", home: 1)
        let muted = test.clientID("muted", home: 2)
        plugin.on(HL_HOOK_MSG_ROUTE) { call, input in
            if input.load(as: hl_msg.self).topic.text == "t/quiet" { return HL_DROP }
            call.withView(audited) { _ = call.api.add_target(call, $0, 1) }
            call.withView(muted) { _ = call.api.remove_target(call, $0) }
            return HL_ALLOW
        }
        test.install(plugin)
        let audit = test.connect("audit", home: 1)
        _ = audit.received()
        let listeners = (0..<3).map { subscriber(test, "l\($0)", home: $0) }
        let mute = subscriber(test, "muted", home: 2)
        let publisher = test.connect("p", home: 0)
        publisher.publish("t/a", "1", qos: 1)
        #expect(audit.messages().map(\.qos) == [1], "added, at the QoS given")
        #expect(listeners.map { $0.payloads() } == [["1"], ["1"], ["1"]])
        #expect(mute.messages().isEmpty)
        publisher.publish("t/quiet", "2")
        #expect(listeners.allSatisfy { $0.messages().isEmpty })
    }

    // MARK: msg.out

    @Test("msg.out edits for one receiver, drops for another, leaves the third alone", arguments: [1, 2, 3])
    func out(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_MSG_OUT) { call, input in
            let delivery = input.load(as: hl_delivery.self)
            for index in 0..<Int(delivery.receiver_count) {
                let name = delivery.receivers[index].client.pointee.client_id.text
                if name.hasPrefix("blurred") {
                    _ = call.api.select(call, UInt32(index))
                    call.with("?", call.api.set_payload)
                    _ = call.api.set_qos(call, 0)
                }
                if name.hasPrefix("dropped") { delivery.deny[index / 64] |= 1 << UInt64(index % 64) }
            }
            return HL_REPLACE
        }
        test.install(plugin)
        let clear = subscriber(test, "clear", home: 0, qos: 1)
        let blurred = subscriber(test, "blurred", home: 1, qos: 1)
        let dropped = subscriber(test, "dropped", home: 2, qos: 1)
        test.connect("p", home: 0).publish("t/a", "secret", qos: 1)
        #expect(clear.messages().map { "\($0.text) \($0.qos)" } == ["secret 1"])
        #expect(blurred.messages().map { "\($0.text) \($0.qos)" } == ["? 0"])
        #expect(dropped.messages().isEmpty && test.dropped(.pluginDropped) == 1)
    }

    @Test("msg.out sees messages from a queue, the retained store and shared groups")
    func outElsewhere() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_MSG_OUT) { call, _ in
            call.with("edited", call.api.set_payload)
            return HL_REPLACE
        }
        test.install(plugin)
        let publisher = test.connect("p")
        publisher.publish("t/r", "kept", retain: true)
        let first = test.connect("c", cleanStart: false, expiry: 100)
        first.subscribe("t/#", qos: 1)
        #expect(first.payloads() == ["edited"])
        first.drop()
        publisher.publish("t/a", "1", qos: 1)
        let second = test.connect("c", cleanStart: false, expiry: 100)
        #expect(second.takeAll().map(\.text) == ["edited"])
        second.subscribe("$share/g/s", qos: 1)
        _ = second.received()
        publisher.publish("s", "1", qos: 1)
        #expect(second.takeAll().map(\.text) == ["edited"])
    }

    @Test("A topic that msg.out edits is authorised for its receiver")
    func outReauthorises() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_MSG_OUT) { call, input in
            call.with(
                input.load(as: hl_delivery.self).msg.pointee.payload.text == "x" ? "t/b" : "secret", call.api.set_topic)
            return HL_REPLACE
        }
        plugin.onDeliver { _, msg, _ in msg.topic.text != "secret" }
        test.install(plugin)
        let client = subscriber(test, "c", home: 0)
        let publisher = test.connect("p")
        publisher.publish("t/a", "x")
        publisher.publish("t/a", "y")
        #expect(client.messages().map { String(decoding: $0.topic, as: UTF8.self) } == ["t/b"])
        #expect(test.dropped(.deliverDenied) == 1)
    }

    // MARK: Wills

    @Test("will.publish edits or refuses; acl.publish and msg.in see what it made", arguments: [1, 2])
    func wills(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        var seen: [String] = []
        plugin.on(HL_HOOK_WILL_PUBLISH) { call, input in
            let will = input.load(as: hl_msg.self)
            guard will.payload.text != "planned" else { return HL_DENY }
            call.with("t/last", call.api.set_topic)
            return HL_REPLACE
        }
        plugin.onPublish { _, msg in
            seen.append("acl \(msg.topic.text) \(msg.origin)")
            return HL_ALLOW
        }
        plugin.onMessage { _, msg in
            seen.append("in \(msg.topic.text)")
            return HL_ABSTAIN
        }
        test.install(plugin)
        let watcher = subscriber(test, "w", home: 0)
        for payload in ["crashed", "planned"] {
            let client = test.connect("c", home: 1) { $0.will = .init(topic: [0x77], payload: Array(payload.utf8)) }
            client.drop()
        }
        let got = watcher.messages().map { "\(String(decoding: $0.topic, as: UTF8.self)) \($0.text)" }
        #expect(got == ["t/last crashed"])
        let atConnect = "acl w \(HL_ORIGIN_WILL)"
        #expect(seen == [atConnect, "acl t/last \(HL_ORIGIN_WILL)", "in t/last", atConnect])
    }

    @Test("A will waits for a hook that answers later, at CONNECT and when it is published")
    func pendingWill() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onPublish { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin)
        let watcher = subscriber(test, "w", home: 0)
        let client = test.connect("c") { $0.will = .init(topic: Array("t/will".utf8)) }
        #expect(client.output.isEmpty)
        test.complete(token, HL_ALLOW)
        #expect(client.connack()?.reason == .success)
        client.drop()
        #expect(watcher.messages().isEmpty)
        test.complete(token, HL_ALLOW)
        #expect(watcher.messages().count == 1)
        #expect(test.broker.shards[0].detachedWork.isEmpty && test.broker.shards[0].pendingTimers.isEmpty)
    }

    // MARK: Retained messages

    @Test("retain.set keeps something else, or nothing; the message is delivered all the same")
    func retainSet() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_RETAIN_SET) { call, input in
            guard input.load(as: hl_msg.self).topic.text == "t/a" else { return HL_DENY }
            call.with("summary", call.api.set_payload)
            return HL_REPLACE
        }
        test.install(plugin)
        let live = subscriber(test, "l", home: 0)
        let publisher = test.connect("p")
        publisher.publish("t/a", "all of it", retain: true)
        publisher.publish("t/b", "other", retain: true)
        #expect(live.payloads() == ["all of it", "other"])
        #expect(subscriber(test, "late", home: 0).payloads().isEmpty == true)
        let late = test.connect("later")
        late.subscribe("t/#")
        #expect(late.payloads() == ["summary"])
    }

    @Test("retain.get edits or holds back what a new subscription gets")
    func retainGet() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_RETAIN_GET) { call, input in
            let retained = input.load(as: hl_retained.self)
            guard retained.msg.pointee.topic.text == "t/a" else { return HL_DENY }
            call.with("for \(retained.client.pointee.client_id.text)", call.api.set_payload)
            return HL_REPLACE
        }
        test.install(plugin)
        let publisher = test.connect("p")
        publisher.publish("t/a", "1", retain: true)
        publisher.publish("t/b", "2", retain: true)
        let client = test.connect("c")
        client.subscribe("t/#")
        #expect(client.payloads() == ["for c"])
    }
}
