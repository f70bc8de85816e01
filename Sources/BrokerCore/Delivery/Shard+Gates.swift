import MQTTCodec

/// Output that waits for the store. Costs nothing when no store is configured.
extension Shard {
    /// What follows in the connection's output waits for the rows of this turn.
    @inline(__always)
    func openTicketGate(_ connection: ConnectionRef, if needed: Bool) {
        if settings.storeEnabled && needed { addTicketGate(connection) }
    }

    @inline(never)
    private func addTicketGate(_ connection: ConnectionRef) {
        let gate = gates.make(parts: 0, owner: .connection(connection.pointee.handle))
        gates.addCommit(to: gate)
        addGate(connection, gate)
    }

    /// What follows in the connection's output waits for `gate`.
    func addGate(_ connection: ConnectionRef, _ gate: UInt64) {
        connection.extras.gates.append(OutputGate(position: connection.pointee.output.count, gate: gate))
        connection.pointee.flags.insert(.gated)
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

    /// The store has committed everything up to `ticket`, or has failed to.
    public func stored(upTo ticket: UInt64, succeeded: Bool, now: Int64) {
        state.pointee.now = now
        for gate in gates.takeGates(upTo: ticket) { gatePartDone(gate, succeeded: succeeded) }
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
        }
    }

    /// The store cannot keep what was to be acknowledged: a 5.0 client is told 0x97, any is cut off. Never silence,
    /// never a false acknowledgement.
    private func storeFailed(_ connection: ConnectionRef) {
        connection.pointee.output.releaseMemory(pool)
        connection.extras.gates = []
        connection.pointee.flags.remove(.gated)
        disconnect(connection, reason: .quotaExceeded, cause: .limit("the store cannot keep the message"))
    }
}
