import StoreFormat
import Testing

/// Keys and values: what is written is read again, and nothing else is.
@Suite struct RecordTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    private static let long = [UInt8](repeating: 0x61, count: 65_535)
    private static let message = StoredMessage(
        topic: bytes("a/b"), properties: [1, 2], payload: bytes("payload"), qos: 2, retain: true, expiresAt: 77)
    private static let delivery = StoredDelivery(
        message: 9, qos: 1, retain: true, identifiers: [1, 268_435_455], group: 4, position: 1 << 40)
    private static let client = StoreClient(bytes("client"))

    static let all: [StoreRecord] = [
        .format(version: 1), .message(id: 1 << 56 | 3, message),
        .message(id: 0, StoredMessage(topic: [], payload: [], qos: 0)),
        .group(number: 5, subscription: bytes("$share")),
        .session(clientID: bytes("client"), expiry: .max), .session(clientID: long, expiry: 1),
        .session(clientID: [], expiry: 0), .offline(client, since: -5),
        .will(
            client,
            StoredWill(
                message: message, delay: 3, expiry: nil, username: bytes("u"), groups: [[], bytes("g")], account: [],
                address: "10.0.0.1:5", listener: "tcp")),
        .will(
            StoreClient(long),
            StoredWill(
                message: message, delay: 0, expiry: 8, username: [], groups: [], account: bytes("acme"), address: "",
                listener: "")),
        .subscription(client, filter: bytes("#"), options: 0x2e, identifier: 7),
        .subscription(client, filter: long, options: 0, identifier: 0),
        .rewritten(client, asked: bytes("x"), entered: bytes("y")), .received(client, packetID: 65_535),
        .inflight(client, packetID: 1, order: 12, delivery), .inflight(client, packetID: 2, order: 13, nil),
        .queued(client, delivery), .groupQueued(group: 5, position: 6, message: 7, qos: 1),
        .retained(message, publisher: bytes("p")),
        .retained(StoredMessage(topic: long, payload: long, qos: 0), publisher: []),
        .handover(
            id: 8,
            StoredHandover(
                seed: 99, shards: 3, target: 2, group: 5, removed: [bytes("r")],
                added: [StoredReceiver(clientID: bytes("s"), qos: 2)], message: message)),
    ]

    @Test("What is written is read again, and keys fit into a store", arguments: all)
    func roundTrip(record: StoreRecord) throws {
        let (key, value) = record.encoded
        #expect(try StoreRecord(key: key, value: value) == record)
        #expect((1...1024).contains(key.count))
    }

    @Test("Every changed bit and every missing byte is noticed", arguments: all)
    func damage(record: StoreRecord) {
        let (key, value) = record.encoded
        for place in 0..<min(value.count, 400) {
            var damaged = value
            damaged[place] ^= UInt8(1 << (place % 8))
            #expect(throws: StoreFormatError.self) { try StoreRecord(key: key, value: damaged) }
        }
        for place in key.indices.prefix(300) {
            var damaged = key
            damaged[place] ^= 0x10
            #expect(throws: StoreFormatError.self) { try StoreRecord(key: damaged, value: value) }
        }
        for count in 0..<min(value.count, 200) {
            #expect(throws: StoreFormatError.self) { try StoreRecord(key: key, value: Array(value.prefix(count))) }
        }
        #expect(throws: StoreFormatError.self) { try StoreRecord(key: [], value: value) }
    }

    @Test("A value of a newer version says so")
    func newer() throws {
        // The checksum is right, the version is not: made by hand.
        let (key, value) = StoreRecord.format(version: 2).encoded
        let record = try StoreRecord(key: key, value: value)
        #expect(record == .format(version: 2))
    }

    @Test("The queue of a client is one range in the order of positions, and ends before the next client")
    func queueOrder() {
        let positions: [UInt64] = [1, 2, 255, 256, 65_536, 1 << 33, .max]
        let keys = positions.map { position -> [UInt8] in
            var delivery = Self.delivery
            delivery.position = position
            return StoreRecord.queued(Self.client, delivery).key
        }
        #expect(keys.elementsEqual(keys.sorted { $0.lexicographicallyPrecedes($1) }))
        let range = Self.client.queue(from: 256)
        let inside = keys.filter { !$0.lexicographicallyPrecedes(range.from) && $0.lexicographicallyPrecedes(range.to) }
        #expect(inside.count == 4)
        let all = Self.client.range
        let others = ["clien", "client0", "clienu", ""].map {
            StoreRecord.session(clientID: Self.bytes($0), expiry: 1).key
        }
        for key in others {
            #expect(key.lexicographicallyPrecedes(all.from) || !key.lexicographicallyPrecedes(all.to))
        }
        #expect(keys.allSatisfy { !$0.lexicographicallyPrecedes(all.from) && $0.lexicographicallyPrecedes(all.to) })
    }

    @Test("A session's record is the first of its client, and clients come after messages and groups")
    func tableOrder() {
        let first = StoreRecord.session(clientID: Self.bytes("client"), expiry: 1).key
        for record in Self.all where record.client == Self.client && record.key != first {
            #expect(first.lexicographicallyPrecedes(record.key))
        }
        let tables = StoreTable.allCases.map(\.range.from)
        #expect(tables.elementsEqual(tables.sorted { $0.lexicographicallyPrecedes($1) }))
        #expect(StoreTable.message.rawValue < StoreTable.client.rawValue)
        #expect(StoreTable.group.rawValue < StoreTable.groupQueue.rawValue)
    }
}
