// HOT PATH: plain data behind a pointer; read once or twice per PUBLISH, no ARC.

/// What a shard knows about one topic: owned by its `TopicCache`, reached by pointer; the topic's bytes follow it.
/// What a PUBLISH reads stands in the first 64 bytes.
///
/// Lifetime: an entry is valid from `find` or `intern` until the next `TopicCache.beginTurn()`, longer while pinned.
struct TopicEntry {
    /// Broker-wide seeded hash of the topic, the same on every shard.
    let hash: UInt64
    /// Never reused by this cache, never 0: what other caches of the shard use as key.
    let id: UInt64
    /// Length of the topic in bytes, 1 to 65,535.
    let length: Int32
    /// The turn that last asked for this entry; the cache's own.
    var lastTurn: UInt32
    /// Result of the shard's subscription tree, and the stamp it was computed at; the tree's own.
    var match: UnsafeMutablePointer<MatchResult>?
    var matchStamp: UInt64 = 0
    /// The counters of `WildcardGenerations` that concern this topic.
    let oneLevelBucket: UInt16
    let twoLevelBucket: UInt16
    /// The topic starts with `$` [MQTT-4.7.2-1].
    let isDollar: Bool

    /// Bit i: shard i may have a receiver. Valid while `remoteVersion` is current; see `ShardSummaries.interest(of:)`.
    var remoteMask: UInt64 = 0
    var remoteVersion: UInt64 = 0
    /// Hook interest for this topic: a free slot for the hook dispatcher, 0 at first. Valid while `hookGeneration`
    /// equals the generation of the hook table.
    var hookMask: UInt64 = 0
    var hookGeneration: UInt32 = 0

    /// Holders that keep the entry beyond the turn.
    var pins: UInt32 = 0
    /// The value of `lastTurn` that the eviction hand saw last; the cache's own.
    var seenTurn: UInt32 = 0
    /// Hash of the first level's bytes, the same on every shard; `ShardSummary` wants it.
    let firstLevelHash: UInt64
}

extension UnsafeMutablePointer<TopicEntry> {
    /// The topic name, borrowed from the entry.
    @inline(__always)
    var topic: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: topicBytes, count: Int(pointee.length)) }

    /// Computed, not loaded: comparing the bytes need not wait for the entry's first line to come from memory.
    @inline(__always)
    var topicBytes: UnsafeRawPointer { UnsafeRawPointer(self + 1) }
}
