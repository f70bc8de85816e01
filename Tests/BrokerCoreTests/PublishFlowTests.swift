import MQTTCodec
import Testing

@testable import BrokerCore

/// QoS 1 and 2 from a publisher to the broker, and the limits CONNACK announced.
@Suite struct PublishFlowTests {
    @Test("QoS 2 is PUBREC, PUBREL, PUBCOMP, and delivered once [MQTT-4.3.3-8][MQTT-4.3.3-11]", arguments: Setting.all)
    func exactlyOnce(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let subscriber = test.connect("s", home: 1)
        subscriber.subscribe("t", qos: 2)
        _ = subscriber.received()
        let publisher = test.connect("p", setting.version, home: 0)
        _ = publisher.received()
        publisher.publish("t", qos: 2, packetID: 9)
        #expect(publisher.received() == [.pubrec(Ack(packetID: 9))])
        for _ in 0..<3 {
            publisher.publish("t", qos: 2, packetID: 9) { $0.dup = true }
            #expect(publisher.received() == [.pubrec(Ack(packetID: 9))])
        }
        publisher.send(.pubrel(Ack(packetID: 9)))
        #expect(publisher.received() == [.pubcomp(Ack(packetID: 9))])
        #expect(subscriber.takeAll().count == 1)
        // The identifier is free again.
        publisher.publish("t", "next", qos: 2, packetID: 9)
        #expect(subscriber.takeAll().map(\.text) == ["next"])
    }

    @Test("A QoS 2 message repeated after a reconnect is not delivered twice", arguments: Setting.all)
    func repeatedAfterReconnect(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let subscriber = test.connect("s", home: 0)
        subscriber.subscribe("t", qos: 2)
        _ = subscriber.received()
        let first = test.connect("p", setting.version, home: 1, expiry: 100)
        first.publish("t", qos: 2, packetID: 3)
        first.drop()
        let second = test.connect("p", setting.version, home: 1, cleanStart: false, expiry: 100)
        _ = second.received()
        second.publish("t", qos: 2, packetID: 3) { $0.dup = true }
        #expect(second.received() == [.pubrec(Ack(packetID: 3))])
        second.send(.pubrel(Ack(packetID: 3)))
        #expect(second.received() == [.pubcomp(Ack(packetID: 3))])
        #expect(subscriber.takeAll().count == 1)
    }

    @Test(
        "PUBREL for an unknown identifier is answered: 0x92, or plainly in 3.1.1", arguments: ProtocolVersion.allCases)
    func unknownRelease(version: ProtocolVersion) {
        let client = TestBroker().connect("p", version)
        _ = client.received()
        client.send(.pubrel(Ack(packetID: 77)))
        let reason: ReasonCode = version == .v5_0 ? .packetIdentifierNotFound : .success
        #expect(client.received() == [.pubcomp(Ack(packetID: 77, reason: reason))])
        #expect(!client.isClosed)
    }

    @Test("Without a receiver a 5.0 publisher learns 0x10", arguments: [1, 2])
    func noReceiver(shards: Int) {
        let test = TestBroker(shards: shards)
        let new = test.connect("new", home: 0)
        let old = test.connect("old", .v3_1_1, home: 1)
        _ = (new.received(), old.received())
        new.publish("nobody", qos: 1)
        new.publish("nobody", qos: 2, packetID: 2)
        #expect(
            new.received() == [
                .puback(Ack(packetID: 1, reason: .noMatchingSubscribers)),
                .pubrec(Ack(packetID: 2, reason: .noMatchingSubscribers)),
            ])
        old.publish("nobody", qos: 1)
        #expect(old.received() == [.puback(Ack(packetID: 1))])
    }

    @Test(
        "Acknowledgements leave in the order of their PUBLISH packets [MQTT-4.6.0-2][MQTT-4.6.0-3]",
        arguments: [1, 2, 3])
    func order(shards: Int) {
        let test = TestBroker(shards: shards)
        let subscriber = test.connect("s", home: 1)
        subscriber.subscribe("t/#", qos: 2)
        let publisher = test.connect("p", home: 0)
        _ = publisher.received()
        let bytes = (1...50).flatMap { number in
            Packet.publish(
                Publish(topic: Array("t/\(number % 3)".utf8), qos: UInt8(1 + number % 2), packetID: UInt16(number))
            ).encode(version: .v5_0)
        }
        publisher.send(bytes: bytes)
        let identifiers = publisher.received().map { packet -> UInt16 in
            switch packet {
            case .puback(let ack), .pubrec(let ack): ack.packetID
            default: 0
            }
        }
        #expect(identifiers == Array(1...50))
    }

    @Test("A QoS above the announced maximum ends the connection [MQTT-3.2.2-11]", arguments: ProtocolVersion.allCases)
    func maximumQoS(version: ProtocolVersion) {
        let test = TestBroker { $0.maximumQoS = 1 }
        let client = test.connect("p", version)
        client.subscribe("t", qos: 2)
        #expect(client.received().codes == [.grantedQoS1])
        client.publish("t", qos: 2)
        #expect(client.isClosed)
        #expect(client.disconnectReason() == (version == .v5_0 ? .qosNotSupported : nil))
    }

    @Test("RETAIN where it is not available ends the connection [MQTT-3.2.2-14]")
    func retainUnavailable() {
        let test = TestBroker { $0.retainAvailable = false }
        let client = test.connect("p")
        client.publish("t", retain: true)
        #expect(client.disconnectReason() == .retainNotSupported)
    }

    @Test("A payload over the limit: 0x95 for 5.0, close for 3.1.1", arguments: Setting.all)
    func maximumPayload(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards) { $0.maximumPayloadSize = 100 }
        let client = test.connect("p", setting.version, home: 1)
        client.subscribe("t")
        _ = client.received()
        client.publish("t", String(repeating: "x", count: 100))
        #expect(client.messages().count == 1)
        client.publish("t", String(repeating: "x", count: 101))
        #expect(client.isClosed)
        #expect(client.disconnectReason() == (setting.version == .v5_0 ? .packetTooLarge : nil))
        #expect(test.causes("p").count == 1)
    }

    @Test(
        "A packet over the limit ends the connection as soon as its length is known",
        arguments: ProtocolVersion.allCases)
    func maximumPacket(version: ProtocolVersion) {
        let test = TestBroker { $0.maximumPacketSize = 1000 }
        let client = test.connect("p", version)
        _ = client.received()
        client.send(bytes: [0x30, 0xE8, 0x07])  // 1,000 bytes are to follow
        #expect(client.isClosed)
        #expect(client.disconnectReason() == (version == .v5_0 ? .packetTooLarge : nil))
    }

    @Test("More open QoS 2 messages than Receive Maximum: 0x93; a repeated one does not count [MQTT-3.3.4-7]")
    func receiveMaximum() {
        let test = TestBroker { $0.receiveMaximum = 3 }
        let client = test.connect("p", expiry: 100)
        for number in 1...3 { client.publish("t", qos: 2, packetID: UInt16(number)) }
        client.publish("t", qos: 2, packetID: 3) { $0.dup = true }
        client.send(.pubrel(Ack(packetID: 1)))
        client.publish("t", qos: 2, packetID: 4)
        #expect(!client.isClosed)
        client.drop()
        // The quota is the connection's: what was open before needs nothing but PUBREL.
        let again = test.connect("p", cleanStart: false, expiry: 100)
        for number in 2...4 { again.publish("t", qos: 2, packetID: UInt16(number)) { $0.dup = true } }
        for number in 5...7 { again.publish("t", qos: 2, packetID: UInt16(number)) }
        #expect(!again.isClosed)
        again.publish("t", qos: 2, packetID: 8)
        #expect(again.disconnectReason() == .receiveMaximumExceeded)
    }

    @Test("Topics that start with $ are the broker's: refused, not delivered", arguments: ProtocolVersion.allCases)
    func dollarTopics(version: ProtocolVersion) {
        let test = TestBroker()
        let subscriber = test.connect("s")
        subscriber.subscribe("$SYS/#", qos: 1)
        let client = test.connect("p", version)
        _ = (subscriber.received(), client.received())
        client.publish("$SYS/broker/fake", qos: 1)
        let reason: ReasonCode = version == .v5_0 ? .notAuthorized : .success
        #expect(client.received() == [.puback(Ack(packetID: 1, reason: reason))])
        #expect(subscriber.messages().isEmpty)
        #expect(test.dropped(.publishDenied) == 1)
    }

    @Test("An invalid topic ends the connection [MQTT-3.3.2-2]", arguments: ["a/+", "#", "a\u{0}b"])
    func invalidTopic(topic: String) {
        let client = TestBroker().connect("p")
        client.publish(topic)
        #expect(client.isClosed)
    }

    @Test("Too many levels in a topic end the connection")
    func levels() {
        let client = TestBroker { $0.maximumTopicLevels = 4 }.connect("p")
        client.publish("a/b/c/d")
        #expect(!client.isClosed)
        client.publish("a/b/c/d/e")
        #expect(client.disconnectReason() == .topicNameInvalid)
    }
}
