// HOT PATH: `match` with a current result under 5 ns, no allocation; insert and remove cost the filter's levels.

/// The subscriptions of one shard's sessions, and who receives a topic. A handle; one shard's thread only.
///
/// Every filter is a `FilterRecord` in one table by its bytes: an exact filter is found there by the topic's own hash.
/// Wildcard filters also have a place in a trie of levels. The subscriptions of a filter, and those of a session, are
/// lists through one slab, so that one subscriber costs no array and ending a session costs its own subscriptions.
struct SubscriptionTree {
    let state: UnsafeMutablePointer<State>

    /// What a trie node means to the wildcard filters: `a/+` ends at a node below `a`, `a/#` at the node of `a`.
    struct WildcardNode: BitwiseCopyable {
        var plusChild = UnsafeLevelTrie<WildcardNode>.none
        /// The filter that ends here.
        var filter: UnsafeMutablePointer<FilterRecord>?
        /// The filter that ends here followed by `/#`.
        var multiLevelFilter: UnsafeMutablePointer<FilterRecord>?

        var isEmpty: Bool { filter == nil && multiLevelFilter == nil }
    }

    struct State: ~Copyable {
        let cache: TopicCache
        let hash: TopicHash
        let summary: ShardSummary
        var slab = UnsafeSlab<Subscription>()
        var filters = UnsafeFilterTable()
        /// Subscriptions by (filter, session): says at once whether a SUBSCRIBE replaces one.
        var index = UnsafeProbeTable<UInt32>()
        var trie: UnsafeLevelTrie<WildcardNode>
        var generations = WildcardGenerations()
        var builder = UnsafeMatchBuilder()
        /// Shared groups among the slab's subscriptions.
        var groupCount = 0
    }

    /// - Parameters:
    ///   - cache: the shard's cache, which keeps the results; outlives the tree's use.
    ///   - summary: this shard's summary; told of every filter before `insert` returns.
    init(cache: TopicCache, hash: TopicHash, summary: ShardSummary) {
        state = .allocate(capacity: 1)
        state.initialize(
            to: State(
                cache: cache, hash: hash, summary: summary,
                trie: UnsafeLevelTrie(hash: hash, emptyValue: WildcardNode())))
    }

    /// Frees everything.
    func destroy() {
        state.pointee.trie.destroy()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Number of subscriptions, shared ones included, groups excluded.
    var count: Int { state.pointee.slab.count - state.pointee.groupCount }

    /// Adds a subscription, or replaces the options of the session's subscription to the same filter [MQTT-3.8.4-3].
    /// A `$share/` filter is kept for the session but matches nothing here: its group does, on its home shard.
    /// - Parameters:
    ///   - filter: valid (`TopicFilter.parse`), as the client named it; copied.
    ///   - session: handed back in `Target.session`; must outlive the subscription.
    ///   - identifier: Subscription Identifier, 0 for none.
    ///   - list: the session's list.
    /// - Returns: true when it is new, false when it replaced one.
    @discardableResult
    func insert(
        _ filter: UnsafeRawBufferPointer, session: UnsafeMutableRawPointer, sessionID: UInt64,
        flags: SubscriptionFlags, identifier: UInt32, into list: inout SessionSubscriptions
    ) -> Bool {
        let record = findOrMakeRecord(filter, isShared: TopicFilter.isShared(filter))
        if let old = find(record, sessionID: sessionID, isGroup: false) {
            let subscription = state.pointee.slab[old]
            subscription.pointee.session = session
            subscription.pointee.flags = flags
            subscription.pointee.identifier = identifier
            invalidate(record)
            return false
        }
        let added = link(
            Subscription(
                filter: record, session: session, sessionID: sessionID, identifier: identifier,
                nextOfFilter: Subscription.none, previousOfFilter: Subscription.none, nextOfSession: list.first,
                previousOfSession: Subscription.none, flags: flags))
        if list.first != Subscription.none { state.pointee.slab[list.first].pointee.previousOfSession = added }
        list.first = added
        list.count += 1
        return true
    }

    /// Removes a session's subscription [MQTT-3.10.4-1].
    /// - Returns: false when the session has no subscription to this filter.
    @discardableResult
    func remove(
        _ filter: UnsafeRawBufferPointer, sessionID: UInt64, from list: inout SessionSubscriptions
    ) -> Bool {
        guard let record = findRecord(filter), let index = find(record, sessionID: sessionID, isGroup: false) else {
            return false
        }
        unlinkFromSession(index, &list)
        unlink(index)
        return true
    }

    /// Removes all of a session's subscriptions, at the cost of these only.
    /// - Parameter body: sees each subscription just before it goes, for instance to leave shared groups.
    func removeAll(
        from list: inout SessionSubscriptions, _ body: (UnsafePointer<Subscription>) -> Void = { _ in }
    ) {
        while list.first != Subscription.none {
            let index = list.first
            body(UnsafePointer(state.pointee.slab[index]))
            unlinkFromSession(index, &list)
            unlink(index)
        }
    }

    /// The session's subscription to a filter, as the client named it; valid until it is removed.
    func subscription(to filter: UnsafeRawBufferPointer, sessionID: UInt64) -> UnsafePointer<Subscription>? {
        guard let record = findRecord(filter), let index = find(record, sessionID: sessionID, isGroup: false) else {
            return nil
        }
        return UnsafePointer(state.pointee.slab[index])
    }

    /// All subscriptions of a session, newest first. `body` must not change the tree.
    func forEach(in list: SessionSubscriptions, _ body: (UnsafePointer<Subscription>) -> Void) {
        var index = list.first
        while index != Subscription.none {
            let subscription = state.pointee.slab[index]
            body(UnsafePointer(subscription))
            index = subscription.pointee.nextOfSession
        }
    }

    /// Adds the place of a shared group to the tree of its home shard; called by `SharedGroups`.
    func insertGroup(_ group: UInt32, filter: UnsafeRawBufferPointer) {
        let record = findOrMakeRecord(filter, isShared: false)
        guard find(record, sessionID: UInt64(group), isGroup: true) == nil else { return }
        _ = link(
            Subscription(
                filter: record, session: nil, sessionID: UInt64(group), identifier: 0,
                nextOfFilter: Subscription.none, previousOfFilter: Subscription.none,
                nextOfSession: Subscription.none, previousOfSession: Subscription.none,
                flags: SubscriptionFlags(qos: 0)))
        state.pointee.groupCount += 1
    }

    /// Takes the place of a group out of the tree.
    func removeGroup(_ group: UInt32, filter: UnsafeRawBufferPointer) {
        guard let record = findRecord(filter), let index = find(record, sessionID: UInt64(group), isGroup: true) else {
            return
        }
        unlink(index)
        state.pointee.groupCount -= 1
    }
}
