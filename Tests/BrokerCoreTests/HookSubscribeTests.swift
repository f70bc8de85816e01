import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// acl.subscribe and acl.deliver: who may receive what.
@Suite struct HookSubscribeTests {
    private func broker(_ shards: Int, _ configure: (TestPlugin) -> Void) -> (TestBroker, TestPlugin) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        configure(plugin)
        test.install(plugin)
        return (test, plugin)
    }

    @Test("Each filter is decided on: allowed, lowered, refused with a code", arguments: Setting.all)
    func verdicts(_ setting: Setting) {
        let (test, plugin) = broker(setting.shards) { plugin in
            plugin.onSubscribe { call, subscribe in
                switch subscribe.filter.text {
                case "lower":
                    _ = call.api.set_qos(call, 0)
                    return HL_ALLOW
                case "shared": return subscribe.share_group.text == "g" ? HL_ALLOW : HL_DENY
                case "quota":
                    _ = call.api.set_reason(call, UInt32(ReasonCode.quotaExceeded.rawValue))
                    return HL_DENY
                case "nobody": return HL_ABSTAIN
                default: return HL_ALLOW
                }
            }
        }
        let client = test.connect("c", setting.version, home: 1)
        _ = client.received()
        client.subscribe("any", "lower", "$share/g/shared", "quota", "nobody", "shared", qos: 2)
        let isNew = setting.version == .v5_0
        #expect(
            client.received().codes == [
                .grantedQoS2, .grantedQoS0, .grantedQoS2, isNew ? .quotaExceeded : .unspecifiedError,
                isNew ? .notAuthorized : .unspecifiedError, isNew ? .notAuthorized : .unspecifiedError,
            ])
        #expect(plugin.calls(HL_HOOK_ACL_SUBSCRIBE) == 6)
        let publisher = test.connect("p", home: 0)
        for topic in ["any", "lower", "quota", "nobody", "shared"] { publisher.publish(topic, qos: 1) }
        #expect(client.takeAll().map(\.topicText).sorted() == ["any", "lower", "shared"])
    }

    @Test(
        "SUBACK waits for the filter that waits; order is kept; the connection's other packets too",
        arguments: [1, 2])
    func pending(shards: Int) {
        var tokens: [UInt64] = []
        let (test, _) = broker(shards) { plugin in
            plugin.onSubscribe { call, subscribe in
                guard subscribe.filter.text.hasPrefix("slow") else { return HL_ALLOW }
                tokens.append(call.pend())
                return HL_PENDING
            }
        }
        let client = test.connect("c", home: 1)
        _ = client.received()
        client.send(
            .subscribe(
                Subscribe(
                    packetID: 1,
                    subscriptions: ["a", "slow1", "b", "slow2"].map { .init(filter: Array($0.utf8), qos: 1) })),
            .pingreq)
        #expect(client.received().isEmpty && client.isPaused)
        test.complete(tokens[0], HL_DENY)
        test.complete(tokens[1], HL_ALLOW)
        let packets = client.received()
        #expect(packets.codes == [.grantedQoS1, .notAuthorized, .grantedQoS1, .grantedQoS1])
        #expect(packets.map(\.type) == [.suback, .pingresp] && !client.isPaused)
    }

    @Test("A filter that a plugin narrows is the one that counts; UNSUBSCRIBE names the original", arguments: [1, 2])
    func rewritten(shards: Int) {
        let (test, _) = broker(shards) { plugin in
            plugin.onSubscribe { call, subscribe in
                call.with("tenant/" + subscribe.filter.text, call.api.set_topic)
                return HL_ALLOW
            }
        }
        let client = test.connect("c", home: 1)
        _ = client.received()
        client.subscribe("#", "$share/g/x", qos: 1)
        #expect(client.received().codes == [.grantedQoS1, .grantedQoS1])
        let publisher = test.connect("p", home: 0)
        for topic in ["secret", "tenant/x", "x"] { publisher.publish(topic, qos: 1) }
        #expect(client.takeAll().map(\.topicText) == ["tenant/x", "tenant/x"])
        client.unsubscribe("#", "$share/g/x")
        #expect(client.received().codes == [.success, .success])
        publisher.publish("tenant/x", qos: 1)
        #expect(client.takeAll().isEmpty)
    }

    @Test("A filter that a plugin makes invalid, or shared, is refused", arguments: ["a/#/b", "$share/g/x", ""])
    func rewrittenBadly(filter: String) {
        let (test, _) = broker(1) { plugin in
            plugin.onSubscribe { call, _ in
                call.with(filter, call.api.set_topic)
                return HL_ALLOW
            }
        }
        let client = test.connect("c")
        _ = client.received()
        client.subscribe("#")
        #expect(client.received().codes == [.topicFilterInvalid])
    }

    @Test("When rules change, live subscriptions that lost permission end at once", arguments: [1, 2])
    func recheck(shards: Int) {
        var denied: Set<String> = []
        let (test, _) = broker(shards) { plugin in
            plugin.onSubscribe { call, subscribe in
                call.with("rule of \(subscribe.filter.text)", call.api.set_rule)
                return denied.contains(subscribe.filter.text) ? HL_DENY : HL_ALLOW
            }
        }
        let client = test.connect("c", home: 1)
        client.subscribe("a", "b", "c", "$share/g/d", qos: 1)
        let publisher = test.connect("p", home: 0)
        _ = (client.received(), publisher.received())
        denied = ["a", "c", "d"]
        test.tell(.recheckSubscriptions)
        for topic in ["a", "b", "c", "d"] { publisher.publish(topic, qos: 1) }
        #expect(client.takeAll().map(\.topicText) == ["b"])
        let rules = test.events.compactMap { event -> String? in
            if case .subscribeDenied(_, let filter, _, let rule) = event {
                "\(String(decoding: filter, as: UTF8.self)): \(rule)"
            } else {
                nil
            }
        }
        #expect(Set(rules) == ["a: rule of a", "c: rule of c", "$share/g/d: rule of d"])
    }

    @Test("acl.deliver keeps a message from a receiver: live, from the queue, retained, shared", arguments: [1, 2, 3])
    func deliver(shards: Int) {
        let (test, _) = broker(shards) { plugin in
            plugin.onDeliver { _, msg, client in
                !(msg.topic.text.hasPrefix("secret") && client.client_id.text.hasPrefix("bad"))
            }
        }
        let good = test.connect("good", home: 0)
        let bad = test.connect("bad", home: 1, expiry: 100)
        good.subscribe("#", qos: 1)
        bad.subscribe("+/x", "$share/g/secret/shared", qos: 1)
        _ = (good.received(), bad.received())
        let publisher = test.connect("p", home: 2)
        for topic in ["secret/x", "open/x", "secret/shared"] { publisher.publish(topic, qos: 1) }
        #expect(good.takeAll().count == 3)
        #expect(bad.takeAll().map(\.topicText) == ["open/x"])
        bad.drop()
        for topic in ["secret/x", "open/x"] { publisher.publish(topic, qos: 1, retain: true) }
        let again = test.connect("bad", home: 1, cleanStart: false, expiry: 100)
        #expect(again.takeAll().map(\.topicText) == ["open/x"])
        again.subscribe("+/x", qos: 1)
        #expect(again.takeAll().map(\.topicText) == ["open/x"])
        #expect(test.dropped(.deliverDenied) == 4)
    }

    @Test("A verdict about a receiver is kept and revoked")
    func deliverCache() {
        var allows = true
        let (test, plugin) = broker(1) { plugin in
            plugin.onDeliver { call, _, _ in
                _ = call.api.set_cache(call, HL_CACHE_CLIENT_TOPIC, Int64(HL_NEVER))
                return allows
            }
        }
        let client = test.connect("c")
        client.subscribe("t")
        let publisher = test.connect("p")
        for _ in 0..<5 { publisher.publish("t") }
        #expect(plugin.calls(HL_HOOK_ACL_DELIVER) == 1)
        allows = false
        publisher.publish("t")
        #expect(client.messages().count == 6)
        test.tell(.revokeVerdicts(connection: 0))
        for _ in 0..<3 { publisher.publish("t") }
        #expect(client.messages().isEmpty)
        #expect(plugin.calls(HL_HOOK_ACL_DELIVER) == 2 && test.dropped(.deliverDenied) == 3)
    }

    @Test("A thousand receivers of one message are asked about in few calls")
    func batches() {
        let (test, plugin) = broker(1) { plugin in
            plugin.onDeliver { _, _, client in !client.client_id.text.hasSuffix("7") }
        }
        let clients = (0..<1000).map { (number: Int) in test.connect("c\(number)") }
        for client in clients {
            client.subscribe("t")
            _ = client.received()
        }
        test.connect("p").publish("t")
        let receivers = clients.indices.filter { !clients[$0].messages().isEmpty }
        #expect(receivers == (0..<1000).filter { $0 % 10 != 7 })
        #expect(plugin.calls(HL_HOOK_ACL_DELIVER) == 2)
    }

    @Test("A table without plugins asks nobody any more")
    func uninstalled() {
        let (test, plugin) = broker(2) { $0.onSubscribe { _, _ in HL_DENY } }
        let client = test.connect("c", home: 1)
        _ = client.received()
        client.subscribe("t")
        #expect(client.received().codes == [.notAuthorized])
        test.tell(.install(.empty))
        client.subscribe("t")
        #expect(client.received().codes == [.grantedQoS0])
        #expect(plugin.calls(HL_HOOK_ACL_SUBSCRIBE) == 1)
    }
}
