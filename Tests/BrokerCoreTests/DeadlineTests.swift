import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// Deadlines that have passed hold, also where a turn has not come to its timers yet; times count from what the
/// specification says.
@Suite struct DeadlineTests {
    /// Moves the clock of one broker without a turn: the next thing that happens is a packet.
    private func connectLate(_ test: TestBroker, after seconds: Double) -> (present: Bool, sent: [Packet]) {
        test.settlesByItself = false
        test.advance(seconds: seconds)
        let client = test.connect("c", cleanStart: false, expiry: 1000)
        test.settlesByItself = true
        test.settle()
        let packets = client.received()
        if case .connack(let answer)? = packets.first { return (answer.sessionPresent, packets) }
        return (false, packets)
    }

    @Test("A client that returns at the moment its session expires finds none", arguments: [(9.9, true), (10, false)])
    func sessionExpiry(seconds: Double, isPresent: Bool) {
        let test = TestBroker()
        test.connect("c", expiry: 10).drop()
        #expect(connectLate(test, after: seconds).present == isPresent)
    }

    @Test(
        "A client that returns when its will is due does not stop it [MQTT-3.1.3-9]", arguments: [(4.9, 0), (5, 1)])
    func willDelay(seconds: Double, published: Int) {
        let test = TestBroker()
        let watcher = test.connect("s")
        watcher.subscribe("w")
        test.connect("c", expiry: 10) {
            $0.will = .init(topic: [0x77], payload: [1])
            $0.will?.properties.willDelayInterval = 5
        }.drop()
        _ = watcher.received()
        #expect(connectLate(test, after: seconds).present)
        #expect(watcher.messages().count == published)
    }

    @Test("A message's expiry counts from its arrival, also while a plugin decides [MQTT-3.3.2-6]")
    func expiryWhilePending() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onMessage { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin, deadline: 60_000_000_000)
        let subscriber = test.connect("s")
        subscriber.subscribe("t")
        _ = subscriber.received()
        test.connect("p").publish("t") { $0.properties.messageExpiryInterval = 10 }
        test.advance(seconds: 4)
        test.complete(token, HL_ABSTAIN)
        #expect(subscriber.messages().map(\.properties.messageExpiryInterval) == [6])
    }

    @Test("No Local keeps a client's retained messages from it, also those of an earlier session [MQTT-3.8.3-3]")
    func noLocalAcrossSessions() {
        let test = TestBroker(shards: 2)
        let first = test.connect("c", home: 0)
        first.publish("t", "own", retain: true)
        first.disconnect()
        let second = test.connect("c", home: 0)
        second.subscribe("t") { $0.noLocal = true }
        #expect(second.messages().isEmpty)
        let other = test.connect("d", home: 1)
        other.subscribe("t") { $0.noLocal = true }
        #expect(other.payloads() == ["own"])
    }
}
