import StoreFormat

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

        /// What was brought back.
        public init(sessions: Int = 0, messages: Int = 0, retained: Int = 0) {
            self.sessions = sessions
            self.messages = messages
            self.retained = retained
        }
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
            guard let message = entry.message else { continue }
            guard message.expiresAt == 0 || message.expiresAt > now else {
                shards[0].rows.append(.retainedCleared(topic: message.topic, order: entry.order))
                continue
            }
            let kept = RetainedMessage(
                topic: message.topic, payload: message.payload, qos: message.qos, properties: message.properties,
                expiresAt: message.expiresAt, publishedAt: now, publisher: entry.publisher)
            guard shared.retained.set(kept) == .stored else { continue }
            result.retained += 1
            guard kept.expiresAt != 0 else { continue }
            let shard = shards[result.retained % shards.count]
            shard.state.pointee.now = now
            shard.watchRetained(kept.topic, until: kept.expiresAt)
        }
        let last = state.lastNumbers()
        for shard in shards {
            let number = UInt64(shard.index)
            shard.beginRestore(lastMessage: last.messages[number] ?? 0, lastGroup: last.groups[number] ?? 0, now: now)
        }
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
        redeliver(state, now: now)
        settleMessages(state)
        return result
    }

    /// Delivers what was between two shards, and what nobody has acknowledged to its sender, in the order in which each
    /// shard had it.
    private func redeliver(_ state: StoredState, now: Int64) {
        for shard in shards { shard.writesHandovers = true }
        for (id, handover) in state.handovers.sorted(by: { $0.key < $1.key }) {
            shards[0].rows.append(.taken(id: id))
            guard handover.message.expiresAt == 0 || handover.message.expiresAt > now else { continue }
            if handover.group != 0 {
                guard let home = shards[0].groupHomes[handover.group] else { continue }
                shards[home].redeliver(handover, toGroup: handover.group)
            } else {
                let hash = TopicHash(seed: handover.seed)
                for shard in shards { shard.redeliver(handover, by: hash) }
            }
        }
        for shard in shards { shard.writesHandovers = false }
    }

    /// Messages that no row names go: a crash came between two commits. All rows of the restoration are one commit.
    private func settleMessages(_ state: StoredState) {
        var holders: [UInt64: Int] = [:]
        for id in state.messageIDs where !shards.contains(where: { $0.restoredIDs.contains(id) }) {
            shards[0].rows.append(.messageGone(id: id))
        }
        if shards.count > 1 {
            for shard in shards { for id in shard.restoredIDs { holders[id, default: 0] += 1 } }
            holders = holders.filter { $0.value > 1 }
        }
        shared.storedShares.withLock { [holders] in $0 = holders }
        for shard in shards { shard.endRestore(shared: holders) }
        for shard in shards.dropFirst() {
            shards[0].rows += shard.rows
            shard.rows = []
        }
    }

    /// Hands what the restoration changes to the store: before anything else of any shard.
    public func storeRestored() { shards[0].flushRows() }

    /// From now on all shards hand to their transports what must survive. Call before the first client.
    public func enableStore() { for shard in shards { shard.state.pointee.isStoreEnabled = true } }

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
