// HOT PATH: `pick` is O(1), about 10 ns; no allocation, no ARC.
import Glibc

/// The shared subscriptions whose home is this shard, and their members [MQTT-4.8.2-1]. A handle; one shard's thread
/// only. A group enters the subscription tree with its first member and leaves it with the last.
///
/// The members that can take a message now wait in a line: the first is picked and goes to its end, one that becomes
/// ready joins at its end. So the least recently served goes first, whatever changes in between.
struct SharedGroups {
    /// One session of a group.
    struct Member {
        let sessionID: UInt64
        /// The session's own pointer when its home is this shard, else nil; opaque to routing.
        let session: UnsafeMutableRawPointer?
        let homeShard: UInt16
        var flags: SubscriptionFlags
        /// Subscription Identifier, 0 for none.
        var identifier: UInt32
        /// The member can take a message now.
        var isReady: Bool
    }

    let state: UnsafeMutablePointer<State>

    /// - Parameter tree: the shard's tree; outlives the groups' use.
    init(tree: SubscriptionTree) {
        state = .allocate(capacity: 1)
        state.initialize(to: State(tree: tree, hash: tree.state.pointee.hash))
    }

    /// Frees everything; the groups' places in the tree go with the tree.
    func destroy() {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// The shard that owns a group: the same answer on every shard.
    static func homeShard(
        of name: UnsafeRawBufferPointer, filter: UnsafeRawBufferPointer, hash: TopicHash, shardCount: Int
    ) -> Int {
        Int(truncatingIfNeeded: key(name, filter, hash) % UInt64(shardCount))
    }

    /// Index of the group of a share name and filter, or nil. It holds until the group's last member has left.
    func group(_ name: UnsafeRawBufferPointer, filter: UnsafeRawBufferPointer) -> UInt32? {
        find(name, filter, Self.key(name, filter, state.pointee.hash))
    }

    /// Number of groups.
    var count: Int { state.pointee.groups.count }

    /// Number of members of a group.
    func memberCount(of group: UInt32) -> Int { Int(state.pointee.groups[group].pointee.memberCount) }

    /// The filter of a group (without `$share/{name}/`); borrowed until its last member has left.
    func filter(of group: UInt32) -> UnsafeRawBufferPointer { state.pointee.groups[group].pointee.filter }

    /// The share name of a group; borrowed until its last member has left.
    func name(of group: UInt32) -> UnsafeRawBufferPointer { state.pointee.groups[group].pointee.name }

    /// Adds a member, or updates its options and readiness when the session is one already.
    /// - Parameters:
    ///   - name: valid share name; copied.
    ///   - filter: valid filter without `$share/` prefix; copied.
    /// - Returns: the group's index, which holds until the group's last member has left.
    @discardableResult
    func join(_ name: UnsafeRawBufferPointer, filter: UnsafeRawBufferPointer, member: Member) -> UInt32 {
        let group = findOrMakeGroup(name, filter)
        if let index = find(group, member.sessionID) {
            if state.pointee.members[index].pointee.member.isReady { leaveLine(index) }
            state.pointee.members[index].pointee.member = member
            if member.isReady { joinLine(index) }
        } else {
            addMember(member, to: group)
        }
        return group
    }

    /// Removes a member. The last one takes the group with it.
    /// - Returns: the index of the group when it has ended with this member, else nil.
    @discardableResult
    func leave(_ name: UnsafeRawBufferPointer, filter: UnsafeRawBufferPointer, sessionID: UInt64) -> UInt32? {
        guard let group = group(name, filter: filter), let index = find(group, sessionID) else { return nil }
        return removeMember(index)
    }

    /// Removes a session from all its groups.
    /// - Parameter ended: gets the index of each group that has ended with this member.
    func leaveAll(sessionID: UInt64, _ ended: (UInt32) -> Void = { _ in }) {
        while let index = firstMember(of: sessionID) {
            if let group = removeMember(index) { ended(group) }
        }
    }

    /// Says in all its groups whether a session can take messages now.
    func setReady(_ isReady: Bool, sessionID: UInt64) {
        var next = firstMember(of: sessionID) ?? Self.none
        while next != Self.none {
            let record = state.pointee.members[next]
            if record.pointee.member.isReady != isReady {
                if isReady { joinLine(next) } else { leaveLine(next) }
                record.pointee.member.isReady = isReady
            }
            next = record.pointee.nextOfSession
        }
    }

    /// The ready member that was served longest ago, or nil when none is ready.
    /// - Parameter excluding: a session that has just failed to take the message.
    func pick(_ group: UInt32, excluding: UInt64? = nil) -> Member? {
        var index = state.pointee.groups[group].pointee.firstReady
        guard index != Self.none else { return nil }
        if let excluding, state.pointee.members[index].pointee.member.sessionID == excluding {
            index = state.pointee.members[index].pointee.nextReady
            guard index != Self.none else { return nil }
        }
        leaveLine(index)
        joinLine(index)
        return state.pointee.members[index].pointee.member
    }

    /// All members of a group, in no order. `body` must not change the groups.
    func forEachMember(of group: UInt32, _ body: (Member) -> Void) {
        var index = state.pointee.groups[group].pointee.firstMember
        while index != Self.none {
            body(state.pointee.members[index].pointee.member)
            index = state.pointee.members[index].pointee.nextOfGroup
        }
    }
}
