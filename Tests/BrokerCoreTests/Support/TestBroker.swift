import MQTTCodec
import StoreFormat

@testable import BrokerCore

/// A broker whose loops, sockets and clock are the test's: nothing moves unless the test says so.
final class TestBroker {
    let broker: Broker
    private(set) var now: Int64 = 1_000_000_000
    private var clients: [UInt64: TestClient] = [:]
    private var transports: [TestTransport] = []
    private var nextTransport: UInt64 = 1
    var events: [BrokerEvent] = []
    /// Rows handed to the store and not answered yet, by shard.
    var tickets: [(shard: Int, rows: [StoreRow], ticket: UInt64)] = []
    /// Messages that are to be read from the store: that they are committed is waited for.
    var loads: [(shard: Int, messages: [UInt64], session: UInt64)] = []
    /// Messages that the store has and cannot read.
    var unreadable: Set<UInt64> = []
    /// What was committed.
    var store = SimulatedStore()
    /// Plugins in use: the broker does not keep them alive.
    var plugins: [TestPlugin] = []
    /// A test that runs turns itself, in its own order.
    var settlesByItself = true

    init(
        shards: Int = 1, seed: UInt64 = 42,
        listener: ListenerSettings = ListenerSettings(name: "tcp", allowAnonymous: true),
        _ configure: (inout BrokerSettings) -> Void = { _ in }
    ) {
        var settings = BrokerSettings()
        configure(&settings)
        broker = Broker(settings: settings, listeners: [listener], shardCount: shards, seed: seed)
        transports = (0..<shards).map { TestTransport(shard: $0, test: self) }
        for (shard, transport) in zip(broker.shards, transports) { shard.attach(transport) }
    }

    /// The broker that starts, with another seed and as many shards as asked for, after `old` has died: it has what the
    /// store of `old` had committed.
    /// - Parameter messagesElsewhere: as the host does it: queued messages are read when their turn comes.
    init(after old: TestBroker, shards: Int, messagesElsewhere: Bool = false) {
        let shared = old.broker.shared
        broker = Broker(settings: shared.settings, listeners: shared.listeners, shardCount: shards, seed: 43)
        now = old.now
        store = old.store
        transports = (0..<shards).map { TestTransport(shard: $0, test: self) }
        for (shard, transport) in zip(broker.shards, transports) { shard.attach(transport) }
        broker.restore(store.state(messagesElsewhere: messagesElsewhere), now: now)
        settle()
    }

    // MARK: Clients

    /// A connection on shard `shard`, before CONNECT.
    func open(_ version: ProtocolVersion = .v5_0, shard: Int = 0) -> TestClient {
        let client = TestClient(test: self, version: version, transport: nextTransport, shard: shard)
        nextTransport += 1
        clients[client.transport] = client
        client.handle = broker.shards[shard].opened(
            transport: client.transport, listener: 0, peer: "test:\(client.transport)", now: now)
        return client
    }

    /// A client that has sent CONNECT; what was answered is still to be received.
    /// - Parameters:
    ///   - home: shard the session is to live on (modulo the number of shards): the identifier is chosen for it.
    ///   - shard: shard that accepts the connection.
    ///   - expiry: Session Expiry Interval; a 3.1.1 client with one connects without Clean Session.
    func connect(
        _ clientID: String, _ version: ProtocolVersion = .v5_0, home: Int? = nil, shard: Int = 0,
        cleanStart: Bool = true, expiry: UInt32 = 0, _ configure: (inout Connect) -> Void = { _ in }
    ) -> TestClient {
        let client = open(version, shard: shard % broker.shards.count)
        let name = home.map { self.clientID(clientID, home: $0) } ?? clientID
        var connect = Connect(version: version, clientID: Array(name.utf8))
        connect.cleanStart = version == .v5_0 ? cleanStart : cleanStart && expiry == 0
        if version == .v5_0, expiry > 0 { connect.properties.sessionExpiryInterval = expiry }
        configure(&connect)
        client.send(.connect(connect))
        return client
    }

    /// An identifier that begins with `name` and whose session lives on shard `home`.
    func clientID(_ name: String, home: Int) -> String {
        let wanted = home % broker.shards.count
        for number in 0... where broker.homeShard(ofClient: Array("\(name)~\(number)".utf8)) == wanted {
            return "\(name)~\(number)"
        }
        return name
    }

    /// Lets go of the clients, which keep the broker alive; for tests that run thousands of brokers.
    func finish() { clients = [:] }

    func client(_ transport: UInt64) -> TestClient? { clients[transport] }

    // MARK: Turns and time

    /// Runs turns until nothing moves.
    func settle() {
        guard settlesByItself else { return }
        for _ in 0..<100_000 {
            var moved = false
            for shard in broker.shards.indices where turn(shard) { moved = true }
            if !moved { return }
        }
        preconditionFailure("the broker does not come to rest")
    }

    /// Runs one turn of one shard. True: something moved, or it wants another turn at once.
    @discardableResult
    func turn(_ index: Int) -> Bool {
        let (shard, transport) = (broker.shards[index], transports[index])
        answerLoads(of: index)
        shard.processInbox(now: now)
        shard.endOfTurn(now: now)
        defer { transport.movements = 0 }
        return transport.movements > 0 || shard.nextDeadline.map { $0 <= now } ?? false
    }

    private func answerLoads(of index: Int) {
        while let next = loads.firstIndex(where: { load in
            load.shard == index && load.messages.allSatisfy { store.messages[$0] != nil }
        }) {
            let load = loads.remove(at: next)
            let messages = load.messages.map { ($0, unreadable.contains($0) ? nil : store.messages[$0]) }
            broker.shards[index].loaded(messages, for: load.session, now: now)
            transports[index].movements += 1
        }
    }

    /// Moves the clock; due timers run.
    func advance(seconds: Double) {
        now += Int64(seconds * 1e9)
        settle()
    }

    /// The store has committed, or lost, what it was given by one shard or by all.
    func commit(shard: Int? = nil, succeeded: Bool = true) {
        let answered = tickets.filter { shard == nil || $0.shard == shard }
        tickets.removeAll { shard == nil || $0.shard == shard }
        for entry in answered {
            if succeeded { store.apply(entry.rows) }
            broker.shards[entry.shard].stored(upTo: entry.ticket, succeeded: succeeded, now: now)
        }
        settle()
        // What comes after a failure fails, too, until it is handed over again.
        if !succeeded, tickets.contains(where: { shard == nil || $0.shard == shard }) {
            commit(shard: shard, succeeded: false)
        }
    }

    /// The store works again, and gets what it has lost.
    func recover() {
        for shard in broker.shards { shard.retryRows(now: now) }
        commitAll()
    }

    /// Commits until nothing is left to be committed.
    func commitAll() {
        while !tickets.isEmpty { commit() }
    }

    // MARK: What was counted and told

    /// Asks every shard something and lets the broker come to rest.
    func tell(_ command: ShardCommand) {
        broker.postToAll(command)
        settle()
    }

    /// Messages that were dropped for `reason`, over all shards.
    func dropped(_ reason: DropReason) -> Int {
        broker.shards.reduce(0) { $0 + Int($1.counters.dropped[Int(reason.rawValue)]) }
    }

    /// What the ended connections of a client ended with, oldest first.
    func causes(_ clientID: String) -> [DisconnectCause] {
        events.compactMap { event in
            if case .disconnected(let identity, _, let cause, _, _, _, _, _) = event,
                String(decoding: identity.clientID, as: UTF8.self).hasPrefix(clientID)
            {
                return cause
            }
            return nil
        }
    }

    /// What became of the wills of ended connections, oldest first.
    var willOutcomes: [WillOutcome] {
        events.compactMap { if case .disconnected(_, _, _, _, _, let will, _, _) = $0 { will } else { nil } }
    }

    /// Why CONNECTs were refused.
    var refusals: [ReasonCode] {
        events.compactMap { if case .connectRefused(_, let reason, _, _) = $0 { reason } else { nil } }
    }
}

/// The test's end of the connections of one shard.
final class TestTransport: ShardTransport {
    let shard: Int
    unowned let test: TestBroker
    /// Calls since the last turn.
    var movements = 0

    init(shard: Int, test: TestBroker) {
        self.shard = shard
        self.test = test
    }

    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let client = test.client(transport), !client.isClosed else { return -1 }
        let taken = min(bytes.count, client.window)
        client.window -= taken
        client.output.append(contentsOf: bytes[..<taken])
        movements += 1
        return taken
    }
    func close(_ transport: UInt64, graceful: Bool) {
        test.client(transport)?.isClosed = true
        movements += 1
    }
    func pauseReading(_ transport: UInt64) { test.client(transport)?.isPaused = true }
    func resumeReading(_ transport: UInt64) { test.client(transport)?.isPaused = false }
    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer) {
        movements += 1
        guard let client = test.client(transport), !client.isClosed else { return }
        client.shard = target
        client.handle = test.broker.shards[target].adopt(transfer, transport: transport, now: test.now)
    }
    func wake(shard target: Int) { movements += 1 }
    func load(_ messages: [UInt64], for session: UInt64) {
        test.loads.append((shard, messages, session))
        movements += 1
    }
    func persist(_ rows: [StoreRow], ticket: UInt64) { test.tickets.append((shard, rows, ticket)) }
    func event(_ event: BrokerEvent) { test.events.append(event) }
}
