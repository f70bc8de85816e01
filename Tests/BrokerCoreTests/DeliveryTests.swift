import MQTTCodec
import Testing

@testable import BrokerCore

/// What every broker must do, in its smallest form; the other suites go into each area.
@Suite struct DeliveryTests {
    @Test("A QoS 0 message reaches an exact and a wildcard subscriber of either version", arguments: Setting.all)
    func qos0(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let exact = test.connect("exact", .v3_1_1, home: 0)
        let wildcard = test.connect("wildcard", home: 1)
        exact.subscribe("a/b")
        wildcard.subscribe("a/+")
        _ = (exact.received(), wildcard.received())
        let publisher = test.connect("publisher", setting.version, home: 2)
        publisher.publish("a/b", "hello")
        #expect(exact.payloads() == ["hello"])
        #expect(wildcard.payloads() == ["hello"])
    }

    @Test("QoS 1 is acknowledged and delivered with a packet identifier [MQTT-4.3.2-4]", arguments: Setting.all)
    func qos1(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let subscriber = test.connect("subscriber", setting.version, home: 1)
        subscriber.subscribe("a", qos: 1)
        _ = subscriber.received()
        let publisher = test.connect("publisher", home: 0)
        _ = publisher.received()
        publisher.publish("a", qos: 1, packetID: 7)
        #expect(publisher.received() == [.puback(Ack(packetID: 7))])
        let messages = subscriber.messages()
        #expect(messages.count == 1 && messages[0].qos == 1 && messages[0].packetID != 0)
    }

    @Test("Messages queue for an offline persistent session and come in order", arguments: Setting.all)
    func offlineQueue(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let first = test.connect("sleeper", setting.version, home: 1, expiry: 100)
        first.subscribe("q", qos: 2)
        first.drop()
        let publisher = test.connect("publisher")
        for number in 1...300 { publisher.publish("q", "\(number)", qos: 1, packetID: UInt16(number)) }
        let second = test.connect("sleeper", setting.version, home: 1, cleanStart: false, expiry: 100)
        #expect(second.takeAll().map(\.text) == (1...300).map(String.init))
    }

    @Test("A message goes out at the lower of the QoS it came with and the one granted [MQTT-3.8.4-8]")
    func downgrade() {
        for published in UInt8(0)...2 {
            for granted in UInt8(0)...2 {
                let test = TestBroker()
                let subscriber = test.connect("subscriber")
                subscriber.subscribe("t", qos: granted)
                _ = subscriber.received()
                test.connect("publisher").publish("t", qos: published)
                #expect(subscriber.messages().map(\.qos) == [min(published, granted)])
            }
        }
    }
}
