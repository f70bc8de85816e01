import StoreFormat

@testable import BrokerCore

/// What a store holds after the rows committed so far: the meaning of each row, in its simplest form.
struct SimulatedStore {
    struct StoredSession: Equatable {
        var expiry: UInt32
        var isOffline = false
        var subscriptions: Set<[UInt8]> = []
        /// Filters that plugins have replaced, by the one the client named.
        var rewritten: [[UInt8]: [UInt8]] = [:]
        /// Messages that wait, oldest first.
        var queue: [UInt64] = []
        /// Messages under way by packet identifier; nil once PUBREC has come.
        var inflight: [UInt16: UInt64?] = [:]
        /// QoS 2 identifiers received and not released.
        var received: Set<UInt16> = []
        var hasWill = false
    }

    private(set) var sessions: [[UInt8]: StoredSession] = [:]
    private(set) var messages: [UInt64: StoredMessage] = [:]
    private(set) var retained: [[UInt8]: StoredMessage] = [:]
    /// Messages between two shards.
    private(set) var handovers: [UInt64: StoredHandover] = [:]
    /// Every row committed so far: what a restart reads.
    private(set) var log: [StoreRow] = []
    /// Messages that wait for shared groups.
    private(set) var groups: [UInt64: [UInt64]] = [:]

    /// Keys and values, as an engine has them.
    private(set) var pairs: [[UInt8]: [UInt8]] = [:]
    private var publishers: [[UInt8]: [UInt8]] = [:]
    private var lastOrder: UInt64 = 0
    /// Tests have one clock.
    private static let clock = StoreClock(host: 0, wall: 0)

    mutating func apply(_ rows: [StoreRow]) {
        var batch = StoreBatch(after: lastOrder, clock: Self.clock)
        for row in rows {
            apply(row)
            batch.append(row) { topic in retained[topic].map { ($0, publishers[topic] ?? []) } }
        }
        lastOrder = batch.lastOrder
        apply(batch)
        log += rows
    }

    private mutating func apply(_ batch: StoreBatch) {
        for change in batch.changes {
            let end = change.start + change.keyCount
            let key = Array(batch.bytes[change.start..<end])
            let value = Array(batch.bytes[end..<end + change.valueCount])
            switch change.kind {
            case .put:
                precondition(!change.isNew || pairs[key] == nil, "a key that is said to be new is there")
                pairs[key] = value
            case .delete: pairs[key] = nil
            case .deleteRange:
                pairs = pairs.filter {
                    $0.key.lexicographicallyPrecedes(key) || !$0.key.lexicographicallyPrecedes(value)
                }
            }
        }
    }

    /// What a start reads from keys and values.
    /// - Parameter messagesElsewhere: queued messages stay in the store.
    func state(messagesElsewhere: Bool) -> StoredState {
        var reader = StoredState.Reader(clock: Self.clock)
        var messages: [UInt64: StoredMessage] = [:]
        var others: [StoreRecord] = []
        for key in pairs.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            do throws(StoreFormatError) {
                let record = try StoreRecord(key: key, value: pairs[key] ?? [])
                if case .message(let id, let message) = record { messages[id] = message } else { others.append(record) }
            } catch {
                reader.note("\(error)")
            }
        }
        if messagesElsewhere {
            reader.expectMessages(messages.keys.sorted())
        } else {
            for (id, message) in messages { reader.take(id, message) }
        }
        for record in others { reader.take(record) }
        if messagesElsewhere {
            for id in reader.needed() {
                if let message = messages[id] { reader.take(id, message) } else { reader.note("no message \(id)") }
            }
        }
        return reader.finish()
    }

    private mutating func apply(_ row: StoreRow) {
        switch row {
        case .session(let client, let expiry):
            sessions[client, default: StoredSession(expiry: expiry)].expiry = expiry
            sessions[client]?.isOffline = false
        case .sessionOffline(let client, _): sessions[client]?.isOffline = true
        case .sessionEnded(let client): sessions[client] = nil
        case .subscription(let client, let filter, _, _): sessions[client]?.subscriptions.insert(filter)
        case .subscriptionRemoved(let client, let filter): sessions[client]?.subscriptions.remove(filter)
        case .filterRewritten(let client, let asked, let entered):
            sessions[client]?.rewritten[asked] = asked == entered ? nil : entered
        case .message(let id, let message): messages[id] = message
        case .queued(let client, let delivery):
            precondition(messages[delivery.message] != nil, "a queue names a message that was never stored")
            sessions[client]?.queue.append(delivery.message)
        case .inflight(let client, let packetID, let delivery):
            precondition(messages[delivery.message] != nil, "a packet identifier names a message never stored")
            remove(delivery.message, from: client)
            sessions[client]?.inflight[packetID] = .some(delivery.message)
        case .releasing(let client, let packetID): sessions[client]?.inflight[packetID] = .some(nil)
        case .finished(let client, let packetID): sessions[client]?.inflight[packetID] = nil
        case .messageGone(let id): messages[id] = nil
        case .handedOver(let id, let handover): handovers[id] = handover
        case .taken(let id): handovers[id] = nil
        case .dequeued(let client, let message, _): remove(message, from: client)
        case .groupQueued(_, let group, let message, _, _): groups[group, default: []].append(message)
        case .groupDequeued(let group, let message, _):
            groups[group]?.removeAll { $0 == message }
            if groups[group]?.isEmpty == true { groups[group] = nil }
        case .received(let client, let packetID): sessions[client]?.received.insert(packetID)
        case .released(let client, let packetID): sessions[client]?.received.remove(packetID)
        case .group, .groupEnded: break
        case .retained(let message, let publisher, _):
            retained[message.topic] = message
            publishers[message.topic] = publisher
        case .retainedCleared(let topic, _): retained[topic] = nil
        case .will(let client, _): sessions[client]?.hasWill = true
        case .willGone(let client): sessions[client]?.hasWill = false
        }
    }

    private mutating func remove(_ message: UInt64, from client: [UInt8]) {
        guard let position = sessions[client]?.queue.firstIndex(of: message) else { return }
        sessions[client]?.queue.remove(at: position)
    }

    /// Payloads of everything that would still be delivered to a client after a restart: under way, then queued.
    func undelivered(to clientID: String) -> [String] {
        guard let session = sessions[Array(clientID.utf8)] else { return [] }
        let ids = session.inflight.values.compactMap { $0 }.sorted() + session.queue
        return ids.compactMap { messages[$0] }.map { String(decoding: $0.payload, as: UTF8.self) }
    }

    /// Payloads of what waits for shared groups.
    var waitingForGroups: [String] {
        groups.values.flatMap { $0 }.sorted().compactMap { messages[$0] }.map {
            String(decoding: $0.payload, as: UTF8.self)
        }
    }
}
