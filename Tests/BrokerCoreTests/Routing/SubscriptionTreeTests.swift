import Testing

@testable import BrokerCore

@Suite struct SubscriptionTreeTests {
    @Test("An exact filter reaches its topic only, a wildcard filter all it matches")
    func basics() {
        let shard = RoutingFixture()
        shard.subscribe(1, "a/b", SubscriptionFlags(qos: 1))
        shard.subscribe(2, "a/+", SubscriptionFlags(qos: 2))
        #expect(shard.receivers("a/b").map(\.session) == [1, 2])
        #expect(shard.receivers("a/c").map(\.session) == [2])
        #expect(shard.receivers("b").isEmpty)
        #expect(shard.tree.count == 2)
    }

    @Test("A multi-level wildcard matches its parent too")
    func parent() {
        let shard = RoutingFixture()
        shard.subscribe(1, "a/#")
        shard.subscribe(2, "#")
        #expect(shard.receivers("a").map(\.session) == [1, 2])
        #expect(shard.receivers("a/b/c").map(\.session) == [1, 2])
    }

    @Test("Topics that begin with $ do not match leading wildcards [MQTT-4.7.2-1][v3 MQTT-4.7.2-1]")
    func dollar() {
        let shard = RoutingFixture()
        for (session, filter) in ["#", "+/x", "+/#", "$SYS/#", "$SYS/x", "$SYS/+"].enumerated() {
            shard.subscribe(UInt64(session), filter)
        }
        #expect(shard.receivers("$SYS/x").map(\.session) == [3, 4, 5])
    }

    @Test(
        "A second subscription to a filter replaces the first [MQTT-3.8.4-3]", arguments: ["a/b", "a/+", "$share/g/a"])
    func replace(_ filter: String) throws {
        let shard = RoutingFixture()
        #expect(shard.subscribe(1, filter, SubscriptionFlags(qos: 0), identifier: 3))
        #expect(shard.receivers("a/b").count == (filter.hasPrefix("$share") ? 0 : 1))
        #expect(!shard.subscribe(1, filter, SubscriptionFlags(qos: 2, retainHandling: 1), identifier: 4))
        #expect(shard.tree.count == 1)
        #expect(shard.lists[1]?.count == 1)
        let found = try #require(withBytes(filter) { shard.tree.subscription(to: $0, sessionID: 1) })
        #expect(found.pointee.flags == SubscriptionFlags(qos: 2, retainHandling: 1))
        #expect(found.pointee.identifier == 4)
        if !filter.hasPrefix("$share") { #expect(shard.receivers("a/b").map(\.qos) == [2]) }
    }

    @Test("Overlapping subscriptions give one target: highest QoS, all identifiers [MQTT-3.3.4-2] [MQTT-3.3.4-4]")
    func overlap() {
        let shard = RoutingFixture()
        shard.subscribe(1, "a/b", SubscriptionFlags(qos: 0), identifier: 7)
        shard.subscribe(1, "a/+", SubscriptionFlags(qos: 2, retainAsPublished: true), identifier: 8)
        shard.subscribe(1, "#", SubscriptionFlags(qos: 1), identifier: 7)
        shard.subscribe(1, "+/b", SubscriptionFlags(qos: 1))
        #expect(
            shard.receivers("a/b") == [
                Receiver(
                    session: 1, qos: 2, retainAsPublished: true, publisherQoS: 2, publisherRetainAsPublished: true,
                    identifiers: [7, 7, 8], publisherIdentifiers: [7, 7, 8])
            ])
    }

    @Test("No-local subscriptions do not count for the session's own messages [MQTT-3.8.3-3]")
    func noLocal() {
        let shard = RoutingFixture()
        shard.subscribe(1, "a/b", SubscriptionFlags(qos: 2, noLocal: true, retainAsPublished: true), identifier: 5)
        shard.subscribe(1, "a/+", SubscriptionFlags(qos: 1), identifier: 6)
        shard.subscribe(2, "a/b", SubscriptionFlags(qos: 1, noLocal: true))
        #expect(
            shard.receivers("a/b") == [
                Receiver(
                    session: 1, qos: 2, retainAsPublished: true, publisherQoS: 1, identifiers: [5, 6],
                    publisherIdentifiers: [6]),
                Receiver(session: 2, qos: 1),
            ])
    }

    @Test("A removed subscription receives nothing more [MQTT-3.10.4-2]", arguments: ["a/b", "a/+", "#", "a/b/#"])
    func remove(_ filter: String) {
        let shard = RoutingFixture()
        shard.subscribe(1, filter)
        shard.subscribe(2, filter)
        #expect(shard.receivers("a/b").map(\.session) == [1, 2])
        #expect(shard.unsubscribe(1, filter))
        #expect(!shard.unsubscribe(1, filter))
        #expect(!shard.unsubscribe(2, "other"))
        #expect(shard.receivers("a/b").map(\.session) == [2])
        #expect(shard.unsubscribe(2, filter))
        #expect(shard.receivers("a/b").isEmpty)
        #expect(shard.tree.count == 0)
        #expect(shard.tree.state.pointee.trie.count == 1)
    }

    @Test("A session's subscriptions can be listed, and end together")
    func listAndEnd() throws {
        let shard = RoutingFixture()
        let filters = ["a", "b/+", "$share/g/a", "#", "a/b/c"]
        for filter in filters {
            shard.subscribe(1, filter, SubscriptionFlags(qos: 1), identifier: 9)
            shard.subscribe(2, filter)
        }
        var listed: [String] = []
        shard.tree.forEach(in: try #require(shard.lists[1])) {
            listed.append(String(decoding: $0.pointee.filterBytes, as: UTF8.self))
            #expect($0.pointee.identifier == 9)
            #expect($0.pointee.isShared == ($0.pointee.filterBytes.count == 10))
        }
        #expect(listed == filters.reversed())
        var ended: [String] = []
        shard.tree.removeAll(from: &shard.lists[1, default: SessionSubscriptions()]) {
            ended.append(String(decoding: $0.pointee.filterBytes, as: UTF8.self))
        }
        #expect(ended == listed)
        #expect(shard.lists[1]?.count == 0)
        #expect(shard.receivers("a").map(\.session) == [2])
        #expect(shard.tree.count == filters.count)
    }

    @Test("A member's $share filter matches nothing on its own shard, not even the topic of the same name")
    func sharedIsPassive() {
        let shard = RoutingFixture()
        shard.subscribe(1, "$share/g/a")
        #expect(shard.receivers("a").isEmpty)
        #expect(shard.receivers("$share/g/a").isEmpty)
    }

    @Test("A group is reported apart from sessions, on exact and wildcard filters")
    func groups() {
        let shard = RoutingFixture()
        withBytes("a/b") { shard.tree.insertGroup(4, filter: $0) }
        withBytes("a/#") { shard.tree.insertGroup(1, filter: $0) }
        shard.subscribe(1, "a/b")
        // A session whose id equals the index of a group is not the group.
        #expect(shard.receivers("a/b").map(\.session) == [1])
        #expect(shard.tree.match(shard.entry("a/b")).pointee.groups.sorted() == [1, 4])
        #expect(shard.tree.count == 1)
        withBytes("a/b") { shard.tree.removeGroup(4, filter: $0) }
        #expect(shard.tree.match(shard.entry("a/b")).pointee.groups.sorted() == [1])
        #expect(!shard.tree.match(shard.entry("a/c")).pointee.isEmpty)
    }

    @Test("Changes elsewhere keep a cached result")
    func cachedResultStays() {
        let shard = RoutingFixture()
        shard.subscribe(1, "site/7/temperature")
        let first = shard.tree.match(shard.entry("site/7/temperature"))
        shard.subscribe(2, "site/8/temperature")
        shard.subscribe(2, "site/8/#")
        shard.subscribe(2, "other/+")
        shard.unsubscribe(2, "site/8/#")
        #expect(shard.tree.match(shard.entry("site/7/temperature")) == first)
        shard.subscribe(2, "site/+/temperature")
        #expect(shard.receivers("site/7/temperature").map(\.session) == [1, 2])
    }

    @Test("A result in use survives its replacement and the end of its subscriptions until the turn is over")
    func resultOutlivesChange() {
        let shard = RoutingFixture()
        shard.subscribe(1, "a", SubscriptionFlags(qos: 1))
        shard.cache.beginTurn()
        let old = shard.tree.match(shard.entry("a"))
        shard.unsubscribe(1, "a")
        shard.subscribe(2, "#")
        #expect(shard.receivers("a").map(\.session) == [2])
        #expect(old.pointee.targets.map(\.sessionID) == [1])
        #expect(shard.cache.state.pointee.retired.count == 1)
        shard.cache.beginTurn()
        #expect(shard.cache.state.pointee.retired.count == 0)
    }

    @Test("An exact subscription with a 30-byte filter costs at most 200 bytes")
    func memoryOfExactSubscription() {
        let perFilter = (MemoryLayout<FilterRecord>.size + 30 + 8 + 15) / 16 * 16
        let worstFillOfTables = 3
        let slots = (16 + 8) * worstFillOfTables
        #expect(MemoryLayout<Subscription>.stride <= 48)
        #expect(MemoryLayout<Subscription>.stride + perFilter + slots <= 200)
        #expect(MemoryLayout<Target>.stride <= 32)
    }
}
