import Locking
public import MQTTCodec

/// What other threads ask of a shard. Handled on its thread, in order, in the next turn.
public enum ShardCommand: Sendable {
    /// Use this hook table from now on.
    case install(HookTable)
    /// Publish a message of the broker or of a plugin.
    case publish(InjectedMessage)
    /// Answer with a snapshot; called on the shard's thread.
    case snapshot(@Sendable (ShardSnapshot) -> Void)
    /// Call when everything posted before this has been done; on the shard's thread.
    case barrier(@Sendable () -> Void)
    /// End the connection of a client, if it is here. Answers whether it was.
    case kick(clientID: [UInt8], reason: ReasonCode, @Sendable (Bool) -> Void)
    /// End one connection, named as plugins know it (`hl_client.connection`), if it is here.
    case kickConnection(UInt64, reason: ReasonCode)
    /// Forget verdicts: of one connection, or of all with 0.
    case revokeVerdicts(connection: UInt64)
    /// Ask acl.subscribe again about every live subscription.
    case recheckSubscriptions
    /// The process uses more memory than it may, or no longer does: while it does, every queue counts as full.
    case shortOfMemory(Bool)
    /// Trace messages from now on, or, with nil, no more.
    case trace(TraceSettings?)
    /// Look at the shard, or change it, on its thread.
    case administer(@Sendable (Shard) -> Void)
    /// Take no new clients, and tell each client good-bye as soon as nothing is on its way to it any more.
    case drain
    /// Tell every client good-bye now.
    case disconnectAll
}

/// A message that did not come from a connection.
public struct InjectedMessage: Sendable {
    /// A valid topic name, UTF-8.
    public var topic: [UInt8]
    /// Application payload.
    public var payload: [UInt8]
    /// 0, 1 or 2.
    public var qos: UInt8
    /// Store it as the topic's retained message as well.
    public var retain: Bool
    /// Forwardable MQTT 5 properties in wire form.
    public var properties: [UInt8] = []
    /// Seconds until it expires; nil = never.
    public var expiry: UInt32?
    /// Number of the plugin instance it comes from; 0 = the broker.
    public var instance: UInt64 = 0
    /// Name of the bridge it comes through: acl.publish is asked about that; empty = a plugin's own.
    public var bridge: [UInt8] = []
    /// How many plugin publishes led to it.
    public var hops: UInt32 = 0
    /// Client Identifier of a connected client in whose name and with whose rights it is published; empty: nobody's.
    public var asClient: [UInt8] = []
    /// Told once what became of it, on a shard's thread.
    public var done: (@Sendable (InjectionReport) -> Void)?
    /// The report says how many received it: it comes when all shards have handed it out, and when what a store must
    /// keep of it is durable.
    public var wantsCounts = false

    /// A message without properties.
    public init(topic: [UInt8], payload: [UInt8], qos: UInt8 = 0, retain: Bool = false) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
    }
}

/// What became of an ``InjectedMessage``.
public enum InjectionOutcome: Sendable, Equatable {
    /// Routed; `matched` says whether anybody may have received it.
    case routed(matched: Bool)
    /// A plugin refused or dropped it, or it is none.
    case refused(ReasonCode)
    /// Nobody is connected with the Client Identifier it names.
    case noSuchClient
    /// Handed out, but the store could not keep what it had to.
    case notStored
}

/// What the publisher of an ``InjectedMessage`` is told.
public struct InjectionReport: Sendable, Equatable {
    /// What became of it.
    public var outcome: InjectionOutcome
    /// Its number in log, store and hooks (`hl_msg.id`); 0 when it was not let in, or nobody has asked for counts.
    public var id: UInt64 = 0
    /// What became of it at its receivers; all 0 when nobody has asked for counts.
    public var counts = DeliveryCounts()

    /// The rule that refused it, for those who may know.
    public var rule = ""

    /// A report without counts.
    public init(_ outcome: InjectionOutcome, rule: String = "") {
        self.outcome = outcome
        self.rule = rule
    }
}

/// Numbers about one shard at one moment.
public struct ShardSnapshot: Sendable {
    /// Number of the shard.
    public var shard: Int
    /// Open connections, those before CONNECT included.
    public var connections: Int
    /// Sessions, online and offline.
    public var sessions: Int
    /// Subscriptions of these sessions.
    public var subscriptions: Int
    /// Retained messages of the whole broker.
    public var retained: Int
    /// Messages that wait for sessions of this shard.
    public var queuedMessages: Int
    /// Heap bytes of these; a message in several queues counts in each.
    public var queuedBytes = 0
    /// QoS 1 and 2 messages under way to clients of this shard.
    public var inflightMessages = 0
    /// Sessions that are online.
    public var onlineSessions = 0
    /// Bytes of the retained messages of the whole broker.
    public var retainedBytes = 0
    /// Connections by listener, those before CONNECT included.
    public var connectionsByListener: [Int] = []
    /// Payloads by size: place `n` counts those above 2^n up to 2^(n+1) bytes; place 0 also those of 1, the last one
    /// those of 0.
    public var messageSizes: [UInt64] = []
    /// What was counted since the start.
    public var counters: ShardCounters
}

/// Commands for one shard, from any thread.
final class ShardInbox: Sendable {
    private let commands = Locked<[ShardCommand]>([])
    private let wake: @Sendable () -> Void

    /// - Parameter wake: called when the inbox was empty and is not any more.
    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// Commands that may wait before ``offer(_:)`` refuses.
    static let maximumCommands = 65_536

    /// Takes a command whatever waits: those of the host are few, and none of them may be lost.
    func post(_ command: ShardCommand) { _ = take(command, bound: .max) }

    /// Takes a command unless too many wait.
    func offer(_ command: ShardCommand) -> Bool { take(command, bound: Self.maximumCommands) }

    private func take(_ command: ShardCommand, bound: Int) -> Bool {
        let count = commands.withLock { commands in
            guard commands.count < bound else { return 0 }
            commands.append(command)
            return commands.count
        }
        if count == 1 { wake() }
        return count > 0
    }

    func takeAll() -> [ShardCommand] {
        commands.withLock { commands in
            guard !commands.isEmpty else { return [] }
            defer { commands = [] }
            return commands
        }
    }
}

/// Passes wake-ups to whoever drives the loops; nobody listens before the host has set its function.
final class WakeRelay: Sendable {
    private let function = Locked<(@Sendable (Int) -> Void)?>(nil)

    func set(_ wake: @escaping @Sendable (Int) -> Void) { function.withLock { $0 = wake } }

    func wake(_ shard: Int) {
        let current = function.withLock { $0 }
        current?(shard)
    }
}
