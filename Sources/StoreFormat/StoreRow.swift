/// One durable change of the broker's state, in the words of the broker.
///
/// Rows of one ticket are committed together or not at all. Tickets of all shards are committed in the order in which
/// they were handed over: what a shard hands to another one is committed after what it was the consequence of. When one
/// fails, so do all that were handed over before its answer.
public enum StoreRow: Sendable, Equatable {
    /// A session with what CONNECT said about it. `expiry` in seconds.
    case session(clientID: [UInt8], expiry: UInt32)
    /// The session went offline at `since`, host clock ns; it ends `expiry` seconds after this.
    case sessionOffline(clientID: [UInt8], since: Int64)
    /// The session and everything that belongs to it is gone.
    case sessionEnded(clientID: [UInt8])
    case subscription(clientID: [UInt8], filter: [UInt8], options: UInt8, identifier: UInt32)
    /// A plugin put `entered` in the place of the filter the client named: UNSUBSCRIBE names that one again. The same
    /// filter twice: it did so no longer.
    case filterRewritten(clientID: [UInt8], asked: [UInt8], entered: [UInt8])
    case subscriptionRemoved(clientID: [UInt8], filter: [UInt8])
    /// A message, once for all its receivers on a shard.
    case message(id: UInt64, StoredMessage)
    /// No row names the message any more.
    case messageGone(id: UInt64)
    /// The message waits for the session, behind those queued before it.
    case queued(clientID: [UInt8], StoredDelivery)
    /// The message was sent with this packet identifier and waits for its acknowledgement; it is queued no more. The
    /// order of these rows is the order of sending, which a store keeps.
    case inflight(clientID: [UInt8], packetID: UInt16, StoredDelivery)
    /// PUBREC came: from now on only PUBREL is sent.
    case releasing(clientID: [UInt8], packetID: UInt16)
    /// The exchange is over.
    case finished(clientID: [UInt8], packetID: UInt16)
    /// The message left the queue without being sent.
    case dequeued(clientID: [UInt8], message: UInt64, position: UInt64 = 0)
    /// The message waits for a member of a shared group. `subscription` is what members subscribed to, such as
    /// `$share/group/filter`, `group` a number that stands for it in this run.
    case groupQueued(subscription: [UInt8], group: UInt64, message: UInt64, qos: UInt8, position: UInt64 = 0)
    /// The number by which deliveries of this run and of later ones name a shared group.
    case group(UInt64, subscription: [UInt8])
    /// The group's last member has left.
    case groupEnded(UInt64)
    /// A member's session has the message, or nobody can have it any more.
    case groupDequeued(group: UInt64, message: UInt64, position: UInt64 = 0)
    /// A QoS 2 message of the client was accepted under this identifier, until `released`.
    case received(clientID: [UInt8], packetID: UInt16)
    case released(clientID: [UInt8], packetID: UInt16)
    /// The retained message of its topic. Shards commit on their own: of several rows of a topic the one with the
    /// highest `order` holds, whichever is committed last.
    /// `publisher` is a Client Identifier, empty for the broker itself.
    case retained(StoredMessage, publisher: [UInt8], order: UInt64)
    case retainedCleared(topic: [UInt8], order: UInt64)
    case will(clientID: [UInt8], StoredWill)
    case willGone(clientID: [UInt8])
    /// A message on its way to another shard, which has to have it exactly once; see ``StoredHandover``.
    case handedOver(id: UInt64, StoredHandover)
    /// The other shard has it: what it did with the message is in the rows before this one.
    case taken(id: UInt64)
}

/// A stored message on its way to one session.
public struct StoredDelivery: Sendable, Equatable {
    /// Its id.
    public var message: UInt64
    /// QoS it is sent with.
    public var qos: UInt8
    /// RETAIN flag it is sent with.
    public var retain: Bool
    /// Subscription Identifiers that go with it [MQTT-3.3.4-3].
    public var identifiers: [UInt32]
    /// The shared group it came from; 0 = none.
    public var group: UInt64
    /// Its place in the session's queue, from 1 on; 0 = it was never queued.
    public var position: UInt64
    /// Bytes of the message: what it counts against the bounds of a queue before it is read.
    public var size: UInt32 = 0
    /// When the message expires, as in it: a queue knows without reading it. 0 = never. Of what is queued alone.
    public var expiresAt: Int64 = 0

    /// A delivery as a store reads it back.
    public init(
        message: UInt64, qos: UInt8, retain: Bool, identifiers: [UInt32] = [], group: UInt64 = 0, position: UInt64 = 0
    ) {
        self.message = message
        self.qos = qos
        self.retain = retain
        self.identifiers = identifiers
        self.group = group
        self.position = position
    }
}

/// A will as a store keeps it: with its owner, in whose name its publication is authorised.
public struct StoredWill: Sendable, Equatable {
    /// `expiresAt` of it is not used: a will's expiry counts from its publication.
    public var message: StoredMessage
    /// Seconds between the end of the connection and the publication [MQTT-3.1.3-9].
    public var delay: UInt32
    /// Message expiry in seconds; nil = never.
    public var expiry: UInt32?
    /// Who the client was when it connected.
    public var username: [UInt8]
    /// Groups the authentication gave.
    public var groups: [[UInt8]]
    /// The account (tenant); empty when none.
    public var account: [UInt8]
    /// Peer address as text.
    public var address: String
    /// Name of the listener.
    public var listener: String

    /// A will as a store reads it back.
    public init(
        message: StoredMessage, delay: UInt32, expiry: UInt32?, username: [UInt8], groups: [[UInt8]],
        account: [UInt8], address: String, listener: String
    ) {
        self.message = message
        self.delay = delay
        self.expiry = expiry
        self.username = username
        self.groups = groups
        self.account = account
        self.address = address
        self.listener = listener
    }
}

/// A message that one shard has accepted and another one is to deliver.
///
/// A shard writes it together with what acknowledges the message to its sender; the shard that gets the message writes
/// ``StoreRow/taken(id:)`` together with what it made of it. A restart between the two delivers it then.
public struct StoredHandover: Sendable, Equatable {
    /// The receivers: sessions and groups whose home was shard `target` of `shards`, by the hash with `seed`.
    public var seed: UInt64
    /// Number of shards when it was handed over.
    public var shards: UInt8
    /// The shard that was to deliver it.
    public var target: UInt8
    /// Not 0: for this shared group alone, or for one of its members.
    public var group: UInt64
    /// Clients that a plugin has taken out of the message's receivers.
    public var removed: [[UInt8]]
    /// Clients that a plugin has added.
    public var added: [StoredReceiver]
    /// The message.
    public var message: StoredMessage

    /// A message for receivers of a shard.
    public init(
        seed: UInt64, shards: UInt8, target: UInt8, group: UInt64 = 0, removed: [[UInt8]] = [],
        added: [StoredReceiver] = [], message: StoredMessage
    ) {
        self.seed = seed
        self.shards = shards
        self.target = target
        self.group = group
        self.removed = removed
        self.added = added
        self.message = message
    }
}

/// A client that a plugin has added to the receivers of a message.
public struct StoredReceiver: Sendable, Equatable {
    /// Its Client Identifier.
    public var clientID: [UInt8]
    /// The greatest QoS it gets.
    public var qos: UInt8

    /// A client and its QoS.
    public init(clientID: [UInt8], qos: UInt8) {
        self.clientID = clientID
        self.qos = qos
    }
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

    /// A message as a store reads it back.
    public init(
        topic: [UInt8], properties: [UInt8] = [], payload: [UInt8], qos: UInt8, retain: Bool = false,
        expiresAt: Int64 = 0
    ) {
        self.topic = topic
        self.properties = properties
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.expiresAt = expiresAt
    }
}
