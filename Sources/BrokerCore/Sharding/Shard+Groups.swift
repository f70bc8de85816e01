import MQTTCodec
import StoreFormat

/// Shared subscriptions [MQTT-4.8.2-1 ff]. A group lives on the shard given by the hash of its name and filter; its
/// members are sessions of any shard.
extension Shard {
    // MARK: The member's side

    /// Tells the group's home that the session is a member.
    func joinGroup(_ session: SessionRef, _ filter: [UInt8], _ flags: SubscriptionFlags, _ identifier: UInt32) {
        withGroup(filter) { name, inner, home in
            let isReady = session.pointee.connection != nil && session.pointee.queue.count == 0
            session.pointee.flags.insert(isReady ? [.sharing, .ready] : .sharing)
            send(
                .groupJoin(
                    name: name, filter: inner, session: session.pointee.id, flags: flags.rawValue,
                    identifier: identifier, isReady: isReady, gate: home == index ? 0 : partOfDeliveryGate()),
                to: home)
        }
    }

    /// Tells the group's home that the session is a member no longer.
    func leaveGroup(_ session: SessionRef, _ filter: UnsafeRawBufferPointer) {
        guard TopicFilter.isShared(filter) else { return }
        withGroup(Array(filter)) { name, inner, home in
            send(.groupLeave(name: name, filter: inner, session: session.pointee.id), to: home)
        }
    }

    /// Tells all groups whether the session can take a message now.
    func setReady(_ session: SessionRef, _ isReady: Bool) {
        guard session.pointee.flags.contains(.sharing), session.pointee.flags.contains(.ready) != isReady else {
            return
        }
        if isReady { session.pointee.flags.insert(.ready) } else { session.pointee.flags.remove(.ready) }
        for target in 0..<shared.shardCount {
            send(.groupReady(session: session.pointee.id, isReady: isReady), to: target)
        }
    }

    /// The session ends: messages of its groups that were never sent, or sent at QoS 1 and not acknowledged, go to
    /// another member; a QoS 2 message once sent does not [MQTT-4.8.2-5].
    func returnToGroups(_ session: SessionRef) {
        guard session.pointee.flags.contains(.sharing) else { return }
        let outer = writesHandovers
        defer { writesHandovers = outer }
        // The session's rows go in this commit, and with them all that says the messages are there.
        writesHandovers = session.pointee.isDurable
        for slot in session.pointee.window.inOrder() where slot.pointee.group != 0 && slot.pointee.qos == 1 {
            if let message = slot.pointee.message { returnMessage(message, slot.pointee.group) }
        }
        session.pointee.queue.forEach { entry in
            // Those of groups are always in memory.
            if entry.group != 0, let message = entry.message { returnMessage(message, entry.group) }
        }
    }

    private func returnMessage(_ block: MessageRef, _ group: UInt64) {
        let message = PublishedMessage(block, origin: .client)
        // At the QoS it was published with: the next member may have been granted more than the last.
        let delivery = Delivery(
            qos: message.qos, retain: false, identifiers: UnsafeBufferPointer(start: nil, count: 0), group: group)
        let home = groupHomes[group] ?? Int(group >> 56)
        if home >= shared.shardCount {
            // A group of an earlier run that had more shards, and no member since.
            drop(nil, message, .noSharedMember)
        } else if home == index {
            offerReturned(message, delivery)
        } else {
            let handover = handoverRow(message, to: home, group: group)
            outgoing[home].current().append(
                message, gate: partOfDeliveryGate(), handover: handover, session: .max, delivery: delivery,
                tally: tally)
        }
    }

    /// A message for one session of this shard, or one that comes back to a group of this shard.
    func receiveForMember(_ record: HandoverRecord, _ message: PublishedMessage) {
        var identifier = record.identifier
        withUnsafePointer(to: &identifier) { pointer in
            let delivery = Delivery(
                qos: record.grantedQoS, retain: record.keepsRetain,
                identifiers: UnsafeBufferPointer(start: pointer, count: record.identifier == 0 ? 0 : 1),
                group: record.group)
            if record.session == .max {
                offerReturned(message, delivery)
            } else if let session = findSession(id: record.session) {
                deliverToMember(session, message, delivery)
            } else if delivery.qos > 0 {
                // The member has gone while the message was on its way.
                var made: MessageRef?
                returnMessage(block(of: message, &made), delivery.group)
                made?.release()
            } else {
                drop(nil, message, .noSharedMember)
            }
        }
    }

    private func deliverToMember(_ session: SessionRef, _ message: PublishedMessage, _ delivery: Delivery) {
        if state.pointee.isTracing {
            traceDelivery(session, message.id, qos: delivery.qos) { giveMember(session, message, delivery) }
        } else {
            giveMember(session, message, delivery)
        }
    }

    private func giveMember(_ session: SessionRef, _ message: PublishedMessage, _ delivery: Delivery) {
        if let connection = session.pointee.connection {
            deliverInspected(connection, session, message, delivery)
            return
        }
        state.pointee.templates.reset()
        var made: MessageRef?
        deliver(session, message, nil, delivery, &made)
        made?.release()
    }

    // MARK: The group's side

    func memberJoins(_ name: [UInt8], _ filter: [UInt8], _ member: SharedGroups.Member) {
        let group = name.withUnsafeBytes { name in
            filter.withUnsafeBytes { state.pointee.groups.join(name, filter: $0, member: member) }
        }
        if groupSerials[group] == nil {
            nextGroupSerial += 1
            let serial = UInt64(index) << 56 | nextGroupSerial
            groupSerials[group] = serial
            persistGroup(serial, subscription(of: group))
        }
        if member.isReady { drainQueue(of: group) }
    }

    func memberLeaves(_ name: [UInt8], _ filter: [UInt8], _ session: UInt64) {
        let ended = name.withUnsafeBytes { name in
            filter.withUnsafeBytes { state.pointee.groups.leave(name, filter: $0, sessionID: session) }
        }
        guard let ended else { return }
        let serial = groupSerials.removeValue(forKey: ended) ?? 0
        defer { persistGroupEnd(serial) }
        defer { watchGroupQueue(ended) }
        guard var queue = groupQueues.removeValue(forKey: ended) else { return }
        while let entry = queue.popFirst(), let message = entry.message {
            drop(nil, PublishedMessage(message, origin: .client), .noSharedMember)
            persistGroupDequeued(serial, entry)
            entry.release()
        }
        queue.release()
    }

    func memberIsReady(_ session: UInt64, _ isReady: Bool) {
        state.pointee.groups.setReady(isReady, sessionID: session)
        guard isReady, !groupQueues.isEmpty else { return }
        for group in Array(groupQueues.keys) { drainQueue(of: group) }
    }

    /// Gives the message to one member of each group that matches.
    func deliverToGroups(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ made: inout MessageRef?
    ) {
        for group in result.pointee.groups { offer(message, to: group, qos: message.qos, &made) }
    }

    /// Round robin over the members that can take a message now; when none can, the group queues within bounds.
    func offer(_ message: PublishedMessage, to group: UInt32, qos: UInt8, _ made: inout MessageRef?) {
        if groupQueues[group] == nil, let member = state.pointee.groups.pick(group) {
            give(message, to: member, group: groupSerials[group] ?? 0, qos: qos)
        } else if qos > 0 {
            enqueue(message, for: group, qos, &made)
        } else {
            drop(nil, message, .noSharedMember)
        }
    }

    private func give(_ message: PublishedMessage, to member: SharedGroups.Member, group: UInt64, qos: UInt8) {
        var identifier = member.identifier
        withUnsafePointer(to: &identifier) { pointer in
            let delivery = Delivery(
                qos: min(qos, member.flags.qos), retain: message.retain && member.flags.retainAsPublished,
                identifiers: UnsafeBufferPointer(start: pointer, count: member.identifier == 0 ? 0 : 1), group: group)
            if Int(member.homeShard) == index {
                guard let session = findSession(id: member.sessionID) else { return }
                deliverToMember(session, message, delivery)
            } else {
                let target = Int(member.homeShard)
                let handover = handoverRow(message, to: target, group: group)
                outgoing[target].current().append(
                    message, gate: partOfDeliveryGate(), handover: handover, session: member.sessionID,
                    delivery: delivery, tally: tally)
            }
        }
    }

    /// A message comes back from a member that has ended.
    func offerReturned(_ message: PublishedMessage, _ delivery: Delivery) {
        guard let group = groupSerials.first(where: { $0.value == delivery.group })?.key else {
            drop(nil, message, .noSharedMember)
            return
        }
        // The next member would get it as new [MQTT-3.3.2-5].
        guard message.expiresAt == 0 || message.expiresAt > now else {
            drop(nil, message, .expired)
            return
        }
        var made: MessageRef?
        offer(message, to: group, qos: delivery.qos, &made)
        made?.release()
    }

    private func enqueue(_ message: PublishedMessage, for group: UInt32, _ qos: UInt8, _ made: inout MessageRef?) {
        var queue = groupQueues.removeValue(forKey: group) ?? MessageQueue()
        var isFirst = false
        defer {
            groupQueues[group] = queue
            if isFirst { watchGroupQueue(group) }
        }
        guard queue.count < settings.maximumQueuedMessages, queue.byteCount < settings.maximumQueuedBytes else {
            drop(nil, message, .queueFull)
            return
        }
        var entry = QueuedMessage(
            message: block(of: message, &made).retained(), subscriptionIDs: .none, group: 0, qos: qos,
            retain: message.retain)
        state.pointee.counters.messagesQueued &+= 1
        persistGroupQueued(group, &entry)
        queue.append(entry)
        isFirst = queue.count == 1 && entry.expiresAt != 0
    }

    private func drainQueue(of group: UInt32) {
        guard var queue = groupQueues.removeValue(forKey: group) else { return }
        let serial = groupSerials[group] ?? 0
        let (outerGate, outerHandovers) = (deliveryGate, writesHandovers)
        defer { (deliveryGate, writesHandovers) = (outerGate, outerHandovers) }
        // Nobody waits for these, and what leaves the group's queue has to be somewhere else in the same commit.
        deliveryGate = nil
        writesHandovers = state.pointee.isStoreEnabled
        while queue.count > 0, let member = state.pointee.groups.pick(group), let entry = queue.popFirst(),
            let block = entry.message
        {
            let message = PublishedMessage(block, origin: .client)
            if message.expiresAt == 0 || message.expiresAt > now {
                give(message, to: member, group: serial, qos: entry.qos)
            } else {
                drop(nil, message, .expired)
            }
            persistGroupDequeued(serial, entry)
            entry.release()
        }
        if queue.count > 0 { groupQueues[group] = queue } else { queue.release() }
        watchGroupQueue(group)
    }

    /// What members of the group have subscribed to.
    func subscription(of group: UInt32) -> [UInt8] {
        Array("$share/".utf8) + Array(state.pointee.groups.name(of: group)) + [UInt8(ascii: "/")]
            + Array(state.pointee.groups.filter(of: group))
    }

    private func withGroup(_ filter: [UInt8], _ body: ([UInt8], [UInt8], Int) -> Void) {
        filter.withUnsafeBytes { bytes in
            guard TopicFilter.isShared(bytes),
                let parsed = try? TopicFilter.parse(bytes, maximumLevels: settings.maximumTopicLevels),
                let name = parsed.shareName
            else { return }
            let key = Array(bytes)
            body(Array(name), Array(parsed.filter), shared.homeShard(of: key))
        }
    }
}
