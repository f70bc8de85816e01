import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// A mount point stands before all topics and filters of a client, which does not see it.
@Suite struct MountPointTests {
    /// A broker whose listener has a mount point.
    private func mounted(_ mountPoint: String = "t/7/", shards: Int = 1) -> TestBroker {
        var listener = ListenerSettings(name: "tcp", allowAnonymous: true)
        listener.mountPoint = Array(mountPoint.utf8)
        return TestBroker(shards: shards, listener: listener)
    }

    /// A broker whose plugin gives the tenants' clients a mount point each: "a-1" that of tenant a.
    private func tenants(shards: Int = 1) -> (TestBroker, TestPlugin) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        plugin.onConnect { call, connect in
            let tenant = connect.client_id.text.prefix { $0 != "-" }
            if tenant != "root" { call.with("\(tenant)/", call.pointee.api.pointee.set_mount_point) }
            return HL_ALLOW
        }
        test.install(plugin)
        return (test, plugin)
    }

    @Test("Clients of one mount point see each other, and nobody else", arguments: [1, 2, 3])
    func isolation(shards: Int) {
        let (test, plugin) = tenants(shards: shards)
        _ = plugin
        let readers = ["a", "b", "root"].enumerated().map { home, tenant in
            let reader = test.connect("\(tenant)-reader", home: home)
            reader.subscribe("#", qos: 1)
            _ = reader.received()
            return reader
        }
        for (home, tenant) in ["a", "b"].enumerated() {
            let writer = test.connect("\(tenant)-writer", home: home + 1)
            writer.publish("x/y", "zero of \(tenant)")
            writer.publish("x/y", "one of \(tenant)", qos: 1)
            _ = writer.received()
        }
        #expect(readers[0].messages().map { "\($0.topicText) \($0.text)" } == ["x/y zero of a", "x/y one of a"])
        #expect(readers[1].messages().map { "\($0.topicText) \($0.text)" } == ["x/y zero of b", "x/y one of b"])
        #expect(
            Set(readers[2].messages().map { "\($0.topicText) \($0.text)" })
                == ["a/x/y zero of a", "a/x/y one of a", "b/x/y zero of b", "b/x/y one of b"])
    }

    @Test("Hooks see the whole topic, and hl_client.mount_point", arguments: ProtocolVersion.allCases)
    func hooks(version: ProtocolVersion) {
        let test = mounted()
        let plugin = TestPlugin()
        var seen: [String] = []
        plugin.onSubscribe { _, subscribe in
            seen.append("subscribe \(subscribe.filter.text) \(subscribe.client.pointee.mount_point.text)")
            return HL_ALLOW
        }
        plugin.onPublish { _, msg in
            seen.append("publish \(msg.topic.text)")
            return HL_ALLOW
        }
        plugin.onDeliver { _, msg, _ in
            seen.append("deliver \(msg.topic.text)")
            return true
        }
        test.install(plugin)
        let client = test.connect("c", version)
        client.subscribe("x/+")
        client.publish("x/y")
        #expect(seen == ["subscribe t/7/x/+ t/7/", "publish t/7/x/y", "deliver t/7/x/y"])
        #expect(client.messages().map(\.topicText) == ["x/y"])
    }

    @Test("Aliases, subscription identifiers, retained messages and queues work below a mount point")
    func kinds() {
        let test = mounted()
        let writer = test.connect("writer")
        writer.publish("kept", "old", retain: true)
        writer.publish("long/topic", "1") { $0.properties.topicAlias = 1 }
        let away = test.connect("away", expiry: 100)
        away.subscribe("long/#", qos: 1)
        away.drop()
        let reader = test.connect("reader") { $0.properties.topicAliasMaximum = 5 }
        reader.subscribe("#", qos: 1, identifier: 9)
        #expect(reader.takeAll().map { "\($0.topicText) \($0.text)" } == ["kept old"])
        writer.publish("", "2", qos: 1, packetID: 7) { $0.properties.topicAlias = 1 }
        writer.publish("long/topic", "3", qos: 1, packetID: 8)
        let got = reader.takeAll()
        #expect(got.map(\.text) == ["2", "3"] && got[0].topicText == "long/topic")
        #expect(got.allSatisfy { $0.properties.subscriptionIdentifiers == [9] })
        let back = test.connect("away", cleanStart: false, expiry: 100)
        #expect(back.takeAll().map { "\($0.topicText) \($0.text)" } == ["long/topic 2", "long/topic 3"])
    }

    @Test("A will is published, and UNSUBSCRIBE and shared subscriptions work, below it")
    func others() {
        let (test, plugin) = tenants()
        _ = plugin
        let reader = test.connect("root-reader")
        reader.subscribe("#")
        _ = reader.received()
        let dying = test.connect("a-dying") { $0.will = MQTTCodec.Will(topic: Array("gone".utf8), payload: [1]) }
        dying.drop()
        #expect(reader.messages().map(\.topicText) == ["a/gone"])
        let member = test.connect("a-member")
        member.subscribe("$share/g/x")
        #expect(member.received().map(\.type) == [.connack, .suback])
        let writer = test.connect("a-writer")
        writer.publish("x")
        #expect(member.messages().map(\.topicText) == ["x"])
        member.unsubscribe("$share/g/x", "never")
        guard case .unsuback(let answer)? = member.received().last else {
            Issue.record("no UNSUBACK")
            return
        }
        #expect(answer.reasons == [.success, .noSubscriptionExisted])
        writer.publish("x")
        #expect(member.messages().isEmpty)
    }

    @Test("What a plugin adds to the receivers does not reach a client outside of its tree")
    func outside() {
        let (test, plugin) = tenants()
        plugin.on(HL_HOOK_MSG_ROUTE) { call, _ in
            call.withView("a-reader") { _ = call.pointee.api.pointee.add_target(call, $0, 1) }
            return HL_ALLOW
        }
        test.install(plugin)
        let reader = test.connect("a-reader")
        _ = reader.received()
        let (own, other) = (test.connect("a-writer"), test.connect("b-writer"))
        for writer in [own, other] { writer.publish("x", qos: 1) }
        #expect(reader.messages().map(\.topicText) == ["x"])
        #expect(test.broker.shards[0].counters.dropped[Int(DropReason.deliverDenied.rawValue)] == 1)
    }

    @Test("A topic that is too long with the mount point ends the connection; an invalid one is refused as ever")
    func bounds() {
        let test = mounted(String(repeating: "m", count: 1000) + "/")
        let client = test.connect("c")
        _ = client.received()
        client.publish(String(repeating: "x", count: 65_000))
        #expect(client.disconnectReason() == .topicNameInvalid)
        let other = test.connect("d")
        _ = other.received()
        other.subscribe("a/#/b")
        guard case .suback(let answer)? = other.received().last else {
            Issue.record("no SUBACK")
            return
        }
        #expect(answer.reasons == [.topicFilterInvalid])
    }

    @Test("Wildcards, $ and more than 1,024 bytes are no mount point")
    func whatIsNone() {
        for good in ["a", "a/", "tenants/7/"] { #expect(Shard.isMountPoint(Array(good.utf8))) }
        for bad in ["", "+/", "a/#", "$SYS/", String(repeating: "a", count: 1025)] {
            #expect(!Shard.isMountPoint(Array(bad.utf8)), "\(bad)")
        }
    }

    @Test("auth.connect lowers what the session has, and session.open lowers it further")
    func limits() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.onConnect { call, _ in
            _ = call.pointee.api.pointee.set_limit(call, HL_LIMIT_SESSION_EXPIRY, 50)
            _ = call.pointee.api.pointee.set_limit(call, HL_LIMIT_KEEP_ALIVE, 30)
            return HL_ALLOW
        }
        var offered: [UInt32] = []
        plugin.on(HL_HOOK_SESSION_OPEN) { call, input in
            let session = input.load(as: hl_session.self)
            offered += [session.session_expiry, session.keep_alive]
            _ = call.pointee.api.pointee.set_limit(call, HL_LIMIT_KEEP_ALIVE, 20)
            return HL_ALLOW
        }
        test.install(plugin)
        let client = test.connect("c", expiry: 100)
        let answer = client.connack()
        #expect(offered == [50, 30])
        #expect(answer?.properties.sessionExpiryInterval == 50 && answer?.properties.serverKeepAlive == 20)
    }
}
