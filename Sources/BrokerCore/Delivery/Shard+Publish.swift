// HOT PATH: no allocation and no reference count per QoS 0 delivery.
import MQTTCodec

extension Shard {
    /// Hands `message` to everyone who receives it: retained store, sessions of this shard, shared groups, other
    /// shards. Returns whether anybody may have received it.
    @inline(__always)
    @discardableResult
    func publish(_ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>) -> Bool {
        if state.pointee.observesPublishes {
            return state.pointee.isTracing ? publishTraced(message, entry) : publishObserved(message, entry)
        }
        if message.pointee.retain { storeRetained(message.pointee) }
        return handOut(message, entry, also: 0)
    }

    /// Delivers here and hands the message to other shards: those that may have a receiver, and those in `also`.
    @inline(__always)
    private func handOut(
        _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>, also: UInt64, isTraced: Bool = false
    ) -> Bool {
        var matched = isTraced ? deliverHereTraced(message, entry) : deliverHere(message, entry)
        if shared.shardCount > 1 {
            let others = (shared.summaries.interest(of: entry) | also) & ~(1 &<< UInt64(index))
            if others != 0 {
                handOver(message.pointee, to: others)
                matched = true
            }
        }
        return matched
    }

    /// As `publish`, with msg.route, notify.published and spans.
    @inline(never)
    func publishObserved(
        _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>
    ) -> Bool {
        if message.pointee.id == 0 { message.pointee.id = state.pointee.makeMessageID() }
        if state.pointee.notifiesPublished { notifyPublished(message.pointee, entry) }
        if message.pointee.retain { storeRetained(message.pointee) }
        let isTraced = tracing?.current?.messageID == message.pointee.id
        guard state.pointee.routesMessages, let edits = askRoute(message.pointee, entry) else {
            return handOut(message, entry, also: 0, isTraced: isTraced)
        }
        if edits.dropsAll {
            drop(nil, message.pointee, .pluginDropped)
            return false
        }
        route = edits
        defer { route = nil }
        let homes = edits.added.reduce(UInt64(0)) { $0 | 1 << UInt64(shared.homeShard(of: $1.clientID)) }
        return handOut(message, entry, also: homes, isTraced: isTraced)
    }

    /// As `publish`, for a message whose acknowledgement waits until every shard that queues it has made it durable.
    func publishAcknowledged(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>
    ) -> Bool {
        guard state.pointee.isStoreEnabled else { return publish(message, entry) }
        deliveryGate = DeliveryGate(owner: .connection(connection.pointee.handle))
        let matched = publish(message, entry)
        if let gate = deliveryGate?.gate { addGate(connection, gate) }
        deliveryGate = nil
        openTicketGate(connection, if: hasRows)
        return matched
    }

    /// Delivers to the sessions and groups of this shard. Returns whether there are any.
    @inline(__always)
    func deliverHere(_ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>) -> Bool {
        let result = state.pointee.tree.match(entry)
        // Nobody has subscribed; a plugin may have added somebody all the same.
        if result.pointee.isEmpty, !state.pointee.routesMessages || route == nil { return false }
        state.pointee.templates.reset()
        var made: MessageRef?
        let isInspected = state.pointee.inspectsDelivery
        let first = isInspected ? screen(result, message, entry) : .goOn
        if first == .goOn {
            let targets = result.pointee.targets
            var index = 0
            while index < targets.count {
                deliver(targets.baseAddress.unsafelyUnwrapped + index, result, message, entry, &made)
                index &+= 1
            }
        } else {
            deliverInspected(result, message, entry, after: first, &made)
        }
        if result.pointee.groups.count > 0 { deliverToGroups(result, message.pointee, entry, &made) }
        made?.release()
        return true
    }

    /// One message to one session.
    /// - Parameter made: the block that holds the message, once one receiver needed it.
    @inline(__always)
    func deliver(
        _ target: UnsafeMutablePointer<Target>, _ result: UnsafePointer<MatchResult>, _ message: PublishedRef,
        _ entry: UnsafeMutablePointer<TopicEntry>, _ made: inout MessageRef?
    ) {
        let session = target.pointee.session.assumingMemoryBound(to: Session.self)
        var granted = target.pointee.qos
        var keepsRetain = target.pointee.retainAsPublished
        let isPublisher = target.pointee.sessionID == message.pointee.publisher
        if isPublisher {
            if target.pointee.publisherQoS == Target.noReceiver { return }
            granted = target.pointee.publisherQoS
            keepsRetain = target.pointee.publisherRetainAsPublished
        }
        let qos = min(message.pointee.qos, granted)
        let retain = message.pointee.retain && keepsRetain
        if qos == 0, target.pointee.identifierCount == 0, let connection = session.pointee.connection,
            connection.pointee.flags.isDisjoint(with: .ownFrames)
        {
            deliverQoS0(connection, message, retain)
            return
        }
        let identifiers = result.pointee.identifiers(of: target.pointee, forPublisher: isPublisher)
        deliver(
            session, message.pointee, entry,
            Delivery(qos: qos, retain: retain, identifiers: identifiers, group: 0), &made)
    }

    /// How a message goes to a target, without looking at the connection.
    func delivery(_ target: Target, _ result: UnsafePointer<MatchResult>, _ message: PublishedMessage) -> Delivery {
        let isPublisher = target.sessionID == message.publisher
        return Delivery(
            qos: min(message.qos, isPublisher ? target.publisherQoS : target.qos),
            retain: message.retain
                && (isPublisher ? target.publisherRetainAsPublished : target.retainAsPublished),
            identifiers: result.pointee.identifiers(of: target, forPublisher: isPublisher), group: 0)
    }

    /// QoS 0 to a client that is online, without alias or subscription identifier.
    @inline(__always)
    private func deliverQoS0(_ connection: ConnectionRef, _ message: PublishedRef, _ retain: Bool) {
        let template = state.pointee.templates.template(
            message, version: connection.pointee.version, qos: 0, retain: retain, now: now)
        if template.count <= Int(connection.pointee.clientPacketLimit),
            connection.pointee.output.count < state.pointee.outputLimit
        {
            append(connection, template, firstByte: 0x30 | (retain ? 1 : 0), packetID: 0)
            state.pointee.counters.messagesSent.0 &+= 1
            state.pointee.counters.payloadBytesSent &+= message.pointee.view.payload.len
        } else {
            drop(
                connection.pointee.session, message.pointee,
                template.count <= Int(connection.pointee.clientPacketLimit) ? .outputFull : .packetTooLarge)
        }
    }

    /// Counts a message that does not reach a receiver.
    @inline(never)
    func drop(_ session: SessionRef?, _ message: PublishedMessage, _ reason: DropReason) {
        state.pointee.counters.dropped[Int(reason.rawValue)] &+= 1
        tracing?.current?.dropped = reason
        transport.event(
            .dropped(clientID: session?.pointee.clientID ?? [], topic: Array(message.topic), reason: reason))
    }

    /// A message whose time has passed before it was handed out: nobody gets it [MQTT-3.3.2-5], and the retained one
    /// whose place it takes is gone as well.
    func dropExpired(_ message: PublishedMessage) {
        drop(nil, message, .expired)
        if message.retain { storeRetained(message) }
    }
}

/// How one message goes to one session.
struct Delivery {
    var qos: UInt8
    var retain: Bool
    /// Borrowed.
    var identifiers: UnsafeBufferPointer<UInt32>
    /// Shared group it comes from; 0 = none.
    var group: UInt64
}

extension Shard {
    /// Admission precedes acknowledgement: false when a receiver's queue is full and the rule is to refuse.
    @inline(__always)
    func admit(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        ack: PacketType, _ packetID: UInt16
    ) -> Bool {
        settings.queueFullPolicy == .deadLetter || admitByPolicy(connection, message, entry, ack, packetID)
    }

    @inline(never)
    private func admitByPolicy(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ ack: PacketType, _ packetID: UInt16
    ) -> Bool {
        let result = state.pointee.tree.match(entry)
        for target in result.pointee.targets where min(target.qos, message.pointee.qos) > 0 {
            let session = target.session.assumingMemoryBound(to: Session.self)
            guard isQueueFull(session) else { continue }
            if settings.queueFullPolicy == .pause {
                waitForQueue(connection, session)
                continue
            }
            drop(session, message.pointee, .queueFull)
            if connection.pointee.version == .v5_0 {
                sendAck(connection, ack, packetID, .quotaExceeded)
            } else {
                disconnect(connection, reason: .quotaExceeded, cause: .limit("a receiver's queue is full"))
            }
            return false
        }
        return true
    }

    /// The publisher is read again when the queue has room; this message is still taken.
    private func waitForQueue(_ connection: ConnectionRef, _ session: SessionRef) {
        guard let publisher = connection.pointee.session, publisher != session, mayWait(publisher) else { return }
        session.pointee.flags.insert(.hasWaiters)
        queueWaiters[session.pointee.id, default: []].append(connection.pointee.handle)
        connection.pointee.flags.insert(.backpressure)
    }

    /// A client that others wait for is not held back itself: its acknowledgements have to be read, or both would wait
    /// for ever.
    func mayWait(_ publisher: SessionRef) -> Bool { !publisher.pointee.flags.contains(.hasWaiters) }
}
