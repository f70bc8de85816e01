import Testing

@testable import BrokerCore

@Suite struct TopicCacheTests {
    @Test("A topic is found by its bytes after it was interned, under the same id")
    func findAfterIntern() throws {
        let shard = RoutingFixture()
        try withBytes("plant/7/temperature") { bytes in
            let base = try #require(bytes.baseAddress)
            #expect(shard.cache.find(base, bytes.count) == nil)
            let entry = shard.cache.intern(base, bytes.count)
            #expect(shard.cache.find(base, bytes.count) == entry)
            #expect(shard.cache.intern(base, bytes.count) == entry)
            #expect(entry.topic.elementsEqual(bytes))
            #expect(shard.cache.find(base, bytes.count - 1) == nil)
        }
        #expect(shard.cache.count == 1)
    }

    @Test("Ids are never reused, also when entries make room for others")
    func uniqueIDs() {
        let shard = RoutingFixture(maximumEntries: 8)
        var seen: Set<UInt64> = [0]
        for number in 0..<1000 {
            shard.cache.beginTurn()
            #expect(seen.insert(shard.entry("t/\(number)").pointee.id).inserted)
        }
        #expect(shard.cache.count <= 9)
        #expect(shard.cache.evictions >= 990)
    }

    @Test("Entries of the current turn stay beyond the bound, and the cache shrinks back later")
    func currentTurnStays() {
        let shard = RoutingFixture(maximumEntries: 8)
        shard.cache.beginTurn()
        let entries = (0..<100).map { shard.entry("t/\($0)") }
        #expect(shard.cache.count == 100)
        for (number, entry) in entries.enumerated() { #expect(shard.entry("t/\(number)") == entry) }
        for number in 0..<200 {
            shard.cache.beginTurn()
            _ = shard.entry("u/\(number)")
        }
        #expect(shard.cache.count <= 9)
    }

    @Test("A pinned entry stays until it is unpinned")
    func pinnedStays() {
        let shard = RoutingFixture(maximumEntries: 8)
        shard.subscribe(1, "kept")
        let kept = shard.entry("kept")
        shard.cache.pin(kept)
        let id = kept.pointee.id
        for number in 0..<1000 {
            shard.cache.beginTurn()
            _ = shard.entry("t/\(number)")
        }
        #expect(kept.pointee.id == id)
        #expect(shard.tree.match(kept).pointee.targets.count == 1)
        shard.cache.unpin(kept)
        for number in 0..<1000 {
            shard.cache.beginTurn()
            _ = shard.entry("t/\(number)")
        }
        #expect(shard.entry("kept").pointee.id != id)
    }

    @Test("Topics asked for in every turn outlive those seen once")
    func hotTopicsStay() {
        let shard = RoutingFixture(maximumEntries: 64)
        let id = shard.entry("hot").pointee.id
        for number in 0..<5000 {
            shard.cache.beginTurn()
            _ = shard.entry("hot")
            shard.cache.beginTurn()
            _ = shard.entry("cold/\(number)")
        }
        #expect(shard.entry("hot").pointee.id == id)
    }

    @Test("Results beyond the bound live for their turn only")
    func resultBound() {
        let shard = RoutingFixture(maximumResultBytes: 10_000)
        for session in 1...100 as ClosedRange<UInt64> { shard.subscribe(session, "#") }
        for turn in 0..<50 {
            shard.cache.beginTurn()
            for number in 0..<20 { #expect(shard.receivers("t/\(turn)/\(number)").count == 100) }
            #expect(shard.cache.state.pointee.resultBytes <= 10_000)
        }
        shard.cache.beginTurn()
        #expect(shard.receivers("t/0/1").count == 100)
        #expect(shard.cache.state.pointee.retired.count <= 1)
    }

    @Test("Hashes of one seed agree, of two seeds differ, at every length")
    func hashes() {
        let (one, same, other) = (TopicHash(seed: 7), TopicHash(seed: 7), TopicHash(seed: 8))
        var seen: Set<UInt64> = []
        let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 31) }
        for count in 0..<200 {
            bytes.withUnsafeBytes {
                guard let base = $0.baseAddress else { return }
                let value = one.hash(base, count)
                #expect(value == same.hash(base, count))
                #expect(value != other.hash(base, count))
                #expect(seen.insert(value).inserted)
            }
        }
    }

    @Test("Every single byte of a topic counts in the hash", arguments: 1...40)
    func everyByteCounts(_ count: Int) {
        let hash = TopicHash(seed: 3)
        var bytes = [UInt8](repeating: 65, count: count)
        var seen: Set<UInt64> = []
        for index in 0..<count {
            bytes[index] = 66
            bytes.withUnsafeBytes { if let base = $0.baseAddress { seen.insert(hash.hash(base, count)) } }
            bytes[index] = 65
        }
        #expect(seen.count == count)
    }
}
