/// The points at which the host asks or tells a plugin. Each one calls the method of `Plugin` with its name; all
/// `notify...` ones call `Plugin.notify`.
public enum Hook: UInt32, Sendable {
    case connectionAccept = 1
    case tlsPreSharedKey = 2
    case tlsPeer = 3
    case authConnect = 4
    case authExchange = 5
    case sessionOpen = 6
    case aclSubscribe = 7
    case aclPublish = 8
    case aclDeliver = 9
    case messageIn = 10
    case messageStore = 11
    case messageRoute = 12
    case messageOut = 13
    case willPublish = 14
    case retainSet = 15
    case retainGet = 16
    case notifyConnected = 64
    case notifyDisconnected = 65
    case notifyOffline = 66
    case notifyExpired = 67
    case notifyTakenOver = 68
    case notifySubscribed = 69
    case notifyUnsubscribed = 70
    case notifyPublished = 71
    case notifyAcked = 72
    case notifyDelivered = 73
    case notifyDropped = 74
    case notifyStats = 75
}

/// Which calls of a hook a plugin wants; the host makes no others. Empty means all.
public struct Interest: Sendable {
    /// Topic filters.
    public var filters: [String]
    /// Names of listeners in plugins.yaml.
    public var listeners: [String]
    /// Where the message comes from.
    public var origins: [Message.Origin]
    /// Qualities of service, 0 to 2.
    public var qos: [Int] = []
    /// One event in so many; 0 and 1: every one. Notify hooks only.
    public var sampling: UInt32 = 0
    /// `aclPublish` and `messageIn` may answer later.
    public var mayPend: Bool
    /// Messages this plugin has published as well.
    public var ownPublishes: Bool
    /// The payload is looked at: without, what the host copies for this plugin may lack it.
    public var payload = true
    /// The properties are looked at: as for the payload.
    public var properties = true
    /// Nanoseconds for an answer; `nil` for the default of the hook.
    public var deadline: Int64?

    /// Everything, unless narrowed down.
    public init(
        filters: [String] = [], listeners: [String] = [], origins: [Message.Origin] = [], mayPend: Bool = false,
        ownPublishes: Bool = false, deadline: Int64? = nil
    ) {
        self.filters = filters
        self.listeners = listeners
        self.origins = origins
        self.mayPend = mayPend
        self.ownPublishes = ownPublishes
        self.deadline = deadline
    }
}

/// One registration, see `PluginHost.register`.
public struct HookRegistration: Sendable {
    let id: UInt64
}
