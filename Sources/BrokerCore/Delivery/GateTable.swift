/// The gate of the message being delivered, made when the first other shard takes the message.
struct DeliveryGate {
    let owner: GateTable.Owner
    var gate: UInt64?
}

/// What output waits for before it may leave: the store's commit of this turn, and the answers of other shards that
/// queued the same message. Acknowledgement means durable.
struct GateTable {
    /// Who is told when a gate opens.
    enum Owner {
        /// A connection of this shard, by slab handle: its output goes on.
        case connection(UInt64)
        /// A gate of another shard, of which this one is a part.
        case shard(Int, gate: UInt64)
        /// A message whose publisher is told what became of it, by number.
        case tally(UInt64)
    }

    private struct Gate {
        var owner: Owner
        var openParts: Int
        var succeeded = true
    }
    private var closed: [UInt64: Gate] = [:]
    /// Gates that wait for the commit with this ticket, oldest first.
    private var byTicket: [(ticket: UInt64, gate: UInt64)] = []
    private var nextGate: UInt64 = 1
    /// Ticket of the rows collected in this turn.
    private(set) var ticket: UInt64 = 1
    /// The last ticket the store has answered.
    private var answered: UInt64 = 0

    /// Makes a gate that opens when `parts` events have come.
    mutating func make(parts: Int, owner: Owner) -> UInt64 {
        let gate = nextGate
        nextGate += 1
        closed[gate] = Gate(owner: owner, openParts: parts)
        return gate
    }

    /// The commit that makes everything up to now durable; nil when nothing waits for one.
    /// - Parameter hasRows: rows were collected since the last ticket.
    func openTicket(hasRows: Bool) -> UInt64? {
        if hasRows { return ticket }
        return answered + 1 < ticket ? ticket - 1 : nil
    }

    /// Makes `gate` wait for the commit of `ticket` as well, which is one that ``openTicket(hasRows:)`` gave.
    mutating func addCommit(_ ticket: UInt64, to gate: UInt64) {
        closed[gate]?.openParts += 1
        byTicket.append((ticket, gate))
    }

    /// Makes `gate` wait for one event more.
    mutating func addPart(to gate: UInt64) { closed[gate]?.openParts += 1 }

    /// From now on `connection` waits for `gate`.
    mutating func hand(_ gate: UInt64, to connection: UInt64) { closed[gate]?.owner = .connection(connection) }

    /// One part of `gate` has come. Not nil: it was the last one, and this is who waits and how it went.
    mutating func partDone(_ gate: UInt64, succeeded: Bool) -> (owner: Owner, succeeded: Bool)? {
        guard var entry = closed[gate] else { return nil }
        entry.openParts -= 1
        if !succeeded { entry.succeeded = false }
        guard entry.openParts <= 0 else {
            closed[gate] = entry
            return nil
        }
        closed[gate] = nil
        return (entry.owner, entry.succeeded)
    }

    func isClosed(_ gate: UInt64) -> Bool { closed[gate] != nil }

    /// The gates whose commit is part of all tickets up to `ticket`.
    mutating func takeGates(upTo ticket: UInt64) -> [UInt64] {
        answered = max(answered, ticket)
        var count = 0
        while count < byTicket.count, byTicket[count].ticket <= ticket { count += 1 }
        let gates = byTicket[..<count].map(\.gate)
        byTicket.removeFirst(count)
        return gates
    }

    /// Ends the collection of rows for this ticket.
    mutating func closeTicket() -> UInt64 {
        defer { ticket += 1 }
        return ticket
    }
}
