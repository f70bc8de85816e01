import MQTTCodec
import PluginABI
import StoreFormat
import Timing

/// One turn of the loop: inbox, timers, hand-over, output.
extension Shard {
    /// Takes what other threads and shards have left for this one. Call after a wake-up.
    public func processInbox(now: Int64) {
        state.pointee.now = now
        hooks.beginTurn(now: now)
        for command in inbox.takeAll() { handle(command) }
        takeAnswers()
        takeHandovers()
    }

    /// Ends the turn: due timers run, what was collected goes out, what ended is freed.
    public func endOfTurn(now: Int64) {
        state.pointee.now = now
        hooks.beginTurn(now: now)
        if answersGoOn { takeAnswers() }
        if let deadline = wheel.nextDeadline, deadline <= now { runTimers() }
        if !refusedConnections.isEmpty { endRefused() }
        if !state.pointee.movingConnections.isEmpty { moveConnections() }
        if !retainedDeliveries.isEmpty { continueRetained() }
        if !dueRetained.isEmpty { expireRetained() }
        // Rows first: what they gate must not leave before they are on their way.
        flushRows()
        if shared.shardCount > 1 { flushHandovers() }
        flushDirty()
        if isDraining { disconnectSettled() }
        if state.pointee.notifiesDelivered { notifyDelivered() }
        freeEnded()
        hooks.sampleBudgets(now: now)
        state.pointee.topics.beginTurn()
    }

    private func flushDirty() {
        repeat {
            var position = 0
            // A connection closed while the list is walked may make others dirty (its will): the list may grow.
            while position < state.pointee.dirty.count {
                flush(state.pointee.dirty[position])
                position += 1
            }
            state.pointee.dirty.removeAll(keepingCapacity: true)
            flushRows()
            // Publishers that waited for a ring may go on here and deliver on this shard as well.
            if shared.shardCount > 1, outgoing.contains(where: { $0.batch != nil }) { flushHandovers() }
        } while !state.pointee.dirty.isEmpty
        flushRows()
    }

    private func runTimers() {
        wheel.advance(to: now) { kind, payload, _ in
            switch TimerKind(rawValue: kind) {
            case .connectTimeout: connectTimedOut(payload)
            case .keepAlive: keepAliveDue(payload)
            case .sessionExpiry: sessionExpired(payload)
            case .will: willDue(payload)
            case .hookDeadline: hookExpired(payload)
            case .credentials: credentialsEnded(payload)
            case .rateResumes: rateResumes(payload)
            case .stats: notifyStats()
            case .retainedExpiry: retainedExpiryDue(payload)
            case .queueExpiry: queueExpiryDue(payload)
            case .groupQueueExpiry: groupQueueExpiryDue(payload)
            case nil: break
            }
        }
    }

    private func handle(_ command: ShardCommand) {
        switch command {
        case .install(let table): install(table)
        case .publish(let message): inject(message)
        case .snapshot(let answer): answer(snapshot())
        case .barrier(let reached): reached()
        case .kickConnection(let id, let reason): kick(id, reason)
        case .kick(let clientID, let reason, let answer):
            guard let connection = findSession(clientID)?.pointee.connection else {
                answer(false)
                return
            }
            disconnect(connection, reason: reason, cause: .kicked)
            answer(true)
        case .revokeVerdicts(let connection): hooks.revokeVerdicts(connection: connection)
        case .recheckSubscriptions: recheckSubscriptions()
        case .shortOfMemory(let isShort): noteMemory(isShort: isShort)
        case .trace(let settings): setTracing(settings)
        case .administer(let body): body(self)
        case .drain: isDraining = true
        case .disconnectAll: disconnectAll { _ in true }
        }
    }

    /// Uses `table` from here on: verdicts that were kept are void.
    public func install(_ table: HookTable) {
        let old = hooks.table
        hooks.table = table
        state.pointee.authorisesPublish = table.hasACLPublish
        state.pointee.editsMessages = table.hasMsgIn
        state.pointee.authorisesDelivery = table.hasACLDeliver
        state.pointee.editsDelivery = table.hasMsgOut
        state.pointee.routesMessages = table.hasMsgRoute
        state.pointee.inspectsDelivery = table.hasACLDeliver || table.hasMsgOut || table.hasMsgRoute
        state.pointee.observesPublishes = observesPublishes(table)
        if state.pointee.isTracing { hooks.setTracing(tracing) }
        state.pointee.storesMessages = table.hasMsgStore
        state.pointee.hooksHaveTopics = table.hasTopics
        state.pointee.hooksSeeMessages =
            table.hasACLPublish || table.hasMsgIn || table.hasMsgStore || state.pointee.inspectsDelivery
            || state.pointee.observesPublishes
        state.pointee.notifiesAcked = table.notifies(HL_HOOK_NOTIFY_ACKED)
        startStats()
        state.pointee.hookGeneration = table.generation
        state.pointee.notifiesPublished = table.notifies(HL_HOOK_NOTIFY_PUBLISHED)
        state.pointee.notifiesDelivered = table.notifies(HL_HOOK_NOTIFY_DELIVERED)
        replayConnected(after: old)
    }

    /// Looks at every connection: administrators and plugins do this, clients do not.
    private func kick(_ id: UInt64, _ reason: ReasonCode) {
        var found: ConnectionRef?
        state.pointee.connections.forEach { _, connection in
            if connection.pointee.id == id, connection.pointee.phase != .closed { found = connection }
        }
        if let found { disconnect(found, reason: reason, cause: .kicked) }
    }

    /// Says good-bye to clients: 5.0 clients learn why.
    private func disconnectAll(where condition: (ConnectionRef) -> Bool) {
        isDraining = true
        state.pointee.connections.forEach { _, connection in
            guard connection.pointee.phase != .closed, condition(connection) else { return }
            disconnect(connection, reason: .serverShuttingDown, cause: .shutdown)
        }
    }

    /// While draining: ends the clients to whom nothing is on its way any more. What their end causes, good-byes and
    /// wills, leaves in this turn: after it they are freed.
    private func disconnectSettled() {
        // Retained messages on their way belong to nobody's window yet.
        guard retainedDeliveries.isEmpty else { return }
        var before: Int
        repeat {
            before = state.pointee.endedConnections.count
            disconnectAll(where: isSettled)
            flushDirty()
        } while state.pointee.endedConnections.count > before
    }

    /// Whether nothing is on its way: neither bytes, nor messages without their acknowledgement, nor the second half of
    /// a QoS 2 publish of the client.
    private func isSettled(_ connection: ConnectionRef) -> Bool {
        guard connection.pointee.output.count == 0 else { return false }
        guard let session = connection.pointee.session else { return true }
        return session.pointee.window.count == 0 && session.pointee.queue.count == 0
            && session.pointee.received.count == 0
    }

    func snapshot() -> ShardSnapshot {
        var (queued, bytes, inflight, online) = (0, 0, 0, 0)
        state.pointee.sessions.forEach { _, session in
            queued += session.pointee.queue.count
            bytes += session.pointee.queue.byteCount
            inflight += Int(session.pointee.window.count)
            online += session.pointee.connection == nil ? 0 : 1
        }
        var snapshot = ShardSnapshot(
            shard: index, connections: state.pointee.connections.count - state.pointee.endedConnections.count,
            sessions: sessions.count, subscriptions: state.pointee.tree.count, retained: shared.retained.count,
            queuedMessages: queued, counters: counters)
        snapshot.queuedBytes = bytes
        snapshot.inflightMessages = inflight
        snapshot.onlineSessions = online
        snapshot.retainedBytes = shared.retained.bytes
        snapshot.connectionsByListener = state.pointee.connectionsByListener
        snapshot.messageSizes = state.pointee.messageSizes.all
        return snapshot
    }

    /// PUBLISH packets accepted from clients so far.
    public var publishCount: UInt64 {
        let received = state.pointee.counters.messagesReceived
        return received.0 &+ received.1 &+ received.2
    }

    /// How long one turn of the loop took, and the calls of ``received(_:_:now:)`` in it that brought `publishes`
    /// messages, in ns. For a sample of the turns: reading a clock costs as much as a message.
    public func note(turn: Int64, reading: Int64, publishes: UInt64) {
        state.pointee.counters.turns.add(turn)
        guard publishes > 0 else { return }
        state.pointee.counters.publishes.add(reading / Int64(clamping: publishes), weight: publishes)
        state.pointee.counters.deliveries.add(turn, weight: publishes)
    }
}

/// Stands in until a loop drives the shard: nothing is sent anywhere.
final class DetachedTransport: ShardTransport {
    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int { -1 }
    func close(_ transport: UInt64, graceful: Bool) {}
    func pauseReading(_ transport: UInt64) {}
    func resumeReading(_ transport: UInt64) {}
    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer) {}
    func wake(shard target: Int) {}
    func persist(_ rows: [StoreRow], ticket: UInt64) {}
    func load(_ messages: [UInt64], for session: UInt64) {}
    func event(_ event: BrokerEvent) {}
}
