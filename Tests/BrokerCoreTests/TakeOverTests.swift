import MQTTCodec
import Testing

@testable import BrokerCore

/// Two connections with one Client Identifier.
@Suite struct TakeOverTests {
    @Test("The older connection is told 0x8E and closed [MQTT-3.1.4-3]", arguments: Setting.all)
    func takeOver(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let older = test.connect("c", setting.version, home: 1, shard: 0)
        _ = older.received()
        let newer = test.connect("c", setting.version, home: 1, shard: 1)
        #expect(older.isClosed)
        #expect(older.disconnectReason() == (setting.version == .v5_0 ? .sessionTakenOver : nil))
        #expect(newer.connack()?.reason == .success)
        newer.send(.pingreq)
        #expect(newer.received() == [.pingresp])
        #expect(test.causes("c") == [.takenOver])
    }

    @Test("The session goes over with subscriptions and unacknowledged messages", arguments: Setting.all)
    func sessionGoesOver(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let older = test.connect("c", setting.version, home: 1, expiry: 100)
        older.subscribe("t", qos: 1)
        _ = older.received()
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", "first", qos: 1)
        let before = older.messages()
        #expect(before.map(\.text) == ["first"])
        let newer = test.connect("c", setting.version, home: 1, cleanStart: false, expiry: 100)
        #expect(newer.connack()?.sessionPresent == true)
        _ = newer.received()
        publisher.publish("t", "second", qos: 1, packetID: 2)
        #expect(newer.payloads() == ["second"])
    }

    @Test("A session that ends with its connection is not taken over", arguments: Setting.all)
    func endingSession(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        _ = test.connect("c", setting.version, home: 1)
        let newer = test.connect("c", setting.version, home: 1, cleanStart: false, expiry: 10)
        #expect(newer.connack()?.sessionPresent == false)
    }

    @Test("With the policy refuse the newer connection is refused with 0x85 or 0x02", arguments: Setting.all)
    func refuse(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards) { $0.duplicateClientPolicy = .refuse }
        let older = test.connect("c", setting.version, home: 1, shard: 0)
        let newer = test.connect("c", setting.version, home: 1, shard: 1)
        #expect(newer.connack()?.reason == .clientIdentifierNotValid)
        #expect(newer.isClosed && !older.isClosed)
        older.drop()
        #expect(test.connect("c", setting.version, home: 1).connack()?.reason == .success)
    }

    @Test("The same identifier is used by ten connections in turn; one remains", arguments: [1, 2])
    func manyTakeOvers(shards: Int) {
        let test = TestBroker(shards: shards)
        let clients = (0..<10).map { test.connect("c", home: 1, shard: $0, cleanStart: false, expiry: 10) }
        #expect(clients.map(\.isClosed) == Array(repeating: true, count: 9) + [false])
        #expect(clients.last?.connack()?.sessionPresent == true)
    }
}
