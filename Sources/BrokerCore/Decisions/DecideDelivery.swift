// HOT PATH: with acl.deliver one cache look-up per receiver, and one call per batch of those that are not in it.
import MQTTCodec
import PluginABI

/// Who receives a message: msg.route, then acl.deliver in batches, remembered per connection and topic, then msg.out.
extension Shard {
    /// Delivers to those targets that may have the message. A session that is offline is asked about when its queue is
    /// sent: rules may have changed by then.
    @inline(never)
    func deliverInspected(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ made: inout MessageRef?
    ) {
        let edits = state.pointee.routesMessages ? route : nil
        let targets = result.pointee.targets
        var index = 0
        while index < targets.count {
            let target = targets[index]
            index &+= 1
            if target.sessionID == message.publisher, target.publisherQoS == Target.noReceiver { continue }
            let session = target.session.assumingMemoryBound(to: Session.self)
            if let edits, edits.removed.contains(session.pointee.clientID) { continue }
            guard let connection = session.pointee.connection else {
                deliver(target, result, message, entry, &made)
                continue
            }
            guard state.pointee.authorisesDelivery else {
                passOn(target, connection, result, message, entry, &made)
                continue
            }
            switch hooks.cachedDeliver(connection: connection.pointee.id, topicEntry: entry.pointee.id, now: now) {
            case .allow: passOn(target, connection, result, message, entry, &made)
            case .deny: drop(session, message, .deliverDenied)
            case .miss where targets.count == 1:
                if isAllowed(connection, message, entry, qos: min(message.qos, target.qos)) {
                    passOn(target, connection, result, message, entry, &made)
                } else {
                    drop(session, message, .deliverDenied)
                }
            case .miss:
                state.pointee.unknownReceivers.append(
                    target, pluginClient(connection), qos: min(message.qos, target.qos))
                if state.pointee.unknownReceivers.isFull { askUnknown(result, message, entry, &made) }
            }
        }
        if state.pointee.unknownReceivers.count > 0 { askUnknown(result, message, entry, &made) }
        if state.pointee.editedReceivers.count > 0 { askEdits(result, message, entry, &made) }
        if let edits { deliverAdded(edits, message) }
    }

    /// Asks acl.deliver about the receivers collected so far, and delivers. With an acl plugin the default is deny.
    private func askUnknown(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ made: inout MessageRef?
    ) {
        let denied = state.pointee.unknownReceivers.clearedBits()
        let mask = interest(entry)
        withPluginMessage(message, nil, 0) { input in
            hooks.aclDeliver(
                input, state.pointee.unknownReceivers.view, deny: denied, abstainDenies: true,
                topicEntry: entry.pointee.id, mask: mask, now: now)
        }
        for index in 0..<state.pointee.unknownReceivers.count {
            let target = state.pointee.unknownReceivers.targets.unsafelyUnwrapped[index]
            let session = target.session.assumingMemoryBound(to: Session.self)
            if state.pointee.unknownReceivers.isSet(index) {
                drop(session, message, .deliverDenied)
            } else if let connection = session.pointee.connection {
                passOn(target, connection, result, message, entry, &made)
            }
        }
        state.pointee.unknownReceivers.removeAll()
    }

    /// One receiver that may have the message: sent, or collected for msg.out.
    @inline(__always)
    private func passOn(
        _ target: Target, _ connection: ConnectionRef, _ result: UnsafePointer<MatchResult>,
        _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>, _ made: inout MessageRef?
    ) {
        guard state.pointee.editsDelivery else {
            deliver(target, result, message, entry, &made)
            return
        }
        state.pointee.editedReceivers.append(target, pluginClient(connection), qos: min(message.qos, target.qos))
        if state.pointee.editedReceivers.isFull { askEdits(result, message, entry, &made) }
    }

    /// Asks msg.out about the receivers collected so far, and delivers what comes of it to each.
    private func askEdits(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ made: inout MessageRef?
    ) {
        let dropped = state.pointee.editedReceivers.clearedBits()
        let mask = interest(entry)
        let edits = withPluginMessage(message, nil, 0) { input in
            hooks.msgOut(input, state.pointee.editedReceivers.view, drop: dropped, mask: mask, now: now)
        }
        // Delivering may run other hooks, which use the memory of this one: own every edit first.
        var owned: [Int: OutgoingMessage] = [:]
        for edit in edits { owned[edit.receiver] = OutgoingMessage(message, edit.answer, now: now) }
        for index in 0..<state.pointee.editedReceivers.count {
            let target = state.pointee.editedReceivers.targets.unsafelyUnwrapped[index]
            let session = target.session.assumingMemoryBound(to: Session.self)
            if state.pointee.editedReceivers.isSet(index) {
                drop(session, message, .pluginDropped)
            } else if let edited = owned[index], let connection = session.pointee.connection {
                let delivery = self.delivery(target, result, message)
                deliverEdited(edited, connection, session, delivery)
            } else {
                deliver(target, result, message, entry, &made)
            }
        }
        state.pointee.editedReceivers.removeAll()
    }

    // MARK: One receiver

    /// To one client that is online, outside of a batch: from the retained store, a shared group, or added by a plugin.
    func deliverInspected(
        _ connection: ConnectionRef, _ session: SessionRef, _ message: PublishedMessage, _ delivery: Delivery
    ) {
        switch decideOutgoing(connection, message, qos: delivery.qos) {
        case .asIs:
            state.pointee.templates.reset()
            var made: MessageRef?
            deliver(session, message, nil, delivery, &made)
            made?.release()
        case .edited(let edited): deliverEdited(edited, connection, session, delivery)
        case .refused(let reason): drop(session, message, reason)
        }
    }

    /// acl.deliver, then msg.out, for one client that is online.
    func decideOutgoing(_ connection: ConnectionRef, _ message: PublishedMessage, qos: UInt8) -> OutgoingDecision {
        guard state.pointee.inspectsDelivery else { return .asIs }
        guard mayReceive(connection, message) else { return .refused(.deliverDenied) }
        guard state.pointee.editsDelivery, let base = message.topic.baseAddress else { return .asIs }
        let mask = interest(topicEntry(base, message.topic.count))
        var dropped: UInt64 = 0
        var receiver = hl_receiver()
        receiver.client = pluginClient(connection)
        receiver.qos = UInt32(qos)
        let edits = withUnsafePointer(to: receiver) { receiver in
            withPluginMessage(message, nil, 0) { input in
                hooks.msgOut(
                    input, UnsafeBufferPointer(start: receiver, count: 1), drop: &dropped, mask: mask, now: now)
            }
        }
        if dropped & 1 != 0 { return .refused(.pluginDropped) }
        guard let edit = edits.first else { return .asIs }
        let edited = OutgoingMessage(message, edit.answer, now: now)
        return mayReceive(edited, connection, insteadOf: message) ? .edited(edited) : .refused(.deliverDenied)
    }

    /// Whether one client may have one message: from a queue, the retained store or a shared group.
    func mayReceive(_ connection: ConnectionRef, _ message: PublishedMessage) -> Bool {
        guard state.pointee.authorisesDelivery, let base = message.topic.baseAddress else { return true }
        let entry = topicEntry(base, message.topic.count)
        switch hooks.cachedDeliver(connection: connection.pointee.id, topicEntry: entry.pointee.id, now: now) {
        case .allow: return true
        case .deny: return false
        case .miss: return isAllowed(connection, message, entry, qos: message.qos)
        }
    }

    /// Asks acl.deliver about one client.
    @inline(__always)
    private func isAllowed(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>, qos: UInt8
    ) -> Bool {
        var receiver = hl_receiver()
        receiver.client = pluginClient(connection)
        receiver.qos = UInt32(qos)
        var denied: UInt64 = 0
        let mask = interest(entry)
        withUnsafePointer(to: receiver) { receiver in
            withPluginMessage(message, nil, 0) { input in
                hooks.aclDeliver(
                    input, UnsafeBufferPointer(start: receiver, count: 1), deny: &denied, abstainDenies: true,
                    topicEntry: entry.pointee.id, mask: mask, now: now)
            }
        }
        return denied & 1 == 0
    }

    /// An edited topic is checked and authorised for this receiver like any other.
    private func mayReceive(
        _ edited: OutgoingMessage, _ connection: ConnectionRef, insteadOf original: PublishedMessage
    ) -> Bool {
        guard isPublishable(edited.message.topic, edited.message.payload.count, by: .plugin) else { return false }
        return original.topic.elementsEqual(edited.message.topic)
            || edited.message.withMessage { mayReceive(connection, $0) }
    }

    private func deliverEdited(
        _ edited: OutgoingMessage, _ connection: ConnectionRef, _ session: SessionRef, _ delivery: Delivery
    ) {
        edited.message.withMessage { lent in
            guard isPublishable(edited.message.topic, lent.payload.count, by: .plugin),
                !edited.hasTopic || mayReceive(connection, lent)
            else {
                drop(session, lent, .deliverDenied)
                return
            }
            var delivery = delivery
            delivery.qos = min(delivery.qos, edited.qos)
            if let retain = edited.retain { delivery.retain = retain }
            // The frames of the unedited message are not this one's, nor the other way round.
            state.pointee.templates.reset()
            var made: MessageRef?
            deliver(session, lent, nil, delivery, &made)
            made?.release()
            state.pointee.templates.reset()
        }
    }

    // MARK: msg.route

    /// Asks msg.route; nil: the subscriptions alone decide.
    func askRoute(_ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>) -> RouteEdits? {
        let publisher = state.pointee.sessions.find(message.publisher & 0x00ff_ffff_ffff_ffff)?.pointee.connection
        let mask = interest(entry)
        return withPluginMessage(message, publisher.map { pluginClient($0) }, 0) {
            hooks.msgRoute($0, mask: mask, now: now)
        }
    }

    /// Clients of this shard that a plugin has added: their sessions get the message, online or not.
    private func deliverAdded(_ edits: RouteEdits, _ message: PublishedMessage) {
        for (clientID, granted) in edits.added where shared.homeShard(of: clientID) == index {
            guard !edits.removed.contains(clientID), let session = findSession(clientID) else { continue }
            let delivery = Delivery(
                qos: min(message.qos, granted), retain: false,
                identifiers: UnsafeBufferPointer(start: nil, count: 0), group: 0)
            if let connection = session.pointee.connection {
                deliverInspected(connection, session, message, delivery)
            } else {
                state.pointee.templates.reset()
                var made: MessageRef?
                deliver(session, message, nil, delivery, &made)
                made?.release()
            }
        }
    }
}

/// What plugins say about one message for one client.
enum OutgoingDecision {
    case asIs
    case edited(OutgoingMessage)
    case refused(DropReason)
}

/// A message as msg.out has edited it for one receiver.
struct OutgoingMessage {
    let message: DetachedMessage
    /// Greatest QoS to send it with.
    let qos: UInt8
    /// RETAIN of the packet; nil: as without the edit.
    let retain: Bool?
    let hasTopic: Bool

    init(_ original: PublishedMessage, _ answer: hl_answer, now: Int64) {
        message = DetachedMessage(original, id: original.id, identity: nil)
        if answer.flags & HL_ANSWER_TOPIC != 0 { message.topic = Array(answer.topic.bytes) }
        if answer.flags & HL_ANSWER_PAYLOAD != 0 { message.payload = Array(answer.payload.bytes) }
        if answer.flags & HL_ANSWER_PROPERTIES != 0 { message.properties = Array(answer.properties.bytes) }
        if answer.flags & HL_ANSWER_EXPIRY != 0 {
            message.expiresAt = answer.expiry == .max ? 0 : now &+ Int64(answer.expiry) &* 1_000_000_000
        }
        hasTopic = answer.flags & HL_ANSWER_TOPIC != 0
        qos = answer.flags & HL_ANSWER_QOS != 0 ? UInt8(truncatingIfNeeded: min(answer.qos, 2)) : 2
        retain = answer.flags & HL_ANSWER_RETAIN != 0 ? answer.retain != 0 : nil
    }
}
