import MQTTCodec
import Testing

@testable import BrokerCore

/// SUBSCRIBE, UNSUBSCRIBE, and who then receives what.
@Suite struct SubscriptionTests {
    @Test("SUBACK has one code per filter, in order [MQTT-3.8.4-5][MQTT-3.8.4-6][MQTT-3.9.3-1]", arguments: Setting.all)
    func codes(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let client = test.connect("c", setting.version, home: 1)
        _ = client.received()
        client.send(
            .subscribe(
                Subscribe(
                    packetID: 77,
                    subscriptions: [
                        .init(filter: Array("a".utf8), qos: 2), .init(filter: Array("b/#/c".utf8), qos: 1),
                        .init(filter: Array("c/+".utf8), qos: 0), .init(filter: Array("d".utf8), qos: 1),
                    ])))
        let refused: ReasonCode = setting.version == .v5_0 ? .topicFilterInvalid : .unspecifiedError
        #expect(
            client.received() == [
                .suback(SubAck(packetID: 77, reasons: [.grantedQoS2, refused, .grantedQoS0, .grantedQoS1]))
            ])
    }

    @Test("A second subscription to the same filter replaces the first [MQTT-3.8.4-3]", arguments: Setting.all)
    func replaced(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let client = test.connect("c", setting.version, home: 1)
        client.subscribe("t", qos: 0)
        client.subscribe("t", qos: 2)
        _ = client.received()
        test.connect("p", home: 0).publish("t", qos: 2)
        #expect(client.messages().map(\.qos) == [2])
        #expect(test.broker.shards.reduce(0) { $0 + $1.state.pointee.tree.count } == 1)
    }

    @Test(
        "Overlapping subscriptions: one copy, the highest QoS, all identifiers [MQTT-3.3.4-2][MQTT-3.3.4-4]",
        arguments: [1, 2])
    func overlapping(shards: Int) {
        let test = TestBroker(shards: shards)
        let client = test.connect("c", home: 1)
        client.subscribe("a/#", qos: 0, identifier: 1)
        client.subscribe("a/+", qos: 2, identifier: 2)
        client.subscribe("a/b", qos: 1)
        client.subscribe("+/b", qos: 1, identifier: 3)
        client.subscribe("x/#", qos: 1, identifier: 4)
        _ = client.received()
        test.connect("p", home: 0).publish("a/b", qos: 2)
        let messages = client.messages()
        #expect(messages.map(\.qos) == [2])
        #expect(messages.map { Set($0.properties.subscriptionIdentifiers) } == [[1, 2, 3]])
    }

    @Test("Identifiers are kept with queued messages")
    func queuedIdentifiers() {
        let test = TestBroker(shards: 2)
        let client = test.connect("c", home: 1, expiry: 100)
        client.subscribe("a/#", qos: 1, identifier: 200_000_000)
        client.subscribe("a/b", qos: 1, identifier: 7)
        client.drop()
        test.connect("p", home: 0).publish("a/b", qos: 1)
        let again = test.connect("c", home: 1, cleanStart: false, expiry: 100)
        #expect(again.messages().map { Set($0.properties.subscriptionIdentifiers) } == [[200_000_000, 7]])
    }

    @Test(
        "A leading wildcard does not reach topics that start with $ [MQTT-4.7.2-1][v3 MQTT-4.7.2-1]",
        arguments: Setting.all)
    func dollar(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let client = test.connect("c", setting.version, home: 1)
        client.subscribe("#", "+/x", "$SYS/+")
        _ = client.received()
        test.broker.publish(InjectedMessage(topic: Array("$SYS/x".utf8), payload: [0x31]))
        test.broker.publish(InjectedMessage(topic: Array("$other/x".utf8), payload: [0x32]))
        test.settle()
        #expect(client.payloads() == ["1"])
    }

    @Test(
        "Filters match as the specification says [MQTT-4.7.1-1][MQTT-4.7.1-2][v3 MQTT-4.7.1-2][v3 MQTT-4.7.1-3]",
        arguments: [1, 2])
    func matching(shards: Int) {
        let cases: [(filter: String, topic: String, matches: Bool)] = [
            ("sport/tennis/player1/#", "sport/tennis/player1", true), ("sport/#", "sport", true),
            ("sport/+", "sport", false), ("sport/+", "sport/", true), ("+/+", "/finance", true),
            ("/+", "/finance", true), ("+", "/finance", false), ("a/b", "a/B", false), ("/", "/", true),
            ("+/+", "/", true), ("#", "/", true), ("a/+/c", "a//c", true), ("a/#", "ab", false),
        ]
        for (filter, topic, matches) in cases {
            let test = TestBroker(shards: shards)
            let client = test.connect("c", home: 1)
            client.subscribe(filter)
            _ = client.received()
            test.connect("p", home: 0).publish(topic)
            #expect(client.messages().count == (matches ? 1 : 0), "\(filter) and \(topic)")
        }
    }

    @Test("No Local keeps a client's own messages from it, and only those [MQTT-3.8.3-3]", arguments: [1, 2])
    func noLocal(shards: Int) {
        let test = TestBroker(shards: shards)
        let client = test.connect("c", home: 1)
        client.subscribe("t", qos: 1) { $0.noLocal = true }
        let other = test.connect("other", home: 0)
        other.subscribe("t", qos: 1)
        _ = (client.received(), other.received())
        client.publish("t", "own", qos: 1)
        other.publish("t", "other", qos: 1)
        #expect(client.received().publishes.map(\.text) == ["other"])
        #expect(other.received().publishes.map(\.text) == ["own", "other"])
    }

    @Test("No Local of one subscription leaves the others of the session alone")
    func noLocalOverlap() {
        let test = TestBroker()
        let client = test.connect("c")
        client.subscribe("t", qos: 2, identifier: 1) { $0.noLocal = true }
        client.subscribe("+", qos: 0, identifier: 2)
        _ = client.received()
        client.publish("t")
        let messages = client.messages()
        #expect(messages.map(\.qos) == [0] && messages.map(\.properties.subscriptionIdentifiers) == [[2]])
    }

    @Test(
        "UNSUBSCRIBE ends delivery at once and says what existed [MQTT-3.10.4-1][MQTT-3.11.3-1]",
        arguments: Setting.all)
    func unsubscribe(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let client = test.connect("c", setting.version, home: 1)
        client.subscribe("a", "b", qos: 1)
        _ = client.received()
        client.unsubscribe("a", "never", "b/")
        let packets = client.received()
        if setting.version == .v5_0 {
            #expect(packets.codes == [.success, .noSubscriptionExisted, .noSubscriptionExisted])
        } else {
            #expect(packets == [.unsuback(UnsubAck(packetID: 2, reasons: []))])
        }
        let publisher = test.connect("p", home: 0)
        publisher.publish("a")
        publisher.publish("b")
        #expect(client.messages().map(\.topicText) == ["b"])
    }

    @Test("What was queued before UNSUBSCRIBE still comes, what is in flight completes [MQTT-3.10.4-3]")
    func inFlightAfterUnsubscribe() {
        let test = TestBroker { $0.maximumInflight = 1 }
        let client = test.connect("c")
        client.subscribe("t", qos: 2)
        _ = client.received()
        let publisher = test.connect("p")
        publisher.publish("t", "1", qos: 1)
        publisher.publish("t", "2", qos: 1)
        client.unsubscribe("t")
        publisher.publish("t", "3", qos: 1)
        #expect(client.takeAll().map(\.text) == ["1", "2"])
    }

    @Test("The bound of subscriptions of a session: 0x97; replacing one is always possible")
    func bound() {
        let test = TestBroker { $0.maximumSubscriptionsPerSession = 2 }
        let client = test.connect("c")
        _ = client.received()
        client.subscribe("a", "b", "c")
        #expect(client.received().codes == [.grantedQoS0, .grantedQoS0, .quotaExceeded])
        client.subscribe("b", qos: 1)
        #expect(client.received().codes == [.grantedQoS1])
    }

    @Test("A filter with too many levels is refused")
    func levels() {
        let client = TestBroker { $0.maximumTopicLevels = 3 }.connect("c")
        _ = client.received()
        client.subscribe("a/b/c", "a/b/c/d")
        #expect(client.received().codes == [.grantedQoS0, .topicFilterInvalid])
    }

    @Test("Subscriptions of an offline session count, and go with it", arguments: [1, 2])
    func counted(shards: Int) {
        let test = TestBroker(shards: shards)
        let client = test.connect("c", home: 1, expiry: 10)
        client.subscribe("a", "b/+", "$share/g/c")
        client.drop()
        func count() -> Int { test.broker.shards.reduce(0) { $0 + $1.state.pointee.tree.count } }
        #expect(count() == 3)
        test.advance(seconds: 11)
        #expect(count() == 0)
        #expect(test.broker.shards.allSatisfy { $0.state.pointee.groups.count == 0 })
    }
}
