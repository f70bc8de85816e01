// HOT PATH: plain data behind one pointer; a class field would cost an exclusivity check per access.
import MQTTCodec
import PluginABI
import Timing

/// What the publish path of one shard touches. Owned by ``Shard``; its thread only.
struct ShardState {
    /// Host clock ns, as of the call being handled.
    var now: Int64
    var connections = UnsafeHandleTable<Connection>()
    var sessions = UnsafeHandleTable<Session>()
    let topics: TopicCache
    let tree: SubscriptionTree
    let groups: SharedGroups
    var templates = FrameTemplates()
    var counters = ShardCounters()
    /// Payloads of `counters.messagesReceived`.
    let messageSizes = SizeCounts()
    /// Connections, by listener.
    var connectionsByListener: [Int] = []
    /// Connections with output for this turn.
    var dirty: [ConnectionRef] = []
    /// Connections and sessions that ended in this turn: freed at its end, so that pointers stay good during it.
    var endedConnections: [UInt64] = []
    var endedSessions: [UInt64] = []
    /// Connections that go to their home shard at the end of this turn.
    var movingConnections: [UInt64] = []
    /// What the hook table in use decides on, and its generation; see ``Shard/install(_:)``.
    var authorisesPublish = false
    var editsMessages = false
    var authorisesDelivery = false
    var editsDelivery = false
    /// Any of these, or msg.route: who receives a message is not settled by subscriptions alone.
    var inspectsDelivery = false
    /// msg.route, or notify.published.
    var observesPublishes = false
    var routesMessages = false
    /// Somebody is interested in certain topics only.
    var hooksHaveTopics = false
    /// Some hook is about messages: each gets its id when it comes in.
    var hooksSeeMessages = false
    var storesMessages = false
    /// What must survive the process is handed to a store.
    var isStoreEnabled = false
    /// Bytes that may wait in one connection's output before QoS 0 messages to it are dropped.
    var outputLimit = 0
    /// The store cannot keep anything at the moment.
    var isStoreFailing = false
    /// More waits for the store than is good: publishers are held back.
    var isStoreBehind = false
    var notifiesAcked = false
    /// Somebody exports spans: messages take the ways of `Shard+Tracing`.
    var isTracing = false
    /// When the PUBLISH at hand arrived, if a hook has held it up since; 0 = now. And its id.
    var arrival: Int64 = 0
    var arrivalID: UInt64 = 0
    /// The short way of the hooks of this shard; its dispatcher's.
    let fastHooks: UnsafeMutablePointer<FastHooks>
    /// Receivers that acl.deliver, then msg.out, are asked about together.
    var unknownReceivers = DeliveryBatch()
    var editedReceivers = DeliveryBatch()
    var hookGeneration: UInt32 = 0
    /// Somebody asked for notify.published, notify.delivered.
    var notifiesPublished = false
    var notifiesDelivered = false
    /// `counters.messagesSent` as last told to notify.delivered, and when.
    var notifiedSent: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var notifiedAt: Int64 = 0
    /// A hand-over ring is full and what waits for it is at its bound: publishers are held back.
    var isHandoverFull = false
    var nextMessageID: UInt64
    var nextConnectionID: UInt64

    init(
        now: Int64, topics: TopicCache, tree: SubscriptionTree, groups: SharedGroups, hooks: HookDispatcher, index: Int
    ) {
        self.now = now
        fastHooks = hooks.fast
        self.topics = topics
        self.tree = tree
        self.groups = groups
        // Ids are unique over all shards: the shard's number is in the upper bits.
        nextMessageID = UInt64(index) << 56
        nextConnectionID = UInt64(index) << 56
        dirty.reserveCapacity(1024)
    }

    /// A message id never used before in this run.
    mutating func makeMessageID() -> UInt64 {
        nextMessageID &+= 1
        return nextMessageID
    }
}

/// What a timer of the shard's wheel stands for. The payload is a slab handle, or a token for `hookDeadline`.
enum TimerKind: UInt8 {
    case connectTimeout, keepAlive, sessionExpiry, will, hookDeadline, credentials, rateResumes, stats, retainedExpiry
    case queueExpiry, groupQueueExpiry
}
