public import PluginABI

/// What a chain of hooks came to.
public enum HookOutcome: Equatable, Sendable {
    /// Nobody had an opinion: the configured default holds.
    case abstain
    /// auth: this client may come in. acl: everybody who has an opinion allows.
    case allow
    /// Final. Why is in ``HookDispatcher/lastResult``.
    case deny
    /// One plugin answers later: `resume` when the token comes out of the mailbox, `expire` at the deadline (monotonic
    /// nanoseconds), `cancel` when the connection is gone.
    case pending(token: UInt64, deadline: Int64)
    /// auth.exchange: send `lastResult.data` to the client and wait for its next AUTH.
    case challenge
    /// msg.in: acknowledge the message, but do not deliver it.
    case drop
    /// msg.in: go on with `lastResult.message`. Check its topic and authorise it again.
    case replaced
}

/// What the hooks said beside the verdict. All views are valid until the next call of the same dispatcher.
public struct HookResult {
    /// MQTT reason code that the refusing plugin wants; 0: choose one.
    public var reasonCode: UInt32 = 0
    /// The rule that decided, such as `acl.yaml:9`: for the log, never for the client.
    public var rule = hl_view()
    /// The refusal is not the plugin's opinion: it failed, or did not answer in time.
    public var hasFailed = false
    /// Close the connection as well.
    public var disconnects = false
    /// auth.connect: the plugin said who this is. An empty username means the one in CONNECT.
    public var hasIdentity = false
    /// auth.connect, with `hasIdentity`.
    public var username = hl_view()
    /// auth.connect, with `hasIdentity`.
    public var account = hl_view()
    /// auth.connect, with `hasIdentity`: `groupCount` of them.
    public var groups: UnsafePointer<hl_view>?
    /// Number of `groups`.
    public var groupCount: UInt32 = 0
    /// auth.connect and auth.exchange: when the credentials end, monotonic nanoseconds; 0: they do not.
    public var expiresAt: Int64 = 0
    /// auth.exchange: Authentication Data for the client; nil: none.
    public var data: hl_view?
    /// auth.exchange, with `.challenge`: what the next step is given back.
    public var memo = hl_view()
    /// acl.subscribe: the greatest QoS to grant.
    public var grantedQoS: UInt32 = 2
    /// auth.connect: what stands before all topics of the client; nil: as the listener says.
    var mountPoint: hl_view?
    /// auth.connect, session.open: what to lower.
    var limits = SessionLimits()
    /// acl.subscribe: until when the verdict may be kept for this connection and filter; 0: not at all.
    var filterVerdictExpires: Int64 = 0
    /// acl.subscribe: subscribe to this filter instead; nil = the one that was asked for.
    public var filter: hl_view?
    /// msg.in: the message with all edits, after `.replaced`.
    public var message: UnsafePointer<hl_msg>?
    var decider: Unmanaged<HookInstance>?

    /// Number of the plugin instance that decided; 0 when none did.
    var deciderNumber: UInt64 { decider?._withUnsafeGuaranteedRef { $0.number } ?? 0 }

    /// The plugin instance that decided; empty when none did.
    public var instanceName: String { decider?.takeUnretainedValue().name ?? "" }
}

/// A verdict that was kept from an earlier call.
public enum CachedVerdict: Sendable {
    /// Ask the chain.
    case miss
    /// As if the chain had said allow.
    case allow
    /// As if the chain had said deny.
    case deny
}
