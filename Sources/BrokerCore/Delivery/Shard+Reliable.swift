// HOT PATH: QoS 1 and 2 within the window: an index into a table, no allocation for sessions that end with their
// connection.
import MQTTCodec

extension Shard {
    /// One message to one session, at any QoS and with everything a delivery can carry.
    func deliver(
        _ session: SessionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>?,
        _ delivery: Delivery, _ made: inout MessageRef?
    ) {
        guard delivery.qos > 0 else {
            guard let connection = session.pointee.connection else {
                drop(session, message, .offlineQoS0)
                return
            }
            guard connection.pointee.output.count < state.pointee.outputLimit else {
                drop(session, message, .outputFull)
                return
            }
            sendPublish(connection, message, entry, delivery, packetID: 0, dup: false)
            return
        }
        if let connection = session.pointee.connection, session.pointee.queue.count == 0,
            session.pointee.window.count < session.pointee.windowLimit
        {
            let slot = session.pointee.window.begin(qos: delivery.qos)
            slot.pointee.retain = delivery.retain
            if session.pointee.flags.contains(.persistent) || delivery.group != 0 {
                slot.pointee.message = block(of: message, &made).retained()
                slot.pointee.subscriptionIDs = SubscriptionIDs(copying: delivery.identifiers)
                slot.pointee.group = delivery.group
                persistInflight(session, connection, slot)
            }
            if !sendPublish(connection, message, entry, delivery, packetID: slot.pointee.packetID, dup: false) {
                persistFinished(session, slot)
                session.pointee.window.finish(slot)
            }
        } else {
            enqueue(session, message, delivery, &made)
        }
    }

    /// The block that holds `message`, made once per publish; the caller of the publish releases it.
    func block(of message: PublishedMessage, _ made: inout MessageRef?) -> MessageRef {
        if let block = message.block { return block }
        if let block = made { return block }
        let block = MessageRef.make(message, id: message.id == 0 ? state.pointee.makeMessageID() : message.id)
        made = block
        return block
    }

    /// Keeps a message for later; at the bound the configured rule acts, and never silently.
    func enqueue(
        _ session: SessionRef, _ message: PublishedMessage, _ delivery: Delivery, _ made: inout MessageRef?
    ) {
        if isQueueFull(session), !mayOverflow(session, message) {
            drop(session, message, .queueFull)
            return
        }
        var entry = QueuedMessage(
            message: block(of: message, &made).retained(),
            subscriptionIDs: SubscriptionIDs(copying: delivery.identifiers), group: delivery.group, qos: delivery.qos,
            retain: delivery.retain)
        state.pointee.counters.messagesQueued &+= 1
        persistQueued(session, &entry)
        session.pointee.queue.append(entry)
        if entry.expiresAt != 0 { watchQueue(session) }
        if session.pointee.flags.contains(.ready) { setReady(session, false) }
    }

    @inline(__always)
    func isQueueFull(_ session: SessionRef) -> Bool {
        session.pointee.queue.count >= settings.maximumQueuedMessages
            || session.pointee.queue.byteCount >= settings.maximumQueuedBytes || isShortOfMemory
    }

    /// With `pause` the publishers wait; what is under way already is still taken, up to twice the bound.
    private func mayOverflow(_ session: SessionRef, _ message: PublishedMessage) -> Bool {
        guard settings.queueFullPolicy == .pause, message.origin == .client else { return false }
        let home = Int(message.publisher >> 56)
        if home != index { holdBack(message.publisher, at: home, for: session) }
        return session.pointee.queue.count < settings.maximumQueuedMessages &* 2
            && session.pointee.queue.byteCount < settings.maximumQueuedBytes &* 2
    }

    /// Asks the shard of a publisher not to read it until `session` has room.
    private func holdBack(_ publisher: UInt64, at home: Int, for session: SessionRef) {
        guard remoteWaiters[session.pointee.id, default: []].insert(publisher).inserted else { return }
        session.pointee.flags.insert(.hasWaiters)
        send(.queueFull(publisher: publisher), to: home)
    }

    /// Sends what waits, as far as the window allows.
    func pump(_ session: SessionRef) {
        guard let connection = session.pointee.connection else { return }
        let limit = session.pointee.windowLimit
        while let slot = session.pointee.window.nextToResend(limit: limit) { resend(slot, of: session, connection) }
        if waitsForStore(session) { return }
        while session.pointee.window.count < limit, session.pointee.queue.loadedCount > 0,
            let entry = session.pointee.queue.popFirst(), let message = entry.message
        {
            if state.pointee.isTracing {
                traceQueued(session, PublishedMessage(message, origin: .client), qos: entry.qos) {
                    sendQueued(session, connection, entry, message)
                }
            } else {
                sendQueued(session, connection, entry, message)
            }
        }
        if session.pointee.queue.storedCount > 0 { loadQueue(session) }
        if hasRoomAgain(session) { wakeWaiters(session) }
        if session.pointee.queue.count == 0, session.pointee.flags.isSuperset(of: .sharing),
            !session.pointee.flags.contains(.ready)
        {
            setReady(session, true)
        }
    }

    /// Sends one message from the queue, unless its time has passed [MQTT-3.3.2-5] or a plugin has something against
    /// it.
    private func sendQueued(
        _ session: SessionRef, _ connection: ConnectionRef, _ queued: QueuedMessage, _ queuedBlock: MessageRef
    ) {
        var (entry, block) = (queued, queuedBlock)
        var message = PublishedMessage(block, origin: .client)
        let expired = message.expiresAt != 0 && message.expiresAt <= now
        switch expired ? .refused(.expired) : decideOutgoing(connection, message, qos: entry.qos) {
        case .asIs: break
        case .edited(let edited):
            block = edited.message.withMessage { MessageRef.make($0, id: state.pointee.makeMessageID()) }
            entry = replaced(entry, by: edited, block, of: session)
            message = PublishedMessage(block, origin: .client)
        case .refused(let reason):
            drop(session, message, reason)
            persistDequeued(session, entry)
            entry.release()
            return
        }
        let slot = session.pointee.window.begin(qos: entry.qos)
        slot.pointee.retain = entry.retain
        let keeps = session.pointee.flags.contains(.persistent) || entry.group != 0
        if keeps {
            slot.pointee.message = block
            slot.pointee.subscriptionIDs = entry.subscriptionIDs
            slot.pointee.group = entry.group
            persistInflight(session, connection, slot, from: entry.position)
        }
        let sent = entry.subscriptionIDs.withIDs { identifiers in
            sendPublish(
                connection, message, nil,
                Delivery(qos: entry.qos, retain: entry.retain, identifiers: identifiers, group: entry.group),
                packetID: slot.pointee.packetID, dup: false)
        }
        if !keeps { entry.release() }
        if !sent {
            persistFinished(session, slot)
            session.pointee.window.finish(slot)
        }
    }

    /// What msg.out made of a message in the queue takes its place.
    private func replaced(
        _ entry: QueuedMessage, by edited: OutgoingMessage, _ block: MessageRef, of session: SessionRef
    ) -> QueuedMessage {
        persistDequeued(session, entry)
        entry.message?.release()
        // What waits for a packet identifier keeps one: it is not sent at QoS 0.
        return QueuedMessage(
            message: block, subscriptionIDs: entry.subscriptionIDs, group: entry.group,
            qos: min(entry.qos, max(1, edited.qos)), retain: edited.retain ?? entry.retain)
    }

    /// Appends a PUBLISH. False: it is larger than the client takes and counts as delivered [MQTT-3.1.2-25].
    @discardableResult
    func sendPublish(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>?,
        _ delivery: Delivery, packetID: UInt16, dup: Bool
    ) -> Bool {
        let version = connection.pointee.version
        if connection.pointee.flags.contains(.mounted) {
            guard let seen = unmounted(message, connection) else {
                drop(connection.pointee.session, message, .deliverDenied)
                return false
            }
            guard encodePublish(connection, seen, entry, delivery, packetID: packetID, dup: dup) else { return false }
        } else if version == .v3_1_1
            || (delivery.identifiers.count == 0 && !connection.pointee.flags.contains(.usesAliases)),
            message.block == nil
        {
            var message = message
            let template = state.pointee.templates.template(
                &message, version: version, qos: delivery.qos, retain: delivery.retain, now: now)
            guard template.count <= Int(connection.pointee.clientPacketLimit) else {
                drop(connection.pointee.session, message, .packetTooLarge)
                return false
            }
            append(
                connection, template, firstByte: 0x30 | (dup ? 8 : 0) | delivery.qos << 1 | (delivery.retain ? 1 : 0),
                packetID: packetID)
        } else {
            guard encodePublish(connection, message, entry, delivery, packetID: packetID, dup: dup) else {
                return false
            }
        }
        countSent(delivery.qos, message.payload.count)
        return true
    }

    /// Encodes for this receiver alone: aliases, subscription identifiers, messages from a queue.
    private func encodePublish(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>?,
        _ delivery: Delivery, packetID: UInt16, dup: Bool
    ) -> Bool {
        let version = connection.pointee.version
        let alias = entry.map { outboundAlias(connection, $0) } ?? (value: 0, isNew: false)
        let frame = OutgoingPublish(
            message, version: version, qos: delivery.qos, retain: delivery.retain, now: now, dup: dup,
            alias: alias.value, omitsTopic: alias.value != 0 && !alias.isNew,
            identifiers: version == .v5_0 ? delivery.identifiers : UnsafeBufferPointer(start: nil, count: 0))
        guard frame.size <= Int(connection.pointee.clientPacketLimit) else {
            if alias.isNew, let entry { connection.extras.outboundAliases[entry.pointee.id] = nil }
            drop(connection.pointee.session, message, .packetTooLarge)
            return false
        }
        let place = connection.pointee.output.reserve(frame.size, pool)
        let packetIDOffset = frame.write(to: place)
        if packetID != 0 {
            place[packetIDOffset] = UInt8(truncatingIfNeeded: packetID >> 8)
            place[packetIDOffset + 1] = UInt8(truncatingIfNeeded: packetID)
        }
        markDirty(connection)
        return true
    }

    /// The alias to send for a topic: the one it has, or a new one while the client allows more [MQTT-3.1.2-26].
    private func outboundAlias(
        _ connection: ConnectionRef, _ entry: UnsafeMutablePointer<TopicEntry>
    ) -> (value: UInt16, isNew: Bool) {
        guard connection.pointee.flags.contains(.usesAliases) else { return (0, false) }
        let extras = connection.extras
        if let alias = extras.outboundAliases[entry.pointee.id] { return (alias, false) }
        guard extras.outboundAliases.count < Int(extras.outboundAliasMaximum) else { return (0, false) }
        let alias = UInt16(extras.outboundAliases.count + 1)
        extras.outboundAliases[entry.pointee.id] = alias
        return (alias, true)
    }

    @inline(__always)
    private func countSent(_ qos: UInt8, _ size: Int) {
        state.pointee.counters.payloadBytesSent &+= UInt64(truncatingIfNeeded: size)
        switch qos {
        case 0: state.pointee.counters.messagesSent.0 &+= 1
        case 1: state.pointee.counters.messagesSent.1 &+= 1
        default: state.pointee.counters.messagesSent.2 &+= 1
        }
    }
}
