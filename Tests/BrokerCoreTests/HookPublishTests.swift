import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// acl.publish and msg.in: who may publish what, and what becomes of it.
@Suite struct HookPublishTests {
    private struct Scene {
        let test: TestBroker
        let plugin: TestPlugin
        let watcher: TestClient
        let publisher: TestClient
    }

    private func scene(
        _ setting: Setting = Setting(version: .v5_0, shards: 1), _ configure: (TestPlugin) -> Void
    ) -> Scene {
        let test = TestBroker(shards: setting.shards)
        let plugin = TestPlugin()
        configure(plugin)
        test.install(plugin)
        let watcher = test.connect("watcher", home: 1)
        watcher.subscribe("#", qos: 2)
        let publisher = test.connect("publisher", setting.version, home: 0)
        _ = (watcher.received(), publisher.received())
        return Scene(test: test, plugin: plugin, watcher: watcher, publisher: publisher)
    }

    @Test(
        "Deny: not delivered; 5.0 learns the code, 3.1.1 is acknowledged as if nothing were wrong",
        arguments: Setting.all)
    func deny(_ setting: Setting) {
        let scene = scene(setting) { plugin in
            plugin.onPublish { call, msg in
                if msg.topic.text == "quota" {
                    _ = call.api.set_reason(call, UInt32(ReasonCode.quotaExceeded.rawValue))
                }
                return msg.topic.text == "open" ? HL_ALLOW : HL_DENY
            }
        }
        let isNew = setting.version == .v5_0
        scene.publisher.publish("closed", qos: 0)
        scene.publisher.publish("closed", qos: 1, packetID: 1)
        scene.publisher.publish("quota", qos: 1, packetID: 2)
        scene.publisher.publish("closed", qos: 2, packetID: 3)
        scene.publisher.publish("open", qos: 1, packetID: 4)
        #expect(
            scene.publisher.received() == [
                .puback(Ack(packetID: 1, reason: isNew ? .notAuthorized : .success)),
                .puback(Ack(packetID: 2, reason: isNew ? .quotaExceeded : .success)),
                .pubrec(Ack(packetID: 3, reason: isNew ? .notAuthorized : .success)), .puback(Ack(packetID: 4)),
            ])
        if !isNew {
            scene.publisher.send(.pubrel(Ack(packetID: 3)))
            #expect(scene.publisher.received() == [.pubcomp(Ack(packetID: 3))])
        }
        #expect(scene.watcher.messages().map(\.topicText) == ["open"])
        #expect(scene.test.dropped(.publishDenied) == 4)
    }

    @Test("Nobody has an opinion: with an acl plugin the default is deny")
    func abstain() {
        let scene = scene { $0.onPublish { _, _ in HL_ABSTAIN } }
        scene.publisher.publish("t", qos: 1)
        #expect(scene.publisher.received() == [.puback(Ack(packetID: 1, reason: .notAuthorized))])
        #expect(scene.watcher.messages().isEmpty)
    }

    @Test("A plugin may end the connection as well")
    func disconnect() {
        let scene = scene { plugin in
            plugin.onPublish { call, _ in
                _ = call.api.set_disconnect(call)
                return HL_DENY
            }
        }
        scene.publisher.publish("t", qos: 1)
        #expect(scene.publisher.isClosed && scene.publisher.disconnectReason() == .notAuthorized)
    }

    @Test("Aliases are resolved before a plugin sees the topic", arguments: [HL_ALLOW, HL_DENY, HL_PENDING])
    func aliases(verdict: UInt32) {
        var topics: [String] = []
        var token: UInt64 = 0
        let scene = scene { plugin in
            plugin.onPublish { call, msg in
                topics.append(msg.topic.text)
                if verdict == HL_PENDING { token = call.pend() }
                return verdict
            }
        }
        scene.publisher.publish("real") { $0.properties.topicAlias = 1 }
        if verdict == HL_PENDING { scene.test.complete(token, HL_ALLOW) }
        scene.publisher.publish("", qos: 1) { $0.properties.topicAlias = 1 }
        if verdict == HL_PENDING { scene.test.complete(token, HL_DENY) }
        #expect(topics == ["real", "real"])
        let denied = scene.test.events.compactMap { event -> String? in
            if case .publishDenied(_, let topic, _, _, _) = event {
                String(decoding: topic, as: UTF8.self)
            } else {
                nil
            }
        }
        #expect(denied.allSatisfy { $0 == "real" })
        #expect(scene.watcher.messages().count == [HL_ALLOW: 2, HL_DENY: 0, HL_PENDING: 1][verdict])
    }

    @Test(
        "While one PUBLISH waits, the next ones wait behind it; order and acknowledgements hold",
        arguments: Setting.all)
    func pending(_ setting: Setting) {
        var tokens: [UInt64] = []
        let scene = scene(setting) { plugin in
            plugin.onPublish { call, msg in
                guard msg.topic.text == "slow" else { return HL_ALLOW }
                tokens.append(call.pend())
                return HL_PENDING
            }
        }
        let burst: [Packet] = [
            .publish(Publish(topic: Array("fast".utf8), payload: [1], qos: 1, packetID: 1)),
            .publish(Publish(topic: Array("slow".utf8), payload: [2], qos: 1, packetID: 2)),
            .publish(Publish(topic: Array("fast".utf8), payload: [3], qos: 1, packetID: 3)),
            .publish(Publish(topic: Array("slow".utf8), payload: [4], qos: 2, packetID: 4)), .pingreq,
        ]
        scene.publisher.send(bytes: burst.flatMap { $0.encode(version: setting.version) })
        #expect(scene.publisher.isPaused && scene.publisher.received().count == 1)
        // The rest of the broker goes on.
        scene.test.connect("other", home: 0).publish("fast", "other")
        #expect(scene.watcher.takeAll().map(\.payload) == [[1], Array("other".utf8)])
        scene.test.complete(tokens[0], HL_ALLOW)
        #expect(tokens.count == 2)
        scene.test.complete(tokens[1], HL_ALLOW)
        #expect(scene.watcher.takeAll().map(\.payload) == [[2], [3], [4]])
        #expect(scene.publisher.received().map(\.type) == [.puback, .puback, .pubrec, .pingresp])
        #expect(!scene.publisher.isPaused)
    }

    @Test("No answer in time is a refusal; a connection that ends cancels", arguments: [false, true])
    func noAnswer(drops: Bool) {
        let test = TestBroker()
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onPublish { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin, deadline: 1_000_000_000)
        let client = test.connect("c")
        _ = client.received()
        client.publish("t", qos: 1)
        if drops {
            client.drop()
        } else {
            test.advance(seconds: 1.1)
            #expect(client.received() == [.puback(Ack(packetID: 1, reason: .notAuthorized))])
            #expect(!client.isPaused)
        }
        #expect(plugin.cancelled == [token])
        #expect(test.broker.shards[0].pendingConnections.isEmpty)
    }

    @Test("A verdict is kept as long as the plugin says, and forgotten when revoked or when the table changes")
    func cachedVerdicts() {
        var verdict = HL_ALLOW
        let scene = scene { plugin in
            plugin.onPublish { call, _ in
                _ = call.api.set_cache(call, HL_CACHE_CLIENT_TOPIC, 10_000_000_000)
                return verdict
            }
        }
        for _ in 0..<5 { scene.publisher.publish("t") }
        #expect(scene.plugin.calls(HL_HOOK_ACL_PUBLISH) == 1)
        scene.publisher.publish("u")
        #expect(scene.plugin.calls(HL_HOOK_ACL_PUBLISH) == 2)
        verdict = HL_DENY
        scene.publisher.publish("t")
        #expect(scene.watcher.takeAll().count == 7)
        scene.test.tell(.revokeVerdicts(connection: 0))
        scene.publisher.publish("t")
        #expect(scene.watcher.takeAll().isEmpty)
        verdict = HL_ALLOW
        scene.publisher.publish("t")
        scene.test.advance(seconds: 11)
        scene.publisher.publish("t")
        #expect(scene.watcher.takeAll().count == 1)
        verdict = HL_DENY
        scene.test.install(scene.plugin, generation: 2)
        scene.publisher.publish("t")
        #expect(scene.watcher.takeAll().isEmpty)
    }

    @Test(
        "msg.in edits payload, retain and user properties; drop acknowledges and delivers nothing",
        arguments: Setting.all)
    func edits(_ setting: Setting) {
        let scene = scene(setting) { plugin in
            plugin.onMessage { call, msg in
                switch msg.topic.text {
                case "drop": return HL_DROP
                case "reject": return HL_DENY
                case "edit":
                    call.with("edited", call.api.set_payload)
                    _ = call.api.set_retain(call, 1)
                    return HL_REPLACE
                default: return HL_ABSTAIN
                }
            }
        }
        for (number, topic) in ["drop", "reject", "edit", "plain"].enumerated() {
            scene.publisher.publish(topic, "as sent", qos: 1, packetID: UInt16(number + 1))
        }
        let codes = scene.publisher.received().map { packet -> ReasonCode in
            if case .puback(let ack) = packet { ack.reason } else { .unspecifiedError }
        }
        let rejected: ReasonCode = setting.version == .v5_0 ? .notAuthorized : .success
        #expect(codes == [.success, rejected, .success, .success])
        #expect(scene.watcher.takeAll().map(\.text) == ["edited", "as sent"])
        #expect(scene.test.dropped(.pluginDropped) == 1)
        let late = scene.test.connect("late", home: 1)
        late.subscribe("#")
        #expect(late.payloads() == ["edited"])
    }

    @Test("An edited topic is checked and authorised again", arguments: ["open", "closed", "a/#", "$SYS/x", ""])
    func editedTopic(topic: String) {
        var asked: [String] = []
        let scene = scene { plugin in
            plugin.onPublish { _, msg in
                asked.append(msg.topic.text)
                return msg.topic.text == "closed" ? HL_DENY : HL_ALLOW
            }
            plugin.onMessage { call, _ in
                call.with(topic, call.api.set_topic)
                return HL_REPLACE
            }
        }
        scene.publisher.publish("original", "x", qos: 1)
        let reason: ReasonCode =
            switch topic {
            case "open": .success
            case "closed": .notAuthorized
            default: .topicNameInvalid
            }
        #expect(scene.publisher.received() == [.puback(Ack(packetID: 1, reason: reason))])
        #expect(scene.watcher.takeAll().map(\.topicText) == (topic == "open" ? ["open"] : []))
        #expect(asked == (["open", "closed"].contains(topic) ? ["original", topic] : ["original"]))
    }

    @Test("An edit that comes later counts as one that comes at once; No Local still holds")
    func editedLater() {
        var token: UInt64 = 0
        let scene = scene { plugin in
            plugin.onMessage { call, _ in
                call.with("other", call.api.set_topic)
                token = call.pend()
                return HL_PENDING
            }
        }
        scene.publisher.subscribe("other", qos: 1) { $0.noLocal = true }
        _ = scene.publisher.received()
        scene.publisher.publish("t", "x", qos: 1)
        var answer = hl_answer()
        answer.struct_size = UInt32(MemoryLayout<hl_answer>.size)
        answer.flags = HL_ANSWER_TOPIC
        var topic = "other"
        topic.withUTF8 { bytes in
            answer.topic = hl_view(UnsafeRawBufferPointer(bytes))
            let shard = PendingHooks.shard(of: token)
            _ = scene.test.broker.pendingHooks[shard].complete(token, HL_REPLACE, &answer, by: 1)
        }
        scene.test.settle()
        #expect(scene.publisher.received() == [.puback(Ack(packetID: 1))])
        #expect(scene.watcher.takeAll().map(\.topicText) == ["other"])
    }

    @Test("A QoS 2 message is decided on once, however often it is repeated")
    func qos2Once() {
        let scene = scene { $0.onPublish { _, _ in HL_ALLOW } }
        for _ in 0..<3 { scene.publisher.publish("t", qos: 2) }
        scene.publisher.send(.pubrel(Ack(packetID: 1)))
        #expect(scene.plugin.calls(HL_HOOK_ACL_PUBLISH) == 1)
        #expect(scene.watcher.takeAll().count == 1)
    }
}
