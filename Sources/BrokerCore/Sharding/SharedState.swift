import Synchronization

/// What all shards share: immutable after the start, atomic, or locked.
final class SharedState: Sendable {
    let settings: BrokerSettings
    let listeners: [ListenerSettings]
    let shardCount: Int
    let hash: TopicHash
    let summaries: ShardSummaries
    let retained: RetainedStore
    let inboxes: [ShardInbox]
    let pendingHooks: [PendingHooks]
    private let rings: [HandoverRing]
    /// Sessions of all shards; touched when one begins and when it ends.
    private let sessionCount = Atomic(0)

    init(
        settings: BrokerSettings, listeners: [ListenerSettings], shardCount: Int, seed: UInt64, wake: WakeRelay
    ) {
        self.settings = settings
        self.listeners = listeners
        self.shardCount = shardCount
        hash = TopicHash(seed: seed)
        summaries = ShardSummaries(hash: hash, shardCount: shardCount)
        retained = RetainedStore(
            hash: hash, maximumMessages: settings.maximumRetainedMessages, maximumBytes: settings.maximumRetainedBytes)
        inboxes = (0..<shardCount).map { index in ShardInbox { wake.wake(index) } }
        pendingHooks = (0..<shardCount).map { index in PendingHooks(shard: index) { wake.wake(index) } }
        rings = (0..<shardCount * shardCount).map { _ in HandoverRing() }
    }

    /// Two shards that ask at the same moment may both hear yes for the last place: the bound protects memory.
    var hasRoomForSession: Bool { sessionCount.load(ordering: .relaxed) < settings.maximumSessions }

    /// A session began (1) or ended (-1).
    func countSessions(_ change: Int) { sessionCount.wrappingAdd(change, ordering: .relaxed) }

    /// The ring that carries batches from one shard to another.
    func ring(from source: Int, to target: Int) -> HandoverRing { rings[source * shardCount + target] }

    /// The shard where the session of `clientID` lives, for life.
    func homeShard(of clientID: [UInt8]) -> Int {
        guard shardCount > 1 else { return 0 }
        let hash = clientID.withUnsafeBytes { bytes in
            bytes.baseAddress.map { self.hash.hash($0, bytes.count) } ?? 0
        }
        return Int((hash >> 32) % UInt64(shardCount))
    }
}
