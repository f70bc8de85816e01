import MQTTCodec

/// SUBSCRIBE and UNSUBSCRIBE.
extension Shard {
    func handleSubscribe(_ connection: ConnectionRef, _ asked: Subscribe) {
        var packet = asked
        for index in packet.subscriptions.indices {
            packet.subscriptions[index].filter = mounted(filter: asked.subscriptions[index].filter, connection)
        }
        for request in packet.subscriptions where request.noLocal {
            if request.filter.withUnsafeBytes({ TopicFilter.isShared($0) }) {
                protocolFailure(connection, .protocolError, "No Local on a shared subscription [MQTT-3.8.3-4]")
                return
            }
        }
        subscribe(connection, SubscribeProgress(packet: packet))
    }

    /// Works through the filters; waits where a plugin answers later. SUBACK carries one code per filter, in order
    /// [MQTT-3.8.4-5, -6].
    func subscribe(_ connection: ConnectionRef, _ progress: SubscribeProgress) {
        while progress.next < progress.packet.subscriptions.count {
            let request = progress.packet.subscriptions[progress.next]
            let decision = progress.answer.take() ?? decideSubscribe(connection, request, progress)
            switch decision {
            case .pending: return
            case .refused(let reason): progress.codes.append(reason)
            case .granted(let qos, let filter):
                progress.codes.append(ReasonCode(rawValue: qos))
                progress.granted.append(GrantedSubscription(position: progress.next, qos: qos, filter: filter))
            }
            progress.next += 1
        }
        finishSubscribe(connection, progress)
    }

    /// Enters the granted subscriptions, answers SUBACK, then sends retained messages: a subscription is in the tree
    /// before the retained store is read, so that no message falls between.
    private func finishSubscribe(_ connection: ConnectionRef, _ progress: SubscribeProgress) {
        guard let session = connection.pointee.session else { return }
        let extras = connection.extras
        let identifier = progress.packet.properties.subscriptionIdentifiers.first ?? 0
        var retained: [RetainedDelivery] = []
        deliveryGate = DeliveryGate(owner: .connection(connection.pointee.handle))
        for granted in progress.granted {
            let request = progress.packet.subscriptions[granted.position]
            let isNew = enter(session, request, granted, identifier)
            let isShared = granted.filter.withUnsafeBytes { TopicFilter.isShared($0) }
            // [MQTT-3.3.1-9, -10, -11]; none for shared subscriptions [MQTT-3.8.4-4].
            let wants = request.retainHandling == .send || (request.retainHandling == .sendIfNew && isNew)
            if wants && !isShared {
                retained.append(
                    RetainedDelivery(
                        session: session.pointee.id,
                        cursor: granted.filter.withUnsafeBytes { shared.retained.cursor($0) }, qos: granted.qos,
                        noLocal: request.noLocal, identifier: identifier))
            }
            transport.event(
                .subscribed(
                    extras.identity, connection: connection.pointee.id, filter: granted.filter, qos: granted.qos))
        }
        // SUBACK waits until the homes of shared groups know the member: a message published after it must not miss it.
        if let gate = deliveryGate?.gate { addGate(connection, gate) }
        deliveryGate = nil
        openTicketGate(connection, if: session.pointee.isDurable && !progress.granted.isEmpty)
        send(connection, .suback(SubAck(packetID: progress.packet.packetID, reasons: progress.codes)))
        for delivery in retained { startRetained(delivery) }
    }

    /// Puts one subscription into the tree or, for a shared one, into its group. True: it is new.
    private func enter(
        _ session: SessionRef, _ request: MQTTCodec.Subscription, _ granted: GrantedSubscription, _ identifier: UInt32
    ) -> Bool {
        let flags = SubscriptionFlags(
            qos: granted.qos, noLocal: request.noLocal, retainAsPublished: request.retainAsPublished,
            retainHandling: request.retainHandling.rawValue)
        let before = session.pointee.rewrittenFilters[request.filter] ?? request.filter
        if before != granted.filter { _ = removeSubscription(of: session, before) }
        if session.pointee.rewrittenFilters[request.filter] != nil || granted.filter != request.filter {
            session.pointee.rewrittenFilters[request.filter] = granted.filter == request.filter ? nil : granted.filter
            persistRewritten(session, request.filter, granted.filter)
        }
        let isNew = granted.filter.withUnsafeBytes { filter in
            state.pointee.tree.insert(
                filter, session: session, sessionID: session.pointee.id, flags: flags, identifier: identifier,
                into: &session.pointee.subscriptions)
        }
        persistSubscription(session, granted.filter, flags, identifier)
        joinGroup(session, granted.filter, flags, identifier)
        return isNew
    }

    /// Takes one subscription out of the tree or its group. False: there was none.
    func removeSubscription(of session: SessionRef, _ filter: [UInt8]) -> Bool {
        let existed = filter.withUnsafeBytes { bytes in
            state.pointee.tree.remove(bytes, sessionID: session.pointee.id, from: &session.pointee.subscriptions)
        }
        guard existed else { return false }
        filter.withUnsafeBytes { leaveGroup(session, $0) }
        persistUnsubscribed(session, filter)
        return true
    }

    /// Checks one filter and asks the plugins.
    private func decideSubscribe(
        _ connection: ConnectionRef, _ request: MQTTCodec.Subscription, _ progress: SubscribeProgress
    ) -> SubscribeDecision {
        if let problem = fault(in: request.filter) {
            transport.event(
                .subscribeDenied(
                    connection.extras.identity, filter: request.filter, reason: .topicFilterInvalid,
                    rule: problem.description))
            return .refused(.topicFilterInvalid)
        }
        guard hasRoom(connection, for: request.filter, progress) else { return .refused(.quotaExceeded) }
        if state.pointee.isStoreFailing, connection.pointee.session?.pointee.isDurable == true {
            return .refused(.quotaExceeded)
        }
        let qos = min(request.qos, settings.maximumQoS)
        guard hooks.table.hasACLSubscribe else { return .granted(qos, filter: request.filter) }
        return authoriseSubscribe(connection, request, qos, progress)
    }

    /// What is wrong with a filter of SUBSCRIBE or UNSUBSCRIBE, or nil.
    private func fault(in filter: [UInt8]) -> TopicFilterError? {
        guard filter.count <= settings.maximumTopicLength else { return .tooLong(maximum: settings.maximumTopicLength) }
        return filter.withUnsafeBytes { bytes in
            do throws(TopicFilterError) {
                _ = try TopicFilter.parse(bytes, maximumLevels: settings.maximumTopicLevels)
                return nil
            } catch {
                return error
            }
        }
    }

    /// Whether the session may have this subscription: one more, or one that replaces another.
    private func hasRoom(_ connection: ConnectionRef, for filter: [UInt8], _ progress: SubscribeProgress) -> Bool {
        guard let session = connection.pointee.session else { return false }
        let count = Int(session.pointee.subscriptions.count) + progress.granted.count
        if count < settings.maximumSubscriptionsPerSession { return true }
        return filter.withUnsafeBytes {
            state.pointee.tree.subscription(to: $0, sessionID: session.pointee.id) != nil
        }
    }

    func handleUnsubscribe(_ connection: ConnectionRef, _ packet: Unsubscribe) {
        guard let session = connection.pointee.session else { return }
        let extras = connection.extras
        var codes: [ReasonCode] = []
        for asked in packet.filters {
            let filter = mounted(filter: asked, connection)
            guard fault(in: filter) == nil else {
                codes.append(.topicFilterInvalid)
                continue
            }
            let entered = session.pointee.rewrittenFilters.removeValue(forKey: filter) ?? filter
            let existed = removeSubscription(of: session, entered)
            codes.append(existed ? .success : .noSubscriptionExisted)
            guard existed else { continue }
            transport.event(.unsubscribed(extras.identity, connection: connection.pointee.id, filter: filter))
        }
        openTicketGate(connection, if: session.pointee.isDurable)
        send(connection, .unsuback(UnsubAck(packetID: packet.packetID, reasons: codes)))
    }
}

/// What became of one filter.
enum SubscribeDecision {
    /// `filter` is the one to enter: a plugin may have narrowed the one that was asked for.
    case granted(UInt8, filter: [UInt8])
    case refused(ReasonCode)
    case pending
}

/// One filter of a SUBSCRIBE that is allowed.
struct GrantedSubscription {
    /// Position in the packet.
    let position: Int
    let qos: UInt8
    let filter: [UInt8]
}

/// A SUBSCRIBE being worked on; kept while a plugin decides on one of its filters.
final class SubscribeProgress {
    let packet: Subscribe
    var next = 0
    var codes: [ReasonCode] = []
    var granted: [GrantedSubscription] = []
    /// The decision on the filter at `next`, when it came later.
    var answer: SubscribeDecision?

    /// User properties of the packet, in wire form.
    let userProperties: [UInt8]

    init(packet: Subscribe) {
        self.packet = packet
        var user = Properties()
        user.userProperties = packet.properties.userProperties
        userProperties = user.userProperties.isEmpty ? [] : user.wireForm(in: .subscribe)
    }
}
