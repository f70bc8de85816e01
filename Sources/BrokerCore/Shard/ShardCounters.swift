/// What a shard has counted since the start. One writer (the shard's thread); read by a snapshot command on that
/// thread.
public struct ShardCounters: Sendable {
    /// Control packets of any type.
    public internal(set) var packetsReceived: UInt64 = 0
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
    /// Messages that did not reach a receiver, indexed by ``DropReason``.
    public internal(set) var dropped = [UInt64](repeating: 0, count: DropReason.allCases.count)
    /// Transport connections opened.
    public internal(set) var connectionsAccepted: UInt64 = 0
    /// Connections that ended before CONNACK with success.
    public internal(set) var connectionsRefused: UInt64 = 0
    /// Acknowledgements for packet identifiers that are not under way.
    public internal(set) var unexpectedAcks: UInt64 = 0
    /// Faults that lenient listeners have forgiven, indexed by ``ToleratedFault``.
    public internal(set) var tolerated = [UInt64](repeating: 0, count: ToleratedFault.allCases.count)
    /// Messages handed to other shards.
    public internal(set) var handedOver: UInt64 = 0

    /// All zero.
    public init() {}
}
