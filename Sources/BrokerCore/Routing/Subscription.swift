// HOT PATH: 48 bytes of plain data in the tree's slab; read when a match is computed.

/// The Subscription Options byte of MQTT 5.0, section 3.8.3.1, as it stands on the wire (reserved bits 0).
struct SubscriptionFlags: RawRepresentable, Equatable, Sendable {
    var rawValue: UInt8

    init(rawValue: UInt8) { self.rawValue = rawValue & 0x3F }

    init(qos: UInt8, noLocal: Bool = false, retainAsPublished: Bool = false, retainHandling: UInt8 = 0) {
        rawValue = qos & 3 | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling & 3) << 4
    }

    @inline(__always) var qos: UInt8 { rawValue & 3 }
    @inline(__always) var noLocal: Bool { rawValue & 4 != 0 }
    @inline(__always) var retainAsPublished: Bool { rawValue & 8 != 0 }
    @inline(__always) var retainHandling: UInt8 { rawValue >> 4 & 3 }
}

/// One subscription of one session, or one shared group's place in the tree. Lives in the tree's slab: the address is
/// stable until it is removed.
struct Subscription {
    /// The filter it belongs to, with its bytes; owned by the tree.
    let filter: UnsafeMutablePointer<FilterRecord>
    /// The session, opaque to routing; nil for a shared group.
    var session: UnsafeMutableRawPointer?
    /// The session's id, or the index of the shared group.
    let sessionID: UInt64
    /// Subscription Identifier, 1 to 268,435,455; 0 for none.
    var identifier: UInt32
    /// Neighbours among the subscriptions of the filter and of the session: slab indices, `none` at the ends.
    var nextOfFilter: UInt32
    var previousOfFilter: UInt32
    var nextOfSession: UInt32
    var previousOfSession: UInt32
    var flags: SubscriptionFlags

    static let none = UInt32.max

    @inline(__always) var isGroup: Bool { session == nil }
}

extension Subscription {
    /// The filter as the client named it, `$share/{name}/` included; borrowed until the subscription is removed.
    var filterBytes: UnsafeRawBufferPointer { filter.bytes }
    /// The session subscribed through `$share/`: it takes no part in this shard's matching.
    var isShared: Bool { filter.pointee.kind == .shared }
}

/// A session's subscriptions: the head of a list that runs through the tree's slab. The session keeps it, only
/// `SubscriptionTree` changes it.
struct SessionSubscriptions {
    var first = Subscription.none
    /// Number of subscriptions, shared ones included.
    var count: UInt32 = 0
}
