/// One durable change, as handed to ``ShardTransport/persist(_:ticket:)``. Rows of one ticket are committed together or
/// not at all, tickets in order; when one fails, so do all that were handed over before its answer.
public enum StoreRow: Sendable, Equatable {
    /// A session with what CONNECT said about it. `expiry` in seconds.
    case session(clientID: [UInt8], expiry: UInt32)
    /// The session went offline; it ends `expiry` seconds after this.
    case sessionOffline(clientID: [UInt8])
    /// The session and everything that belongs to it is gone.
    case sessionEnded(clientID: [UInt8])
    case subscription(clientID: [UInt8], filter: [UInt8], options: UInt8, identifier: UInt32)
    /// A plugin put `entered` in the place of the filter the client named: UNSUBSCRIBE names that one again. The same
    /// filter twice: it did so no longer.
    case filterRewritten(clientID: [UInt8], asked: [UInt8], entered: [UInt8])
    case subscriptionRemoved(clientID: [UInt8], filter: [UInt8])
    /// A message, once for all its receivers; counted by the `queued` rows that name it.
    case message(id: UInt64, StoredMessage)
    /// The message waits for the session.
    case queued(clientID: [UInt8], message: UInt64, qos: UInt8, retain: Bool)
    /// The message was sent with this packet identifier and waits for its acknowledgement.
    case inflight(clientID: [UInt8], packetID: UInt16, message: UInt64, qos: UInt8, retain: Bool)
    /// PUBREC came: from now on only PUBREL is sent.
    case releasing(clientID: [UInt8], packetID: UInt16)
    /// The exchange is over.
    case finished(clientID: [UInt8], packetID: UInt16)
    /// The message left the queue without being sent.
    case dequeued(clientID: [UInt8], message: UInt64)
    /// The message waits for a member of a shared group. `subscription` is what members subscribed to, such as
    /// `$share/group/filter`, `group` a number that stands for it in this run.
    case groupQueued(subscription: [UInt8], group: UInt64, message: UInt64, qos: UInt8)
    /// A member's session has the message, or nobody can have it any more.
    case groupDequeued(group: UInt64, message: UInt64)
    /// A QoS 2 message of the client was accepted under this identifier, until `released`.
    case received(clientID: [UInt8], packetID: UInt16)
    case released(clientID: [UInt8], packetID: UInt16)
    case retained(StoredMessage)
    case retainedCleared(topic: [UInt8])
    case will(clientID: [UInt8], StoredMessage, delay: UInt32)
    case willGone(clientID: [UInt8])
}

/// A message as a store keeps it.
public struct StoredMessage: Sendable, Equatable {
    /// Topic name.
    public var topic: [UInt8]
    /// Forwardable MQTT 5 properties in wire form.
    public var properties: [UInt8]
    /// Application payload.
    public var payload: [UInt8]
    /// QoS it was published with.
    public var qos: UInt8
    /// Whether it was published with RETAIN.
    public var retain: Bool
    /// Host clock ns; 0 = never. A store that outlives the process converts to wall time.
    public var expiresAt: Int64

    init(_ message: PublishedMessage) {
        topic = Array(message.topic)
        properties = Array(message.properties)
        payload = Array(message.payload)
        qos = message.qos
        retain = message.retain
        expiresAt = message.expiresAt
    }
}
