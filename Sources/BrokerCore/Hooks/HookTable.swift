public import PluginABI

/// One registration of one plugin instance for one hook.
public struct HookEntry {
    /// `HL_HOOK_*`; one that ``HookTable/isOffered(_:)``.
    public let hook: UInt32
    /// Of the type that belongs to `hook` in hooks.h.
    public internal(set) var function: hl_hook_fn
    /// Whose it is.
    public let instance: HookInstance
    /// Which calls it wants.
    public var interest: HookInterest
    /// States made by `start_shard`, one per shard; empty: all shards use the instance's shared state.
    public var shardStates: [UnsafeMutableRawPointer?] = []
    /// The function may block: it is called on a worker, as a pending call.
    public var blocks = false
    /// `HL_DENY`, or `HL_ABSTAIN` to go on with the next plugin: what an error or a missed deadline counts as.
    public var onFailure: UInt32
    /// An allow ends the chain: no later entry is asked. By default so for hooks that ask who a client is; it can be
    /// changed for those of ``HookTraits/hasChoiceOfChain(_:)``.
    public var decidesAlone: Bool
    /// When it is given up. Deciding hooks only.
    public var breaker = HookBreaker()
    /// Its bit of ``HookDispatcher/interestMask(topic:)``, given by the table; 0 without filters or without a free bit.
    var maskBit: UInt64 = 0

    /// A registration with the default failure verdict.
    public init(hook: UInt32, function: @escaping hl_hook_fn, instance: HookInstance, interest: HookInterest) {
        self.hook = hook
        self.function = function
        self.instance = instance
        self.interest = interest
        onFailure = HookTraits.of(hook)?.failure ?? HL_DENY
        decidesAlone = ChainRule(hook) == .firstDecides
    }
}

/// All registrations of all plugins, in the order of plugins.yaml: an immutable snapshot. Plugins are enabled, disabled
/// and swapped by making a new one and handing it to every shard (``HookDispatcher/table``).
///
/// @unchecked Sendable: immutable; the raw pointers in the entries are only passed on to the plugins they came from.
public final class HookTable: @unchecked Sendable {
    /// Grows with every table; 0 is the empty one. What is cached under another generation is void.
    public let generation: UInt32
    /// Whether anybody is registered: "nobody" costs the core one branch.
    public let hasAuthConnect, hasAuthExchange, hasConnAccept, hasTLSPSK, hasTLSPeer, hasSessionOpen: Bool
    /// The same for the hooks about messages.
    public let hasACLPublish, hasACLSubscribe, hasACLDeliver, hasMsgIn, hasMsgStore, hasMsgRoute, hasMsgOut: Bool
    /// The same for the hooks about wills and retained messages.
    public let hasWillPublish, hasRetainSet, hasRetainGet: Bool
    /// Bit `hook - 64` for each notify hook that somebody is registered for.
    public let notifyMask: UInt64
    let chains: [[HookEntry]]
    /// Somebody is interested in certain topics only.
    let hasTopics: Bool
    /// Interests in certain topics, each with its bit of the interest mask.
    let topics: InterestTrie

    /// Interests beyond this number are matched at every call instead of once per topic.
    static let maximumMaskBits = 64

    /// No plugin.
    public static let empty = HookTable(generation: 0, entries: [])

    /// - Parameters:
    ///   - generation: greater than that of every table before; not 0.
    ///   - entries: in the order of plugins.yaml. Those of hooks that are not offered must not be among them.
    public init(generation: UInt32, entries: [HookEntry]) {
        var chains = [[HookEntry]](repeating: [], count: Int(HL_HOOK_ID_LIMIT))
        var notifyMask: UInt64 = 0
        var topics = InterestTrie()
        var maskBits = 0
        for var entry in entries {
            precondition(HookTable.isOffered(entry.hook), "the loader refuses hooks that are not offered")
            if !entry.interest.filters.isEmpty, maskBits < HookTable.maximumMaskBits {
                entry.maskBit = 1 << UInt64(maskBits)
                maskBits += 1
                for filter in entry.interest.filters { topics.insert(filter, bit: entry.maskBit) }
            }
            chains[Int(entry.hook)].append(entry)
            if entry.hook >= 64 { notifyMask |= 1 << UInt64(entry.hook - 64) }
        }
        self.generation = generation
        self.notifyMask = notifyMask
        self.topics = topics
        hasTopics = maskBits > 0
        func has(_ hook: UInt32) -> Bool { !chains[Int(hook)].isEmpty }
        hasConnAccept = has(HL_HOOK_CONN_ACCEPT)
        hasTLSPSK = has(HL_HOOK_TLS_PSK)
        hasTLSPeer = has(HL_HOOK_TLS_PEER)
        hasAuthConnect = has(HL_HOOK_AUTH_CONNECT)
        hasAuthExchange = has(HL_HOOK_AUTH_EXCHANGE)
        hasSessionOpen = has(HL_HOOK_SESSION_OPEN)
        hasACLSubscribe = has(HL_HOOK_ACL_SUBSCRIBE)
        hasACLPublish = has(HL_HOOK_ACL_PUBLISH)
        hasACLDeliver = has(HL_HOOK_ACL_DELIVER)
        hasMsgIn = has(HL_HOOK_MSG_IN)
        hasMsgStore = has(HL_HOOK_MSG_STORE)
        hasMsgRoute = has(HL_HOOK_MSG_ROUTE)
        hasMsgOut = has(HL_HOOK_MSG_OUT)
        hasWillPublish = has(HL_HOOK_WILL_PUBLISH)
        hasRetainSet = has(HL_HOOK_RETAIN_SET)
        hasRetainGet = has(HL_HOOK_RETAIN_GET)
        self.chains = chains
    }

    /// Whether anybody asked for a notify hook.
    public func notifies(_ hook: UInt32) -> Bool { hook >= 64 && notifyMask & (1 << UInt64(hook - 64)) != 0 }

    /// Whether an instance is registered for a hook.
    func hasInstance(_ instance: Unmanaged<HookInstance>, for hook: UInt32) -> Bool {
        chains[Int(hook)].contains { Unmanaged.passUnretained($0.instance).toOpaque() == instance.toOpaque() }
    }

    /// Whether somebody is registered for a hook who was not so in an older table.
    func hasNewcomers(_ hook: UInt32, since old: HookTable) -> Bool {
        chains[Int(hook)].contains { !old.hasInstance(.passUnretained($0.instance), for: hook) }
    }

    /// Whether this version calls a hook.
    public static func isOffered(_ hook: UInt32) -> Bool { HookTraits.of(hook)?.isOffered ?? false }

    /// Whether a hook is in the registry at all (hooks.h).
    public static func isKnown(_ hook: UInt32) -> Bool { HookTraits.of(hook) != nil }

    /// The hook's name, such as `acl.publish`; for logs and metrics.
    public static func name(of hook: UInt32) -> String { HookTraits.of(hook)?.name.description ?? "hook \(hook)" }
}
