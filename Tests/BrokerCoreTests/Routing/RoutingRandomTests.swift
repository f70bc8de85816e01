import Testing

@testable import BrokerCore

/// Tree and cache against the reference matcher, with small bounds so that eviction and reclaim happen all the time.
@Suite struct RoutingRandomTests {
    struct Options { var flags: SubscriptionFlags, identifier: UInt32, bytes: [UInt8], isShared: Bool }

    /// What the tree must say, by the slow way.
    struct Model {
        var sessions: [UInt64: [String: Options]] = [:]

        func receivers(_ topic: String) -> [Receiver] {
            withBytes(topic) { receivers($0) }
        }

        private func receivers(_ topic: UnsafeRawBufferPointer) -> [Receiver] {
            var all: [Receiver] = []
            for (session, filters) in sessions {
                let matching = filters.values.filter { options in
                    !options.isShared && options.bytes.withUnsafeBytes { TopicFilter.matches(filter: $0, topic: topic) }
                }
                guard !matching.isEmpty else { continue }
                let own = matching.filter { !$0.flags.noLocal }
                all.append(
                    Receiver(
                        session: session, qos: matching.map(\.flags.qos).max() ?? 0,
                        retainAsPublished: matching.contains { $0.flags.retainAsPublished },
                        publisherQoS: own.map(\.flags.qos).max(),
                        publisherRetainAsPublished: own.contains { $0.flags.retainAsPublished },
                        identifiers: matching.map(\.identifier).filter { $0 != 0 }.sorted(),
                        publisherIdentifiers: own.map(\.identifier).filter { $0 != 0 }.sorted()))
            }
            return all.sorted { $0.session < $1.session }
        }
    }

    @Test("Tree and cache agree with the reference matcher over random changes", arguments: [1, 2, 3, 4] as [UInt64])
    func agree(_ seed: UInt64) {
        var random = RoutingRandom(seed: seed)
        let shard = RoutingFixture(seed: seed, maximumEntries: 64, maximumResultBytes: seed % 2 == 0 ? 4096 : 1 << 20)
        var model = Model()
        var wrong = 0
        for _ in 0..<52_000 {
            if random.chance(12) { shard.cache.beginTurn() }
            if random.chance(15) { change(shard, &model, &random) }
            let topic = random.topic()
            let expected = model.receivers(topic)
            let found = shard.receivers(topic)
            if found != expected {
                wrong += 1
                if wrong < 5 { Issue.record("seed \(seed), topic \(topic): \(found) instead of \(expected)") }
            }
            let entry = shard.entry(topic)
            let mayMatch = shard.summary.mayMatch(
                topicHash: entry.pointee.hash, firstLevelHash: entry.pointee.firstLevelHash,
                isDollar: entry.pointee.isDollar)
            if !expected.isEmpty, !mayMatch { wrong += 1 }
        }
        #expect(wrong == 0)
        #expect(shard.cache.evictions > 1000)
        for session in model.sessions.keys { shard.tree.removeAll(from: &shard.lists[session, default: .init()]) }
        #expect(shard.tree.count == 0)
        #expect(shard.tree.state.pointee.trie.count == 1)
        #expect(
            !shard.summary.mayMatch(
                topicHash: shard.entry("a").pointee.hash, firstLevelHash: shard.entry("a").pointee.firstLevelHash,
                isDollar: false))
    }

    private func change(_ shard: RoutingFixture, _ model: inout Model, _ random: inout RoutingRandom) {
        let session = UInt64.random(in: 1...6, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<55:
            let filter = (random.chance(5) ? "$share/g/" : "") + random.filter()
            let options = Options(
                flags: SubscriptionFlags(
                    qos: UInt8.random(in: 0...2, using: &random), noLocal: random.chance(20),
                    retainAsPublished: random.chance(20)),
                identifier: random.chance(40) ? UInt32.random(in: 1...9, using: &random) : 0,
                bytes: Array(filter.utf8), isShared: filter.hasPrefix("$share/"))
            let isNew = model.sessions[session, default: [:]].updateValue(options, forKey: filter) == nil
            #expect(shard.subscribe(session, filter, options.flags, identifier: options.identifier) == isNew)
        case 55..<97:
            let known = model.sessions[session]?.keys.sorted().randomElement(using: &random)
            let filter = known ?? random.filter()
            let existed = model.sessions[session]?.removeValue(forKey: filter) != nil
            #expect(shard.unsubscribe(session, filter) == existed)
        default:
            model.sessions[session] = nil
            shard.tree.removeAll(from: &shard.lists[session, default: SessionSubscriptions()])
        }
    }
}
