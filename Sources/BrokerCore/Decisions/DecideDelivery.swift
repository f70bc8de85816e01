// HOT PATH: with acl.deliver one cache look-up per receiver, and one call per batch of those that are not in it.
import MQTTCodec
import PluginABI

/// Who receives a message: msg.route, then acl.deliver in batches, remembered per connection and topic, then msg.out.
extension Shard {
    /// Delivers to those targets that may have the message. A session that is offline is asked about when its queue is
    /// sent: rules may have changed by then.
    /// - Parameter first: what ``screen(_:_:_:)`` came to.
    @inline(never)
    func deliverInspected(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        after first: FirstAnswer, _ made: inout MessageRef?
    ) {
        let edits = state.pointee.routesMessages ? route : nil
        let targets = result.pointee.targets
        var index = 0
        while index < targets.count {
            let target = targets.baseAddress.unsafelyUnwrapped + index
            index &+= 1
            if target.pointee.sessionID == message.pointee.publisher,
                target.pointee.publisherQoS == Target.noReceiver
            {
                continue
            }
            let session = target.pointee.session.assumingMemoryBound(to: Session.self)
            if let edits, edits.removed.contains(session.pointee.clientID) { continue }
            guard let connection = session.pointee.connection else {
                handTo(target, result, message, entry, &made)
                continue
            }
            guard state.pointee.authorisesDelivery else {
                passOn(target, connection, result, message, entry, &made)
                continue
            }
            // Where the short way is open no verdict is kept: who was asked is collected here once more, in order.
            switch hooks.cachedDeliver(connection: connection.pointee.id, topicEntry: entry.pointee.id, now: now) {
            case .allow:
                state.pointee.counters.deliverAccess.allowed &+= 1
                passOn(target, connection, result, message, entry, &made)
            case .deny:
                state.pointee.counters.deliverAccess.denied &+= 1
                drop(session, message.pointee, .deliverDenied)
            case .miss:
                state.pointee.unknownReceivers.append(
                    target.pointee, pluginClient(connection), qos: min(message.pointee.qos, target.pointee.qos))
                if state.pointee.unknownReceivers.isFull {
                    askUnknown(result, message, entry, after: first, &made)
                }
            }
        }
        if state.pointee.unknownReceivers.count > 0 { askUnknown(result, message, entry, after: first, &made) }
        if state.pointee.editedReceivers.count > 0 { askEdits(result, message, entry, &made) }
        if let edits { deliverAdded(edits, message.pointee) }
    }

    /// Asks acl.deliver about the receivers collected so far, and delivers. With an acl plugin the default is deny.
    private func askUnknown(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        after first: FirstAnswer, _ made: inout MessageRef?
    ) {
        let denied = state.pointee.unknownReceivers.clearedBits()
        let mask = interest(entry)
        withPluginMessage(message.pointee, nil, 0) { input in
            let receivers = state.pointee.unknownReceivers.view
            if first == .none {
                hooks.aclDeliver(
                    input, receivers, deny: denied, abstainDenies: true, topicEntry: entry.pointee.id, mask: mask,
                    now: now)
            } else {
                hooks.aclDeliver(
                    input, receivers, after: first, deny: denied, abstainDenies: true, topicEntry: entry.pointee.id,
                    mask: mask, now: now)
            }
        }
        for index in 0..<state.pointee.unknownReceivers.count {
            let target = state.pointee.unknownReceivers.targets.unsafelyUnwrapped + index
            let session = target.pointee.session.assumingMemoryBound(to: Session.self)
            state.pointee.counters.deliverAccess.count(!state.pointee.unknownReceivers.isSet(index))
            if state.pointee.unknownReceivers.isSet(index) {
                drop(session, message.pointee, .deliverDenied)
            } else if let connection = session.pointee.connection {
                passOn(target, connection, result, message, entry, &made)
            }
        }
        state.pointee.unknownReceivers.removeAll()
    }

    /// One receiver that may have the message: sent, or collected for msg.out.
    @inline(__always)
    private func passOn(
        _ target: UnsafeMutablePointer<Target>, _ connection: ConnectionRef, _ result: UnsafePointer<MatchResult>,
        _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>, _ made: inout MessageRef?
    ) {
        guard state.pointee.editsDelivery else {
            handTo(target, result, message, entry, &made)
            return
        }
        state.pointee.editedReceivers.append(
            target.pointee, pluginClient(connection), qos: min(message.pointee.qos, target.pointee.qos))
        if state.pointee.editedReceivers.isFull { askEdits(result, message, entry, &made) }
    }

    /// Asks msg.out about the receivers collected so far, and delivers what comes of it to each.
    private func askEdits(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ made: inout MessageRef?
    ) {
        let dropped = state.pointee.editedReceivers.clearedBits()
        let mask = interest(entry)
        let edits = withPluginMessage(message.pointee, nil, 0) { input in
            hooks.msgOut(input, state.pointee.editedReceivers.view, drop: dropped, mask: mask, now: now)
        }
        // Delivering may run other hooks, which use the memory of this one: own every edit first.
        var owned: [Int: OutgoingMessage] = [:]
        for edit in edits { owned[edit.receiver] = OutgoingMessage(message.pointee, edit.answer, now: now) }
        for index in 0..<state.pointee.editedReceivers.count {
            let target = state.pointee.editedReceivers.targets.unsafelyUnwrapped + index
            let session = target.pointee.session.assumingMemoryBound(to: Session.self)
            if state.pointee.editedReceivers.isSet(index) {
                drop(session, message.pointee, .pluginDropped)
            } else if let edited = owned[index], let connection = session.pointee.connection {
                let delivery = self.delivery(target.pointee, result, message.pointee)
                traceDelivery(session, message.pointee.id, qos: delivery.qos) {
                    deliverEdited(edited, connection, session, delivery)
                }
            } else {
                handTo(target, result, message, entry, &made)
            }
        }
        state.pointee.editedReceivers.removeAll()
    }

    /// To one target that may have the message as it is.
    @inline(__always)
    private func handTo(
        _ target: UnsafeMutablePointer<Target>, _ result: UnsafePointer<MatchResult>, _ message: PublishedRef,
        _ entry: UnsafeMutablePointer<TopicEntry>, _ made: inout MessageRef?
    ) {
        if state.pointee.isTracing {
            deliverTraced(target, result, message, entry, &made)
        } else {
            deliver(target, result, message, entry, &made)
        }
    }
}
