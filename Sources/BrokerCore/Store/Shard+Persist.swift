import MQTTCodec
import StoreFormat

/// Which changes become rows. Only sessions that outlive their connection, messages with such a receiver and retained
/// messages do; without a store every function here is one branch.
extension Shard {
    @inline(__always)
    private func isDurable(_ session: SessionRef) -> Bool {
        state.pointee.isStoreEnabled && session.pointee.flags.contains(.durable)
    }

    func persistSession(_ session: SessionRef) {
        guard state.pointee.isStoreEnabled else { return }
        guard session.pointee.flags.contains(.persistent) else {
            persistSessionEnd(session)
            session.pointee.flags.remove(.durable)
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
        guard isDurable(session) else { return }
        rows.append(.sessionEnded(clientID: session.pointee.clientID))
        for slot in session.pointee.window.inOrder() {
            if let message = slot.pointee.message { forgetStored(message) }
        }
        session.pointee.queue.forEach { forgetStored($0) }
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

    /// Gives the entry its position.
    func persistQueued(_ session: SessionRef, _ entry: inout QueuedMessage) {
        guard isDurable(session) else { return }
        session.pointee.lastPosition += 1
        entry.position = session.pointee.lastPosition
        guard let message = entry.message else { return }
        entry.storeID = persistMessage(message)
        var delivery = StoredDelivery(
            message: entry.storeID, qos: entry.qos, retain: entry.retain,
            identifiers: entry.subscriptionIDs.withIDs { Array($0) }, group: entry.group, position: entry.position)
        delivery.size = UInt32(clamping: entry.byteCount)
        delivery.expiresAt = entry.expiresAt
        rows.append(.queued(clientID: session.pointee.clientID, delivery))
        // One behind others that are in the store alone, or behind enough that are not. A group's may have to go back.
        guard entry.group == 0,
            session.pointee.queue.storedCount > 0 || session.pointee.queue.count >= settings.queueWindow
        else { return }
        entry.message = nil
        message.release()
    }

    func persistDequeued(_ session: SessionRef, _ entry: QueuedMessage) {
        guard isDurable(session), entry.position > 0 else { return }
        rows.append(
            .dequeued(
                clientID: session.pointee.clientID, message: entry.storeID, position: entry.position))
        forgetStored(entry)
    }

    /// The packet identifier of a message that is about to be sent. A QoS 2 PUBLISH waits for it: after a restart it
    /// must go out under the same identifier.
    /// - Parameter position: where it was queued; 0 = it was not.
    func persistInflight(
        _ session: SessionRef, _ connection: ConnectionRef, _ slot: UnsafeMutablePointer<InflightSlot>,
        from position: UInt64 = 0
    ) {
        guard isDurable(session), let message = slot.pointee.message else { return }
        rows.append(
            .inflight(
                clientID: session.pointee.clientID, packetID: slot.pointee.packetID,
                StoredDelivery(
                    message: position > 0 ? message.pointee.storeID : persistMessage(message), qos: slot.pointee.qos,
                    retain: slot.pointee.retain, identifiers: slot.pointee.subscriptionIDs.withIDs { Array($0) },
                    group: slot.pointee.group, position: position)))
        openTicketGate(connection, if: slot.pointee.qos == 2)
    }

    func persistReleasing(_ session: SessionRef, _ slot: UnsafeMutablePointer<InflightSlot>) {
        guard isDurable(session) else { return }
        rows.append(.releasing(clientID: session.pointee.clientID, packetID: slot.pointee.packetID))
        if let message = slot.pointee.message { forgetStored(message) }
    }

    func persistFinished(_ session: SessionRef, _ slot: UnsafeMutablePointer<InflightSlot>) {
        guard isDurable(session) else { return }
        rows.append(.finished(clientID: session.pointee.clientID, packetID: slot.pointee.packetID))
        if let message = slot.pointee.message { forgetStored(message) }
    }

    func persistReceived(_ session: SessionRef, _ packetID: UInt16) {
        if isDurable(session) { rows.append(.received(clientID: session.pointee.clientID, packetID: packetID)) }
    }

    func persistReleased(_ session: SessionRef, _ packetID: UInt16) {
        if isDurable(session) { rows.append(.released(clientID: session.pointee.clientID, packetID: packetID)) }
    }

    private static var systemTopics: [UInt8] { [0x24, 0x53, 0x59, 0x53, 0x2F] }

    func persistRetained(_ message: PublishedMessage, order: UInt64) {
        // What the broker says about itself is true of this run only.
        guard state.pointee.isStoreEnabled, !message.topic.starts(with: Self.systemTopics) else { return }
        if message.payload.count > 0 {
            rows.append(
                .retained(StoredMessage(message), publisher: clientID(ofSession: message.publisher), order: order))
        } else {
            rows.append(.retainedCleared(topic: Array(message.topic), order: order))
        }
    }

    /// The time of a topic's retained message has passed.
    func persistRetainedGone(_ topic: [UInt8], order: UInt64) {
        if state.pointee.isStoreEnabled { rows.append(.retainedCleared(topic: topic, order: order)) }
    }

    /// A message waits for a shared group whose members are all busy or offline. Gives the entry its position.
    func persistGroupQueued(_ group: UInt32, _ entry: inout QueuedMessage) {
        guard state.pointee.isStoreEnabled, let serial = groupSerials[group] else { return }
        lastGroupPosition += 1
        entry.position = lastGroupPosition
        guard let message = entry.message else { return }
        entry.storeID = persistMessage(message)
        rows.append(
            .groupQueued(
                subscription: subscription(of: group), group: serial, message: entry.storeID,
                qos: entry.qos, position: entry.position))
    }

    func persistGroup(_ group: UInt64, _ subscription: @autoclosure () -> [UInt8]) {
        if state.pointee.isStoreEnabled { rows.append(.group(group, subscription: subscription())) }
    }

    func persistGroupEnd(_ group: UInt64) {
        if state.pointee.isStoreEnabled { rows.append(.groupEnded(group)) }
    }

    func persistGroupDequeued(_ group: UInt64, _ entry: QueuedMessage) {
        guard state.pointee.isStoreEnabled, entry.position > 0 else { return }
        rows.append(
            .groupDequeued(group: group, message: entry.storeID, position: entry.position))
        forgetStored(entry)
    }

    /// The row of a message that is handed to another shard, when it has to arrive there exactly once; 0 = none.
    /// - Parameter group: the shared group it is for; 0 = everybody there.
    func handoverRow(_ message: PublishedMessage, to target: Int, group: UInt64 = 0) -> UInt64 {
        guard writesHandovers, message.qos > 0 else { return 0 }
        let id = state.pointee.makeMessageID()
        var handover = StoredHandover(
            seed: shared.seed, shards: UInt8(truncatingIfNeeded: shared.shardCount),
            target: UInt8(truncatingIfNeeded: target), group: group, message: StoredMessage(message))
        if group == 0, let route {
            handover.removed = route.removed.sorted { $0.lexicographicallyPrecedes($1) }
            handover.added = route.added.map { StoredReceiver(clientID: $0.clientID, qos: $0.qos) }
        }
        rows.append(.handedOver(id: id, handover))
        return id
    }

    /// The row of the message itself, once however many sessions of this shard receive it; one more row names it.
    private func persistMessage(_ message: MessageRef) -> UInt64 {
        if message.pointee.storeID == 0 {
            // Not the message's own number: several shards may store it.
            message.pointee.storeID = state.pointee.makeMessageID()
            rows.append(
                .message(id: message.pointee.storeID, StoredMessage(PublishedMessage(message, origin: .client))))
        } else {
            storeReferences[message.pointee.storeID, default: 1] += 1
        }
        return message.pointee.storeID
    }

    private func forgetStored(_ message: MessageRef) {
        if forgetStored(message.pointee.storeID) { message.pointee.storeID = 0 }
    }

    private func forgetStored(_ entry: QueuedMessage) {
        if forgetStored(entry.storeID), let message = entry.message { message.pointee.storeID = 0 }
    }

    /// One row less names the message; with the last one it goes. True: it was the last.
    private func forgetStored(_ id: UInt64) -> Bool {
        guard id != 0 else { return false }
        if let others = storeReferences[id] {
            storeReferences[id] = others > 2 ? others - 1 : nil
            return false
        }
        if sharedMessages.remove(id) != nil {
            droppedShares.append(id)
        } else {
            rows.append(.messageGone(id: id))
        }
        return true
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
