/// The whole broker without any input or output: shards, and what they share.
///
/// The host gives every shard a loop; tests and the simulation drive shards themselves, with their own clock.
///
/// @unchecked Sendable: `shards` is a constant array; a shard is touched by the thread that drives it alone, everything
/// else here is Sendable by itself.
public final class Broker: @unchecked Sendable {
    /// One per event loop. Each belongs to the thread that drives it.
    public let shards: [Shard]
    /// Tokens of hook calls that wait, by shard. [any thread]
    public var pendingHooks: [PendingHooks] { shared.pendingHooks }
    let shared: SharedState
    private let relay = WakeRelay()

    /// - Parameters:
    ///   - listeners: what ``Shard/opened(transport:listener:peer:now:)`` refers to by index.
    ///   - shardCount: 1 ... 64.
    ///   - seed: of hashes and assigned client identifiers; drawn from the system's entropy by the host.
    public init(settings: BrokerSettings, listeners: [ListenerSettings], shardCount: Int, seed: UInt64) {
        precondition((1...64).contains(shardCount), "a broker has 1 to 64 shards")
        let shared = SharedState(
            settings: settings, listeners: listeners, shardCount: shardCount, seed: seed, wake: relay)
        self.shared = shared
        shards = (0..<shardCount).map {
            Shard(index: $0, shared: shared, seed: seed &+ UInt64($0) &* 0x9E37_79B9_7F4A_7C15)
        }
    }

    /// Sets how other threads make the loop of a shard call ``Shard/processInbox(now:)``. Called once, before the
    /// loops run.
    public func onWake(_ wake: @escaping @Sendable (_ shard: Int) -> Void) { relay.set(wake) }

    /// Every shard uses `table` from its next turn on. [any thread]
    public func install(_ table: HookTable) {
        for inbox in shared.inboxes { inbox.post(.install(table)) }
    }

    /// Publishes a message of the broker or of a plugin. [any thread]
    /// - Returns: false when too much waits for the shard already; the message was not taken.
    @discardableResult
    public func publish(_ message: InjectedMessage) -> Bool {
        // In a client's name: where the client is, so that its rights are asked for there.
        let place = message.asClient.isEmpty ? message.topic : message.asClient
        return shared.inboxes[shared.homeShard(of: place)].offer(.publish(message))
    }

    /// Asks something of one shard. [any thread]
    public func post(_ command: ShardCommand, to shard: Int) { shared.inboxes[shard].post(command) }

    /// Asks something of every shard. [any thread]
    public func postToAll(_ command: ShardCommand) {
        for inbox in shared.inboxes { inbox.post(command) }
    }

    /// The shard where the session of a client lives. [any thread]
    public func homeShard(ofClient clientID: [UInt8]) -> Int { shared.homeShard(of: clientID) }
}
