// HOT PATH: plain data behind a pointer; read once or twice per PUBLISH, no ARC.

/// What a shard knows about one topic: owned by its `TopicCache`, reached by pointer.
///
/// Lifetime: an entry is valid from `find` or `intern` until the next `TopicCache.beginTurn()`, longer while pinned.
struct TopicEntry {
    /// Broker-wide seeded hash of the topic, the same on every shard.
    let hash: UInt64
    /// Hash of the first level's bytes, the same on every shard; `ShardSummary` wants it.
    let firstLevelHash: UInt64
    /// Never reused by this cache, never 0: what other caches of the shard use as key.
    let id: UInt64
    /// The topic's bytes, owned by the entry.
    let bytes: UnsafePointer<UInt8>
    /// Length of `bytes`, 1 to 65,535.
    let length: Int32
    /// The topic starts with `$` [MQTT-4.7.2-1].
    let isDollar: Bool

    /// Result of the shard's subscription tree, and the stamp it was computed at; the tree's own.
    var match: UnsafeMutablePointer<MatchResult>?
    var matchStamp: UInt64 = 0
    /// The generations of the tree's wildcard filters that can concern this topic: see `WildcardGenerations`.
    let oneLevelBucket: UInt16
    let twoLevelBucket: UInt16

    /// The turn that last asked for this entry, and the last one the eviction hand has seen; the cache's own.
    var lastTurn: UInt32
    var seenTurn: UInt32
    /// Holders that keep the entry beyond the turn.
    var pins: UInt32 = 0

    /// Hook interest for this topic: a free slot for the hook dispatcher, 0 at first. Valid while `hookGeneration`
    /// equals the generation of the hook table.
    var hookGeneration: UInt32 = 0
    var hookMask: UInt64 = 0
    /// Bit i: shard i may have a receiver. Valid while `remoteVersion` equals `ShardSummaries.version`; see
    /// `ShardSummaries.interest(of:)`.
    var remoteVersion: UInt64 = 0
    var remoteMask: UInt64 = 0
}

extension UnsafeMutablePointer<TopicEntry> {
    /// The topic name, borrowed from the entry.
    @inline(__always)
    var topic: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: pointee.bytes, count: Int(pointee.length))
    }
}
