import MQTTCodec
import Testing

@testable import BrokerCore

/// Silence, and what the broker makes of it.
@Suite struct KeepAliveTests {
    @Test("Silence of one and a half keep-alives ends the connection [MQTT-3.1.2-22]", arguments: Setting.all)
    func silence(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let client = test.connect("c", setting.version, home: 1) { $0.keepAlive = 10 }
        _ = client.received()
        test.advance(seconds: 14.9)
        #expect(!client.isClosed)
        test.advance(seconds: 0.2)
        #expect(client.isClosed)
        #expect(client.disconnectReason() == (setting.version == .v5_0 ? .keepAliveTimeout : nil))
        #expect(test.causes("c") == [.keepAliveTimeout])
    }

    @Test("Any packet keeps a client alive, PINGREQ is answered [MQTT-3.12.4-1]", arguments: Setting.all)
    func packets(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let client = test.connect("c", setting.version, home: 1) { $0.keepAlive = 10 }
        _ = client.received()
        for round in 0..<20 {
            test.advance(seconds: 14)
            if round.isMultiple(of: 2) { client.publish("t") } else { client.send(.pingreq) }
        }
        #expect(!client.isClosed)
        #expect(client.received() == Array(repeating: .pingresp, count: 10))
    }

    @Test("A keep-alive of zero never ends a connection")
    func none() {
        let test = TestBroker()
        let client = test.connect("c") { $0.keepAlive = 0 }
        test.advance(seconds: 30 * 86_400)
        #expect(!client.isClosed)
    }

    @Test("The server's keep-alive wins and is announced [MQTT-3.1.2-21][MQTT-3.2.2-21]")
    func serverKeepAlive() {
        let test = TestBroker { $0.serverKeepAlive = 4 }
        let client = test.connect("c") { $0.keepAlive = 600 }
        #expect(client.connack()?.properties.serverKeepAlive == 4)
        test.advance(seconds: 6.1)
        #expect(client.isClosed)
    }

    @Test("The cap replaces a longer keep-alive and an absent one, not a shorter one", arguments: [0, 5, 600])
    func maximum(asked: Int) {
        let test = TestBroker { $0.maximumKeepAlive = 60 }
        let client = test.connect("c") { $0.keepAlive = UInt16(asked) }
        #expect(client.connack()?.properties.serverKeepAlive == (asked == 5 ? nil : 60))
        test.advance(seconds: asked == 5 ? 7.6 : 90.1)
        #expect(client.isClosed)
    }

    @Test("A 3.1.1 client, which cannot be told, keeps its own keep-alive [v3 MQTT-3.1.2-24]")
    func version3() {
        let test = TestBroker { $0.serverKeepAlive = 4 }
        let client = test.connect("c", .v3_1_1) { $0.keepAlive = 60 }
        test.advance(seconds: 89)
        #expect(!client.isClosed)
        test.advance(seconds: 2)
        #expect(client.isClosed)
    }

    @Test("While the broker itself does not read, silence is not the client's")
    func pausedByTheBroker() {
        let test = TestBroker {
            $0.maximumQueuedMessages = 1
            $0.queueFullPolicy = .pause
        }
        let sleeper = test.connect("sleeper", expiry: 10_000)
        sleeper.subscribe("t", qos: 1)
        sleeper.drop()
        let publisher = test.connect("publisher") { $0.keepAlive = 10 }
        for number in 1...2 { publisher.publish("t", qos: 1, packetID: UInt16(number)) }
        #expect(publisher.isPaused)
        test.advance(seconds: 100)
        #expect(!publisher.isClosed)
        let awake = test.connect("sleeper", cleanStart: false, expiry: 10_000)
        #expect(awake.takeAll().count == 2)
        #expect(!publisher.isPaused)
        test.advance(seconds: 16)
        #expect(publisher.isClosed)
    }
}
