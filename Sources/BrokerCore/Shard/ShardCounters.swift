/// What a shard has counted since the start. One writer (the shard's thread); read by a snapshot command on that
/// thread. It lives in the shard's own memory, which shares no cache line with another shard's.
public struct ShardCounters: Sendable {
    /// Control packets of any type.
    public internal(set) var packetsReceived: UInt64 = 0
    /// Control packets to clients, but for PUBLISH.
    public internal(set) var otherPacketsSent: UInt64 = 0
    /// Bytes read from transports.
    public internal(set) var bytesReceived: UInt64 = 0
    /// Bytes taken by transports.
    public internal(set) var bytesSent: UInt64 = 0
    /// PUBLISH packets accepted from clients, by QoS.
    public internal(set) var messagesReceived: (UInt64, UInt64, UInt64) = (0, 0, 0)
    /// PUBLISH packets appended to a client's output, by QoS.
    public internal(set) var messagesSent: (UInt64, UInt64, UInt64) = (0, 0, 0)
    /// Messages put into the queue of a session or of a shared group.
    public internal(set) var messagesQueued: UInt64 = 0
    /// Application payload of `messagesReceived`.
    public internal(set) var payloadBytesReceived: UInt64 = 0
    /// Application payload of `messagesSent`.
    public internal(set) var payloadBytesSent: UInt64 = 0
    /// Messages that did not reach a receiver, indexed by ``DropReason``.
    public internal(set) var dropped = [UInt64](repeating: 0, count: DropReason.allCases.count)
    /// Transport connections opened.
    public internal(set) var connectionsAccepted: UInt64 = 0
    /// Connections that ended before CONNACK with success.
    public internal(set) var connectionsRefused: UInt64 = 0
    /// CONNECT packets that could be read.
    public internal(set) var connectsReceived: UInt64 = 0
    /// What CONNECT packets were answered, by reason code.
    public internal(set) var connectAnswers = [UInt64](repeating: 0, count: 256)
    /// How connections of clients that were connected have ended, indexed by ``DisconnectCause/number``.
    public internal(set) var disconnects = [UInt64](repeating: 0, count: DisconnectCause.words.count)
    /// Connections that ended because the client broke the protocol, connected or not.
    public internal(set) var protocolErrors: UInt64 = 0
    /// Sessions that ended because their expiry interval had passed.
    public internal(set) var sessionsExpired: UInt64 = 0
    /// What acl.publish has decided.
    public internal(set) var publishAccess = AccessCounts()
    /// What acl.subscribe has decided, filter by filter.
    public internal(set) var subscribeAccess = AccessCounts()
    /// What acl.deliver has decided, receiver by receiver.
    public internal(set) var deliverAccess = AccessCounts()
    /// Acknowledgements for packet identifiers that are not under way.
    public internal(set) var unexpectedAcks: UInt64 = 0
    /// Faults that lenient listeners have forgiven, indexed by ``ToleratedFault``.
    public internal(set) var tolerated = [UInt64](repeating: 0, count: ToleratedFault.allCases.count)
    /// Messages handed to other shards.
    public internal(set) var handedOver: UInt64 = 0
    /// How long turns of the loop took: a sample.
    public internal(set) var turns = DurationCounts()
    /// How long it took from reading a PUBLISH until it was handed out: a sample
    /// (``Shard/note(turn:reading:publishes:)``).
    public internal(set) var publishes = DurationCounts()
    /// How long it took from reading a PUBLISH until its receivers' bytes were written: a sample.
    public internal(set) var deliveries = DurationCounts()

    /// All zero.
    public init() {}
}

/// Verdicts of acl hooks.
public struct AccessCounts: Sendable, Equatable {
    /// Let through, verdicts that were remembered included.
    public internal(set) var allowed: UInt64 = 0
    /// Refused, for want of an opinion included.
    public internal(set) var denied: UInt64 = 0

    mutating func count(_ isAllowed: Bool) {
        if isAllowed { allowed &+= 1 } else { denied &+= 1 }
    }
}

/// Durations in buckets that double in width.
public struct DurationCounts: Sendable, Equatable {
    /// Place `n` counts what took less than 2^n ns, and not less than half of that.
    public private(set) var places = [UInt64](repeating: 0, count: DurationCounts.placeCount)
    /// Nanoseconds.
    public private(set) var sum: UInt64 = 0

    static let placeCount = 40

    /// Nothing yet.
    public init() {}

    /// Counts `weight` things that took `nanoseconds` each.
    public mutating func add(_ nanoseconds: Int64, weight: UInt64 = 1) {
        let taken = UInt64(max(nanoseconds, 0))
        places[min(UInt64.bitWidth - taken.leadingZeroBitCount, Self.placeCount - 1)] &+= weight
        sum &+= taken &* weight
    }

    /// What two counted.
    public mutating func add(_ other: DurationCounts) {
        for place in places.indices { places[place] &+= other.places[place] }
        sum &+= other.sum
    }
}
