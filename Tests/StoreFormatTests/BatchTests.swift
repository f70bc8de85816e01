import StoreFormat
import Testing

/// Rows become changes of keys and values.
@Suite struct BatchTests {
    /// A store in its simplest form.
    private struct Pairs {
        var pairs: [[UInt8]: [UInt8]] = [:]

        mutating func take(_ batch: StoreBatch) {
            for change in batch.changes {
                let key = Array(batch.bytes[change.start..<change.start + change.keyCount])
                let end = change.start + change.keyCount + change.valueCount
                let value = Array(batch.bytes[change.start + change.keyCount..<end])
                switch change.kind {
                case .put:
                    #expect(!change.isNew || pairs[key] == nil)
                    pairs[key] = value
                case .delete: pairs[key] = nil
                case .deleteRange:
                    pairs = pairs.filter {
                        $0.key.lexicographicallyPrecedes(key) || !$0.key.lexicographicallyPrecedes(value)
                    }
                }
            }
        }

        func records() throws -> [StoreRecord] {
            try pairs.keys.sorted { $0.lexicographicallyPrecedes($1) }.map {
                try StoreRecord(key: $0, value: pairs[$0] ?? [])
            }
        }
    }

    private let name = Array("c".utf8)
    private let message = StoredMessage(topic: [0x74], payload: [1], qos: 1, expiresAt: 100)

    private func commit(_ rows: [StoreRow], to pairs: inout Pairs) {
        var batch = StoreBatch(after: 10, clock: StoreClock(host: 1000, wall: 5000))
        for row in rows {
            batch.append(row) { topic in topic == [0x74] ? (message, [0x70]) : nil }
        }
        pairs.take(batch)
    }

    @Test("A message goes from the queue to the window and away, and nothing is left of it")
    func life() throws {
        var pairs = Pairs()
        let delivery = StoredDelivery(message: 7, qos: 1, retain: false, position: 3)
        commit(
            [
                .session(clientID: name, expiry: 60), .message(id: 7, message),
                .queued(clientID: name, delivery),
            ], to: &pairs)
        let client = StoreClient(name)
        var expected = message
        expected.expiresAt = 4100
        #expect(
            try pairs.records() == [
                .message(id: 7, expected), .session(clientID: name, expiry: 60), .queued(client, delivery),
            ])
        commit([.inflight(clientID: name, packetID: 5, delivery)], to: &pairs)
        #expect(
            try pairs.records().last == .inflight(client, packetID: 5, order: 11, delivery)
                && pairs.pairs.count == 3)
        commit([.releasing(clientID: name, packetID: 5), .messageGone(id: 7)], to: &pairs)
        #expect(try pairs.records().last == .inflight(client, packetID: 5, order: 11, nil))
        commit([.finished(clientID: name, packetID: 5)], to: &pairs)
        #expect(try pairs.records() == [.session(clientID: name, expiry: 60)])
    }

    @Test("The end of a session takes everything of the client, and of no other")
    func sessionEnd() throws {
        var pairs = Pairs()
        let other = Array("cc".utf8)
        for client in [name, other] {
            commit(
                [
                    .session(clientID: client, expiry: 60), .sessionOffline(clientID: client, since: 1),
                    .subscription(clientID: client, filter: [0x23], options: 1, identifier: 0),
                    .received(clientID: client, packetID: 9),
                ], to: &pairs)
        }
        commit([.sessionEnded(clientID: name)], to: &pairs)
        #expect(try pairs.records().allSatisfy { $0.client == StoreClient(other) } && pairs.pairs.count == 4)
        commit([.session(clientID: other, expiry: 1), .released(clientID: other, packetID: 9)], to: &pairs)
        #expect(try pairs.records().count == 2)
    }

    @Test("What is retained is written as it is now, whichever change came last")
    func retained() throws {
        var pairs = Pairs()
        commit([.retainedCleared(topic: [0x74], order: 1), .retained(message, publisher: [], order: 2)], to: &pairs)
        var expected = message
        expected.expiresAt = 4100
        #expect(try pairs.records() == [.retained(expected, publisher: [0x70])])
        let gone = StoredMessage(topic: [0x75], payload: [1], qos: 0)
        commit([.retained(gone, publisher: [], order: 3)], to: &pairs)
        #expect(pairs.pairs.count == 1)
    }

    @Test("Times keep their meaning on the clock of the next run")
    func clock() {
        let before = StoreClock(host: 1000, wall: 500_000)
        let after = StoreClock(host: 50, wall: 500_700)
        #expect(after.toHost(before.toWall(1_800)) == 150)
        // Expired before the clock began, but not never.
        let old = StoredMessage(topic: [], payload: [], qos: 0, expiresAt: before.toWall(900))
        #expect(after.toHost(old).expiresAt == 1)
        #expect(after.toHost(StoredMessage(topic: [], payload: [], qos: 0)).expiresAt == 0)
    }
}
