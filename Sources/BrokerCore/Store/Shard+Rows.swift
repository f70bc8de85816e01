import MQTTCodec
import StoreFormat

/// Rows on their way to the store and back: one ticket per turn, kept until it is answered.
extension Shard {
    /// Bytes of rows without an answer above which publishers are held back, and below half of which they go on.
    private static var maximumUnansweredBytes: Int { 8 << 20 }

    /// Whether rows were collected in this turn.
    var hasRows: Bool { !rows.isEmpty }

    /// Hands the rows of this turn to the store. While it fails they go alone, and join what was lost.
    func flushRows() {
        guard !rows.isEmpty else { return }
        if !state.pointee.isStoreFailing { retryLostRows() }
        let collected = rows
        rows = []
        let ticket = gates.closeTicket()
        let bytes = collected.reduce(0) { $0 + $1.byteCount }
        unansweredRows.append((ticket, bytes, collected))
        unansweredBytes += bytes
        if unansweredBytes > Self.maximumUnansweredBytes, !state.pointee.isStoreBehind {
            state.pointee.isStoreBehind = true
            shared.countShardsBehindStore(1)
        }
        transport.persist(collected, ticket: ticket)
        guard !droppedShares.isEmpty else { return }
        // After the rows that named them: no other shard can be the last before these are on their way.
        rows += shared.dropShares(droppedShares).map { .messageGone(id: $0) }
        droppedShares = []
    }

    /// What the store could not commit goes first: nothing later is acknowledged without it.
    func retryLostRows() {
        guard !lostRows.isEmpty else { return }
        for case .handedOver(let id, let handover) in lostRows where handover.seed == shared.seed {
            send(.handoverRewritten(id), to: Int(handover.target))
        }
        rows.insert(contentsOf: lostRows, at: 0)
        lostRows = []
        thinnedRows = 0
    }

    /// Hands over again what the store has failed to commit, though nothing new has happened.
    public func retryRows(now: Int64) {
        state.pointee.now = now
        retryLostRows()
        flushRows()
    }

    /// The store has committed everything up to `ticket`, or has failed to. The rows of a commit that failed are handed
    /// over again by ``retryRows(now:)``.
    public func stored(upTo ticket: UInt64, succeeded: Bool, now: Int64) {
        state.pointee.now = now
        state.pointee.isStoreFailing = !succeeded
        takeAnswer(upTo: ticket, succeeded: succeeded)
        tracing?.stored(upTo: ticket, succeeded: succeeded)
        for gate in gates.takeGates(upTo: ticket) { gatePartDone(gate, succeeded: succeeded) }
        guard state.pointee.isStoreBehind, unansweredBytes * 2 <= Self.maximumUnansweredBytes else { return }
        state.pointee.isStoreBehind = false
        shared.countShardsBehindStore(-1)
        for other in 0..<shared.shardCount where other != index { transport.wake(shard: other) }
        resumeWaiters()
        resumeQueues()
    }

    /// The store's answer for all tickets up to `ticket`.
    private func takeAnswer(upTo ticket: UInt64, succeeded: Bool) {
        let count = unansweredRows.prefix { $0.ticket <= ticket }.count
        if !succeeded {
            for entry in unansweredRows[..<count] { lostRows += entry.rows }
            lostRows.thinOut(above: &thinnedRows)
        }
        unansweredBytes -= unansweredRows[..<count].reduce(0) { $0 + $1.bytes }
        unansweredRows.removeFirst(count)
    }

    // MARK: While the store fails

    /// Whether the store would have to keep a message that came from another shard.
    func wouldStore(_ record: HandoverRecord, _ message: PublishedMessage) -> Bool {
        guard record.session == 0, let base = message.topic.baseAddress else { return true }
        return hasDurableReceiver(message, topicEntry(base, message.topic.count))
    }

    private func hasDurableReceiver(
        _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>
    ) -> Bool {
        let result = state.pointee.tree.match(entry)
        if result.pointee.groups.count > 0 { return true }
        return result.pointee.targets.contains { target in
            min(target.qos, message.qos) > 0 && target.session.assumingMemoryBound(to: Session.self).pointee.isDurable
        }
    }

    /// Whether the message of a plugin is refused: a session would have to keep it. One that is only retained goes on:
    /// nobody was promised that it survives, and the store gets the last one of each topic when it works again.
    func refusesInjected(_ message: PublishedMessage) -> Bool {
        guard state.pointee.isStoreFailing, message.qos > 0, let base = message.topic.baseAddress else { return false }
        return hasDurableReceiver(message, topicEntry(base, message.topic.count))
    }

    /// Whether a session that would have to be kept is refused: one that is new, and one whose rows would change.
    func refusesSession(_ clientID: [UInt8], expiry: UInt32) -> Bool {
        guard state.pointee.isStoreFailing else { return false }
        return expiry > 0 || findSession(clientID)?.pointee.isDurable == true
    }

    /// The store cannot keep what it would have to: the message is refused before anybody gets it. Traffic that nothing
    /// has to be kept of goes on.
    @inline(never)
    func refusesDurable(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        ack: PacketType, _ packetID: UInt16
    ) -> Bool {
        let keepsIdentifier = message.qos == 2 && connection.pointee.session.map { $0.pointee.isDurable } ?? false
        guard message.retain || keepsIdentifier || hasDurableReceiver(message, entry) else { return false }
        if connection.pointee.version == .v5_0 {
            sendAck(connection, ack, packetID, .quotaExceeded)
        } else {
            disconnect(connection, reason: .quotaExceeded, cause: .limit("the store cannot keep the message"))
        }
        return true
    }
}

extension [StoreRow] {
    /// Leaves out changes of retained messages that later ones have overtaken: of a topic the store is given what is
    /// retained when it works again. Everything else is bounded by what there was when the store failed, since nothing
    /// that would have to be kept is taken meanwhile.
    /// - Parameter size: rows that were left the last time; nothing is done before there are twice as many.
    fileprivate mutating func thinOut(above size: inout Int) {
        guard count > 2 * size + 1024 else { return }
        var known: Set<[UInt8]> = []
        var kept: [StoreRow] = []
        for row in reversed() {
            switch row {
            case .retained(let message, _, _): if known.insert(message.topic).inserted { kept.append(row) }
            case .retainedCleared(let topic, _): if known.insert(topic).inserted { kept.append(row) }
            default: kept.append(row)
            }
        }
        self = kept.reversed()
        size = count
    }
}

extension StoreRow {
    /// About how much memory and disk it takes.
    fileprivate var byteCount: Int {
        switch self {
        case .message(_, let message), .retained(let message, _, _): 128 + message.byteCount
        case .handedOver(_, let handover): 128 + handover.message.byteCount
        default: 128
        }
    }
}

extension StoredMessage {
    fileprivate var byteCount: Int { topic.count + properties.count + payload.count }

    init(_ message: PublishedMessage) {
        self.init(
            topic: Array(message.topic), properties: Array(message.properties), payload: Array(message.payload),
            qos: message.qos, retain: message.retain, expiresAt: message.expiresAt)
    }
}
