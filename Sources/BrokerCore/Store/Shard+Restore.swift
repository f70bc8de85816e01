import MQTTCodec
import StoreFormat
import Timing

/// One shard's part of ``Broker/restore(_:now:)``.
extension Shard {
    /// Numbers of an earlier run are never given again.
    func beginRestore(lastMessage: UInt64, lastGroup: UInt64, now: Int64) {
        state.pointee.now = now
        state.pointee.nextMessageID = max(state.pointee.nextMessageID, lastMessage)
        nextGroupSerial = max(nextGroupSerial, lastGroup & 0x00ff_ffff_ffff_ffff)
    }

    /// Puts one session back, offline. Returns how many messages wait in it.
    func restore(_ clientID: [UInt8], _ stored: StoredState.Session, _ all: StoredState) -> Int {
        let session = makeSession(clientID, version: .v5_0)
        session.pointee.flags.insert([.persistent, .durable])
        session.pointee.expiryInterval = stored.expiry
        for (filter, subscription) in stored.subscriptions { restore(filter, subscription, of: session) }
        session.pointee.rewrittenFilters = stored.rewritten
        for packetID in stored.received { _ = session.pointee.received.insert(packetID) }
        var messages = 0
        for (packetID, delivery) in stored.inflight {
            var slot = InflightSlot(packetID: packetID, state: .released, qos: 2)
            if let delivery {
                guard let message = restoredMessage(delivery.message, all) else { continue }
                slot.state = .published
                slot.qos = delivery.qos
                slot.retain = delivery.retain
                slot.message = message
                slot.subscriptionIDs = delivery.identifiers.withUnsafeBufferPointer { SubscriptionIDs(copying: $0) }
                slot.group = delivery.group
                messages += 1
            }
            session.pointee.window.restore(slot)
        }
        for delivery in stored.queue where restoreQueued(delivery, of: session, all) { messages += 1 }
        restoreDeadlines(of: session, stored)
        return messages
    }

    /// Puts one message into the queue: it stays in the store itself, unless it may have to go back to a group.
    private func restoreQueued(_ delivery: StoredDelivery, of session: SessionRef, _ all: StoredState) -> Bool {
        var entry = QueuedMessage(stored: delivery)
        if delivery.group != 0 || !all.areMessagesElsewhere {
            guard let message = restoredMessage(delivery.message, all) else { return false }
            entry.message = message
        } else {
            nameStored(delivery.message)
        }
        session.pointee.queue.append(entry)
        session.pointee.lastPosition = max(session.pointee.lastPosition, delivery.position)
        return true
    }

    private func restore(_ filter: [UInt8], _ subscription: StoredState.Subscription, of session: SessionRef) {
        let isValid = filter.withUnsafeBytes {
            (try? TopicFilter.parse($0, maximumLevels: settings.maximumTopicLevels)) != nil
        }
        guard isValid else { return }
        let flags = SubscriptionFlags(rawValue: subscription.options)
        _ = filter.withUnsafeBytes { bytes in
            state.pointee.tree.insert(
                bytes, session: session, sessionID: session.pointee.id, flags: flags,
                identifier: subscription.identifier, into: &session.pointee.subscriptions)
        }
        joinGroup(session, filter, flags, subscription.identifier)
    }

    /// The session goes on being offline since it was; one that was online when the broker ended is so from now.
    private func restoreDeadlines(of session: SessionRef, _ stored: StoredState.Session) {
        let since = stored.offlineSince ?? now
        if stored.offlineSince == nil { persistOffline(session) }
        // Before the expiry: what is due at the same time happens in this order.
        if let will = stored.will.map({ Will($0, clientID: session.pointee.clientID) }) {
            session.pointee.will = will
            scheduleWill(session, will, since: since)
        }
        scheduleExpiry(session, since: since)
        watchQueue(session)
    }

    /// The block of a stored message, with one reference for the caller and for the row that names it; one block for
    /// all sessions of this shard.
    private func restoredMessage(_ id: UInt64, _ all: StoredState) -> MessageRef? {
        guard let block = restoredBlocks[id] ?? makeBlock(id, all) else { return nil }
        nameStored(id)
        return block.retained()
    }

    /// One more row names the message.
    private func nameStored(_ id: UInt64) {
        if restoredIDs.insert(id).inserted { return }
        storeReferences[id, default: 1] += 1
    }

    private func makeBlock(_ id: UInt64, _ all: StoredState) -> MessageRef? {
        guard let stored = all.messages[id] else { return nil }
        let block = stored.withMessage { MessageRef.make($0, id: id) }
        block.pointee.storeID = id
        restoredBlocks[id] = block
        return block
    }

    /// Gives a group of this shard its number and what waits for it. False: it has no member any more.
    func restoreGroup(_ number: UInt64, _ subscription: [UInt8], _ all: StoredState) -> Bool {
        let waiting = all.groupQueues[number] ?? []
        let found = subscription.withUnsafeBytes { bytes -> UInt32? in
            guard let parsed = try? TopicFilter.parse(bytes, maximumLevels: settings.maximumTopicLevels),
                let name = parsed.shareName
            else { return nil }
            return state.pointee.groups.group(name, filter: parsed.filter)
        }
        guard let group = found else {
            for entry in waiting {
                state.pointee.counters.dropped[Int(DropReason.noSharedMember.rawValue)] &+= 1
                rows.append(.groupDequeued(group: number, message: entry.message, position: entry.position))
            }
            persistGroupEnd(number)
            return false
        }
        // The number it was given when its first member came back a moment ago is not used by anything yet.
        if let fresh = groupSerials[group], fresh != number { persistGroupEnd(fresh) }
        groupSerials[group] = number
        var queue = groupQueues.removeValue(forKey: group) ?? MessageQueue()
        for entry in waiting {
            guard let message = restoredMessage(entry.message, all) else { continue }
            var queued = QueuedMessage(
                message: message, subscriptionIDs: .none, group: 0, qos: entry.qos, retain: message.pointee.retain)
            queued.position = entry.position
            queued.storeID = entry.message
            queue.append(queued)
            lastGroupPosition = max(lastGroupPosition, entry.position)
        }
        if queue.count > 0 { groupQueues[group] = queue } else { queue.release() }
        watchGroupQueue(group)
        return true
    }

    /// Delivers what was on its way to another shard, which may have been several of this one's sessions or groups.
    func redeliver(_ handover: StoredHandover, by hash: TopicHash) {
        func belonged(_ name: [UInt8]) -> Bool {
            SharedState.homeShard(of: name, among: Int(handover.shards), by: hash) == Int(handover.target)
        }
        handover.message.withMessage { message in
            guard let base = message.topic.baseAddress else { return }
            var lent = message
            state.pointee.templates.reset()
            var made: MessageRef?
            let entry = topicEntry(base, message.topic.count)
            let result = state.pointee.tree.match(entry)
            let targets = result.pointee.targets
            for index in targets.indices {
                let name = targets[index].session.assumingMemoryBound(to: Session.self).pointee.clientID
                guard belonged(name), !handover.removed.contains(name), let base = targets.baseAddress else { continue }
                withUnsafeMutablePointer(to: &lent) { deliver(base + index, result, $0, entry, &made) }
            }
            for group in result.pointee.groups where belonged(subscription(of: group)) {
                offer(message, to: group, qos: message.qos, &made)
            }
            for receiver in handover.added where belonged(receiver.clientID) {
                guard let session = findSession(receiver.clientID) else { continue }
                let delivery = Delivery(
                    qos: min(message.qos, receiver.qos), retain: false,
                    identifiers: UnsafeBufferPointer(start: nil, count: 0), group: 0)
                deliver(session, message, nil, delivery, &made)
            }
            made?.release()
        }
    }

    /// Gives a message that was on its way to one member, or back from one, to its group.
    func redeliver(_ handover: StoredHandover, toGroup group: UInt64) {
        handover.message.withMessage { message in
            offerReturned(
                message,
                Delivery(
                    qos: message.qos, retain: false, identifiers: UnsafeBufferPointer(start: nil, count: 0),
                    group: group))
        }
    }

    /// Everything that wanted a message has it. `shared` are those that other shards deliver, too.
    func endRestore(shared: [UInt64: Int]) {
        if !shared.isEmpty { sharedMessages = restoredIDs.filter { shared[$0] != nil } }
        restoredIDs = []
        for (_, block) in restoredBlocks { block.release() }
        restoredBlocks = [:]
    }
}

extension StoredMessage {
    /// Lends it as a message of an earlier run.
    func withMessage<Result>(_ body: (PublishedMessage) -> Result) -> Result {
        topic.withUnsafeBytes { topic in
            properties.withUnsafeBytes { properties in
                payload.withUnsafeBytes { payload in
                    var message = PublishedMessage(
                        topic: topic, properties: properties, payload: payload, qos: qos, retain: retain,
                        origin: .client)
                    message.expiresAt = expiresAt
                    return body(message)
                }
            }
        }
    }
}

extension StoredWill {
    init(_ will: Will) {
        self.init(
            message: StoredMessage(
                topic: will.topic, properties: will.properties, payload: will.payload, qos: will.qos,
                retain: will.retain),
            delay: will.delay, expiry: will.expiry, username: will.identity.username, groups: will.identity.groups,
            account: will.identity.account, address: will.identity.address, listener: will.identity.listener)
    }
}

extension Will {
    convenience init(_ stored: StoredWill, clientID: [UInt8]) {
        self.init(
            topic: stored.message.topic, payload: stored.message.payload, properties: stored.message.properties,
            qos: stored.message.qos, retain: stored.message.retain, delay: stored.delay, expiry: stored.expiry,
            identity: ClientIdentity(
                clientID: clientID, username: stored.username, groups: stored.groups, account: stored.account,
                address: stored.address, listener: stored.listener))
    }
}
