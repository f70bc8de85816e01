import MQTTCodec

/// One thing that happens in a simulated run. A step says everything about itself, so that any of them can be left out:
/// one that makes no sense where it stands (a PUBLISH of a client that is not connected) does nothing.
enum Step {
    case connect(client: Int, ConnectPlan)
    /// DISCONNECT. `expiry` replaces the session's expiry interval (5.0).
    case disconnect(client: Int, keepsWill: Bool, expiry: UInt32?)
    case cut(client: Int, Cut)
    /// The broker learns of connections that broke.
    case notice
    case subscribe(client: Int, [FilterPlan], identifier: UInt32)
    case unsubscribe(client: Int, filter: String)
    case publish(client: Int, PublishPlan)
    case ping(client: Int)
    /// The client sends acknowledgements it has held back.
    case acknowledge(client: Int, count: Int)
    /// Bytes travel from the client to the broker.
    case carry(client: Int, bytes: Int)
    /// The client reads bytes.
    case read(client: Int, bytes: Int)
    case turn(shard: Int)
    /// Shards run turn by turn until nothing moves; with `delivers`, bytes travel in both directions as well.
    case rest(delivers: Bool)
    case commit(shard: Int, tickets: Int)
    case failStore(shard: Int)
    /// A plugin answers a question that waits: the one at `position`, modulo their number.
    case answer(position: Int)
    case advance(nanoseconds: Int64)
    /// The clock moves to the next moment at which something expires, or to the nanosecond before.
    case advanceToDeadline(isJustBefore: Bool)
    /// The broker dies and comes back with what its store had committed.
    case restart

    enum Cut { case noticed, silent, broken }
}

struct ConnectPlan {
    var version = ProtocolVersion.v5_0
    var cleanStart = false
    /// Session Expiry Interval in seconds; with 3.1.1 above zero means without Clean Session.
    var expiry: UInt32 = 0
    var receiveMaximum: UInt16?
    var maximumPacketSize: UInt32?
    var topicAliasMaximum: UInt16 = 0
    var keepAlive: UInt16 = 0
    var will: PublishPlan?
    var willDelay: UInt32 = 0
    /// Bytes the socket takes towards the client before it is full.
    var capacity = Int.max
    /// The shard whose loop accepts the connection.
    var acceptingShard = 0
    /// Acknowledges what it receives at once, not when a step says so.
    var acknowledgesAtOnce = true
}

struct FilterPlan {
    var filter: String
    var qos: UInt8
    var noLocal = false
    var retainAsPublished = false
    var retainHandling = MQTTCodec.Subscription.RetainHandling.send
}

struct PublishPlan {
    var topic: String
    var qos: UInt8
    var retain = false
    /// Bytes of payload; 0 with `retain` clears the topic.
    var size = 8
    /// Message Expiry Interval in seconds (5.0).
    var expiry: UInt32?
    var usesAlias = false
}
