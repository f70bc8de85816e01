import MQTTCodec

/// Output that waits for the store. Costs nothing when no store is configured.
extension Shard {
    /// What follows in the connection's output waits until all changes up to now are committed.
    @inline(__always)
    func openTicketGate(_ connection: ConnectionRef, if needed: Bool) {
        if state.pointee.isStoreEnabled && needed { addTicketGate(connection) }
    }

    @inline(never)
    private func addTicketGate(_ connection: ConnectionRef) {
        retryLostRows()
        guard let ticket = gates.openTicket(hasRows: hasRows), connection.extras.gates.last?.ticket != ticket else {
            return
        }
        let gate = gates.make(parts: 0, owner: .connection(connection.pointee.handle))
        gates.addCommit(ticket, to: gate)
        addGate(connection, gate, ticket: ticket)
    }

    /// What follows in the connection's output waits until every shard has committed what it holds: a repeated message
    /// may be queued on any of them, and its first commit may have failed.
    @inline(never)
    func addBarrier(_ connection: ConnectionRef) {
        addTicketGate(connection)
        guard shared.shardCount > 1 else { return }
        let gate = gates.make(parts: shared.shardCount - 1, owner: .connection(connection.pointee.handle))
        for target in 0..<shared.shardCount where target != index { send(.barrier(gate: gate), to: target) }
        addGate(connection, gate)
    }

    /// Another shard waits until everything here is committed.
    func barrier(_ gate: UInt64, from source: Int) {
        retryLostRows()
        if let ticket = gates.openTicket(hasRows: hasRows) {
            gates.addCommit(ticket, to: gates.make(parts: 0, owner: .shard(source, gate: gate)))
        } else {
            send(.gateDone(gate: gate, succeeded: true), to: source)
        }
    }

    /// What follows in the connection's output waits for `gate`.
    func addGate(_ connection: ConnectionRef, _ gate: UInt64, ticket: UInt64 = 0) {
        connection.extras.gates.append(
            OutputGate(position: connection.pointee.output.count, gate: gate, ticket: ticket))
        connection.pointee.flags.insert(.gated)
    }

    /// The connection of a session ends while what it was to be told waits for the store: the next one waits as well,
    /// or a repeated PUBLISH would be acknowledged before the first is durable.
    func keepGates(of connection: ConnectionRef, for session: SessionRef) {
        guard connection.pointee.flags.contains(.gated) else { return }
        session.pointee.openGates = connection.extras.gates.map(\.gate).filter { gates.isClosed($0) }
    }

    /// The other half of ``keepGates(of:for:)``.
    func takeGates(of session: SessionRef, for connection: ConnectionRef) {
        for gate in session.pointee.openGates where gates.isClosed(gate) {
            gates.hand(gate, to: connection.pointee.handle)
            addGate(connection, gate)
        }
        session.pointee.openGates = []
    }

    /// Bytes of output that may leave: up to the first gate that is still closed.
    func openOutput(_ connection: ConnectionRef) -> Int {
        let extras = connection.extras
        while let first = extras.gates.first, !gates.isClosed(first.gate) { extras.gates.removeFirst() }
        guard let first = extras.gates.first else {
            connection.pointee.flags.remove(.gated)
            return connection.pointee.output.count
        }
        return first.position
    }

    func moveGates(_ connection: ConnectionRef, by count: Int) {
        let extras = connection.extras
        for index in extras.gates.indices { extras.gates[index].position -= count }
    }

    /// The gate that the shard about to get the message at hand has to open; 0 when nobody waits for it.
    func partOfDeliveryGate() -> UInt64 {
        guard let waiting = deliveryGate else { return 0 }
        if let gate = waiting.gate {
            gates.addPart(to: gate)
            return gate
        }
        let gate = gates.make(parts: 1, owner: waiting.owner)
        deliveryGate?.gate = gate
        return gate
    }

    /// One of the things a gate waits for has come.
    func gatePartDone(_ gate: UInt64, succeeded: Bool) {
        guard let outcome = gates.partDone(gate, succeeded: succeeded) else { return }
        switch outcome.owner {
        case .connection(let handle):
            guard let connection = state.pointee.connections.find(handle), connection.pointee.phase != .closed else {
                return
            }
            if outcome.succeeded { markDirty(connection) } else { storeFailed(connection) }
        case .shard(let index, let remoteGate):
            send(.gateDone(gate: remoteGate, succeeded: outcome.succeeded), to: index)
        case .tally(let serial): tallyGateDone(serial, succeeded: outcome.succeeded)
        }
    }

    /// The store cannot keep what was to be acknowledged: a 5.0 client is told 0x97, any is cut off. Never silence,
    /// never a false acknowledgement.
    func storeFailed(_ connection: ConnectionRef) {
        connection.pointee.output.releaseMemory(pool)
        connection.extras.gates = []
        connection.pointee.flags.remove(.gated)
        guard connection.pointee.flags.contains(.answered) else {
            // Its CONNACK was among what waited, and nothing may precede it [MQTT-3.14.0-1].
            refuse(connection, .quotaExceeded, "the store cannot keep the session")
            return
        }
        disconnect(connection, reason: .quotaExceeded, cause: .limit("the store cannot keep the message"))
    }
}
