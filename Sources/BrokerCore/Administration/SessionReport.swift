/// What an administrator may know of a session. A copy.
public struct SessionReport: Sendable {
    /// The Client Identifier, UTF-8.
    public var clientID: [UInt8]
    /// Who is connected; nil while nobody is.
    public var identity: ClientIdentity?
    /// The connection as plugins know it; 0 while there is none.
    public var connection: UInt64 = 0
    /// When it was made, host clock ns; 0 while there is none.
    public var connectedAt: Int64 = 0
    /// Seconds; 0 = none.
    public var keepAlive: UInt16 = 0
    /// Seconds; `UInt32.max` = never.
    public var expiryInterval: UInt32
    /// Outlives its connection.
    public var isPersistent: Bool
    /// Protocol level of its last connection: 4 or 5.
    public var protocolLevel: UInt8
    /// Number of its subscriptions, shared ones included.
    public var subscriptions: Int
    /// QoS 1 and 2 messages under way to it.
    public var inflight: Int
    /// Messages that wait for it.
    public var queued: Int
    /// Number of its shard.
    public var shard: Int
}

/// A subscription of a session. A copy.
public struct SubscriptionReport: Sendable {
    /// The Client Identifier of its session, UTF-8.
    public var clientID: [UInt8]
    /// The filter, without `$share/{group}/` in front.
    public var filter: [UInt8]
    /// The share name; empty when it is not shared.
    public var shareGroup: [UInt8]
    /// Granted Maximum QoS.
    public var qos: UInt8
    /// [MQTT-3.8.3-3]
    public var noLocal: Bool
    /// Retain As Published.
    public var retainAsPublished: Bool
    /// 0, 1 or 2.
    public var retainHandling: UInt8
    /// Subscription Identifier; 0 = none.
    public var identifier: UInt32
}

/// A page of a walk over a shard's sessions.
public struct ReportPage<Report: Sendable>: Sendable {
    /// What was found, in the order of the slab.
    public var reports: [Report] = []
    /// Where the next page begins; nil: there is none.
    public var next: UInt64?
}
