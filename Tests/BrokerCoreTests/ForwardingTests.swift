import MQTTCodec
import Testing

@testable import BrokerCore

/// What of a message reaches its receivers.
@Suite struct ForwardingTests {
    private static let properties = Properties {
        $0.payloadFormatIndicator = 1
        $0.contentType = Array("text/plain".utf8)
        $0.responseTopic = Array("answers/7".utf8)
        $0.correlationData = [0, 1, 255]
        $0.userProperties = [UserProperty("b", "1"), UserProperty("a", "2"), UserProperty("b", "1")]
    }

    @Test(
        """
        Properties are forwarded unchanged, user properties in order [MQTT-3.3.2-4][MQTT-3.3.2-15][MQTT-3.3.2-16]\
        [MQTT-3.3.2-17][MQTT-3.3.2-18][MQTT-3.3.2-20]
        """, arguments: [1, 2, 3])
    func unchanged(shards: Int) {
        let test = TestBroker(shards: shards)
        let online = test.connect("online", home: 1)
        online.subscribe("t", qos: 2)
        let sleeper = test.connect("sleeper", home: 2, expiry: 100)
        sleeper.subscribe("t", qos: 2)
        sleeper.drop()
        _ = online.received()
        for qos in UInt8(0)...2 {
            test.connect("p\(qos)", home: 0).publish("t", qos: qos) { $0.properties = Self.properties }
        }
        let messages = online.takeAll()
        #expect(messages.map(\.properties) == Array(repeating: Self.properties, count: 3))
        let again = test.connect("sleeper", home: 2, cleanStart: false, expiry: 100)
        #expect(again.takeAll().map(\.properties) == Array(repeating: Self.properties, count: 2))
    }

    @Test("What belongs to the hop is not forwarded: alias and expiry interval are the broker's own")
    func ownProperties() throws {
        let test = TestBroker()
        let client = test.connect("c")
        client.subscribe("t")
        _ = client.received()
        test.connect("p").publish("t") {
            $0.properties = Self.properties
            $0.properties.topicAlias = 1
            $0.properties.messageExpiryInterval = 60
        }
        var received = try #require(client.messages().first).properties
        #expect((59...60).contains(received.messageExpiryInterval ?? 0))
        received.messageExpiryInterval = nil
        #expect(received == Self.properties)
    }

    @Test("A 3.1.1 client gets the message without properties, and sends without", arguments: [1, 2])
    func version3(shards: Int) {
        let test = TestBroker(shards: shards)
        let old = test.connect("old", .v3_1_1, home: 1)
        old.subscribe("t", qos: 1)
        let new = test.connect("new", home: 0)
        new.subscribe("t", qos: 1)
        _ = (old.received(), new.received())
        new.publish("t", "from 5.0", qos: 1) { $0.properties = Self.properties }
        old.publish("t", "from 3.1.1", qos: 1)
        #expect(old.takeAll().map(\.text) == ["from 5.0", "from 3.1.1"])
        let messages = new.takeAll()
        #expect(messages.map(\.properties) == [Self.properties, Properties()])
    }

    @Test("Request and response find their way by topic and correlation data", arguments: [1, 2])
    func requestResponse(shards: Int) throws {
        let test = TestBroker(shards: shards)
        let server = test.connect("server", home: 1)
        server.subscribe("requests", qos: 1)
        let client = test.connect("client", home: 0)
        client.subscribe("answers/7", qos: 1)
        _ = (server.received(), client.received())
        client.publish("requests", "6*7", qos: 1) { $0.properties = Self.properties }
        let request = try #require(server.takeAll().first)
        let topic = try #require(request.properties.responseTopic)
        server.publish(String(decoding: topic, as: UTF8.self), "42", qos: 1) {
            $0.properties.correlationData = request.properties.correlationData
        }
        let answer = try #require(client.takeAll().first)
        #expect(answer.text == "42" && answer.properties.correlationData == [0, 1, 255])
    }

    @Test("DUP of the publisher is not the receiver's [MQTT-3.3.1-3]", arguments: Setting.all)
    func dup(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let client = test.connect("c", setting.version, home: 1)
        client.subscribe("t", qos: 2)
        _ = client.received()
        test.connect("p", setting.version, home: 0).publish("t", qos: 1) { $0.dup = true }
        #expect(client.messages().map(\.dup) == [false])
    }

    @Test("A payload of every size around the limits of the length field arrives whole", arguments: [1, 2])
    func sizes(shards: Int) {
        let test = TestBroker(shards: shards)
        let client = test.connect("c", home: 1)
        client.subscribe("t", qos: 1)
        _ = client.received()
        let publisher = test.connect("p", home: 0)
        for size in [0, 1, 120, 121, 122, 123, 124, 125, 16_370, 16_376, 16_377, 16_378, 16_384, 65_536, 262_144] {
            let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            publisher.publish("t", qos: 1) { $0.payload = payload }
            #expect(client.takeAll().map(\.payload) == [payload])
        }
    }
}
