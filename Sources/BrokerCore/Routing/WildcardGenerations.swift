// HOT PATH: `stamp` is three loads and two additions.

/// Says when a cached match result went stale because of a wildcard filter, without throwing away the results of
/// topics the filter cannot match. A filter counts in one place, by its leading literal levels:
/// `+/...` and `#` at the root, `a/+...` and `a/#` in the bucket of `a`, `a/b/...` in the bucket of `a/b`.
/// A topic's stamp is the sum of the three counters that can concern it: counters only grow, so two equal stamps mean
/// that none has changed.
struct WildcardGenerations: ~Copyable {
    private static let bucketCount = 1024
    /// The two-level bucket of a topic with one level: never counted up.
    private static let unusedBucket = UInt16(bucketCount)
    private let oneLevel: UnsafeMutablePointer<UInt64>
    private let twoLevels: UnsafeMutablePointer<UInt64>
    /// Begins at 1, so that no stamp is 0.
    private var root: UInt64 = 1

    init() {
        let size = Self.bucketCount + 1
        oneLevel = .allocate(capacity: size)
        twoLevels = .allocate(capacity: size)
        oneLevel.initialize(repeating: 0, count: size)
        twoLevels.initialize(repeating: 0, count: size)
    }

    deinit {
        oneLevel.deallocate()
        twoLevels.deallocate()
    }

    @inline(__always)
    func stamp(_ entry: UnsafeMutablePointer<TopicEntry>) -> UInt64 {
        root &+ oneLevel[Int(entry.pointee.oneLevelBucket)] &+ twoLevels[Int(entry.pointee.twoLevelBucket)]
    }

    /// A wildcard filter has come, gone or changed.
    mutating func bump(_ filter: UnsafeRawBufferPointer, hash: TopicHash) {
        guard let bytes = filter.baseAddress else { return }
        let firstEnd = TopicLevels.end(bytes, from: 0, count: filter.count)
        guard !Self.isWildcard(filter, from: 0, to: firstEnd) else {
            root &+= 1
            return
        }
        let first = hash.hash(bytes, firstEnd)
        let secondEnd = TopicLevels.end(bytes, from: firstEnd + 1, count: filter.count)
        guard !Self.isWildcard(filter, from: firstEnd + 1, to: secondEnd) else {
            oneLevel[Int(Self.oneLevelBucket(first))] &+= 1
            return
        }
        twoLevels[Int(Self.twoLevelBucket(bytes, filter.count, firstEnd: firstEnd, firstHash: first, hash))] &+= 1
    }

    static func oneLevelBucket(_ firstLevelHash: UInt64) -> UInt16 {
        UInt16(truncatingIfNeeded: firstLevelHash % UInt64(bucketCount))
    }

    /// The bucket of the first two levels of a topic or filter whose first level ends at `firstEnd`.
    static func twoLevelBucket(
        _ bytes: UnsafeRawPointer, _ count: Int, firstEnd: Int, firstHash: UInt64, _ hash: TopicHash
    ) -> UInt16 {
        guard firstEnd < count else { return unusedBucket }
        let start = firstEnd + 1
        let second = hash.hash(bytes + start, TopicLevels.end(bytes, from: start, count: count) - start)
        return UInt16(truncatingIfNeeded: hash.combine(firstHash, second) % UInt64(bucketCount))
    }

    private static func isWildcard(_ filter: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Bool {
        end == start + 1 && (filter[start] == TopicFilter.plus || filter[start] == TopicFilter.hash)
    }
}
