import MQTTCodec
import Timing

/// One shard's part of ``Broker/restore(_:now:)``.
extension Shard {
    /// Numbers of an earlier run are never given again.
    func beginRestore(after stored: StoredState, now: Int64) {
        state.pointee.now = now
        let first = UInt64(index) << 56
        let mine = first...(first | 0x00ff_ffff_ffff_ffff)
        let lastMessage = stored.messages.keys.filter(mine.contains).max() ?? first
        state.pointee.nextMessageID = max(state.pointee.nextMessageID, lastMessage)
        var groups = Set(stored.groups.keys).union(stored.groupQueues.keys)
        // Messages under way may name groups that have ended.
        for session in stored.sessions.values {
            for delivery in session.queue { groups.insert(delivery.group) }
            for (_, delivery) in session.inflight { if let delivery { groups.insert(delivery.group) } }
        }
        nextGroupSerial = max(nextGroupSerial, (groups.filter(mine.contains).max() ?? first) - first)
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
        for delivery in stored.queue {
            guard let message = restoredMessage(delivery.message, all) else { continue }
            session.pointee.queue.append(
                QueuedMessage(
                    message: message,
                    subscriptionIDs: delivery.identifiers.withUnsafeBufferPointer { SubscriptionIDs(copying: $0) },
                    group: delivery.group, qos: delivery.qos, retain: delivery.retain))
            messages += 1
        }
        restoreDeadlines(of: session, stored)
        return messages
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
    }

    /// The block of a stored message, with one reference for the caller; one block for all sessions of this shard.
    private func restoredMessage(_ id: UInt64, _ all: StoredState) -> MessageRef? {
        if let block = restoredBlocks[id] { return block.retained() }
        guard let stored = all.messages[id] else { return nil }
        let block = stored.withMessage { MessageRef.make($0, id: id) }
        _ = block.pointee.persisted.exchange(true, ordering: .relaxed)
        restoredBlocks[id] = block
        return block.retained()
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
                rows.append(.groupDequeued(group: number, message: entry.message))
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
            queue.append(
                QueuedMessage(
                    message: message, subscriptionIDs: .none, group: 0, qos: entry.qos, retain: message.pointee.retain))
        }
        if queue.count > 0 { groupQueues[group] = queue } else { queue.release() }
        return true
    }

    /// Everything that wanted a message has it.
    func endRestore() {
        for (_, block) in restoredBlocks { block.release() }
        restoredBlocks = [:]
    }
}

extension StoredMessage {
    /// Lends it as a message of an earlier run.
    fileprivate func withMessage<Result>(_ body: (PublishedMessage) -> Result) -> Result {
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
        message = StoredMessage(
            topic: will.topic, properties: will.properties, payload: will.payload, qos: will.qos, retain: will.retain)
        delay = will.delay
        expiry = will.expiry
        username = will.identity.username
        groups = will.identity.groups
        account = will.identity.account
        address = will.identity.address
        listener = will.identity.listener
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
