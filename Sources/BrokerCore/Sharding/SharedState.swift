import Locking
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
    /// Rows of messages of an earlier run that several shards have blocks of, and how many.
    let storedShares = Locked<[UInt64: Int]>([:])
    let seed: UInt64
    /// Sessions of all shards; touched when one begins and when it ends.
    private let sessions = Atomic(0)
    /// Shards with more changes on their way to the store than a shard may have.
    private let shardsBehindStore = Atomic(0)

    init(
        settings: BrokerSettings, listeners: [ListenerSettings], shardCount: Int, seed: UInt64, wake: WakeRelay
    ) {
        self.settings = settings
        self.listeners = listeners
        self.shardCount = shardCount
        self.seed = seed
        hash = TopicHash(seed: seed)
        summaries = ShardSummaries(hash: hash, shardCount: shardCount)
        retained = RetainedStore(
            hash: hash, maximumMessages: settings.maximumRetainedMessages, maximumBytes: settings.maximumRetainedBytes)
        inboxes = (0..<shardCount).map { index in ShardInbox { wake.wake(index) } }
        pendingHooks = (0..<shardCount).map { index in PendingHooks(shard: index) { wake.wake(index) } }
        rings = (0..<shardCount * shardCount).map { _ in HandoverRing() }
    }

    /// Two shards that ask at the same moment may both hear yes for the last place: the bound protects memory.
    var hasRoomForSession: Bool { sessionCount < settings.maximumSessions }

    /// Sessions of all shards.
    var sessionCount: Int { sessions.load(ordering: .relaxed) }

    /// A session began (1) or ended (-1).
    func countSessions(_ change: Int) { sessions.wrappingAdd(change, ordering: .relaxed) }

    /// Some shard has more changes on their way to the store than it may have. What publishers of any shard send would
    /// come on top, so all of them are held back.
    @inline(__always)
    var isStoreBehind: Bool { shardsBehindStore.load(ordering: .relaxed) > 0 }

    /// A shard has fallen behind (1) or caught up (-1).
    func countShardsBehindStore(_ change: Int) { shardsBehindStore.wrappingAdd(change, ordering: .relaxed) }

    /// The ring that carries batches from one shard to another.
    func ring(from source: Int, to target: Int) -> HandoverRing { rings[source * shardCount + target] }

    /// The shard where the session of `clientID` lives, for life.
    func homeShard(of clientID: [UInt8]) -> Int { Self.homeShard(of: clientID, among: shardCount, by: hash) }

    /// As above, for another run of the broker.
    static func homeShard(of clientID: [UInt8], among shardCount: Int, by hash: TopicHash) -> Int {
        guard shardCount > 1 else { return 0 }
        let value = clientID.withUnsafeBytes { bytes in bytes.baseAddress.map { hash.hash($0, bytes.count) } ?? 0 }
        return Int((value >> 32) % UInt64(shardCount))
    }

    /// A shard needs these rows no more. Returns those that no shard needs.
    func dropShares(_ ids: [UInt64]) -> [UInt64] {
        storedShares.withLock { shares in
            ids.filter { id in
                let rest = (shares[id] ?? 1) - 1
                shares[id] = rest > 0 ? rest : nil
                return rest <= 0
            }
        }
    }
}
