import PluginABI

/// How far a chain has come: what a pending call has to remember. Plain data.
struct ChainProgress {
    let hook: UInt32
    /// Index of the entry to ask next.
    var next = 0
    /// Ask this instance alone; 0: everybody.
    var only: UInt64 = 0
    /// acl: somebody has allowed, nobody has denied.
    var hasAllowed = false
    /// msg.in: the input is an edited one.
    var isEdited = false
    var cache = CacheAdvice()
    /// acl.subscribe: the greatest QoS so far.
    var grantedQoS: UInt32 = 2
    var hasRewrittenFilter = false
    /// Interest of the topic, see `HookDispatcher.interestMask`.
    var mask = UInt64.max
    /// Where a verdict is cached; topic entry 0: nowhere.
    var connection: UInt64 = 0
    var topicEntry: UInt64 = 0

    init(_ hook: UInt32) { self.hook = hook }
}
