import Glibc

/// How groups and members are stored: slabs, found through two tables, joined by lists of indices.
extension SharedGroups {
    static let none = UInt32.max

    struct State: ~Copyable {
        let tree: SubscriptionTree
        let hash: TopicHash
        var groups = UnsafeSlab<Group>()
        var members = UnsafeSlab<MemberRecord>()
        var groupsByKey = UnsafeProbeTable<UInt32>()
        var membersByKey = UnsafeProbeTable<UInt32>()
        /// The first member record of each session.
        var membersBySession = UnsafeProbeTable<UInt32>()

        init(tree: SubscriptionTree, hash: TopicHash) {
            self.tree = tree
            self.hash = hash
        }

        deinit {
            for slot in 0..<groupsByKey.capacity {
                if let index = groupsByKey.element(at: slot) { groups[index].pointee.bytes.deallocate() }
            }
        }
    }

    struct Group: BitwiseCopyable {
        let key: UInt64
        /// Share name, then filter; owned.
        let bytes: UnsafeMutableRawPointer
        let nameLength: Int32
        let filterLength: Int32
        var firstMember = SharedGroups.none
        var memberCount: UInt32 = 0
        var firstReady = SharedGroups.none
        var lastReady = SharedGroups.none

        var name: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: Int(nameLength)) }
        var filter: UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(start: bytes + Int(nameLength), count: Int(filterLength))
        }
    }

    struct MemberRecord: BitwiseCopyable {
        var member: Member
        let group: UInt32
        var nextReady = SharedGroups.none
        var previousReady = SharedGroups.none
        var nextOfGroup = SharedGroups.none
        var previousOfGroup = SharedGroups.none
        var nextOfSession = SharedGroups.none
        var previousOfSession = SharedGroups.none
    }

    // MARK: Groups

    static func key(_ name: UnsafeRawBufferPointer, _ filter: UnsafeRawBufferPointer, _ hash: TopicHash) -> UInt64 {
        guard let nameStart = name.baseAddress, let filterStart = filter.baseAddress else { return 0 }
        return hash.combine(hash.hash(nameStart, name.count), hash.hash(filterStart, filter.count))
    }

    func find(_ name: UnsafeRawBufferPointer, _ filter: UnsafeRawBufferPointer, _ key: UInt64) -> UInt32? {
        state.pointee.groupsByKey.find(key) { index in
            let group = state.pointee.groups[index]
            return group.pointee.name.elementsEqual(name) && group.pointee.filter.elementsEqual(filter)
        }
    }

    func findOrMakeGroup(_ name: UnsafeRawBufferPointer, _ filter: UnsafeRawBufferPointer) -> UInt32 {
        let key = Self.key(name, filter, state.pointee.hash)
        if let group = find(name, filter, key) { return group }
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: name.count + filter.count, alignment: 1)
        bytes.copyBytes(from: name)
        UnsafeMutableRawBufferPointer(rebasing: bytes[name.count...]).copyBytes(from: filter)
        guard let start = bytes.baseAddress else { preconditionFailure("share name and filter are not empty") }
        let group = state.pointee.groups.insert(
            Group(key: key, bytes: start, nameLength: Int32(name.count), filterLength: Int32(filter.count)))
        state.pointee.groupsByKey.insert(key, group)
        state.pointee.tree.insertGroup(group, filter: filter)
        return group
    }

    private func removeGroup(_ group: UInt32) {
        let record = state.pointee.groups[group]
        state.pointee.tree.removeGroup(group, filter: record.pointee.filter)
        state.pointee.groupsByKey.remove(record.pointee.key) { $0 == group }
        record.pointee.bytes.deallocate()
        state.pointee.groups.remove(group)
    }

    // MARK: Members

    private func memberKey(_ group: UInt32, _ sessionID: UInt64) -> UInt64 {
        state.pointee.hash.combine(sessionID, UInt64(group))
    }

    private func sessionKey(_ sessionID: UInt64) -> UInt64 { state.pointee.hash.combine(sessionID, .max) }

    func find(_ group: UInt32, _ sessionID: UInt64) -> UInt32? {
        state.pointee.membersByKey.find(memberKey(group, sessionID)) { index in
            let record = state.pointee.members[index]
            return record.pointee.group == group && record.pointee.member.sessionID == sessionID
        }
    }

    func firstMember(of sessionID: UInt64) -> UInt32? {
        state.pointee.membersBySession.find(sessionKey(sessionID)) {
            state.pointee.members[$0].pointee.member.sessionID == sessionID
        }
    }

    func addMember(_ member: Member, to group: UInt32) {
        let nextOfGroup = state.pointee.groups[group].pointee.firstMember
        let nextOfSession = firstMember(of: member.sessionID) ?? Self.none
        let index = state.pointee.members.insert(
            MemberRecord(member: member, group: group, nextOfGroup: nextOfGroup, nextOfSession: nextOfSession))
        if nextOfGroup != Self.none { state.pointee.members[nextOfGroup].pointee.previousOfGroup = index }
        state.pointee.groups[group].pointee.firstMember = index
        state.pointee.groups[group].pointee.memberCount += 1
        if nextOfSession != Self.none { state.pointee.members[nextOfSession].pointee.previousOfSession = index }
        setFirstMember(index, of: member.sessionID, replacing: nextOfSession)
        state.pointee.membersByKey.insert(memberKey(group, member.sessionID), index)
        if member.isReady { joinLine(index) }
    }

    /// Returns the group's index when it has ended.
    func removeMember(_ index: UInt32) -> UInt32? {
        let record = state.pointee.members[index].pointee
        let group = state.pointee.groups[record.group]
        if record.member.isReady { leaveLine(index) }
        state.pointee.membersByKey.remove(memberKey(record.group, record.member.sessionID)) { $0 == index }
        if record.previousOfGroup == Self.none {
            group.pointee.firstMember = record.nextOfGroup
        } else {
            state.pointee.members[record.previousOfGroup].pointee.nextOfGroup = record.nextOfGroup
        }
        if record.nextOfGroup != Self.none {
            state.pointee.members[record.nextOfGroup].pointee.previousOfGroup = record.previousOfGroup
        }
        if record.previousOfSession == Self.none {
            setFirstMember(record.nextOfSession, of: record.member.sessionID, replacing: index)
        } else {
            state.pointee.members[record.previousOfSession].pointee.nextOfSession = record.nextOfSession
        }
        if record.nextOfSession != Self.none {
            state.pointee.members[record.nextOfSession].pointee.previousOfSession = record.previousOfSession
        }
        state.pointee.members.remove(index)
        group.pointee.memberCount -= 1
        guard group.pointee.memberCount == 0 else { return nil }
        removeGroup(record.group)
        return record.group
    }

    private func setFirstMember(_ index: UInt32, of sessionID: UInt64, replacing old: UInt32) {
        let key = sessionKey(sessionID)
        if old != Self.none { state.pointee.membersBySession.remove(key) { $0 == old } }
        if index != Self.none { state.pointee.membersBySession.insert(key, index) }
    }

    // MARK: The line of ready members

    func joinLine(_ index: UInt32) {
        let record = state.pointee.members[index]
        let group = state.pointee.groups[record.pointee.group]
        let last = group.pointee.lastReady
        record.pointee.previousReady = last
        record.pointee.nextReady = Self.none
        if last == Self.none {
            group.pointee.firstReady = index
        } else {
            state.pointee.members[last].pointee.nextReady = index
        }
        group.pointee.lastReady = index
    }

    func leaveLine(_ index: UInt32) {
        let record = state.pointee.members[index]
        let group = state.pointee.groups[record.pointee.group]
        let (previous, next) = (record.pointee.previousReady, record.pointee.nextReady)
        if previous == Self.none {
            group.pointee.firstReady = next
        } else {
            state.pointee.members[previous].pointee.nextReady = next
        }
        if next == Self.none {
            group.pointee.lastReady = previous
        } else {
            state.pointee.members[next].pointee.previousReady = previous
        }
    }
}
