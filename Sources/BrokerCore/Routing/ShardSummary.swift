/// What a shard may have receivers for, readable by all shards without a lock. False positives cost a hand-off; false
/// negatives cannot happen.
final class ShardSummary: Sendable {
    init(hash: TopicHash) {}

    /// Counts a filter that got its first subscription; visible to other shards when it returns.
    func announce(_ filter: UnsafeRawBufferPointer) { preconditionFailure("not there yet") }
    /// Takes an announced filter back.
    func withdraw(_ filter: UnsafeRawBufferPointer) { preconditionFailure("not there yet") }

    /// False only if the shard has no subscription for the topic.
    func mayMatch(topicHash: UInt64, firstLevelHash: UInt64, isDollar: Bool) -> Bool {
        preconditionFailure("not there yet")
    }
}

/// The summaries of all shards, at most 64.
final class ShardSummaries: Sendable {
    let shards: [ShardSummary]

    init(hash: TopicHash, shardCount: Int) { shards = (0..<shardCount).map { _ in ShardSummary(hash: hash) } }

    /// Bit i: shard i may have a receiver of the topic. Cached in the entry until a summary changes.
    func interest(of entry: UnsafeMutablePointer<TopicEntry>) -> UInt64 { preconditionFailure("not there yet") }
}
