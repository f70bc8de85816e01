import MQTTCodec
import PluginABI
import StoreFormat
import Testing

@testable import BrokerCore

/// What was committed is there again after a restart, on any number of shards.
@Suite struct RestoreTests {
    /// Shards before and after the restart.
    struct Shards: CustomTestStringConvertible, Sendable {
        let before: Int
        let after: Int
        var testDescription: String { "\(before) shards, then \(after)" }
        static let all = [(1, 1), (1, 3), (3, 1), (3, 2)].map { Shards(before: $0.0, after: $0.1) }
    }

    private func broker(_ shards: Int = 1, _ configure: (inout BrokerSettings) -> Void = { _ in }) -> TestBroker {
        TestBroker(shards: shards) {
            $0.storeEnabled = true
            configure(&$0)
        }
    }

    /// A durable session of `name`; it has no home of its own choice, because a restart gives it another.
    private func durable(_ test: TestBroker, _ name: String, expiry: UInt32 = 1000) -> TestClient {
        let client = test.connect(name, cleanStart: false, expiry: expiry)
        test.commitAll()
        return client
    }

    /// The same client on the broker that follows, and every message that was there for it.
    private func again(
        _ test: TestBroker, _ name: String, _ configure: (inout Connect) -> Void = { _ in }
    ) -> (client: TestClient, present: Bool, messages: [Publish]) {
        let client = test.connect(name, cleanStart: false, expiry: 1000, configure)
        test.commitAll()
        var packets = client.received()
        let isPresent =
            packets.first == .connack(ConnAck(sessionPresent: true, reason: .success, properties: properties(packets)))
        var messages: [Publish] = []
        while !packets.isEmpty {
            messages += packets.publishes
            client.send(bytes: packets.compactMap(\.answer).flatMap { $0.encode(version: .v5_0) })
            test.commitAll()
            packets = client.received()
        }
        return (client, isPresent, messages)
    }

    private func properties(_ packets: [Packet]) -> Properties {
        if case .connack(let answer)? = packets.first { answer.properties } else { Properties() }
    }

    @Test("Subscriptions come back with their options and identifiers [MQTT-4.1.0-1]", arguments: Shards.all)
    func subscriptions(shards: Shards) {
        let old = broker(shards.before)
        let client = durable(old, "s")
        client.subscribe("a/+", qos: 1, identifier: 7) { $0.retainAsPublished = true }
        client.subscribe("gone", qos: 1)
        old.commitAll()
        client.unsubscribe("gone")
        old.commitAll()
        let test = TestBroker(after: old, shards: shards.after)
        let (subscriber, isPresent, _) = again(test, "s")
        #expect(isPresent)
        let publisher = test.connect("p")
        publisher.publish("a/b", "x", qos: 1, retain: true)
        publisher.publish("gone", "y", qos: 1)
        test.commitAll()
        let messages = subscriber.takeAll()
        #expect(messages.map(\.text) == ["x"])
        #expect(messages.first?.retain == true && messages.first?.qos == 1)
        #expect(messages.first?.properties.subscriptionIdentifiers == [7])
    }

    @Test("A queue comes back in its order, with what goes with each message", arguments: Shards.all)
    func queue(shards: Shards) {
        let old = broker(shards.before)
        let client = durable(old, "s")
        client.subscribe("t", qos: 2, identifier: 3)
        old.commitAll()
        client.drop()
        let publisher = old.connect("p")
        for number in 0..<20 {
            publisher.publish("t", "\(number)", qos: UInt8(1 + number % 2), packetID: UInt16(number + 1))
        }
        publisher.publish("t", "late", qos: 1, packetID: 99) { $0.properties.messageExpiryInterval = 5 }
        old.commitAll()
        old.advance(seconds: 2)
        let test = TestBroker(after: old, shards: shards.after)
        let messages = again(test, "s").messages
        #expect(messages.map(\.text) == (0..<20).map(String.init) + ["late"])
        #expect(messages.allSatisfy { $0.properties.subscriptionIdentifiers == [3] && !$0.dup })
        #expect(messages.last?.properties.messageExpiryInterval == 3)
    }

    @Test("A message that expires while the broker is down is not delivered [MQTT-3.3.2-5]")
    func expiredMeanwhile() {
        let old = broker()
        let client = durable(old, "s")
        client.subscribe("t", qos: 1)
        old.commitAll()
        client.drop()
        old.connect("p").publish("t", qos: 1) { $0.properties.messageExpiryInterval = 5 }
        old.commitAll()
        old.advance(seconds: 5)
        let test = TestBroker(after: old, shards: 1)
        #expect(again(test, "s").messages.isEmpty)
        #expect(test.dropped(.expired) == 1)
    }

    @Test("What was under way goes on: PUBLISH again with DUP, or PUBREL [MQTT-4.4.0-1]", arguments: Shards.all)
    func inflight(shards: Shards) {
        let old = broker(shards.before)
        let client = durable(old, "s")
        client.subscribe("t", qos: 2)
        old.commitAll()
        _ = client.received()
        let publisher = old.connect("p")
        for (number, qos) in [UInt8(1), 2, 2, 1].enumerated() {
            publisher.publish("t", "\(number)", qos: qos, packetID: UInt16(number + 1))
        }
        old.commitAll()
        let sent = client.messages()
        client.send(.pubrec(Ack(packetID: sent[1].packetID)))
        client.send(.puback(Ack(packetID: sent[3].packetID)))
        old.commitAll()
        let test = TestBroker(after: old, shards: shards.after)
        let subscriber = test.connect("s", cleanStart: false, expiry: 1000)
        test.commitAll()
        let packets = subscriber.received()
        #expect(packets.contains(.pubrel(Ack(packetID: sent[1].packetID))))
        #expect(packets.publishes.map(\.text) == ["0", "2"] && packets.publishes.allSatisfy(\.dup))
        #expect(packets.publishes.map(\.packetID) == [sent[0].packetID, sent[2].packetID])
        subscriber.send(.pubcomp(Ack(packetID: sent[1].packetID)))
        // Identifiers that are in use are not given to new messages [MQTT-2.2.1-3].
        test.connect("p").publish("t", "new", qos: 1)
        test.commitAll()
        let new = subscriber.messages().filter { $0.text == "new" }
        #expect(new.count == 1 && !sent.prefix(3).map(\.packetID).contains(new[0].packetID))
    }

    @Test("A QoS 2 message that was received is not delivered again [MQTT-4.3.3-10]", arguments: Shards.all)
    func received(shards: Shards) {
        let old = broker(shards.before)
        let subscriber = durable(old, "s")
        subscriber.subscribe("t", qos: 2)
        old.commitAll()
        subscriber.drop()
        durable(old, "p").publish("t", "once", qos: 2, packetID: 9)
        old.commitAll()
        let test = TestBroker(after: old, shards: shards.after)
        let publisher = again(test, "p").client
        publisher.publish("t", "once", qos: 2, packetID: 9) { $0.dup = true }
        test.commitAll()
        #expect(publisher.received() == [.pubrec(Ack(packetID: 9))])
        #expect(again(test, "s").messages.map(\.text) == ["once"])
    }

    @Test("What was not committed is not there")
    func uncommitted() {
        let old = broker()
        let client = durable(old, "s")
        client.subscribe("t", qos: 1)
        _ = old.connect("late", cleanStart: false, expiry: 1000)
        let test = TestBroker(after: old, shards: 1)
        #expect(again(test, "s").present && !again(test, "late").present)
        test.connect("p").publish("t", qos: 1)
        test.commitAll()
        #expect(test.store.undelivered(to: "s").isEmpty)
    }

    @Test("A session expires at its time, one that was online counts from the restart [MQTT-3.1.2-23]")
    func expiry() {
        let old = broker()
        durable(old, "offline", expiry: 100).drop()
        _ = durable(old, "online", expiry: 100)
        old.commitAll()
        old.advance(seconds: 60)
        let test = TestBroker(after: old, shards: 2)
        test.commitAll()
        test.advance(seconds: 39)
        #expect(test.store.sessions.count == 2)
        test.advance(seconds: 1)
        test.commitAll()
        #expect(test.store.sessions.keys.map { String(decoding: $0, as: UTF8.self) } == ["online"])
        // A second restart does not give it time again.
        let second = TestBroker(after: test, shards: 1)
        second.advance(seconds: 60)
        second.commitAll()
        #expect(second.store.sessions.isEmpty)
    }

    @Test("A will is published when it is due, in its client's name [MQTT-3.1.2-8]", arguments: [0, 30] as [UInt32])
    func wills(delay: UInt32) {
        let old = broker()
        _ = old.connect("w", expiry: 1000) {
            $0.userName = Array("ann".utf8)
            $0.will = .init(topic: Array("w".utf8), payload: Array("gone".utf8), qos: 1)
            $0.will?.properties.willDelayInterval = delay
            $0.will?.properties.messageExpiryInterval = 8
        }
        let watcher = durable(old, "s")
        watcher.subscribe("w", qos: 1)
        old.commitAll()
        let test = TestBroker(shards: 2) { $0.storeEnabled = true }
        var users: [String] = []
        let plugin = TestPlugin()
        plugin.onPublish { _, message in
            users.append(message.publisher.map { $0.pointee.username.text } ?? "")
            return HL_ALLOW
        }
        test.broker.restore(StoredState(old.store.log), now: test.now)
        test.install(plugin)
        if delay > 0 {
            test.advance(seconds: Double(delay) - 1)
            #expect(users.isEmpty)
            test.advance(seconds: 1)
        }
        test.commitAll()
        #expect(users == ["ann"])
        let messages = again(test, "s").messages
        #expect(messages.map(\.text) == ["gone"] && messages[0].properties.messageExpiryInterval == 8)
    }

    @Test("Retained messages: the last of each topic, whichever was committed last; expired and cleared ones are gone")
    func retained() {
        func message(_ topic: String, _ text: String, expiresAt: Int64 = 0) -> StoredMessage {
            StoredMessage(
                topic: Array(topic.utf8), payload: Array(text.utf8), qos: 1, retain: true, expiresAt: expiresAt)
        }
        let rows: [StoreRow] = [
            .retained(message("a", "new"), publisher: [], order: 5),
            .retained(message("a", "old"), publisher: [], order: 4),
            .retained(message("b", "expired", expiresAt: 10), publisher: [], order: 6),
            .retained(message("c", "was"), publisher: [], order: 7),
            .retainedCleared(topic: Array("d".utf8), order: 9), .retained(message("d", "was"), publisher: [], order: 8),
            .retainedCleared(topic: Array("c".utf8), order: 10),
        ]
        let test = broker()
        #expect(test.broker.restore(StoredState(rows), now: test.now).retained == 1)
        let publisher = test.connect("p")
        publisher.publish("a", "newest", qos: 1, retain: true)
        test.commitAll()
        // Later changes come after those of the earlier run.
        let state = StoredState(rows + test.store.log)
        #expect(state.retained[Array("a".utf8)]?.message?.payload == Array("newest".utf8))
        let client = test.connect("s")
        client.subscribe("#")
        #expect(client.payloads() == ["newest"])
    }

    @Test("An expired retained message leaves the store at its time, also after a restart", arguments: Shards.all)
    func retainedExpires(shards: Shards) {
        let old = broker(shards.before)
        let publisher = old.connect("p")
        for (topic, seconds) in [("soon", 10), ("later", 1000), ("again", 10)] as [(String, UInt32)] {
            publisher.publish(topic, topic, qos: 1, retain: true) {
                $0.properties.messageExpiryInterval = seconds
            }
        }
        publisher.publish("again", "stays", qos: 1, retain: true)
        old.commitAll()
        #expect(old.store.retained.count == 3)
        old.advance(seconds: 11)
        old.commitAll()
        #expect(old.store.retained.keys.map { String(decoding: $0, as: UTF8.self) }.sorted() == ["again", "later"])
        let test = TestBroker(after: old, shards: shards.after)
        test.advance(seconds: 2000)
        test.commitAll()
        #expect(test.store.retained.keys.map { String(decoding: $0, as: UTF8.self) } == ["again"])
        let client = test.connect("s")
        client.subscribe("#")
        #expect(client.payloads() == ["stays"])
    }

    @Test("What waits for a client that is offline leaves queue and store at its time, also after a restart")
    func queueExpires() {
        for elsewhere in [false, true] {
            let old = broker()
            let sleeper = durable(old, "s")
            sleeper.subscribe("t", qos: 1)
            old.commitAll()
            sleeper.drop()
            let publisher = old.connect("p")
            for (payload, seconds) in [("a", 10), ("b", 10), ("c", 50), ("d", 0), ("e", 10)] as [(String, UInt32)] {
                publisher.publish("t", payload, qos: 1) {
                    if seconds > 0 { $0.properties.messageExpiryInterval = seconds }
                }
            }
            old.commitAll()
            let name = "s"
            old.advance(seconds: 11)
            old.commitAll()
            #expect(old.store.undelivered(to: name) == ["c", "d", "e"] && old.dropped(.expired) == 2)
            let test = TestBroker(after: old, shards: 1, messagesElsewhere: elsewhere)
            test.advance(seconds: 50)
            test.commitAll()
            #expect(test.store.undelivered(to: name) == ["d", "e"], "what stands behind another waits for its turn")
            #expect(test.store.messages.count == 2)
            #expect(again(test, "s").messages.map(\.text) == ["d"])
        }
    }

    @Test("What waits for a shared group leaves its queue and the store at its time")
    func groupQueueExpires() {
        let test = broker()
        let member = durable(test, "m")
        member.subscribe("$share/g/t", qos: 1)
        test.commitAll()
        member.drop()
        let publisher = test.connect("p")
        for seconds in [10, 20] as [UInt32] {
            publisher.publish("t", "\(seconds)", qos: 1) { $0.properties.messageExpiryInterval = seconds }
        }
        test.commitAll()
        #expect(test.store.waitingForGroups == ["10", "20"])
        test.advance(seconds: 11)
        test.commitAll()
        #expect(test.store.waitingForGroups == ["20"])
        test.advance(seconds: 11)
        test.commitAll()
        #expect(test.store.waitingForGroups.isEmpty && test.store.messages.isEmpty)
    }

    @Test("What waits for a shared group waits again, and keeps its group", arguments: Shards.all)
    func groups(shards: Shards) {
        let old = broker(shards.before)
        let member = durable(old, "m")
        member.subscribe("$share/g/t", qos: 1)
        old.commitAll()
        _ = member.received()
        old.connect("p").publish("t", "sent", qos: 1)
        old.commitAll()
        #expect(member.messages().map(\.text) == ["sent"])
        member.drop()
        let publisher = old.connect("p2")
        for number in 0..<3 { publisher.publish("t", "\(number)", qos: 1, packetID: UInt16(number + 1)) }
        old.commitAll()
        let test = TestBroker(after: old, shards: shards.after)
        test.commitAll()
        let other = durable(test, "n")
        other.subscribe("$share/g/t", qos: 1)
        test.commitAll()
        #expect(other.takeAll().map(\.text) == ["0", "1", "2"])
        // The message that was under way goes to another member when its own ends [MQTT-4.8.2-5].
        _ = test.connect("m", cleanStart: true)
        test.commitAll()
        #expect(other.takeAll().map(\.text) == ["sent"])
        #expect(test.store.waitingForGroups.isEmpty)
    }

    @Test("What waited for a group without members is dropped, counted and forgotten")
    func groupWithoutMembers() {
        let message = StoredMessage(topic: [0x74], payload: [1], qos: 1)
        let rows: [StoreRow] = [
            .message(id: 1, message),
            .groupQueued(subscription: Array("$share/g/t".utf8), group: 5, message: 1, qos: 1),
        ]
        let test = broker()
        test.broker.restore(StoredState(rows), now: test.now)
        #expect(test.dropped(.noSharedMember) == 1)
        test.settle()
        test.commitAll()
        #expect(StoredState(rows + test.store.log).groupQueues.isEmpty)
    }

    @Test(
        "A message under way for a group that has ended names no other group", arguments: [2, 2 << 56 | 9] as [UInt64])
    func endedGroup(number: UInt64) {
        let name = Array("m".utf8)
        let test = broker()
        test.broker.restore(
            StoredState([
                .session(clientID: name, expiry: 100),
                .message(id: 1, StoredMessage(topic: [0x74], payload: [1], qos: 1)),
                .subscription(clientID: name, filter: Array("$share/g/t".utf8), options: 1, identifier: 0),
                .inflight(
                    clientID: name, packetID: 1, StoredDelivery(message: 1, qos: 1, retain: false, group: number)),
            ]), now: test.now)
        let other = test.connect("n")
        other.subscribe("$share/h/t", qos: 1)
        test.commitAll()
        _ = other.received()
        _ = test.connect("m", cleanStart: true)
        test.commitAll()
        #expect(other.takeAll().isEmpty)
        #expect(test.dropped(.noSharedMember) == 1)
    }

    @Test("Numbers of messages and groups are never given twice, however often the broker restarts")
    func numbers() {
        var test = broker(2)
        for round in 0..<4 {
            let (client, _, messages) = again(test, "s")
            let last = round == 0 ? [] : ["\(round - 1)", "\(round - 1)"]
            #expect(messages.map(\.text).sorted() == last)
            client.subscribe("t", "$share/g/u", qos: 1)
            test.commitAll()
            client.drop()
            test.connect("p").publish("t", "\(round)", qos: 1)
            test.connect("p").publish("u", "\(round)", qos: 1)
            test.commitAll()
            test = TestBroker(after: test, shards: 1 + round % 3)
        }
        let waiting = test.store.undelivered(to: "s") + test.store.waitingForGroups
        #expect(waiting.sorted() == ["3", "3"])
        #expect(StoredState(test.store.log).problems.isEmpty)
    }

    @Test("UNSUBSCRIBE names the filter the client asked for, also after a restart")
    func rewritten() {
        let name = Array("c".utf8)
        let entered = Array("a/+".utf8)
        let test = broker()
        test.broker.restore(
            StoredState([
                .session(clientID: name, expiry: 100),
                .subscription(clientID: name, filter: entered, options: 1, identifier: 0),
                .filterRewritten(clientID: name, asked: Array("#".utf8), entered: entered),
            ]), now: test.now)
        let client = again(test, "c").client
        client.unsubscribe("#")
        test.commitAll()
        #expect(client.received().codes == [.success])
    }

    @Test("Damage is named and the rest is read")
    func damage() {
        let delivery = StoredDelivery(message: 77, qos: 1, retain: false)
        let state = StoredState([
            .session(clientID: [0x63], expiry: 100), .queued(clientID: [0x63], delivery),
            .inflight(clientID: [0x63], packetID: 1, delivery), .received(clientID: [0x78], packetID: 4),
            .subscription(
                clientID: [0x63], filter: Array("bad/#/x".utf8), options: 1, identifier: 0),
            .groupQueued(subscription: [], group: 1, message: 78, qos: 1), .dequeued(clientID: [0x78], message: 1),
        ])
        #expect(
            state.problems == [
                "no message 77 for queued", "no message 77 for inflight", "no session of 'x' for received",
                "no message 78 for groupQueued",
            ])
        let test = broker()
        #expect(test.broker.restore(state, now: test.now) == .init(sessions: 1, messages: 0, retained: 0))
        #expect(again(test, "c").present)
    }
}
