import MQTTCodec
import Testing

@testable import BrokerCore

/// What a shard counts beside drops, which the tests of what is dropped look at.
@Suite struct CountersTests {
    private static func total(_ test: TestBroker, _ count: (ShardCounters) -> UInt64) -> UInt64 {
        test.broker.shards.reduce(0) { $0 + count($1.counters) }
    }

    private static func snapshots(_ test: TestBroker) -> [ShardSnapshot] { test.broker.shards.map { $0.snapshot() } }

    @Test("Payloads are counted by bytes and size", arguments: [1, 2])
    func payloads(shards: Int) {
        let test = TestBroker(shards: shards)
        test.connect("s", home: 1).subscribe("t", qos: 1)
        let publisher = test.connect("p", home: 0)
        for size in [0, 1, 2, 3, 4, 5, 1000, 1024, 1025] {
            publisher.publish("t", String(repeating: "x", count: size), qos: size % 2 == 0 ? 1 : 0)
        }
        let bytes: UInt64 = 0 + 1 + 2 + 3 + 4 + 5 + 1000 + 1024 + 1025
        #expect(Self.total(test, \.payloadBytesReceived) == bytes)
        #expect(Self.total(test, \.payloadBytesSent) == bytes)
        var sizes = [UInt64](repeating: 0, count: 64)
        for snapshot in Self.snapshots(test) {
            for (place, count) in snapshot.messageSizes.enumerated() { sizes[place] += count }
        }
        // Up to 2, 4, 8, 1024 and 2048 bytes, and none at all.
        #expect(sizes[0] == 2 && sizes[1] == 2 && sizes[2] == 1 && sizes[9] == 2 && sizes[10] == 1 && sizes[63] == 1)
        #expect(sizes.reduce(0, +) == 9)
    }

    @Test("Messages that wait for a session when it ends are counted")
    func sessionEnded() {
        let test = TestBroker()
        let sleeper = test.connect("sleeper", expiry: 10)
        sleeper.subscribe("t", qos: 1)
        sleeper.drop()
        let publisher = test.connect("p")
        for _ in 0..<3 { publisher.publish("t", "x", qos: 1) }
        let waiting = Self.snapshots(test)[0]
        #expect(waiting.queuedMessages == 3 && waiting.queuedBytes > 0 && waiting.onlineSessions == 1)
        test.advance(seconds: 11)
        #expect(test.dropped(.sessionEnded) == 3)
        #expect(Self.total(test, \.sessionsExpired) == 1)
        #expect(Self.snapshots(test)[0].queuedMessages == 0)
    }

    @Test("Connections are counted by listener until they are freed, log-ins by their answer")
    func connections() {
        let test = TestBroker()
        let first = test.connect("a")
        _ = test.connect("b")
        #expect(Self.snapshots(test)[0].connectionsByListener.reduce(0, +) == 2)
        #expect(Self.total(test) { $0.connectAnswers[0] } == 2)
        #expect(Self.total(test, \.connectsReceived) == 2)
        first.drop()
        test.settle()
        #expect(Self.snapshots(test)[0].connectionsByListener.reduce(0, +) == 1)
        #expect(Self.total(test) { $0.disconnects[DisconnectCause.connectionLost.number] } == 1)
    }

    @Test("Every cause has its word and its number")
    func causes() {
        let causes: [DisconnectCause] = [
            .clientDisconnect, .connectionLost, .keepAliveTimeout, .connectTimeout, .takenOver,
            .protocolViolation(""), .refused(""), .credentialsExpired, .kicked, .shutdown, .limit(""),
        ]
        #expect(causes.map(\.word) == DisconnectCause.words)
        #expect(causes.map(\.number) == Array(causes.indices))
    }

    @Test("Control packets to clients are counted, PUBLISH apart")
    func packets() {
        let test = TestBroker()
        let client = test.connect("a")
        client.subscribe("t", qos: 1)
        client.publish("t", "x", qos: 1)
        // CONNACK, SUBACK, PUBACK.
        #expect(Self.total(test, \.otherPacketsSent) == 3)
        #expect(Self.total(test) { $0.messagesSent.1 } == 1)
    }

    @Test("Durations are counted in buckets that double")
    func durations() {
        var counts = DurationCounts()
        counts.add(0)
        counts.add(1)
        counts.add(1023, weight: 2)
        counts.add(1024)
        counts.add(.max)
        counts.add(-1)
        #expect(counts.places[0] == 2 && counts.places[1] == 1 && counts.places[10] == 2 && counts.places[11] == 1)
        #expect(counts.places.last == 1)
        var other = DurationCounts()
        other.add(5)
        other.add(counts)
        #expect(other.places.reduce(0, +) == 8)
    }

    @Test("The numbers of a shard lie on cache lines of their own")
    func cacheLines() {
        let test = TestBroker(shards: 2)
        let places = test.broker.shards.map { UInt(bitPattern: $0.state) }
        #expect(places.allSatisfy { $0 % 128 == 0 })
        #expect(places[0].distance(to: places[1]).magnitude >= UInt(MemoryLayout<ShardState>.size))
    }
}
