/// Rows as changes of keys and values, in one buffer: what a store commits together.
public struct StoreBatch: Sendable {
    /// What happens to a key.
    public enum Kind: UInt8, Sendable {
        case put, delete
        /// From the key to before the value.
        case deleteRange
    }

    /// One change: key and value stand one behind the other in ``StoreBatch/bytes``.
    public struct Change: Sendable {
        /// What happens.
        public let kind: Kind
        /// Where the key begins in ``StoreBatch/bytes``.
        public let start: Int
        /// Bytes of the key.
        public let keyCount: Int
        /// Bytes of the value behind it.
        public let valueCount: Int
        /// A key like this one is never given again: until it is deleted there is nothing under it.
        public let isNew: Bool
    }

    /// In their order.
    public private(set) var changes: [Change] = []
    private var writer = RecordWriter()
    /// Orders the messages under way of a session; above those of every earlier batch.
    private var order: UInt64
    private let clock: StoreClock

    /// An empty batch.
    /// - Parameters:
    ///   - order: the `order` of the batch before it, or the greatest in the store.
    ///   - clock: what the times of rows mean.
    public init(after order: UInt64, clock: StoreClock) {
        self.order = order
        self.clock = clock
    }

    /// Keys and values.
    public var bytes: [UInt8] { writer.bytes }
    /// Of the last message under way that was written.
    public var lastOrder: UInt64 { order }
    /// Nothing is changed.
    public var isEmpty: Bool { changes.isEmpty }

    /// Appends what `row` changes.
    /// - Parameter retained: what is retained for a topic now, and by whom. Shards hand over their changes of a topic
    ///   in any order; what is written is always the state, which is at least as new as the row.
    public mutating func append(
        _ row: StoreRow, retained: (_ topic: [UInt8]) -> (message: StoredMessage, publisher: [UInt8])?
    ) {
        switch row {
        case .message(let id, let message): put(.message(id: id, clock.toWall(message)), isNew: true)
        case .messageGone(let id): delete([StoreTable.message.rawValue] + StoreKey.bigEndian(id))
        case .group(let number, let subscription): put(.group(number: number, subscription: subscription))
        case .groupEnded(let number): delete([StoreTable.group.rawValue] + StoreKey.bigEndian(number))
        case .groupQueued(_, let group, let message, let qos, let position):
            put(.groupQueued(group: group, position: position, message: message, qos: qos), isNew: true)
        case .groupDequeued(let group, _, let position):
            delete([StoreTable.groupQueue.rawValue] + StoreKey.bigEndian(group) + StoreKey.bigEndian(position))
        case .retained(let message, _, _): putRetained(message.topic, retained(message.topic))
        case .retainedCleared(let topic, _): putRetained(topic, retained(topic))
        case .handedOver(let id, var handover):
            handover.message = clock.toWall(handover.message)
            put(.handover(id: id, handover), isNew: true)
        case .taken(let id): delete([StoreTable.handover.rawValue] + StoreKey.bigEndian(id))
        default: appendOfClient(row)
        }
    }

    private mutating func appendOfClient(_ row: StoreRow) {
        switch row {
        case .session(let clientID, let expiry):
            put(.session(clientID: clientID, expiry: expiry))
            delete(clientID, .offline)
        case .sessionOffline(let clientID, let since):
            put(.offline(StoreClient(clientID), since: clock.toWall(since)))
        case .sessionEnded(let clientID):
            let range = StoreClient(clientID).range
            add(.deleteRange, range.from, range.to)
        case .subscription(let clientID, let filter, let options, let identifier):
            put(.subscription(StoreClient(clientID), filter: filter, options: options, identifier: identifier))
        case .subscriptionRemoved(let clientID, let filter):
            delete(clientID, .subscription, StoreKey.name(filter, longest: StoreKey.longestFilter))
        case .filterRewritten(let clientID, let asked, let entered) where asked == entered:
            delete(clientID, .rewritten, StoreKey.name(asked, longest: StoreKey.longestFilter))
        case .filterRewritten(let clientID, let asked, let entered):
            put(.rewritten(StoreClient(clientID), asked: asked, entered: entered))
        case .will(let clientID, let will): put(.will(StoreClient(clientID), will))
        case .willGone(let clientID): delete(clientID, .will)
        case .received(let clientID, let packetID): put(.received(StoreClient(clientID), packetID: packetID))
        case .released(let clientID, let packetID): delete(clientID, .received, Self.bytes(packetID))
        default: appendDelivery(row)
        }
    }

    private mutating func appendDelivery(_ row: StoreRow) {
        switch row {
        case .queued(let clientID, let delivery):
            put(.queued(StoreClient(clientID), clock.toWall(delivery)), isNew: true)
        case .dequeued(let clientID, _, let position): delete(clientID, .queued, StoreKey.bigEndian(position))
        case .inflight(let clientID, let packetID, let delivery):
            order += 1
            // An identifier is given again when the exchange before is over, which has deleted the key.
            put(.inflight(StoreClient(clientID), packetID: packetID, order: order, delivery), isNew: true)
            if delivery.position > 0 { delete(clientID, .queued, StoreKey.bigEndian(delivery.position)) }
        case .releasing(let clientID, let packetID):
            order += 1
            put(.inflight(StoreClient(clientID), packetID: packetID, order: order, nil))
        case .finished(let clientID, let packetID): delete(clientID, .inflight, Self.bytes(packetID))
        default: break
        }
    }

    /// Appends a record as it is, times included.
    /// - Parameter isNew: see ``Change/isNew``.
    public mutating func put(_ record: StoreRecord, isNew: Bool = false) {
        let start = writer.bytes.count
        writer.write(record)
        changes.append(
            Change(
                kind: .put, start: start, keyCount: writer.keyCount,
                valueCount: writer.bytes.count - start - writer.keyCount, isNew: isNew))
    }

    /// Appends the end of a key.
    public mutating func delete(_ key: [UInt8]) { add(.delete, key, []) }

    private mutating func putRetained(_ topic: [UInt8], _ state: (message: StoredMessage, publisher: [UInt8])?) {
        if let state {
            put(.retained(clock.toWall(state.message), publisher: state.publisher))
        } else {
            delete([StoreTable.retained.rawValue] + StoreKey.name(topic, longest: StoreKey.longestTopic))
        }
    }

    private mutating func delete(_ clientID: [UInt8], _ table: ClientTable, _ name: [UInt8] = []) {
        delete(StoreKey.client(StoreClient(clientID)) + [table.rawValue] + name)
    }

    private mutating func add(_ kind: Kind, _ key: [UInt8], _ value: [UInt8]) {
        let start = writer.bytes.count
        writer.write(key: key + value)
        changes.append(Change(kind: kind, start: start, keyCount: key.count, valueCount: value.count, isNew: false))
    }

    private static func bytes(_ packetID: UInt16) -> [UInt8] {
        [UInt8(packetID >> 8), UInt8(truncatingIfNeeded: packetID)]
    }
}

/// The difference between the clock of a broker, which starts at any moment, and the wall clock.
public struct StoreClock: Sendable {
    /// Wall clock minus host clock, ns.
    public let offset: Int64

    /// - Parameters:
    ///   - host: host clock ns, and `wall`: ns since 1970, of the same moment.
    public init(host: Int64, wall: Int64) { offset = wall &- host }

    /// Wall clock of a time of the host clock.
    public func toWall(_ time: Int64) -> Int64 { time &+ offset }

    /// Host clock of a time of the wall clock; before the host's clock began it is negative.
    public func toHost(_ time: Int64) -> Int64 { time &- offset }

    func toWall(_ message: StoredMessage) -> StoredMessage {
        var message = message
        // 0 means never, in both clocks.
        if message.expiresAt != 0 { message.expiresAt = toWall(message.expiresAt) }
        return message
    }

    func toWall(_ delivery: StoredDelivery) -> StoredDelivery {
        var delivery = delivery
        if delivery.expiresAt != 0 { delivery.expiresAt = toWall(delivery.expiresAt) }
        return delivery
    }

    /// A delivery with its expiry on the host's clock.
    public func toHost(_ delivery: StoredDelivery) -> StoredDelivery {
        var delivery = delivery
        if delivery.expiresAt != 0 { delivery.expiresAt = max(1, toHost(delivery.expiresAt)) }
        return delivery
    }

    /// A message with its expiry on the host's clock.
    public func toHost(_ message: StoredMessage) -> StoredMessage {
        var message = message
        // What expired before the host's clock began has expired.
        if message.expiresAt != 0 { message.expiresAt = max(1, toHost(message.expiresAt)) }
        return message
    }
}
