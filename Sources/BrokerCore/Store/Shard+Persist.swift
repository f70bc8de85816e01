import MQTTCodec
import Synchronization

/// Which changes become rows. Only sessions that outlive their connection, messages with such a receiver and retained
/// messages do; without a store every function here is one branch.
extension Shard {
    /// Whether rows were collected in this turn.
    var hasRows: Bool { !rows.isEmpty }

    @inline(__always)
    private func isDurable(_ session: SessionRef) -> Bool {
        settings.storeEnabled && session.pointee.flags.contains(.durable)
    }

    func persistSession(_ session: SessionRef) {
        guard settings.storeEnabled else { return }
        guard session.pointee.flags.contains(.persistent) else {
            if session.pointee.flags.contains(.durable) {
                rows.append(.sessionEnded(clientID: session.pointee.clientID))
                session.pointee.flags.remove(.durable)
            }
            return
        }
        session.pointee.flags.insert(.durable)
        rows.append(.session(clientID: session.pointee.clientID, expiry: session.pointee.expiryInterval))
        if let will = session.pointee.will {
            rows.append(.will(clientID: session.pointee.clientID, StoredWill(will)))
        } else {
            rows.append(.willGone(clientID: session.pointee.clientID))
        }
    }

    /// DISCONNECT changed the session's expiry interval; one of 0 ends it, which has a row of its own.
    func persistExpiry(_ session: SessionRef) {
        guard isDurable(session), session.pointee.flags.contains(.persistent) else { return }
        rows.append(.session(clientID: session.pointee.clientID, expiry: session.pointee.expiryInterval))
    }

    func persistOffline(_ session: SessionRef) {
        if isDurable(session) { rows.append(.sessionOffline(clientID: session.pointee.clientID, since: now)) }
    }

    func persistSessionEnd(_ session: SessionRef) {
        if isDurable(session) { rows.append(.sessionEnded(clientID: session.pointee.clientID)) }
    }

    func persistWillGone(_ session: SessionRef) {
        if isDurable(session) { rows.append(.willGone(clientID: session.pointee.clientID)) }
    }

    func persistRewritten(_ session: SessionRef, _ asked: [UInt8], _ entered: [UInt8]) {
        guard isDurable(session) else { return }
        rows.append(.filterRewritten(clientID: session.pointee.clientID, asked: asked, entered: entered))
    }

    func persistSubscription(_ session: SessionRef, _ filter: [UInt8], _ flags: SubscriptionFlags, _ identifier: UInt32)
    {
        guard isDurable(session) else { return }
        rows.append(
            .subscription(
                clientID: session.pointee.clientID, filter: filter, options: flags.rawValue,
                identifier: identifier))
    }

    func persistUnsubscribed(_ session: SessionRef, _ filter: [UInt8]) {
        if isDurable(session) { rows.append(.subscriptionRemoved(clientID: session.pointee.clientID, filter: filter)) }
    }

    func persistQueued(_ session: SessionRef, _ entry: QueuedMessage) {
        guard isDurable(session) else { return }
        persistMessage(entry.message)
        rows.append(
            .queued(
                clientID: session.pointee.clientID,
                StoredDelivery(
                    message: entry.message.pointee.id, qos: entry.qos, retain: entry.retain,
                    identifiers: entry.subscriptionIDs.withIDs { Array($0) }, group: entry.group)))
    }

    func persistDequeued(_ session: SessionRef, _ entry: QueuedMessage) {
        guard isDurable(session) else { return }
        rows.append(.dequeued(clientID: session.pointee.clientID, message: entry.message.pointee.id))
    }

    /// The packet identifier of a message that is about to be sent. A QoS 2 PUBLISH waits for it: after a restart it
    /// must go out under the same identifier.
    func persistInflight(
        _ session: SessionRef, _ connection: ConnectionRef, _ slot: UnsafeMutablePointer<InflightSlot>
    ) {
        guard isDurable(session), let message = slot.pointee.message else { return }
        persistMessage(message)
        rows.append(
            .inflight(
                clientID: session.pointee.clientID, packetID: slot.pointee.packetID,
                StoredDelivery(
                    message: message.pointee.id, qos: slot.pointee.qos, retain: slot.pointee.retain,
                    identifiers: slot.pointee.subscriptionIDs.withIDs { Array($0) }, group: slot.pointee.group)))
        openTicketGate(connection, if: slot.pointee.qos == 2)
    }

    func persistReleasing(_ session: SessionRef, _ slot: UnsafeMutablePointer<InflightSlot>) {
        guard isDurable(session) else { return }
        rows.append(.releasing(clientID: session.pointee.clientID, packetID: slot.pointee.packetID))
    }

    func persistFinished(_ session: SessionRef, _ slot: UnsafeMutablePointer<InflightSlot>) {
        guard isDurable(session) else { return }
        rows.append(.finished(clientID: session.pointee.clientID, packetID: slot.pointee.packetID))
    }

    func persistReceived(_ session: SessionRef, _ packetID: UInt16) {
        if isDurable(session) { rows.append(.received(clientID: session.pointee.clientID, packetID: packetID)) }
    }

    func persistReleased(_ session: SessionRef, _ packetID: UInt16) {
        if isDurable(session) { rows.append(.released(clientID: session.pointee.clientID, packetID: packetID)) }
    }

    func persistRetained(_ message: PublishedMessage, order: UInt64) {
        guard settings.storeEnabled else { return }
        if message.payload.count > 0 {
            rows.append(
                .retained(StoredMessage(message), publisher: clientID(ofSession: message.publisher), order: order))
        } else {
            rows.append(.retainedCleared(topic: Array(message.topic), order: order))
        }
    }

    /// Hands the rows of this turn to the store.
    func flushRows() {
        guard !rows.isEmpty else { return }
        retryLostRows()
        let collected = rows
        rows = []
        let ticket = gates.closeTicket()
        unansweredRows.append((ticket, collected))
        transport.persist(collected, ticket: ticket)
    }

    /// What the store could not commit goes first: nothing later is acknowledged without it.
    func retryLostRows() {
        guard !lostRows.isEmpty else { return }
        rows.insert(contentsOf: lostRows, at: 0)
        lostRows = []
    }

    /// The store's answer for all tickets up to `ticket`.
    func takeAnswer(upTo ticket: UInt64, succeeded: Bool) {
        let count = unansweredRows.prefix { $0.ticket <= ticket }.count
        if !succeeded { lostRows += unansweredRows[..<count].flatMap(\.rows) }
        unansweredRows.removeFirst(count)
    }

    /// A message waits for a shared group whose members are all busy or offline.
    func persistGroupQueued(_ group: UInt32, _ entry: QueuedMessage) {
        guard settings.storeEnabled, let serial = groupSerials[group] else { return }
        persistMessage(entry.message)
        rows.append(
            .groupQueued(
                subscription: subscription(of: group), group: serial, message: entry.message.pointee.id, qos: entry.qos)
        )
    }

    func persistGroup(_ group: UInt64, _ subscription: @autoclosure () -> [UInt8]) {
        if settings.storeEnabled { rows.append(.group(group, subscription: subscription())) }
    }

    func persistGroupEnd(_ group: UInt64) {
        if settings.storeEnabled { rows.append(.groupEnded(group)) }
    }

    func persistGroupDequeued(_ group: UInt64, _ message: MessageRef) {
        if settings.storeEnabled { rows.append(.groupDequeued(group: group, message: message.pointee.id)) }
    }

    /// The message itself, once however many sessions receive it.
    private func persistMessage(_ message: MessageRef) {
        guard !message.pointee.persisted.exchange(true, ordering: .relaxed) else { return }
        rows.append(
            .message(id: message.pointee.id, StoredMessage(PublishedMessage(message, origin: .client))))
    }

    /// Lends the message of a will.
    func withMessage<Result>(of will: Will, _ body: (PublishedMessage) -> Result) -> Result {
        will.topic.withUnsafeBytes { topic in
            will.payload.withUnsafeBytes { payload in
                will.properties.withUnsafeBytes { properties in
                    body(
                        PublishedMessage(
                            topic: topic, properties: properties, payload: payload, qos: will.qos,
                            retain: will.retain, origin: .will))
                }
            }
        }
    }
}
