/// Brings back what a store has kept.
extension Broker {
    /// What came of ``restore(_:now:)``.
    public struct Restored: Sendable, Equatable {
        /// Sessions, all offline.
        public var sessions = 0
        /// Messages under way, queued, or waiting for a shared group.
        public var messages = 0
        /// Retained messages.
        public var retained = 0
    }

    /// Puts sessions, their subscriptions, what is under way in both directions, queues, wills and retained messages
    /// back, on as many shards as there are now. Call after `init` and before any shard is driven; the first turns end
    /// what has expired meanwhile and publish the wills that are due.
    ///
    /// Message ids of `state` stay in force: the store goes on with the rows it has.
    /// - Parameter now: host clock ns. Times in `state` are of the same clock.
    @discardableResult
    public func restore(_ state: StoredState, now: Int64) -> Restored {
        var result = Restored()
        shared.retained.beginOrders(after: state.retained.values.map(\.order).max() ?? 0)
        for (_, entry) in state.retained {
            guard let message = entry.message, message.expiresAt == 0 || message.expiresAt > now else { continue }
            let kept = RetainedMessage(
                topic: message.topic, payload: message.payload, qos: message.qos, properties: message.properties,
                expiresAt: message.expiresAt, publishedAt: now, publisher: entry.publisher)
            if shared.retained.set(kept) == .stored { result.retained += 1 }
        }
        for shard in shards { shard.beginRestore(after: state, now: now) }
        // In the order of identifiers: the same rows make the same broker.
        for clientID in state.sessions.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let session = state.sessions[clientID] else { continue }
            result.messages += shards[shared.homeShard(of: clientID)].restore(clientID, session, state)
            result.sessions += 1
        }
        // Members make themselves known to the homes of their groups.
        for shard in shards { shard.flushHandovers() }
        for shard in shards { shard.takeHandovers() }
        restoreGroups(state, &result)
        for shard in shards { shard.endRestore() }
        return result
    }

    /// Shared groups have members again: they get their numbers, and what waits for them.
    private func restoreGroups(_ state: StoredState, _ result: inout Restored) {
        var homes: [UInt64: Int] = [:]
        for number in Set(state.groups.keys).union(state.groupQueues.keys).sorted() {
            let subscription = state.groups[number] ?? []
            let home = shared.homeShard(of: subscription)
            if shards[home].restoreGroup(number, subscription, state) {
                homes[number] = home
                result.messages += state.groupQueues[number]?.count ?? 0
            }
        }
        for shard in shards { shard.groupHomes = homes }
    }
}
