import Testing

@testable import BrokerCore

@Suite struct SharedGroupsTests {
    final class Fixture {
        let shard = RoutingFixture()
        let groups: SharedGroups

        init() { groups = SharedGroups(tree: shard.tree) }
        deinit { groups.destroy() }

        @discardableResult
        func join(
            _ session: UInt64, _ name: String = "g", _ filter: String = "a/+", ready: Bool = true, qos: UInt8 = 1
        ) -> UInt32 {
            withBytes(name) { name in
                withBytes(filter) { filter in
                    groups.join(
                        name, filter: filter,
                        member: SharedGroups.Member(
                            sessionID: session, session: nil, homeShard: 0, flags: SubscriptionFlags(qos: qos),
                            identifier: UInt32(session), isReady: ready))
                }
            }
        }

        @discardableResult
        func leave(_ session: UInt64, _ name: String = "g", _ filter: String = "a/+") -> UInt32? {
            withBytes(name) { name in
                withBytes(filter) { groups.leave(name, filter: $0, sessionID: session) }
            }
        }

        func picks(_ group: UInt32, _ count: Int, excluding: UInt64? = nil) -> [UInt64?] {
            (0..<count).map { _ in groups.pick(group, excluding: excluding)?.sessionID }
        }

        func hits(_ topic: String) -> [UInt32] {
            shard.tree.match(shard.entry(topic)).pointee.groups.sorted()
        }
    }

    @Test("Members take turns")
    func roundRobin() {
        let fixture = Fixture()
        let group = fixture.join(1)
        #expect(fixture.join(2) == group)
        #expect(fixture.join(3) == group)
        #expect(fixture.picks(group, 7) == [1, 2, 3, 1, 2, 3, 1])
    }

    @Test("A member that cannot take a message is passed over and comes back at the end of the line")
    func readiness() {
        let fixture = Fixture()
        let group = fixture.join(1)
        fixture.join(2)
        fixture.join(3, ready: false)
        #expect(fixture.picks(group, 3) == [1, 2, 1])
        fixture.groups.setReady(true, sessionID: 3)
        #expect(fixture.picks(group, 4) == [2, 1, 3, 2])
        fixture.groups.setReady(false, sessionID: 1)
        fixture.groups.setReady(false, sessionID: 1)
        fixture.groups.setReady(false, sessionID: 99)
        #expect(fixture.picks(group, 3) == [3, 2, 3])
        fixture.groups.setReady(false, sessionID: 2)
        fixture.groups.setReady(false, sessionID: 3)
        #expect(fixture.picks(group, 1) == [nil])
        #expect(fixture.groups.memberCount(of: group) == 3)
    }

    @Test("A member that just failed is not picked again while another is ready")
    func excluding() {
        let fixture = Fixture()
        let group = fixture.join(1)
        #expect(fixture.picks(group, 1, excluding: 1) == [nil])
        fixture.join(2)
        #expect(fixture.picks(group, 3, excluding: 1) == [2, 2, 2])
        #expect(fixture.picks(group, 2) == [1, 2])
    }

    @Test("The group enters the tree with its first member and leaves it with the last")
    func lifeInTree() {
        let fixture = Fixture()
        #expect(fixture.hits("a/b").isEmpty)
        let group = fixture.join(1)
        fixture.join(2)
        #expect(fixture.hits("a/b") == [group])
        #expect(fixture.leave(1) == nil)
        #expect(fixture.leave(1) == nil)
        #expect(fixture.hits("a/b") == [group])
        #expect(fixture.leave(2) == group)
        #expect(fixture.hits("a/b").isEmpty)
        #expect(fixture.groups.count == 0)
    }

    @Test("Groups differ by name and by filter")
    func identity() {
        let fixture = Fixture()
        let all = [fixture.join(1, "g", "a/b"), fixture.join(1, "h", "a/b"), fixture.join(1, "g", "a/+")]
        #expect(Set(all).count == 3)
        #expect(fixture.hits("a/b") == all.sorted())
        // Name and filter joined would be the same bytes.
        #expect(fixture.join(1, "ga", "/x") != fixture.join(1, "g", "a/x"))
    }

    @Test("Joining again updates the options and keeps one membership")
    func update() throws {
        let fixture = Fixture()
        let group = fixture.join(1, qos: 1)
        fixture.join(1, qos: 2)
        #expect(fixture.groups.memberCount(of: group) == 1)
        #expect(try #require(fixture.groups.pick(group)).flags.qos == 2)
        fixture.join(1, ready: false)
        #expect(fixture.groups.pick(group) == nil)
    }

    @Test("A session leaves all its groups at once")
    func leaveAll() {
        let fixture = Fixture()
        let ended = [fixture.join(1, "g", "a"), fixture.join(1, "g", "b")].sorted()
        let kept = fixture.join(1, "g", "c")
        fixture.join(2, "g", "c")
        var seen: [UInt32] = []
        fixture.groups.leaveAll(sessionID: 1) { seen.append($0) }
        #expect(seen.sorted() == ended)
        #expect(fixture.groups.count == 1)
        #expect(fixture.picks(kept, 2) == [2, 2])
    }

    @Test("Every shard computes the same home for a group")
    func home() {
        withBytes("g") { name in
            withBytes("a/b") { filter in
                let homes = (0..<4).map { _ in
                    SharedGroups.homeShard(of: name, filter: filter, hash: TopicHash(seed: 5), shardCount: 7)
                }
                #expect(Set(homes).count == 1)
                #expect((0..<7).contains(homes[0]))
            }
        }
    }

    @Test("Groups agree with a plain model over random changes", arguments: [11, 12] as [UInt64])
    func random(_ seed: UInt64) {
        var random = RoutingRandom(seed: seed)
        let fixture = Fixture()
        // Per group: the members, and the line of ready ones.
        var members: [String: Set<UInt64>] = [:]
        var lines: [String: [UInt64]] = [:]
        for _ in 0..<10_000 {
            let filter = ["a", "b", "c/+"].randomElement(using: &random) ?? "a"
            let session = UInt64.random(in: 1...5, using: &random)
            let isMember = members[filter, default: []].contains(session)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                let ready = random.chance(70)
                fixture.join(session, "g", filter, ready: ready)
                lines[filter, default: []].removeAll { $0 == session }
                if ready { lines[filter, default: []].append(session) }
                members[filter, default: []].insert(session)
            case 3..<5:
                let ended = fixture.leave(session, "g", filter)
                members[filter, default: []].remove(session)
                lines[filter, default: []].removeAll { $0 == session }
                #expect((ended != nil) == (isMember && members[filter] == []))
            case 5:
                let ready = random.chance(50)
                fixture.groups.setReady(ready, sessionID: session)
                for (filter, all) in members where all.contains(session) {
                    let isReady = lines[filter, default: []].contains(session)
                    if ready, !isReady { lines[filter, default: []].append(session) }
                    if !ready { lines[filter, default: []].removeAll { $0 == session } }
                }
            default:
                let group = withBytes("g") { name in withBytes(filter) { fixture.groups.group(name, filter: $0) } }
                #expect((group != nil) == !members[filter, default: []].isEmpty)
                guard let group else { continue }
                let line = lines[filter, default: []]
                #expect(fixture.groups.pick(group)?.sessionID == line.first)
                lines[filter] = Array(line.dropFirst() + line.prefix(1))
            }
        }
    }
}
