// HOT PATH: `match` with a current result under 5 ns, no allocation; insert and remove cost the filter's levels.

/// The subscriptions of one shard's sessions, and who receives a topic. A handle; one shard's thread only.
struct SubscriptionTree {
    /// - Parameter summary: this shard's summary; told of every filter before `insert` returns.
    init(cache: TopicCache, hash: TopicHash, summary: ShardSummary) { preconditionFailure("not there yet") }

    /// Frees everything.
    func destroy() { preconditionFailure("not there yet") }

    /// Number of subscriptions, shared ones included, groups excluded.
    var count: Int { preconditionFailure("not there yet") }

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
    ) -> Bool { preconditionFailure("not there yet") }

    /// Removes a session's subscription [MQTT-3.10.4-1].
    /// - Returns: false when the session has no subscription to this filter.
    @discardableResult
    func remove(
        _ filter: UnsafeRawBufferPointer, sessionID: UInt64, from list: inout SessionSubscriptions
    ) -> Bool { preconditionFailure("not there yet") }

    /// Removes all of a session's subscriptions, at the cost of these only.
    /// - Parameter body: sees each subscription just before it goes, for instance to leave shared groups.
    func removeAll(
        from list: inout SessionSubscriptions, _ body: (UnsafePointer<Subscription>) -> Void
    ) { preconditionFailure("not there yet") }

    /// The session's subscription to a filter, as the client named it.
    func subscription(
        to filter: UnsafeRawBufferPointer, sessionID: UInt64
    ) -> UnsafePointer<Subscription>? { preconditionFailure("not there yet") }

    /// All subscriptions of a session, newest first. `body` must not change the tree.
    func forEach(in list: SessionSubscriptions, _ body: (UnsafePointer<Subscription>) -> Void) {
        preconditionFailure("not there yet")
    }

    /// Who receives the topic on this shard. Valid until the next `TopicCache.beginTurn()`.
    func match(_ entry: UnsafeMutablePointer<TopicEntry>) -> UnsafePointer<MatchResult> {
        preconditionFailure("not there yet")
    }

    /// Adds or removes the place of a shared group in the tree of its home shard; called by `SharedGroups`.
    func insertGroup(_ group: UInt32, filter: UnsafeRawBufferPointer) { preconditionFailure("not there yet") }
    func removeGroup(_ group: UInt32, filter: UnsafeRawBufferPointer) { preconditionFailure("not there yet") }
}
