import MQTTCodec
import StoreFormat

@testable import BrokerCore

/// A broker, its clients, its store and its clock, in one thread: every byte and every turn is a step of the scenario.
final class Simulator {
    let scenario: Scenario
    let model = Model()
    private(set) var broker: Broker
    /// Rows that were committed, in order, and the session each client has there.
    private(set) var committed: [StoreRow] = []
    private(set) var transports: [SimulatedTransport] = []
    private(set) var clients: [SimulatedClient] = []
    private(set) var links: [UInt64: SimulatedLink] = [:]
    /// Connections on their way between two shards.
    var moving: [(link: SimulatedLink, target: Int, transfer: ConnectionTransfer)] = []
    /// Messages that are to be read from the store, once it has committed them.
    var loads: [(shard: Int, messages: [UInt64], session: UInt64)] = []
    private var storedMessages: [UInt64: StoredMessage] = [:]
    /// What was handed to the store and not answered.
    var tickets: [Ticket] = []
    /// Something happened since the last look.
    var hasMoved = false
    struct Ticket {
        let shard: Int
        let rows: [StoreRow]
        let ticket: UInt64
        /// Sessions the rows speak of, by client.
        let generations: [[UInt8]: Int]
        /// Not 0: what was handed over again after a failure, which is committed in one piece with its like.
        let piece: Int
    }

    private var plugin: SlowPlugin?
    private var wills: [UInt64: Int] = [:]
    private var nextTransport: UInt64 = 1
    private var restarts = 0
    private var failures = 0
    private var piece = 0
    /// Lines of the trace, when one is wanted.
    private(set) var lines: [String]?

    var now: Int64 { model.now }

    init(_ scenario: Scenario, traces: Bool = false) {
        self.scenario = scenario
        lines = traces ? [] : nil
        model.now = 1_000_000_000
        model.storeIsOff = !scenario.settings.storeEnabled
        broker = Broker(
            settings: scenario.settings, listeners: [ListenerSettings(name: "tcp", allowAnonymous: true)],
            shardCount: scenario.shards, seed: scenario.seed)
        clients = (0..<scenario.clients).map { SimulatedClient(number: $0, name: "c\($0)", model: model) }
        if traces { for client in clients { client.trace = { [unowned self] in log($0) } } }
        start()
    }

    /// Wires a fresh broker.
    private func start() {
        transports = broker.shards.indices.map { SimulatedTransport(shard: $0, simulator: self) }
        for (shard, transport) in zip(broker.shards, transports) { shard.attach(transport) }
        guard scenario.slowHooks > 0 else { return }
        let plugin = SlowPlugin(percent: scenario.slowHooks)
        self.plugin = plugin
        broker.install(plugin.table(deadline: scenario.hookDeadline))
        for shard in broker.shards.indices { turn(shard) }
    }

    func log(_ text: @autoclosure () -> String) { lines?.append(text()) }

    /// Takes all steps, then brings everything to an end. The first rule that is broken ends the run.
    func run() -> SimulationFailure? {
        for (number, step) in scenario.steps.enumerated() {
            log("\(number): \(step)")
            perform(step)
            if let failure = model.failure { return failure }
        }
        log("the end")
        finish()
        return model.failure
    }

    // MARK: Steps

    private func perform(_ step: Step) {
        switch step {
        case .connect(let client, let plan): connect(clients[client], plan)
        case .disconnect(let client, let keepsWill, let expiry):
            clients[client].disconnect(keepsWill: keepsWill, expiry: expiry)
        case .cut(let client, let kind): if let link = clients[client].link { cut(link, kind) }
        case .notice: noticeAll()
        case .subscribe(let client, let plans, let identifier):
            clients[client].subscribe(plans, identifier: identifier)
        case .unsubscribe(let client, let filter): clients[client].unsubscribe(filter)
        case .publish(let client, let plan): clients[client].publish(plan)
        case .ping(let client): clients[client].ping()
        case .acknowledge(let client, let count): clients[client].acknowledge(count)
        case .carry(let client, let bytes): if let link = clients[client].link { carry(link, bytes) }
        case .read(let client, let bytes): read(clients[client], bytes)
        case .turn(let shard): turn(shard)
        case .rest(let delivers): rest(delivers: delivers, answers: false)
        case .commit(let shard, let count): commit(shard, count)
        case .failStore(let shard): failStore(shard)
        case .answer(let position): answer(position)
        case .advance(let nanoseconds): moveClock(to: now + nanoseconds)
        case .advanceToDeadline(let isJustBefore):
            if let deadline = model.nextDeadline { moveClock(to: isJustBefore ? deadline - 1 : deadline) }
        case .restart: restart()
        }
    }

    /// The broker dies: what its store has committed is all that is left. The next one has its own number of shards.
    private func restart() {
        for link in links.values { link.abandon() }
        for client in clients where client.link != nil { client.lose() }
        moving = []
        tickets = []
        loads = []
        restarts += 1
        let shards = 1 + (scenario.shards + restarts) % 3
        broker = Broker(
            settings: scenario.settings, listeners: [ListenerSettings(name: "tcp", allowAnonymous: true)],
            shardCount: shards, seed: scenario.seed &+ UInt64(restarts))
        var stored = StoredState(committed)
        if restarts % 2 == 0 { stored.expectMessages(stored.messageIDs) }
        for problem in stored.problems { model.fail("store", problem) }
        model.restarted(stored, names: clients.map { Array($0.name.utf8) })
        broker.restore(stored, now: now)
        start()
        for shard in broker.shards.indices { turn(shard) }
    }

    func connect(_ client: SimulatedClient, _ plan: ConnectPlan) {
        if let old = client.link { cut(old, .silent) }
        var plan = plan
        if client.mustStartClean { plan.cleanStart = true }
        if plan.version == .v3_1_1 { plan.cleanStart = plan.cleanStart || plan.expiry == 0 }
        plan.acceptingShard %= broker.shards.count
        let link = SimulatedLink(transport: nextTransport, client: client.number, plan: plan, now: now)
        nextTransport += 1
        links[link.transport] = link
        link.handle = broker.shards[link.shard].opened(
            transport: link.transport, listener: 0, peer: "\(link.transport)", now: now)
        if let will = plan.will {
            wills[link.transport] = model.makeMessage(
                will, publisher: client.number, isWill: true, version: plan.version)
        }
        client.connect(link, will: wills[link.transport])
    }

    func cut(_ link: SimulatedLink, _ kind: Step.Cut) {
        guard !link.isCut else { return }
        link.isCut = true
        link.loseBytes()
        if clients[link.client].link === link { clients[link.client].lose() }
        if kind == .broken { link.isBroken = true }
        if kind == .noticed { notice(link) }
    }

    /// The broker learns that the connection is gone.
    private func notice(_ link: SimulatedLink) {
        guard link.isCut, !link.isNoticed, !link.isMoving else { return }
        link.isNoticed = true
        guard !link.isClosedByBroker else { return }
        hasMoved = true
        broker.shards[link.shard].closed(link.handle, now: now)
        link.isClosedByBroker = true
    }

    func noticeAll() {
        for link in links.values.sorted(by: { $0.transport < $1.transport }) { notice(link) }
    }

    /// Bytes reach the broker.
    func carry(_ link: SimulatedLink, _ count: Int) {
        guard !link.isPaused, !link.isMoving, !link.isClosedByBroker, !link.toBroker.isEmpty else { return }
        let (bytes, arrived) = link.carry(count)
        hasMoved = true
        for message in arrived { model.messages[message].arrivals.append(now) }
        bytes.withUnsafeBytes { broker.shards[link.shard].received(link.handle, $0, now: now) }
        // What the broker keeps for later is looked at later, and its expiry counted from then.
        let connection = broker.shards[link.shard].state.pointee.connections.find(link.handle)
        if let connection, connection.pointee.phase != .online || connection.pointee.input.count > 0 {
            for message in arrived { model.messages[message].waitedOutside = true }
        }
    }

    func read(_ client: SimulatedClient, _ count: Int) {
        guard let link = client.link else { return }
        if !link.toClient.isEmpty {
            hasMoved = true
            client.read(link.takeForClient(count))
        }
        if link.isClosedByBroker, link.toClient.isEmpty {
            client.lose()
            link.isCut = true
        } else if link.isBlocked, !link.isMoving, link.toClient.count < link.plan.capacity {
            link.isBlocked = false
            broker.shards[link.shard].writable(link.handle, now: now)
            hasMoved = true
        }
    }

    func turn(_ index: Int) {
        let index = index % broker.shards.count
        let shard = broker.shards[index]
        let arriving = moving.filter { $0.target == index }
        moving.removeAll { $0.target == index }
        for (link, _, transfer) in arriving {
            link.isMoving = false
            link.shard = index
            link.handle = shard.adopt(transfer, transport: link.transport, now: now)
        }
        answerLoads(of: shard)
        shard.processInbox(now: now)
        shard.endOfTurn(now: now)
        noteEmptyOutputs()
    }

    private func answerLoads(of shard: Shard) {
        while let next = loads.firstIndex(where: { load in
            load.shard == shard.index && load.messages.allSatisfy { storedMessages[$0] != nil }
        }) {
            let load = loads.remove(at: next)
            shard.loaded(load.messages.map { ($0, storedMessages[$0]) }, for: load.session, now: now)
            hasMoved = true
        }
    }

    /// Messages of these rows can be read from now on, and are never forgotten: numbers are not given again.
    private func noteMessages(_ rows: [StoreRow]) {
        for case .message(let id, let message) in rows { storedMessages[id] = message }
    }

    private func noteEmptyOutputs() {
        for link in links.values where !link.isMoving && !link.isClosedByBroker {
            let connection = broker.shards[link.shard].state.pointee.connections.find(link.handle)
            if connection?.pointee.output.count == 0 { link.emptyAt = now }
        }
    }

    func moveClock(to time: Int64) {
        model.now = time
        noteEmptyOutputs()
        // Timers come before anything that happens at the new time.
        for shard in broker.shards.indices { turn(shard) }
        model.expireSessions()
        for (number, client) in clients.enumerated() where model.sessions[number] == nil {
            let id = Array(client.name.utf8)
            let session = broker.shards[broker.homeShard(ofClient: id)].findSession(id)
            if let session, session.pointee.connection == nil {
                model.fail("session expiry", "c\(number) is over and the broker still has it")
            }
        }
    }

    // MARK: Store and plugin

    /// Commits the next tickets of a shard, and all that were handed over before the last of them.
    func commit(_ shard: Int, _ count: Int) {
        let shard = shard % broker.shards.count
        let own = tickets.indices.filter { tickets[$0].shard == shard }.prefix(count)
        guard var last = own.last else { return }
        while tickets[last].piece != 0, last + 1 < tickets.count, tickets[last + 1].piece == tickets[last].piece {
            last += 1
        }
        let taken = tickets[...last]
        tickets.removeFirst(last + 1)
        hasMoved = true
        for entry in taken {
            committed += entry.rows
            noteMessages(entry.rows)
            model.committed(entry.rows, generations: entry.generations)
        }
        for entry in taken { broker.shards[entry.shard].stored(upTo: entry.ticket, succeeded: true, now: now) }
    }

    /// The store is handed rows.
    func take(_ rows: [StoreRow], ticket: UInt64, of shard: Int) {
        var generations: [[UInt8]: Int] = [:]
        for case .session(let clientID, _) in rows {
            if let client = client(clientID) { generations[clientID] = model.lastGeneration(of: client) }
        }
        tickets.append(
            Ticket(shard: shard, rows: rows, ticket: ticket, generations: generations, piece: piece))
        hasMoved = true
    }

    /// The store fails everything from the first ticket of one shard on; then it works again, and gets what was lost.
    private func failStore(_ shard: Int) {
        let shard = shard % broker.shards.count
        guard let first = tickets.firstIndex(where: { $0.shard == shard }) else { return }
        commitBefore(first)
        let lost = tickets
        tickets = []
        for entry in lost { broker.shards[entry.shard].stored(upTo: entry.ticket, succeeded: false, now: now) }
        failures += 1
        piece = failures
        for shard in broker.shards { shard.retryRows(now: now) }
        piece = 0
    }

    private func commitBefore(_ first: Int) {
        let taken = tickets[..<first]
        tickets.removeFirst(first)
        for entry in taken {
            committed += entry.rows
            noteMessages(entry.rows)
            model.committed(entry.rows, generations: entry.generations)
            broker.shards[entry.shard].stored(upTo: entry.ticket, succeeded: true, now: now)
        }
    }

    func answer(_ position: Int) {
        guard let plugin, !plugin.questions.isEmpty else { return }
        let question = plugin.questions.remove(at: position % plugin.questions.count)
        _ = broker.pendingHooks[PendingHooks.shard(of: question.token)].complete(
            question.token, question.verdict, nil, by: 1)
        hasMoved = true
    }

    var hasQuestions: Bool { plugin.map { !$0.questions.isEmpty } ?? false }

    // MARK: What the broker says

    func closed(_ transport: UInt64) {
        guard let link = links[transport] else { return }
        link.isClosedByBroker = true
        hasMoved = true
    }

    func heard(_ event: BrokerEvent) {
        log("    broker: \(event.summary)")
        switch event {
        case .connected(let identity, _, _, _, let present, _):
            guard let link = UInt64(identity.address).flatMap({ links[$0] }) else { return }
            model.connected(
                link, will: wills[link.transport], present: present,
                maximumExpiry: scenario.settings.maximumSessionExpiry)
        case .disconnected(let identity, _, let cause, _, _, let will, _, _):
            guard let link = UInt64(identity.address).flatMap({ links[$0] }) else { return }
            model.disconnected(link, cause: cause, will: will, maximum: scenario.settings.maximumSessionExpiry)
        case .sessionEnded(let clientID, let expired):
            if expired, let client = client(clientID) { model.sessionExpired(client) }
        case .dropped(let clientID, let topic, _):
            model.dropped(client: client(clientID), topic: String(decoding: topic, as: UTF8.self))
        case .publishDenied(let identity, let topic, _, _, _):
            if let client = client(identity.clientID) {
                model.denied(publisher: client, topic: String(decoding: topic, as: UTF8.self))
            }
        default: break
        }
    }

    private func client(_ id: [UInt8]) -> Int? { clients.firstIndex { Array($0.name.utf8) == id } }
}
