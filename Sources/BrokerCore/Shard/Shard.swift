import MQTTCodec
import StoreFormat
import Timing

/// One event loop's share of the broker: its connections, its sessions, their subscriptions.
///
/// Everything runs on the loop's thread; bytes, time and randomness come in by argument, what to send goes out through
/// ``ShardTransport``. Nothing here blocks, reads a clock or opens a file.
public final class Shard {
    /// Number of the shard, from 0.
    public let index: Int
    let shared: SharedState
    let settings: BrokerSettings
    /// Whether clients have a message or byte rate.
    let limitsRates: Bool
    let state: UnsafeMutablePointer<ShardState>
    let pool: UnsafeMutablePointer<OutputPool>
    let wheel: TimerWheel
    let hooks: HookDispatcher
    let inbox: ShardInbox
    /// Memory for the properties of the message at hand.
    private var scratch: UnsafeMutablePointer<UInt8>
    private var scratchCapacity = 4096
    /// Outgoing hand-over, one per other shard.
    var outgoing: [HandoverWriter]
    /// Sessions by Client Identifier.
    var sessions: [[UInt8]: SessionRef] = [:]
    /// Retained messages on their way to new subscriptions.
    var retainedDeliveries: [RetainedDelivery] = []
    /// One of them has more to send now; the others wait for their readers.
    var retainedGoesOn = false
    /// Topics whose retained message expires, by the payload of their timers; and those whose time has come.
    var retainedWatches: [UInt64: RetainedExpiry] = [:]
    var nextRetainedWatch: UInt64 = 0
    var dueRetained: [RetainedExpiry] = []
    /// Publishers that wait for room in the queue of a session, by session id.
    var queueWaiters: [UInt64: [UInt64]] = [:]
    /// Publishers of other shards (session ids) that wait for the same.
    var remoteWaiters: [UInt64: Set<UInt64>] = [:]
    /// Sessions whose queue goes on when the store has caught up.
    var storeWaiters: Set<UInt64> = []
    /// Publishers that wait for room in a hand-over ring.
    var handoverWaiters: [UInt64] = []
    /// A hand-over ring was full: try again soon.
    var isHandoverBlocked = false
    /// Connections whose hook is pending, and its deadline, by token.
    var pendingConnections: [UInt64: UInt64] = [:]
    var pendingTimers: [UInt64: TimerID] = [:]
    /// What waits for a plugin without a connection, by token.
    var detachedWork: [UInt64: DetachedWork] = [:]
    /// Connections that conn.accept has refused in this turn, and the rule.
    var refusedConnections: [(handle: UInt64, rule: String)] = []
    /// What msg.route made of the message being published.
    var route: RouteEdits?
    /// Who is told what becomes of the message being handed out, and what had been handed out before it.
    var tally: DeliveryTally?
    var countedBefore = DeliveryCounts()
    /// Those that wait for the store, by number.
    var tallies: [UInt64: DeliveryTally] = [:]
    var nextTally: UInt64 = 0
    /// notify.stats comes round.
    var statsTimer: TimerID?
    /// What waits for the store, and the rows of this turn.
    var gates = GateTable()
    var deliveryGate: DeliveryGate?
    var rows: [StoreRow] = []
    /// Rows the store has not answered, by ticket, and those it has failed to commit.
    var unansweredRows: [(ticket: UInt64, bytes: Int, rows: [StoreRow])] = []
    var unansweredBytes = 0
    var lostRows: [StoreRow] = []
    /// How many there were when those that others have overtaken were last left out.
    var thinnedRows = 0
    /// Messages are handed to other shards in rows of their own: what is under way must arrive exactly once.
    var writesHandovers = false
    /// How many rows of queues and windows name a stored message, where it is more than one.
    var storeReferences: [UInt64: Int32] = [:]
    /// Stored messages of an earlier run that several shards deliver.
    var sharedMessages: Set<UInt64> = []
    /// Rows of messages of an earlier run, of which other shards have blocks too, that this one needs no more.
    var droppedShares: [UInt64] = []
    /// Position of the message queued last for any group of this shard, in the store.
    var lastGroupPosition: UInt64 = 0
    /// Messages that wait for a member of a shared group.
    var groupQueues: [UInt32: MessageQueue] = [:]
    /// Fire when the message in front of one of these expires.
    var groupQueueTimers: [UInt32: TimerID] = [:]
    /// A number per living group of this shard that is never used again; messages in flight name their group by it.
    var groupSerials: [UInt32: UInt64] = [:]
    var nextGroupSerial: UInt64 = 0
    /// Where the groups of an earlier run live now; the number of any other group says it.
    var groupHomes: [UInt64: Int] = [:]
    /// Messages of an earlier run by id, owned, while they are being restored.
    var restoredBlocks: [UInt64: MessageRef] = [:]
    /// Stored messages that rows of this shard name, meanwhile.
    var restoredIDs: Set<UInt64> = []
    var random: ShardRandom
    private let detached = DetachedTransport()
    unowned(unsafe) var transport: any ShardTransport
    /// Spans of messages, while somebody exports them.
    var tracing: ShardTracing?
    var isDraining = false
    /// More plugins may have answered than were looked at in this turn.
    var answersGoOn = false
    /// The process uses more memory than it may: see ``noteMemory(isShort:)``.
    var isShortOfMemory = false

    init(index: Int, shared: SharedState, seed: UInt64) {
        self.index = index
        self.shared = shared
        settings = shared.settings
        limitsRates = settings.maximumMessageRate != nil || settings.maximumByteRate != nil
        let topics = TopicCache(hash: shared.hash)
        let tree = SubscriptionTree(cache: topics, hash: shared.hash, summary: shared.summaries.shards[index])
        let groups = SharedGroups(tree: tree)
        state = Shard.allocateApart(ShardState.self)
        hooks = HookDispatcher(pending: shared.pendingHooks[index])
        state.initialize(
            to: ShardState(now: 0, topics: topics, tree: tree, groups: groups, hooks: hooks, index: index))
        state.pointee.isStoreEnabled = settings.storeEnabled
        state.pointee.outputLimit = settings.maximumOutputBytes
        state.pointee.connectionsByListener = [Int](repeating: 0, count: shared.listeners.count)
        pool = .allocate(capacity: 1)
        pool.initialize(to: OutputPool())
        wheel = TimerWheel()
        inbox = shared.inboxes[index]
        outgoing = (0..<shared.shardCount).map { HandoverWriter(ring: shared.ring(from: index, to: $0), source: index) }
        random = ShardRandom(seed: seed)
        scratch = .allocate(capacity: 4096)
        transport = detached
    }

    deinit {
        releaseEverything()
        state.pointee.templates.release()
        state.pointee.unknownReceivers.release()
        state.pointee.editedReceivers.release()
        state.pointee.groups.destroy()
        state.pointee.tree.destroy()
        state.pointee.topics.destroy()
        state.pointee.connections.destroy()
        state.pointee.sessions.destroy()
        state.pointee.messageSizes.release()
        scratch.deallocate()
        pool.pointee.release()
        pool.deinitialize(count: 1)
        pool.deallocate()
        state.deinitialize(count: 1)
        UnsafeMutableRawPointer(state).deallocate()
    }

    /// Connects the shard with the loop that drives it. Called once, before any other call; not owned.
    public func attach(_ transport: any ShardTransport) { self.transport = transport }

    /// When the shard wants to be called again at the latest, in host clock ns; nil = only on events.
    public var nextDeadline: Int64? {
        if retainedGoesOn || answersGoOn || !dueRetained.isEmpty { return state.pointee.now }
        guard isHandoverBlocked else { return wheel.nextDeadline }
        // The other shard does not say when its ring has room: look again in a millisecond.
        return min(state.pointee.now &+ 1_000_000, wheel.nextDeadline ?? .max)
    }

    /// What this shard has counted.
    public var counters: ShardCounters {
        var counters = state.pointee.counters
        counters.publishAccess.allowed &+= state.pointee.fastHooks.pointee.publishesAllowed
        counters.deliverAccess.allowed &+= state.pointee.fastHooks.pointee.deliveriesAllowed
        return counters
    }

    /// Memory that shares no cache line with what another thread writes.
    private static func allocateApart<Value>(_ type: Value.Type) -> UnsafeMutablePointer<Value> {
        let line = 128
        let size = (MemoryLayout<Value>.size + line - 1) / line * line
        return UnsafeMutableRawPointer.allocate(byteCount: size, alignment: line).bindMemory(to: type, capacity: 1)
    }

    /// Room for `size` bytes of properties, until the next call.
    func propertyScratch(_ size: Int) -> UnsafeMutablePointer<UInt8> {
        if size > scratchCapacity {
            scratch.deallocate()
            scratch = .allocate(capacity: size)
            scratchCapacity = size
        }
        return scratch
    }

    // MARK: Access used by every handler

    @inline(__always)
    var now: Int64 { state.pointee.now }

    /// Frees what sessions and connections hold outside the slabs.
    private func releaseEverything() {
        state.pointee.connections.forEach { _, connection in
            connection.pointee.output.releaseMemory(pool)
            connection.pointee.input.release()
            connection.pointee.extras.release()
        }
        state.pointee.sessions.forEach { _, session in releaseMemory(of: session) }
        for group in Array(groupQueues.keys) { groupQueues[group]?.release() }
    }
}
