import MQTTCodec
import PluginABI

/// One client that is online, outside of a batch: acl.deliver, then msg.out.
extension Shard {
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
        let isAllowed =
            switch hooks.cachedDeliver(connection: connection.pointee.id, topicEntry: entry.pointee.id, now: now) {
            case .allow: true
            case .deny: false
            case .miss: self.isAllowed(connection, message, entry, qos: message.qos)
            }
        state.pointee.counters.deliverAccess.count(isAllowed)
        return isAllowed
    }

    /// An edited topic is checked and authorised for this receiver like any other.
    private func mayReceive(
        _ edited: OutgoingMessage, _ connection: ConnectionRef, insteadOf original: PublishedMessage
    ) -> Bool {
        guard isPublishable(edited.message.topic, edited.message.payload.count, by: .plugin) else { return false }
        return original.topic.elementsEqual(edited.message.topic)
            || edited.message.withMessage { mayReceive(connection, $0) }
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

    func deliverEdited(
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
