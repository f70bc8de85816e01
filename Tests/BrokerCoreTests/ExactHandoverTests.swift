import MQTTCodec
import StoreFormat
import Testing

@testable import BrokerCore

/// A message between two shards arrives exactly once, wherever between their commits the broker dies.
@Suite struct ExactHandoverTests {
    /// Shards after the restart, and how many tickets were committed of those that the publication made.
    struct Crash: CustomTestStringConvertible, Sendable {
        let shards: Int
        let commits: Int
        var testDescription: String { "\(commits) commits, then \(shards) shards" }
        static let all = (1...3).flatMap { shards in (0...3).map { Crash(shards: shards, commits: $0) } }
    }

    private func broker() -> TestBroker { TestBroker(shards: 2) { $0.storeEnabled = true } }

    private func durable(_ test: TestBroker, _ name: String, home: Int? = nil) -> TestClient {
        let client = test.connect(name, home: home, cleanStart: false, expiry: 1000)
        test.commitAll()
        _ = client.received()
        return client
    }

    /// Commits tickets in the order in which they were handed over, and nothing of what follows from them.
    private func commit(_ count: Int, of test: TestBroker) {
        for entry in test.tickets.prefix(count) { test.store.apply(entry.rows) }
    }

    /// Everything a client gets when it comes back, acknowledged.
    private func messages(_ test: TestBroker, _ name: String) -> [String] {
        let client = test.connect(name, cleanStart: false, expiry: 1000)
        test.commitAll()
        var texts: [String] = []
        var packets = client.received()
        while !packets.isEmpty {
            texts += packets.publishes.map(\.text)
            client.send(bytes: packets.compactMap(\.answer).flatMap { $0.encode(version: .v5_0) })
            test.commitAll()
            packets = client.received()
        }
        return texts
    }

    @Test("A QoS 2 message for another shard is there once after a crash between any two commits", arguments: Crash.all)
    func publish(crash: Crash) {
        let old = broker()
        let (here, there) = (old.clientID("here", home: 0), old.clientID("there", home: 1))
        for name in [here, there] {
            let sleeper = durable(old, name)
            sleeper.subscribe("t", qos: 2)
            old.commitAll()
            sleeper.drop()
            old.commitAll()
        }
        let name = old.clientID("p", home: 0)
        let publisher = durable(old, name)
        publisher.publish("t", "once", qos: 2, packetID: 7)
        commit(crash.commits, of: old)
        let test = TestBroker(after: old, shards: crash.shards)
        let again = test.connect(name, cleanStart: false, expiry: 1000)
        test.commitAll()
        again.publish("t", "once", qos: 2, packetID: 7) { $0.dup = true }
        test.commitAll()
        #expect(again.received().contains { $0.type == .pubrec })
        #expect(messages(test, here) == ["once"])
        #expect(messages(test, there) == ["once"])
        #expect(test.store.handovers.isEmpty && test.store.messages.isEmpty)
    }

    @Test("Expired on the way, it does not arrive and leaves nothing", arguments: 1...3)
    func expired(shards: Int) {
        let old = broker()
        let name = old.clientID("there", home: 1)
        let sleeper = durable(old, name)
        sleeper.subscribe("t", qos: 2)
        old.commitAll()
        sleeper.drop()
        old.commitAll()
        let publisher = durable(old, "p", home: 0)
        publisher.publish("t", "late", qos: 2, packetID: 7) { $0.properties.messageExpiryInterval = 5 }
        commit(1, of: old)
        #expect(old.store.handovers.count == 1)
        old.advance(seconds: 6)
        let test = TestBroker(after: old, shards: shards)
        test.commitAll()
        #expect(messages(test, name).isEmpty && test.store.handovers.isEmpty)
    }

    @Test("What a session gives back to its group when it ends is in the group after a crash", arguments: Crash.all)
    func groups(crash: Crash) {
        let old = broker()
        // The member that ends and the group live on different shards: one of the two is.
        let names = [old.clientID("a", home: 0), old.clientID("b", home: 1)]
        for name in names {
            let member = durable(old, name)
            member.subscribe("$share/g/t", qos: 1)
            old.commitAll()
            member.drop()
            old.commitAll()
        }
        let publisher = durable(old, "p", home: 0)
        for number in 0..<4 { publisher.publish("t", "\(number)", qos: 1, packetID: UInt16(number + 1)) }
        old.commitAll()
        // One member takes everything and acknowledges nothing, then its session ends.
        let busy = old.connect(names[0], cleanStart: false, expiry: 1000)
        old.commitAll()
        #expect(busy.received().publishes.count == 4)
        busy.send(
            .disconnect(
                {
                    var packet = Disconnect(reason: .normalDisconnection)
                    packet.properties.sessionExpiryInterval = 0
                    return packet
                }()))
        commit(crash.commits, of: old)
        let test = TestBroker(after: old, shards: crash.shards)
        test.commitAll()
        let got = messages(test, names[0]) + messages(test, names[1])
        #expect(Set(got) == ["0", "1", "2", "3"])
    }

    @Test("After a failed commit the row of a hand-over does not outlive the message")
    func failure() {
        let test = broker()
        let name = test.clientID("there", home: 1)
        let sleeper = durable(test, name)
        sleeper.subscribe("t", qos: 2)
        test.commitAll()
        sleeper.drop()
        test.commitAll()
        let publisher = durable(test, "p", home: 0)
        publisher.publish("t", "once", qos: 2, packetID: 7)
        test.commit(succeeded: false)
        test.recover()
        #expect(test.store.handovers.isEmpty)
        #expect(messages(test, name) == ["once"])
    }

    @Test("While the store fails, what it would have to keep is refused, and the rest goes on", arguments: [1, 2])
    func refusal(shards: Int) {
        let test = TestBroker(shards: shards) { $0.storeEnabled = true }
        let sleeper = durable(test, "s", home: 1)
        sleeper.subscribe("kept/#", qos: 1)
        test.commitAll()
        let online = test.connect("online", home: 0)
        online.subscribe("free", qos: 1)
        let publisher = test.connect("p", home: 0)
        _ = (online.received(), publisher.received())
        publisher.publish("kept/1", "lost", qos: 1, packetID: 1)
        test.commit(succeeded: false)
        #expect(publisher.isClosed || publisher.received().contains { $0.type == .disconnect })
        let second = test.connect("p2", home: 0)
        _ = second.received()
        second.publish("free", "goes on", qos: 1, packetID: 2)
        #expect(second.received().map(\.type) == [.puback])
        #expect(online.received().publishes.map(\.text) == ["goes on"])
        second.publish("kept/2", "refused", qos: 1, packetID: 3)
        let answers = second.received()
        #expect(
            answers.contains { packet in
                if case .puback(let ack) = packet { ack.reason == .quotaExceeded } else { packet.type == .disconnect }
            })
        test.recover()
        let third = test.connect("p3", home: 0)
        _ = third.received()
        third.publish("kept/3", "kept", qos: 1, packetID: 4)
        test.commitAll()
        #expect(third.received().map(\.type) == [.puback])
    }
}
