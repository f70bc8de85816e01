/// How a subscription enters and leaves the lists of its filter and its session, and a filter the table and the trie.
extension SubscriptionTree {
    // MARK: Subscriptions

    /// Puts a subscription into the slab, the index and its filter's list, and makes stale what it changes.
    func link(_ subscription: Subscription) -> UInt32 {
        let record = subscription.filter
        let index = state.pointee.slab.insert(subscription)
        let next = record.pointee.first
        state.pointee.slab[index].pointee.nextOfFilter = next
        if next != Subscription.none { state.pointee.slab[next].pointee.previousOfFilter = index }
        record.pointee.first = index
        state.pointee.index.insert(indexHash(record, subscription.sessionID), index)
        invalidate(record)
        return index
    }

    /// Takes a subscription out again; its filter goes with the last one.
    func unlink(_ index: UInt32) {
        let subscription = state.pointee.slab[index]
        let record = subscription.pointee.filter
        let (previous, next) = (subscription.pointee.previousOfFilter, subscription.pointee.nextOfFilter)
        if previous == Subscription.none {
            record.pointee.first = next
        } else {
            state.pointee.slab[previous].pointee.nextOfFilter = next
        }
        if next != Subscription.none { state.pointee.slab[next].pointee.previousOfFilter = previous }
        state.pointee.index.remove(indexHash(record, subscription.pointee.sessionID)) { $0 == index }
        state.pointee.slab.remove(index)
        invalidate(record)
        if record.pointee.first == Subscription.none { removeRecord(record) }
    }

    func unlinkFromSession(_ index: UInt32, _ list: inout SessionSubscriptions) {
        let subscription = state.pointee.slab[index]
        let (previous, next) = (subscription.pointee.previousOfSession, subscription.pointee.nextOfSession)
        if previous == Subscription.none {
            precondition(list.first == index, "a session passes its own list of subscriptions")
            list.first = next
        } else {
            state.pointee.slab[previous].pointee.nextOfSession = next
        }
        if next != Subscription.none { state.pointee.slab[next].pointee.previousOfSession = previous }
        list.count -= 1
    }

    /// The slab index of a session's or group's subscription to a filter.
    func find(_ record: UnsafeMutablePointer<FilterRecord>, sessionID: UInt64, isGroup: Bool) -> UInt32? {
        state.pointee.index.find(indexHash(record, sessionID)) { index in
            let subscription = state.pointee.slab[index]
            return subscription.pointee.filter == record && subscription.pointee.sessionID == sessionID
                && subscription.pointee.isGroup == isGroup
        }
    }

    private func indexHash(_ record: UnsafeMutablePointer<FilterRecord>, _ sessionID: UInt64) -> UInt64 {
        state.pointee.hash.combine(record.pointee.hash, sessionID)
    }

    /// Makes stale the results a change of this filter's subscriptions can alter.
    func invalidate(_ record: UnsafeMutablePointer<FilterRecord>) {
        let filter = record.bytes
        switch record.pointee.kind {
        case .shared:
            break
        case .wildcard:
            state.pointee.generations.bump(filter, hash: state.pointee.hash)
        case .exact:
            guard let bytes = filter.baseAddress else { return }
            state.pointee.cache.peek(record.pointee.hash, bytes, filter.count)?.pointee.matchStamp = 0
        }
    }

    // MARK: Filters

    func findRecord(_ filter: UnsafeRawBufferPointer) -> UnsafeMutablePointer<FilterRecord>? {
        guard let bytes = filter.baseAddress else { return nil }
        return state.pointee.filters.find(state.pointee.hash.hash(bytes, filter.count), bytes, filter.count)
    }

    /// The record of a filter; a new one has its place in the trie and is announced to other shards.
    func findOrMakeRecord(
        _ filter: UnsafeRawBufferPointer, isShared: Bool
    ) -> UnsafeMutablePointer<FilterRecord> {
        if let record = findRecord(filter) { return record }
        guard let bytes = filter.baseAddress else { preconditionFailure("a filter has at least one byte") }
        let kind: FilterRecord.Kind = isShared ? .shared : TopicFilter.hasWildcard(filter) ? .wildcard : .exact
        let record = state.pointee.filters.insert(state.pointee.hash.hash(bytes, filter.count), filter, kind: kind)
        if kind == .wildcard { enterTrie(record) }
        if kind != .shared { state.pointee.summary.announce(filter) }
        return record
    }

    private func removeRecord(_ record: UnsafeMutablePointer<FilterRecord>) {
        if record.pointee.kind == .wildcard { leaveTrie(record) }
        if record.pointee.kind != .shared { state.pointee.summary.withdraw(record.bytes) }
        state.pointee.filters.remove(record)
    }

    // MARK: The trie of wildcard filters

    private func enterTrie(_ record: UnsafeMutablePointer<FilterRecord>) {
        let filter = record.bytes
        guard let bytes = filter.baseAddress else { return }
        var node = UnsafeLevelTrie<WildcardNode>.root
        var start = 0
        while start <= filter.count {
            let end = TopicLevels.end(bytes, from: start, count: filter.count)
            let isOneByte = end == start + 1
            if isOneByte, filter[start] == TopicFilter.hash {
                state.pointee.trie.node(node).pointee.value.multiLevelFilter = record
                record.pointee.node = node
                return
            }
            let levelHash = state.pointee.hash.hash(bytes + start, end - start)
            let child = state.pointee.trie.makeChild(
                of: node, bytes + start, end - start, hash: levelHash)
            if isOneByte, filter[start] == TopicFilter.plus {
                state.pointee.trie.node(node).pointee.value.plusChild = child
            }
            node = child
            start = end + 1
        }
        state.pointee.trie.node(node).pointee.value.filter = record
        record.pointee.node = node
    }

    private func leaveTrie(_ record: UnsafeMutablePointer<FilterRecord>) {
        let node = state.pointee.trie.node(record.pointee.node)
        if node.pointee.value.filter == record {
            node.pointee.value.filter = nil
        } else {
            node.pointee.value.multiLevelFilter = nil
        }
        state.pointee.trie.prune(from: record.pointee.node, isEmpty: \.isEmpty) { trie, removed in
            let parent = trie.node(trie.node(removed).pointee.parent)
            if parent.pointee.value.plusChild == removed {
                parent.pointee.value.plusChild = UnsafeLevelTrie<WildcardNode>.none
            }
        }
    }
}
