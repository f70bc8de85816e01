/// The shared subscriptions whose home is this shard, and their members [MQTT-4.8.2-1]. A handle; one shard's thread
/// only. A group enters the subscription tree with its first member and leaves it with the last.
struct SharedGroups {
    /// One session of a group.
    struct Member {
        let sessionID: UInt64
        /// The session's own pointer when its home is this shard; never used by routing.
        let session: UnsafeMutableRawPointer?
        let homeShard: UInt16
        var flags: SubscriptionFlags
        /// Subscription Identifier, 0 for none.
        var identifier: UInt32
        /// The member can take a message now.
        var isReady: Bool
    }

    init(tree: SubscriptionTree) { preconditionFailure("not there yet") }
    func destroy() { preconditionFailure("not there yet") }

    /// Index of the group of a share name and filter, or nil.
    func group(_ name: UnsafeRawBufferPointer, filter: UnsafeRawBufferPointer) -> UInt32? {
        preconditionFailure("not there yet")
    }
    /// Number of members.
    func memberCount(of group: UInt32) -> Int { preconditionFailure("not there yet") }

    /// Adds a member, or updates its options when the session is one already.
    /// - Returns: the group's index, which holds until the group's last member has left.
    @discardableResult
    func join(_ name: UnsafeRawBufferPointer, filter: UnsafeRawBufferPointer, member: Member) -> UInt32 {
        preconditionFailure("not there yet")
    }

    /// Removes a member. The last one takes the group with it.
    /// - Returns: the index of the group that has ended with this member, else nil.
    @discardableResult
    func leave(_ name: UnsafeRawBufferPointer, filter: UnsafeRawBufferPointer, sessionID: UInt64) -> UInt32? {
        preconditionFailure("not there yet")
    }

    /// Says in all its groups whether a session can take messages now.
    func setReady(_ isReady: Bool, sessionID: UInt64) { preconditionFailure("not there yet") }

    /// The next ready member in turn, or nil when none is ready. `excluding`: a session that has just failed.
    func pick(_ group: UInt32, excluding: UInt64? = nil) -> Member? { preconditionFailure("not there yet") }
}
