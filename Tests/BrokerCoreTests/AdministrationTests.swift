import MQTTCodec
import Locking
import Testing

@testable import BrokerCore

/// What the host and plugins ask of the broker.
@Suite struct AdministrationTests {
    @Test("Drain: 5.0 clients are told 0x8B, wills go out, new clients are refused", arguments: [1, 2])
    func drain(shards: Int) {
        let test = TestBroker(shards: shards)
        let new = test.connect("new", home: 0)
        let old = test.connect("old", .v3_1_1, home: 1) { $0.will = .init(topic: [0x77], payload: [1], retain: true) }
        let unfinished = test.open()
        _ = (new.received(), old.received())
        test.tell(.drain)
        #expect(new.disconnectReason() == .serverShuttingDown)
        #expect(old.output.isEmpty)
        #expect([new, old, unfinished].map(\.isClosed) == [true, true, true])
        #expect(test.causes("new") == [.shutdown] && test.willOutcomes.contains(.published))
        for version in ProtocolVersion.allCases {
            let late = test.connect("late", version, home: 1)
            #expect(late.connack()?.reason == .serverUnavailable)
            #expect(late.isClosed)
        }
    }

    @Test("A publish of the broker or a plugin reaches everybody once, on any shard", arguments: [1, 2, 3])
    func inject(shards: Int) {
        let test = TestBroker(shards: shards)
        let clients = (0..<3).map { (number: Int) in test.connect("c\(number)", home: number) }
        for client in clients {
            client.subscribe("in/+", qos: 2)
            _ = client.received()
        }
        for number in 0..<6 {
            var message = InjectedMessage(topic: Array("in/\(number)".utf8), payload: [1], qos: UInt8(number % 3))
            message.retain = number == 5
            message.expiry = 100
            test.broker.publish(message)
        }
        test.settle()
        for client in clients {
            let messages = client.takeAll()
            #expect(messages.map(\.topicText).sorted() == (0..<6).map { "in/\($0)" })
            #expect(messages.allSatisfy { (1...100).contains($0.properties.messageExpiryInterval ?? 0) })
        }
        let late = test.connect("late", home: 1)
        late.subscribe("in/#")
        #expect(late.messages().map(\.topicText) == ["in/5"])
    }

    @Test("An injected message with an invalid topic goes nowhere", arguments: ["", "a/#", "a\u{0}"])
    func injectInvalid(topic: String) {
        let test = TestBroker()
        let client = test.connect("c")
        client.subscribe("#")
        _ = client.received()
        test.broker.publish(InjectedMessage(topic: Array(topic.utf8), payload: []))
        test.settle()
        #expect(client.messages().isEmpty)
    }

    @Test("Kick ends the connection with the reason given; the session stays", arguments: Setting.all)
    func kick(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let client = test.connect("c", setting.version, home: 1, expiry: 100)
        _ = client.received()
        let name = Array(test.clientID("c", home: 1).utf8)
        let answers = Answers<Bool>()
        let home = test.broker.homeShard(ofClient: name)
        test.broker.post(.kick(clientID: name, reason: .administrativeAction) { answers.add($0) }, to: home)
        test.broker.post(.kick(clientID: [0x78], reason: .administrativeAction) { answers.add($0) }, to: home)
        test.settle()
        #expect(answers.all == [true, false])
        #expect(client.isClosed)
        #expect(client.disconnectReason() == (setting.version == .v5_0 ? .administrativeAction : nil))
        #expect(test.causes("c") == [.kicked])
        let again = test.connect("c", setting.version, home: 1, cleanStart: false, expiry: 100)
        #expect(again.connack()?.sessionPresent == true)
    }

    @Test("A snapshot counts what there is", arguments: [1, 2])
    func snapshot(shards: Int) {
        let test = TestBroker(shards: shards)
        let online = test.connect("online", home: 0)
        online.subscribe("a", "b", qos: 1)
        let sleeper = test.connect("sleeper", home: 1, expiry: 100)
        sleeper.subscribe("a", qos: 1)
        sleeper.drop()
        online.publish("a", qos: 1, retain: true)
        let answers = Answers<ShardSnapshot>()
        test.tell(.snapshot { answers.add($0) })
        let all = answers.all
        #expect(all.map(\.shard).sorted() == Array(0..<shards))
        #expect(all.map(\.connections).reduce(0, +) == 1)
        #expect(all.map(\.sessions).reduce(0, +) == 2)
        #expect(all.map(\.subscriptions).reduce(0, +) == 3)
        #expect(all.map(\.queuedMessages).reduce(0, +) == 1)
        #expect(all.allSatisfy { $0.retained == 1 })
        #expect(all.map(\.counters.messagesReceived.1).reduce(0, +) == 1)
        #expect(all.map(\.counters.messagesSent.1).reduce(0, +) == 1)
    }

    @Test("Events tell of connections, subscriptions and their ends")
    func events() {
        let test = TestBroker(shards: 2)
        let client = test.connect("c", home: 1)
        client.subscribe("a/+", qos: 1)
        client.unsubscribe("a/+")
        client.disconnect()
        let words = test.events.map { event -> String in
            switch event {
            case .connected: "connected"
            case .subscribed(_, _, let filter, let qos): "subscribed \(String(decoding: filter, as: UTF8.self)) \(qos)"
            case .unsubscribed: "unsubscribed"
            case .disconnected(_, _, let cause, _, let byBroker, _, _, _): "disconnected \(cause) \(byBroker)"
            default: "something else"
            }
        }
        #expect(words == ["connected", "subscribed a/+ 1", "unsubscribed", "disconnected clientDisconnect false"])
    }
}

/// What came out of callbacks.
private final class Answers<Element: Sendable>: Sendable {
    private let answers = Locked<[Element]>([])

    var all: [Element] { answers.withLock { $0 } }

    func add(_ answer: Element) { answers.withLock { $0.append(answer) } }
}
