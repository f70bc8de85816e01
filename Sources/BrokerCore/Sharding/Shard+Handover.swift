import MQTTCodec
import StoreFormat

/// Messages and controls between shards: one batch per turn and pair.
extension Shard {
    /// Copies `message` into the batches of the shards in `mask`.
    @inline(never)
    func handOver(_ message: PublishedMessage, to mask: UInt64) {
        var rest = mask
        while rest != 0 {
            let target = rest.trailingZeroBitCount
            rest &= rest &- 1
            let handover = handoverRow(message, to: target)
            outgoing[target].current().append(
                message, gate: partOfDeliveryGate(), handover: handover, route: route, tally: tally)
            if outgoing[target].isFull { state.pointee.isHandoverFull = true }
            state.pointee.counters.handedOver &+= 1
        }
    }

    /// Tells shard `target` something; itself at once.
    func send(_ control: ShardControl, to target: Int) {
        if target == index {
            handle(control, from: index)
        } else {
            outgoing[target].current().controls.append(control)
        }
    }

    /// End of turn: hands over what was collected. Publishers held back by a full ring go on when it has room.
    func flushHandovers() {
        isHandoverBlocked = false
        for target in outgoing.indices where target != index {
            if outgoing[target].flush() {
                transport.wake(shard: target)
            } else if outgoing[target].batch != nil {
                isHandoverBlocked = true
            }
        }
        state.pointee.isHandoverFull = outgoing.contains(where: \.isFull)
        resumeWaiters()
    }

    /// Publishers that were held back go on, when nothing holds them back any more.
    func resumeWaiters() {
        guard !handoverWaiters.isEmpty, !state.pointee.isHandoverFull, !shared.isStoreBehind else { return }
        let waiters = handoverWaiters
        handoverWaiters = []
        for handle in waiters {
            guard let connection = state.pointee.connections.find(handle) else { continue }
            connection.pointee.flags.remove(.backpressure)
            resumeInput(connection)
        }
    }

    /// Holds the publisher back while a hand-over ring is full or the store is behind: no loop blocks, no memory grows
    /// without bound.
    @inline(never)
    func waitForHandover(_ connection: ConnectionRef) {
        guard !connection.pointee.flags.contains(.backpressure) else { return }
        connection.pointee.flags.insert(.backpressure)
        handoverWaiters.append(connection.pointee.handle)
    }

    /// Takes what other shards have handed over.
    func takeHandovers() {
        for source in 0..<shared.shardCount where source != index {
            let ring = shared.ring(from: source, to: index)
            // Bounded: a shard that never stops sending does not keep this one from its own sockets.
            for _ in 0..<HandoverRing.capacity {
                guard let batch = ring.pop() else { break }
                for control in batch.controls { handle(control, from: source) }
                batch.forEach { record, message in
                    if record.route != 0 { route = batch.routes[Int(record.route) - 1] }
                    if record.tally != 0 { beginCounting(for: batch.tallies[Int(record.tally) - 1]) }
                    receive(record, message, from: source)
                    if record.tally != 0 { endCounting() }
                    if record.route != 0 { route = nil }
                }
            }
        }
    }

    private func receive(_ record: HandoverRecord, _ message: PublishedMessage, from source: Int) {
        // What has to arrive exactly once does so over any number of shards.
        writesHandovers = record.handover != 0
        receiveOnce(record, message, from: source)
        writesHandovers = false
        if record.handover != 0 { rows.append(.taken(id: record.handover)) }
    }

    private func receiveOnce(_ record: HandoverRecord, _ message: PublishedMessage, from source: Int) {
        guard record.gate != 0 else {
            deliver(record, message)
            return
        }
        if state.pointee.isStoreFailing, wouldStore(record, message) {
            send(.gateDone(gate: record.gate, succeeded: false), to: source)
            return
        }
        let owner = GateTable.Owner.shard(source, gate: record.gate)
        deliveryGate = DeliveryGate(owner: owner)
        let rowsBefore = rows.count
        deliver(record, message)
        let collected = deliveryGate?.gate
        deliveryGate = nil
        if rows.count > rowsBefore {
            gates.addCommit(gates.ticket, to: collected ?? gates.make(parts: 0, owner: owner))
        } else if collected == nil {
            send(.gateDone(gate: record.gate, succeeded: true), to: source)
        }
    }

    private func deliver(_ record: HandoverRecord, _ message: PublishedMessage) {
        if state.pointee.isTracing {
            deliverTraced(message) { deliverHandedOver(record, message) }
        } else {
            deliverHandedOver(record, message)
        }
    }

    private func deliverHandedOver(_ record: HandoverRecord, _ message: PublishedMessage) {
        // Its time has passed between two shards [MQTT-3.3.2-5].
        guard message.expiresAt == 0 || message.expiresAt > now else {
            drop(nil, message, .expired)
            return
        }
        guard record.session == 0 else {
            receiveForMember(record, message)
            return
        }
        guard let base = message.topic.baseAddress else { return }
        var message = message
        let entry = topicEntry(base, message.topic.count)
        // With a trace of its own it has one receiver's span after the other.
        _ = state.pointee.isTracing ? deliverHereTraced(&message, entry) : deliverHere(&message, entry)
    }

    private func handle(_ control: ShardControl, from source: Int) {
        switch control {
        case .gateDone(let gate, let succeeded): gatePartDone(gate, succeeded: succeeded)
        case .barrier(let gate): barrier(gate, from: source)
        case .groupJoin(let name, let filter, let session, let flags, let identifier, let isReady, let gate):
            let member = SharedGroups.Member(
                sessionID: session, session: nil, homeShard: UInt16(session >> 56),
                flags: SubscriptionFlags(rawValue: flags), identifier: identifier, isReady: isReady)
            memberJoins(name, filter, member)
            if gate != 0 { send(.gateDone(gate: gate, succeeded: true), to: source) }
        case .groupLeave(let name, let filter, let session): memberLeaves(name, filter, session)
        case .groupReady(let session, let isReady): memberIsReady(session, isReady)
        case .queueFull(let publisher): holdBack(publisher: publisher, true)
        case .queueHasRoom(let publisher): holdBack(publisher: publisher, false)
        case .handoverRewritten(let id): rows.append(.taken(id: id))
        }
    }
}
