import PluginABI

/// How far a chain has come: what a pending call has to remember. Plain data.
struct ChainProgress {
    let hook: UInt32
    let rule: ChainRule
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

    /// auth.connect, session.open: the lowest so far.
    var limits = SessionLimits()

    init(_ hook: UInt32) {
        self.hook = hook
        rule = ChainRule(hook)
    }
}

/// How the verdicts of a chain make one (hooks.h). Deny is final in all of them.
enum ChainRule {
    /// Who a client is: the first allow.
    case firstDecides
    /// What it may do: everybody who has an opinion has to allow.
    case allMustAllow
    /// What becomes of a message: edits add up.
    case edits

    init(_ hook: UInt32) {
        switch hook {
        case HL_HOOK_AUTH_CONNECT, HL_HOOK_AUTH_EXCHANGE, HL_HOOK_TLS_PSK, HL_HOOK_TLS_PEER: self = .firstDecides
        case HL_HOOK_MSG_IN, HL_HOOK_WILL_PUBLISH, HL_HOOK_RETAIN_SET, HL_HOOK_RETAIN_GET: self = .edits
        default: self = .allMustAllow
        }
    }
}
