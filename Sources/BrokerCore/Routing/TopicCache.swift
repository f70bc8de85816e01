// HOT PATH: `find` about 30 ns, no allocation, no ARC.
import Glibc

/// The topics a shard has seen lately: borrowed bytes to `TopicEntry`. A handle; one shard's thread only.
///
/// Bounds: `maximumEntries` (at the bound the least used entries make room) and `maximumResultBytes` (beyond it match
/// results live for one turn only). An entry in use in the current turn or pinned is never freed, so a turn may exceed
/// the first bound by the topics it names; later ones shrink back.
struct TopicCache {
    let state: UnsafeMutablePointer<State>

    struct State: ~Copyable {
        let hash: TopicHash
        var table = UnsafeProbeTable<UnsafeMutablePointer<TopicEntry>>(capacity: 1024)
        var turn: UInt32 = 1
        var lastID: UInt64 = 0
        let maximumEntries: Int
        /// The slots at which the search for a victim goes on: for entries, and for match results.
        var entryHand = 0
        var resultHand = 0
        var evictions: UInt64 = 0
        let maximumResultBytes: Int
        var resultBytes = 0
        /// The result of every topic nobody receives.
        let emptyResult = MatchResult.allocate(targets: 0, groups: 0, identifiers: 0)
        /// Results to free when the turn is over.
        var retired = UnsafeScratch<RetiredResult>()
    }

    /// - Parameters:
    ///   - hash: the broker-wide hash.
    ///   - maximumEntries: bound of entries.
    ///   - maximumResultBytes: bound of cached match results.
    init(hash: TopicHash, maximumEntries: Int = 65_536, maximumResultBytes: Int = 64 << 20) {
        state = .allocate(capacity: 1)
        state.initialize(
            to: State(hash: hash, maximumEntries: max(1, maximumEntries), maximumResultBytes: maximumResultBytes))
    }

    /// Frees everything. No entry, and no tree on this cache, may be used afterwards.
    func destroy() {
        beginTurn()
        for index in 0..<state.pointee.table.capacity {
            guard let entry = state.pointee.table.element(at: index) else { continue }
            if let result = entry.pointee.match, result != state.pointee.emptyResult { MatchResult.free(result) }
            free(entry)
        }
        MatchResult.free(state.pointee.emptyResult)
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Number of entries.
    var count: Int { state.pointee.table.count }

    /// Entries that had to make room for others since the start.
    var evictions: UInt64 { state.pointee.evictions }

    /// The entry of a topic, or nil when the cache does not know it. `count` is the topic's length in bytes.
    @inline(__always)
    func find(_ bytes: UnsafeRawPointer, _ count: Int) -> UnsafeMutablePointer<TopicEntry>? {
        guard let entry = peek(state.pointee.hash.hash(bytes, count), bytes, count) else { return nil }
        entry.pointee.lastTurn = state.pointee.turn
        return entry
    }

    /// `find` with a known hash, and without keeping the entry for the turn.
    @inline(__always)
    func peek(_ hash: UInt64, _ bytes: UnsafeRawPointer, _ count: Int) -> UnsafeMutablePointer<TopicEntry>? {
        state.pointee.table.find(hash) { entry in
            entry.pointee.hash == hash && Int(entry.pointee.length) == count
                && memcmp(entry.topicBytes, bytes, count) == 0
        }
    }

    /// The entry of a topic, made when there is none; may evict others. `count` is 1 to 65,535.
    func intern(_ bytes: UnsafeRawPointer, _ count: Int) -> UnsafeMutablePointer<TopicEntry> {
        precondition(count > 0 && count <= 65_535, "a topic has 1 to 65,535 bytes")
        if let entry = find(bytes, count) { return entry }
        makeRoom()
        state.pointee.lastID += 1
        let entry = makeEntry(bytes, count)
        state.pointee.table.insert(entry.pointee.hash, entry)
        return entry
    }

    /// Keeps an entry beyond the turn, until the same number of `unpin`.
    func pin(_ entry: UnsafeMutablePointer<TopicEntry>) { entry.pointee.pins += 1 }

    /// Gives a pin back; the entry stays valid for the rest of the turn.
    func unpin(_ entry: UnsafeMutablePointer<TopicEntry>) {
        precondition(entry.pointee.pins > 0, "an entry is unpinned as often as it is pinned")
        entry.pointee.pins -= 1
        entry.pointee.lastTurn = state.pointee.turn
    }

    /// Starts a loop turn: entries and results handed out in earlier turns may be freed from here on, unless pinned.
    @inline(__always)
    func beginTurn() {
        if state.pointee.retired.count > 0 { freeRetiredResults() }
        state.pointee.turn &+= 1
    }

    /// One allocation: the entry, then the topic's bytes.
    private func makeEntry(_ bytes: UnsafeRawPointer, _ count: Int) -> UnsafeMutablePointer<TopicEntry> {
        let hash = state.pointee.hash
        let size = MemoryLayout<TopicEntry>.stride
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: size + count, alignment: MemoryLayout<TopicEntry>.alignment)
        (block + size).copyMemory(from: bytes, byteCount: count)
        let firstEnd = TopicLevels.end(bytes, from: 0, count: count)
        let firstLevelHash = hash.hash(bytes, firstEnd)
        let entry = block.bindMemory(to: TopicEntry.self, capacity: 1)
        entry.initialize(
            to: TopicEntry(
                hash: hash.hash(bytes, count), id: state.pointee.lastID, length: Int32(count),
                lastTurn: state.pointee.turn, oneLevelBucket: WildcardGenerations.oneLevelBucket(firstLevelHash),
                twoLevelBucket: WildcardGenerations.twoLevelBucket(
                    bytes, count, firstEnd: firstEnd, firstHash: firstLevelHash, hash),
                isDollar: bytes.load(as: UInt8.self) == TopicFilter.dollar, firstLevelHash: firstLevelHash))
        return entry
    }

    func free(_ entry: UnsafeMutablePointer<TopicEntry>) {
        UnsafeMutableRawPointer(entry).deallocate()
    }
}
