import MQTTCodec
import Testing

@testable import BrokerCore

/// How long a session outlives its connection.
@Suite struct SessionExpiryTests {
    private func isPresent(_ test: TestBroker, _ version: ProtocolVersion = .v5_0) -> Bool {
        test.connect("c", version, home: 1, cleanStart: false, expiry: 100).connack()?.sessionPresent ?? false
    }

    @Test(
        "A session ends when its interval has passed since the connection ended [MQTT-3.1.2-23][MQTT-4.1.0-2]",
        arguments: [1, 2])
    func interval(shards: Int) {
        for (seconds, present) in [(99.0, true), (100.5, false)] {
            let test = TestBroker(shards: shards)
            let client = test.connect("c", home: 1, expiry: 100)
            test.advance(seconds: 500)
            client.drop()
            test.advance(seconds: seconds)
            #expect(isPresent(test) == present)
        }
    }

    @Test("Each connection starts the interval anew")
    func anew() {
        let test = TestBroker()
        for _ in 0..<5 {
            let client = test.connect("c", home: 1, cleanStart: false, expiry: 100)
            client.drop()
            test.advance(seconds: 90)
        }
        #expect(isPresent(test))
    }

    @Test("Without an interval the session ends with the connection", arguments: [1, 2])
    func zero(shards: Int) {
        let test = TestBroker(shards: shards)
        test.connect("c", home: 1).drop()
        #expect(!isPresent(test))
    }

    @Test("0xFFFFFFFF never expires when the broker has no bound")
    func never() {
        let test = TestBroker { $0.maximumSessionExpiry = .max }
        let client = test.connect("c", home: 1, expiry: .max)
        #expect(client.connack()?.properties.sessionExpiryInterval == nil)
        client.drop()
        test.advance(seconds: 10 * 365 * 86_400)
        #expect(isPresent(test))
    }

    @Test("The broker's bound shortens what the client asks for, and CONNACK says so")
    func bound() {
        let test = TestBroker { $0.maximumSessionExpiry = 50 }
        let client = test.connect("c", home: 1, expiry: .max)
        #expect(client.connack()?.properties.sessionExpiryInterval == 50)
        client.drop()
        test.advance(seconds: 51)
        #expect(!isPresent(test))
    }

    @Test("A 3.1.1 session without Clean Session is kept for the broker's bound", arguments: [1, 2])
    func version3(shards: Int) {
        for (seconds, present) in [(86_000.0, true), (86_500.0, false)] {
            let test = TestBroker(shards: shards) { $0.maximumSessionExpiry = 86_400 }
            test.connect("c", .v3_1_1, home: 1, expiry: 1).drop()
            test.advance(seconds: seconds)
            #expect(isPresent(test, .v3_1_1) == present)
        }
    }

    @Test("DISCONNECT changes the interval: longer, shorter, none", arguments: [0, 10, 1000] as [UInt32])
    func changedByDisconnect(interval: UInt32) {
        for late in [false, true] {
            let test = TestBroker()
            let client = test.connect("c", home: 1, expiry: 100)
            client.disconnect(expiry: interval)
            test.advance(seconds: Double(interval) + (late ? 0.5 : -0.5))
            #expect(isPresent(test) == (!late && interval > 0))
        }
    }

    @Test("DISCONNECT must not raise the interval from zero")
    func raisedFromZero() {
        let test = TestBroker()
        let client = test.connect("c", home: 1)
        _ = client.received()
        client.disconnect(expiry: 10)
        #expect(client.disconnectReason() == .protocolError)
        #expect(!isPresent(test))
    }

    @Test("Subscriptions and queue of an expired session are gone")
    func cleared() {
        let test = TestBroker(shards: 2)
        let client = test.connect("c", home: 1, expiry: 10)
        client.subscribe("t", qos: 1)
        client.drop()
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", qos: 1)
        test.advance(seconds: 11)
        _ = publisher.received()
        publisher.publish("t", qos: 1)
        #expect(publisher.received() == [.puback(Ack(packetID: 1, reason: .noMatchingSubscribers))])
        let ended = test.events.contains { if case .sessionEnded(_, let expired) = $0 { expired } else { false } }
        #expect(ended)
    }
}
