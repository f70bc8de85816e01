import MQTTCodec
import Testing

@testable import BrokerCore

/// Topic aliases, from clients and towards them.
@Suite struct TopicAliasTests {
    @Test("An alias stands for its topic in this connection [MQTT-3.3.2-12]", arguments: [1, 2])
    func inbound(shards: Int) {
        let test = TestBroker(shards: shards)
        let subscriber = test.connect("s", home: 1)
        subscriber.subscribe("#", qos: 1)
        _ = subscriber.received()
        let publisher = test.connect("p", home: 0)
        publisher.publish("long/topic/name", "1") { $0.properties.topicAlias = 3 }
        publisher.publish("", "2") { $0.properties.topicAlias = 3 }
        publisher.publish("other", "3") { $0.properties.topicAlias = 3 }
        publisher.publish("", "4", qos: 1) { $0.properties.topicAlias = 3 }
        publisher.publish("long/topic/name", "5")
        let messages = subscriber.takeAll()
        #expect(
            messages.map(\.topicText) == ["long/topic/name", "long/topic/name", "other", "other", "long/topic/name"])
        #expect(messages.map(\.text) == ["1", "2", "3", "4", "5"])
        #expect(messages.allSatisfy { $0.properties.topicAlias == nil })
    }

    @Test(
        "An alias above the announced maximum, or zero, ends the connection [MQTT-3.3.2-8][MQTT-3.3.2-9]",
        arguments: [0, 5])
    func outOfRange(alias: Int) {
        let test = TestBroker { $0.maximumTopicAlias = 4 }
        let client = test.connect("p")
        _ = client.received()
        client.publish("t") { $0.properties.topicAlias = UInt16(alias) }
        #expect(client.disconnectReason() == .topicAliasInvalid)
    }

    @Test("An alias without a meaning ends the connection, and so does no topic at all")
    func unknown() {
        let test = TestBroker()
        for alias in [UInt16(1), nil] {
            let client = test.connect("p")
            _ = client.received()
            client.publish("") { $0.properties.topicAlias = alias }
            #expect(client.disconnectReason() == .protocolError)
        }
    }

    @Test("Aliases end with the connection, also when the session goes on [MQTT-3.3.2-7]")
    func perConnection() {
        let test = TestBroker()
        let first = test.connect("p", expiry: 100)
        first.publish("t") { $0.properties.topicAlias = 1 }
        first.drop()
        let second = test.connect("p", cleanStart: false, expiry: 100)
        second.publish("") { $0.properties.topicAlias = 1 }
        #expect(second.isClosed)
    }

    @Test("Towards a client: topic and alias first, then the alias alone, within its maximum", arguments: [1, 2])
    func outbound(shards: Int) {
        let test = TestBroker(shards: shards)
        let client = test.connect("c", home: 1) { $0.properties.topicAliasMaximum = 2 }
        client.subscribe("#", qos: 1)
        _ = client.received()
        let publisher = test.connect("p", home: 0)
        var known: [UInt16: [UInt8]] = [:]
        for (round, topic) in ["a", "b", "c", "a", "b", "c", "a"].enumerated() {
            publisher.publish(topic, "\(round)", qos: UInt8(round % 2))
            for message in client.messages() {
                client.acknowledge(message)
                let alias = message.properties.topicAlias
                #expect((alias ?? 1) <= 2)
                if let alias, !message.topic.isEmpty { known[alias] = message.topic }
                let meant = message.topic.isEmpty ? alias.flatMap { known[$0] } : message.topic
                #expect(meant == Array(topic.utf8))
                if round >= 3 { #expect(message.topic.isEmpty == (topic != "c")) }
            }
        }
        #expect(known.count == 2)
    }

    @Test("A new connection of the session starts without aliases")
    func outboundPerConnection() {
        let test = TestBroker()
        let first = test.connect("c", expiry: 100) { $0.properties.topicAliasMaximum = 5 }
        first.subscribe("t")
        let publisher = test.connect("p")
        publisher.publish("t")
        first.drop()
        let second = test.connect("c", cleanStart: false, expiry: 100) { $0.properties.topicAliasMaximum = 5 }
        publisher.publish("t")
        #expect(second.messages().map(\.topicText) == ["t"])
    }

    @Test("A message too large for the client takes no alias with it")
    func tooLarge() {
        let test = TestBroker()
        let client = test.connect("c") {
            $0.properties.topicAliasMaximum = 5
            $0.properties.maximumPacketSize = 50
        }
        client.subscribe("t")
        _ = client.received()
        let publisher = test.connect("p")
        publisher.publish("t", String(repeating: "x", count: 100))
        publisher.publish("t", "small")
        #expect(client.messages().map(\.topicText) == ["t"])
    }
}
