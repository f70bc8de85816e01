public import StoreFormat

/// What a store holds, put together from its rows: the meaning of each ``StoreRow`` in one place.
///
/// Rows may be all that were ever committed, in the order of commits, or only those that still say something (a
/// snapshot): then sessions and messages come before what names them, and the parts of a queue in their order. Damage
/// is named in ``problems`` and the rest is read.
public struct StoredState: Sendable {
    struct Session: Sendable {
        var expiry: UInt32
        /// Host clock ns; nil = it was online when the broker ended.
        var offlineSince: Int64?
        var subscriptions: [[UInt8]: Subscription] = [:]
        /// Filters that plugins have replaced, by the one the client named.
        var rewritten: [[UInt8]: [UInt8]] = [:]
        /// What waits, oldest first.
        var queue: [StoredDelivery] = []
        /// What is under way, in the order of sending; without a delivery PUBREC has come.
        var inflight: [(packetID: UInt16, delivery: StoredDelivery?)] = []
        /// QoS 2 identifiers received and not released.
        var received: Set<UInt16> = []
        var will: StoredWill?
    }

    struct Subscription: Sendable {
        var options: UInt8
        var identifier: UInt32
    }

    /// A change of a topic's retained message.
    struct Retained: Sendable {
        /// Nil: cleared. Kept, because an older row may come later.
        var message: StoredMessage?
        var publisher: [UInt8] = []
        var order: UInt64
    }

    private(set) var sessions: [[UInt8]: Session] = [:]
    private(set) var messages: [UInt64: StoredMessage] = [:]
    /// Not nil: the ids of all messages, ascending; `messages` has only those that are needed at once.
    private(set) var storedMessages: [UInt64]?
    private(set) var retained: [[UInt8]: Retained] = [:]
    /// Shared groups: what their members subscribed to, by number.
    private(set) var groups: [UInt64: [UInt8]] = [:]
    private(set) var groupQueues: [UInt64: [(message: UInt64, qos: UInt8, position: UInt64)]] = [:]
    /// Messages between two shards.
    private(set) var handovers: [UInt64: StoredHandover] = [:]
    /// What could not be read, one sentence each.
    public private(set) var problems: [String] = []

    /// Nothing stored.
    public init() {}

    /// The state after `rows`.
    public init(_ rows: some Sequence<StoreRow>) {
        for row in rows { apply(row) }
    }

    /// Takes one row into account.
    public mutating func apply(_ row: StoreRow) {
        switch row {
        case .session(let client, let expiry):
            sessions[client, default: Session(expiry: expiry)].expiry = expiry
            sessions[client]?.offlineSince = nil
        case .sessionOffline(let client, let since): change(client, row) { $0.offlineSince = since }
        case .sessionEnded(let client): sessions[client] = nil
        case .subscription(let client, let filter, let options, let identifier):
            change(client, row) {
                $0.subscriptions[filter] = Subscription(options: options, identifier: identifier)
            }
        case .filterRewritten(let client, let asked, let entered):
            change(client, row) { $0.rewritten[asked] = asked == entered ? nil : entered }
        case .subscriptionRemoved(let client, let filter): sessions[client]?.subscriptions[filter] = nil
        case .message(let id, let message): messages[id] = message
        case .messageGone(let id): messages[id] = nil
        case .handedOver(let id, let handover): handovers[id] = handover
        case .taken(let id): handovers[id] = nil
        case .queued(let client, let delivery):
            if isKnown(delivery.message, row) { change(client, row) { $0.queue.append(delivery) } }
        case .inflight(let client, let packetID, let delivery):
            guard isKnown(delivery.message, row) else { return }
            change(client, row) {
                $0.removeFromQueue(delivery.message)
                $0.inflight.append((packetID, delivery))
            }
        case .releasing(let client, let packetID):
            change(client, row) { session in
                session.inflight.removeAll { $0.packetID == packetID }
                session.inflight.append((packetID, nil))
            }
        case .finished(let client, let packetID): sessions[client]?.inflight.removeAll { $0.packetID == packetID }
        case .dequeued(let client, let message, _): sessions[client]?.removeFromQueue(message)
        case .group, .groupEnded, .groupQueued, .groupDequeued: applyGroup(row)
        case .received(let client, let packetID): change(client, row) { $0.received.insert(packetID) }
        case .released(let client, let packetID): sessions[client]?.received.remove(packetID)
        case .retained(let message, let publisher, let order):
            setRetained(message.topic, Retained(message: message, publisher: publisher, order: order))
        case .retainedCleared(let topic, let order): setRetained(topic, Retained(order: order))
        case .will(let client, let will): change(client, row) { $0.will = will }
        case .willGone(let client): sessions[client]?.will = nil
        }
    }

    private mutating func applyGroup(_ row: StoreRow) {
        switch row {
        case .group(let group, let subscription): groups[group] = subscription
        case .groupEnded(let group): groups[group] = nil
        case .groupQueued(let subscription, let group, let message, let qos, let position):
            guard isKnown(message, row) else { return }
            groups[group] = subscription
            groupQueues[group, default: []].append((message, qos, position))
        case .groupDequeued(let group, let message, _):
            if let position = groupQueues[group]?.firstIndex(where: { $0.message == message }) {
                groupQueues[group]?.remove(at: position)
            }
            if groupQueues[group]?.isEmpty == true { groupQueues[group] = nil }
        default: break
        }
    }

    private mutating func setRetained(_ topic: [UInt8], _ change: Retained) {
        if let known = retained[topic], known.order > change.order { return }
        retained[topic] = change
    }

    private mutating func change(_ client: [UInt8], _ row: StoreRow, _ body: (inout Session) -> Void) {
        guard let place = sessions.index(forKey: client) else {
            problems.append("no session of '\(String(decoding: client, as: UTF8.self))' for \(row.word)")
            return
        }
        body(&sessions.values[place])
    }

    /// Queued messages are not in ``messages``.
    var areMessagesElsewhere: Bool { storedMessages != nil }

    /// All ids, ascending.
    var messageIDs: [UInt64] { storedMessages ?? messages.keys.sorted() }

    /// Says which messages there are, before what names them is read.
    mutating func expectMessages(_ ids: [UInt64]) { storedMessages = ids }

    private func isElsewhere(_ message: UInt64) -> Bool {
        guard let ids = storedMessages else { return false }
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < message { low = middle + 1 } else { high = middle }
        }
        return low < ids.count && ids[low] == message
    }

    /// Something could not be read.
    mutating func note(_ problem: String) { problems.append(problem) }

    private mutating func isKnown(_ message: UInt64, _ row: StoreRow) -> Bool {
        if messages[message] != nil || isElsewhere(message) { return true }
        problems.append("no message \(message) for \(row.word)")
        return false
    }
}

extension StoredState.Session {
    fileprivate mutating func removeFromQueue(_ message: UInt64) {
        guard let position = queue.firstIndex(where: { $0.message == message }) else { return }
        queue.remove(at: position)
    }
}

extension StoreRow {
    /// What kind of row it is, in a word for people.
    fileprivate var word: String {
        let text = String(describing: self)
        return String(text.prefix { $0 != "(" })
    }
}
