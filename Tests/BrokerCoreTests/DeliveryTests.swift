import MQTTCodec
import Testing

@testable import BrokerCore

@Suite struct DeliveryTests {
    @Test("A QoS 0 message reaches an exact and a wildcard subscriber of either version", arguments: [1, 2])
    func qos0(shards: Int) {
        let test = TestBroker(shards: shards)
        let old = test.connect("old", .v3_1_1)
        let new = test.connect("new")
        old.subscribe("a/b")
        new.subscribe("a/+")
        _ = (old.received(), new.received())
        let publisher = test.connect("publisher")
        publisher.publish("a/b", "hello")
        #expect(old.messages().map(\.payload) == [Array("hello".utf8)])
        #expect(new.messages().map(\.payload) == [Array("hello".utf8)])
    }

    @Test("QoS 1 is acknowledged and delivered with a packet identifier [MQTT-4.3.2-1]", arguments: [1, 2, 3])
    func qos1(shards: Int) {
        let test = TestBroker(shards: shards)
        let subscriber = test.connect("subscriber", .v3_1_1)
        subscriber.subscribe("a", qos: 1)
        _ = subscriber.received()
        let publisher = test.connect("publisher")
        _ = publisher.received()
        publisher.publish("a", qos: 1, packetID: 7)
        #expect(publisher.received() == [.puback(Ack(packetID: 7))])
        let messages = subscriber.messages()
        #expect(messages.count == 1 && messages[0].qos == 1 && messages[0].packetID != 0)
        subscriber.send(.puback(Ack(packetID: messages[0].packetID)))
    }

    @Test("Messages queue for an offline persistent session and come in order", arguments: [1, 2])
    func offlineQueue(shards: Int) {
        let test = TestBroker(shards: shards)
        let first = test.connect("sleeper", cleanStart: false) { $0.properties.sessionExpiryInterval = 100 }
        first.subscribe("q", qos: 2)
        first.drop()
        let publisher = test.connect("publisher")
        for number in 1...300 { publisher.publish("q", "\(number)", qos: 1, packetID: UInt16(number)) }
        let second = test.connect("sleeper", cleanStart: false) { $0.properties.sessionExpiryInterval = 100 }
        var payloads: [String] = []
        for _ in 0..<10 {
            for message in second.messages() {
                payloads.append(String(decoding: message.payload, as: UTF8.self))
                second.send(.puback(Ack(packetID: message.packetID)))
            }
        }
        #expect(payloads == (1...300).map(String.init))
    }
}
