public import StoreFormat

/// A start reads what is stored, not what has happened.
extension StoredState {
    /// Puts the state together from records.
    public struct Reader: Sendable {
        private var state = StoredState()
        private let clock: StoreClock
        /// Client Identifiers by their name in keys, where the two differ.
        private var digested: [StoreClient: [UInt8]] = [:]
        /// What is under way, with its order, for the client at hand.
        private var inflight: [(order: UInt64, row: StoreRow)] = []
        /// The greatest order of what is under way.
        public private(set) var lastOrder: UInt64 = 0
        /// Records read.
        public private(set) var count = 0

        /// - Parameter clock: what the times in the store mean here.
        public init(clock: StoreClock) { self.clock = clock }

        /// Takes the next record. Records come in the order of their keys.
        public mutating func take(_ record: StoreRecord) {
            count += 1
            if case .session = record { flushInflight() }
            switch record {
            case .format: break
            case .message(let id, let message): state.apply(.message(id: id, clock.toHost(message)))
            case .group(let number, let subscription): state.apply(.group(number, subscription: subscription))
            case .session(let clientID, let expiry):
                let client = StoreClient(clientID)
                if client.isDigest { digested[client] = clientID }
                state.apply(.session(clientID: clientID, expiry: expiry))
            case .groupQueued(let group, let position, let message, let qos):
                flushInflight()
                state.apply(
                    .groupQueued(
                        subscription: state.groups[group] ?? [], group: group, message: message, qos: qos,
                        position: position))
            case .retained(let message, let publisher):
                state.apply(.retained(clock.toHost(message), publisher: publisher, order: 0))
            case .handover(let id, var handover):
                handover.message = clock.toHost(handover.message)
                state.apply(.handedOver(id: id, handover))
            case .offline, .will, .subscription, .rewritten, .received, .inflight, .queued: takeOfClient(record)
            }
        }

        /// The ids of all messages, ascending: of messages only ``needed`` are to be taken, at the end.
        public mutating func expectMessages(_ ids: [UInt64]) { state.expectMessages(ids) }

        /// Messages that have to be in memory: what is under way, and what waits for groups.
        public mutating func needed() -> [UInt64] {
            flushInflight()
            var ids = Set(state.groupQueues.values.flatMap { $0.map(\.message) })
            for session in state.sessions.values {
                for (_, delivery) in session.inflight { if let delivery { ids.insert(delivery.message) } }
                for delivery in session.queue where delivery.group != 0 { ids.insert(delivery.message) }
            }
            return ids.sorted()
        }

        /// Takes one of the messages that are ``needed()``, with its times on the host's clock.
        public mutating func take(_ id: UInt64, _ message: StoredMessage) { state.apply(.message(id: id, message)) }

        /// Something could not be read; the rest goes on.
        public mutating func note(_ problem: String) { state.note(problem) }

        /// What was read.
        public mutating func finish() -> StoredState {
            flushInflight()
            return state
        }

        private mutating func takeOfClient(_ record: StoreRecord) {
            guard let client = record.client else { return }
            let clientID = client.isDigest ? digested[client] ?? [] : client.bytes
            switch record {
            case .offline(_, let since): state.apply(.sessionOffline(clientID: clientID, since: clock.toHost(since)))
            case .will(_, let will): state.apply(.will(clientID: clientID, will))
            case .subscription(_, let filter, let options, let identifier):
                state.apply(
                    .subscription(clientID: clientID, filter: filter, options: options, identifier: identifier))
            case .rewritten(_, let asked, let entered):
                state.apply(.filterRewritten(clientID: clientID, asked: asked, entered: entered))
            case .received(_, let packetID): state.apply(.received(clientID: clientID, packetID: packetID))
            case .inflight(_, let packetID, let order, let delivery):
                lastOrder = max(lastOrder, order)
                inflight.append(
                    (
                        order,
                        delivery.map { .inflight(clientID: clientID, packetID: packetID, $0) }
                            ?? .releasing(clientID: clientID, packetID: packetID)
                    ))
            case .queued(_, let delivery):
                flushInflight()
                state.apply(.queued(clientID: clientID, clock.toHost(delivery)))
            default: break
            }
        }

        /// Keys are in the order of packet identifiers; what is under way is in the order of sending.
        private mutating func flushInflight() {
            guard !inflight.isEmpty else { return }
            for entry in inflight.sorted(by: { $0.order < $1.order }) { state.apply(entry.row) }
            inflight.removeAll(keepingCapacity: true)
        }
    }

    /// Greatest numbers in use, by the shard that gave them.
    func lastNumbers() -> (messages: [UInt64: UInt64], groups: [UInt64: UInt64]) {
        var messages: [UInt64: UInt64] = [:]
        var groups: [UInt64: UInt64] = [:]
        func note(_ number: UInt64, _ last: inout [UInt64: UInt64]) {
            last[number >> 56] = max(last[number >> 56] ?? 0, number)
        }
        for id in messageIDs { note(id, &messages) }
        for id in handovers.keys { note(id, &messages) }
        for number in self.groups.keys { note(number, &groups) }
        for number in groupQueues.keys { note(number, &groups) }
        // Messages under way may name groups that have ended.
        for session in sessions.values {
            for delivery in session.queue { note(delivery.group, &groups) }
            for (_, delivery) in session.inflight { if let delivery { note(delivery.group, &groups) } }
        }
        return (messages, groups)
    }
}
