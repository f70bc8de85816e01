import Synchronization

/// What a shard may have receivers for: counters that its home shard changes and all shards read without a lock. Two
/// filters can share a counter, so an answer may be yes for nothing (it costs a hand-off), but never no for something:
/// every filter in the tree is counted before its SUBACK leaves, and until after it has left the tree.
///
/// A filter counts once, in one of three places: an exact one by the hash of the topic, a wildcard one by the hash of
/// its first level, and one whose first level is a wildcard at the root.
final class ShardSummary: Sendable {
    // Names the number of leading hash bits used; the probe tables of the same hashes use the low bits.
    private static let exactBits = 16
    private static let firstLevelBits = 12

    private let hash: TopicHash
    private let exact: SummaryCounters
    private let firstLevel: SummaryCounters
    private let root: SummaryCounters
    private let version: SummaryVersion

    /// - Parameters:
    ///   - hash: the broker-wide hash: all shards ask with hashes of the same seed.
    ///   - version: shared by all summaries of a broker.
    init(hash: TopicHash, version: SummaryVersion = SummaryVersion()) {
        self.hash = hash
        self.version = version
        exact = SummaryCounters(bits: Self.exactBits)
        firstLevel = SummaryCounters(bits: Self.firstLevelBits)
        root = SummaryCounters(bits: 0)
    }

    /// Counts a filter (without `$share/` prefix) that got its first subscription; visible to all shards on return.
    func announce(_ filter: UnsafeRawBufferPointer) {
        let (counters, key) = place(of: filter)
        if counters.increment(key) { version.bump() }
    }

    /// Takes an announced filter back.
    func withdraw(_ filter: UnsafeRawBufferPointer) {
        let (counters, key) = place(of: filter)
        if counters.decrement(key) { version.bump() }
    }

    /// False only if the shard has no subscription that matches the topic.
    @inline(__always)
    func mayMatch(topicHash: UInt64, firstLevelHash: UInt64, isDollar: Bool) -> Bool {
        exact.isPositive(topicHash) || firstLevel.isPositive(firstLevelHash)
            // Wildcards at the root do not match topics that begin with `$` [MQTT-4.7.2-1].
            || (!isDollar && root.isPositive(0))
    }

    private func place(of filter: UnsafeRawBufferPointer) -> (SummaryCounters, UInt64) {
        guard let bytes = filter.baseAddress else { return (root, 0) }
        if filter[0] == TopicFilter.plus || filter[0] == TopicFilter.hash { return (root, 0) }
        guard TopicFilter.hasWildcard(filter) else { return (exact, hash.hash(bytes, filter.count)) }
        return (firstLevel, hash.hash(bytes, TopicLevels.end(bytes, from: 0, count: filter.count)))
    }
}

/// Counts every change of any summary that can change an answer: what was computed at a version holds until the next.
final class SummaryVersion: Sendable {
    private let value = Atomic<UInt64>(1)

    /// Pairs with `bump`: who sees a version sees the counters it was counted up for.
    @inline(__always)
    var current: UInt64 { value.load(ordering: .acquiring) }

    fileprivate func bump() { value.add(1, ordering: .acquiringAndReleasing) }
}

/// The summaries of all shards of a broker, at most 64. Any thread.
final class ShardSummaries: Sendable {
    let shards: [ShardSummary]
    private let version = SummaryVersion()

    init(hash: TopicHash, shardCount: Int) {
        precondition(shardCount >= 1 && shardCount <= 64, "a broker has 1 to 64 shards")
        let version = version
        shards = (0..<shardCount).map { _ in ShardSummary(hash: hash, version: version) }
    }

    /// Bit i: shard i may have a receiver of the topic. Kept in the entry until a summary changes.
    @inline(__always)
    func interest(of entry: UnsafeMutablePointer<TopicEntry>) -> UInt64 {
        let version = version.current
        if entry.pointee.remoteVersion == version { return entry.pointee.remoteMask }
        return computeInterest(of: entry, version: version)
    }

    @inline(never)
    private func computeInterest(of entry: UnsafeMutablePointer<TopicEntry>, version: UInt64) -> UInt64 {
        var mask: UInt64 = 0
        for (index, shard) in shards.enumerated() {
            let mayMatch = shard.mayMatch(
                topicHash: entry.pointee.hash, firstLevelHash: entry.pointee.firstLevelHash,
                isDollar: entry.pointee.isDollar)
            if mayMatch { mask |= 1 << UInt64(index) }
        }
        entry.pointee.remoteMask = mask
        entry.pointee.remoteVersion = version
        return mask
    }
}
