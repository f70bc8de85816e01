import MQTTCodec

/// SUBSCRIBE and UNSUBSCRIBE.
extension Shard {
    func handleSubscribe(_ connection: ConnectionRef, _ packet: Subscribe) {
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
            case .granted(let qos):
                progress.codes.append(ReasonCode(rawValue: qos))
                progress.granted.append((progress.next, qos))
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
        var retained: [RetainedDelivery] = []
        for (position, qos) in progress.granted {
            let request = progress.packet.subscriptions[position]
            let isNew = enter(session, request, qos, progress.packet.properties.subscriptionIdentifiers.first ?? 0)
            let isShared = request.filter.withUnsafeBytes { TopicFilter.isShared($0) }
            // [MQTT-3.3.1-9, -10, -11]; none for shared subscriptions [MQTT-3.8.4-4].
            let wants = request.retainHandling == .send || (request.retainHandling == .sendIfNew && isNew)
            if wants && !isShared {
                retained.append(
                    RetainedDelivery(
                        session: session.pointee.id,
                        cursor: request.filter.withUnsafeBytes { shared.retained.cursor($0) }, qos: qos,
                        identifier: progress.packet.properties.subscriptionIdentifiers.first ?? 0))
            }
            transport.event(
                .subscribed(extras.identity, connection: connection.pointee.id, filter: request.filter, qos: qos))
        }
        openTicketGate(connection, if: session.pointee.flags.contains(.durable) && !progress.granted.isEmpty)
        send(connection, .suback(SubAck(packetID: progress.packet.packetID, reasons: progress.codes)))
        for delivery in retained { startRetained(delivery) }
    }

    /// Puts one subscription into the tree or, for a shared one, into its group. True: it is new.
    private func enter(_ session: SessionRef, _ request: MQTTCodec.Subscription, _ qos: UInt8, _ identifier: UInt32)
        -> Bool
    {
        let flags = SubscriptionFlags(
            qos: qos, noLocal: request.noLocal, retainAsPublished: request.retainAsPublished,
            retainHandling: request.retainHandling.rawValue)
        let isNew = request.filter.withUnsafeBytes { filter in
            state.pointee.tree.insert(
                filter, session: session, sessionID: session.pointee.id, flags: flags, identifier: identifier,
                into: &session.pointee.subscriptions)
        }
        persistSubscription(session, request.filter, flags, identifier)
        joinGroup(session, request.filter, flags, identifier)
        return isNew
    }

    /// Checks one filter and asks the plugins.
    private func decideSubscribe(
        _ connection: ConnectionRef, _ request: MQTTCodec.Subscription, _ progress: SubscribeProgress
    ) -> SubscribeDecision {
        let isValid = request.filter.withUnsafeBytes {
            (try? TopicFilter.parse($0, maximumLevels: settings.maximumTopicLevels)) != nil
        }
        guard isValid else { return .refused(.topicFilterInvalid) }
        let count = connection.pointee.session?.pointee.subscriptions.count ?? 0
        if Int(count) + progress.granted.count >= settings.maximumSubscriptionsPerSession {
            return .refused(.quotaExceeded)
        }
        let qos = min(request.qos, settings.maximumQoS)
        guard hooks.table.hasACLSubscribe else { return .granted(qos) }
        return authoriseSubscribe(connection, request, qos, progress)
    }

    func handleUnsubscribe(_ connection: ConnectionRef, _ packet: Unsubscribe) {
        guard let session = connection.pointee.session else { return }
        let extras = connection.extras
        var codes: [ReasonCode] = []
        for filter in packet.filters {
            let existed = filter.withUnsafeBytes { bytes in
                leaveGroup(session, bytes)
                return state.pointee.tree.remove(
                    bytes, sessionID: session.pointee.id, from: &session.pointee.subscriptions)
            }
            codes.append(existed ? .success : .noSubscriptionExisted)
            guard existed else { continue }
            persistUnsubscribed(session, filter)
            transport.event(.unsubscribed(extras.identity, connection: connection.pointee.id, filter: filter))
        }
        openTicketGate(connection, if: session.pointee.flags.contains(.durable))
        send(connection, .unsuback(UnsubAck(packetID: packet.packetID, reasons: codes)))
    }
}

/// What became of one filter.
enum SubscribeDecision {
    case granted(UInt8)
    case refused(ReasonCode)
    case pending
}

/// A SUBSCRIBE being worked on; kept while a plugin decides on one of its filters.
final class SubscribeProgress {
    let packet: Subscribe
    var next = 0
    var codes: [ReasonCode] = []
    /// Position in the packet and granted QoS.
    var granted: [(Int, UInt8)] = []
    /// The decision on the filter at `next`, when it came later.
    var answer: SubscribeDecision?

    init(packet: Subscribe) { self.packet = packet }
}
