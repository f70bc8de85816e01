import MQTTCodec
import Testing

@testable import BrokerCore

/// The small steps of which administrators' lists are made, and what test mode does.
@Suite struct AdministrationStepTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func names(
        _ shard: Shard, limit: Int, visits: Int, connected: Bool? = nil
    ) -> (names: [String], steps: Int, largest: Int) {
        var (names, cursor, steps, largest): ([String], UInt64?, Int, Int) = ([], 0, 0, 0)
        while let from = cursor, steps < 1_000 {
            let page = shard.sessionReports(from: from, limit: limit, visits: visits, connected: connected)
            names += page.reports.map { String(decoding: $0.clientID, as: UTF8.self) }
            (cursor, steps, largest) = (page.next, steps + 1, max(largest, page.reports.count))
        }
        return (names.sorted(), steps, largest)
    }

    @Test("A step looks at so many sessions, and no session is lost between two", arguments: [1, 2, 7], [1, 3, 100])
    func steps(visits: Int, limit: Int) {
        let test = TestBroker()
        for number in 0..<12 {
            let client = test.connect("c\(number)", expiry: 100)
            if number % 3 == 0 { client.drop() }
        }
        let shard = test.broker.shards[0]
        let all = names(shard, limit: limit, visits: visits)
        #expect(all.names == (0..<12).map { "c\($0)" }.sorted())
        #expect(all.largest <= min(visits, limit))
        #expect(all.steps >= 12 / min(visits, limit))
        #expect(names(shard, limit: limit, visits: visits, connected: true).names.count == 8)
        #expect(names(shard, limit: limit, visits: visits, connected: false).names == ["c0", "c3", "c6", "c9"])
    }

    @Test("Receivers of a topic are counted by session and by shared group")
    func receivers() {
        let test = TestBroker()
        let clients = (0..<3).map { test.connect("c\($0)") }
        for client in clients { client.subscribe("a/+") }
        clients[0].subscribe("a/b")
        clients[1].subscribe("$share/g/a/#")
        clients[2].subscribe("$share/g/a/#")
        let shard = test.broker.shards[0]
        for (topic, expected) in [("a/b", [3, 1]), ("b", [0, 0]), ("a/#", [0, 0])] {
            let counts = shard.receivers(of: bytes(topic))
            #expect([counts.sessions, counts.groups] == expected, "\(topic)")
        }
        #expect(shard.subscriptionCount == 6)
    }

    @Test("Topics that were published to are remembered, in any number of steps", arguments: [1, 64, 100_000])
    func topics(visits: Int) {
        let test = TestBroker()
        let client = test.connect("c")
        for number in 0..<20 { client.publish("t/\(number)") }
        var (found, slot): ([String], Int?) = ([], 0)
        while let from = slot {
            let step = test.broker.shards[0].recentTopics(from: from, visits: visits, after: bytes("t/15"))
            found += step.topics.map { String(decoding: $0, as: UTF8.self) }
            slot = step.next
        }
        #expect(found.sorted() == (0..<20).map { "t/\($0)" }.filter { $0 > "t/15" }.sorted())
    }

    @Test("A reset forgets sessions, queues, wills and retained messages, and publishes nothing", arguments: [1, 2])
    func reset(shards: Int) {
        let test = TestBroker(shards: shards)
        let away = test.connect("away", home: 0, expiry: 100)
        away.subscribe("t", qos: 1)
        away.drop()
        let other = test.connect("other", home: 1, expiry: 100) { $0.will = .init(topic: [0x77], payload: [1]) }
        other.publish("t", qos: 1, packetID: 1)
        other.publish("kept", retain: true)
        let watcher = test.connect("watcher", home: 0)
        watcher.subscribe("w")
        _ = watcher.received()
        test.settle()
        #expect(test.broker.sessionCount == 3)
        for shard in test.broker.shards { shard.forgetSessions() }
        test.settle()
        test.broker.shards[0].forgetRetained()
        test.settle()
        #expect(test.broker.sessionCount == 0)
        #expect(test.broker.retainedUsage.messages == 0 && test.broker.retainedUsage.bytes == 0)
        #expect(other.isClosed && watcher.isClosed)
        #expect(watcher.messages().isEmpty)
        let again = test.connect("away", home: 0, cleanStart: false, expiry: 100)
        #expect(again.connack()?.sessionPresent == false)
    }

    @Test("What is under way is seen, and that it has arrived")
    func motion() {
        let test = TestBroker()
        let client = test.connect("c")
        client.subscribe("t", qos: 1)
        _ = client.received()
        let shard = test.broker.shards[0]
        let before = shard.motion
        #expect(before.isStill && shard.motion == before)
        client.publish("t", qos: 1, packetID: 1)
        let message = client.messages().first
        #expect(!shard.motion.isStill, "without its PUBACK")
        if let message { client.acknowledge(message) }
        test.settle()
        #expect(shard.motion.isStill && shard.motion.steps > before.steps)
    }

    @Test("A drain waits for the second half of a QoS 2 publish [MQTT-4.3.3-2]")
    func drainInTheMiddle() {
        let test = TestBroker()
        let client = test.connect("c")
        client.publish("t", qos: 2, packetID: 5)
        test.tell(.drain)
        #expect(!client.isClosed)
        client.send(.pubrel(Ack(packetID: 5)))
        test.settle()
        #expect(client.isClosed)
        let packets = client.received().map(\.type)
        #expect(packets.suffix(2) == [.pubcomp, .disconnect])
    }
}
