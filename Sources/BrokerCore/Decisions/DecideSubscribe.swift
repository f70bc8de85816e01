import MQTTCodec
import PluginABI

/// Who may subscribe to what: `acl.subscribe`, once per filter, and again for live subscriptions when rules change.
extension Shard {
    func authoriseSubscribe(
        _ connection: ConnectionRef, _ request: MQTTCodec.Subscription, _ qos: UInt8, _ progress: SubscribeProgress
    ) -> SubscribeDecision {
        let outcome = askSubscribe(
            connection, filter: request.filter, qos: qos, flags: request.abiFlags,
            identifier: progress.packet.properties.subscriptionIdentifiers.first ?? 0)
        return conclude(connection, request.filter, qos, outcome, progress)
    }

    /// A plugin answered later.
    func concludeSubscribe(
        _ connection: ConnectionRef, _ progress: SubscribeProgress, _ outcome: HookOutcome
    ) -> SubscribeDecision {
        let request = progress.packet.subscriptions[progress.next]
        return conclude(connection, request.filter, min(request.qos, settings.maximumQoS), outcome, progress)
    }

    private func conclude(
        _ connection: ConnectionRef, _ filter: [UInt8], _ qos: UInt8, _ outcome: HookOutcome,
        _ progress: SubscribeProgress
    ) -> SubscribeDecision {
        switch outcome {
        case .allow:
            let granted = min(qos, UInt8(truncatingIfNeeded: min(hooks.lastResult.grantedQoS, 2)))
            guard let entered = rewritten(filter) else { return .refused(.topicFilterInvalid) }
            return .granted(granted, filter: entered)
        case .pending(let token, let deadline):
            park(connection, token: token, deadline: deadline, .subscribe(progress))
            return .pending
        default:
            let result = outcome == .deny ? hooks.lastResult : HookResult()
            let wanted = UInt8(exactly: result.reasonCode).map(ReasonCode.init) ?? .notAuthorized
            let reason = wanted.isError ? wanted : .notAuthorized
            transport.event(
                .subscribeDenied(
                    connection.extras.identity, filter: filter, reason: reason,
                    rule: outcome == .abstain ? "default" : result.rule.text))
            return .refused(reason)
        }
    }

    /// The filter to enter: what the plugins made of `filter`, within its shared group. Nil: it is not a valid one.
    private func rewritten(_ filter: [UInt8]) -> [UInt8]? {
        guard let view = hooks.lastResult.filter else { return filter }
        return filter.withUnsafeBytes { bytes in
            guard let parsed = try? TopicFilter.parse(bytes, maximumLevels: settings.maximumTopicLevels),
                !TopicFilter.isShared(view.bytes),
                TopicFilter.validate(view.bytes, maximumLevels: settings.maximumTopicLevels) == nil
            else { return nil }
            return Array(bytes.prefix(bytes.count - parsed.filter.count)) + Array(view.bytes)
        }
    }

    private func askSubscribe(
        _ connection: ConnectionRef, filter: [UInt8], qos: UInt8, flags: UInt32, identifier: UInt32
    ) -> HookOutcome {
        filter.withUnsafeBytes { bytes in
            guard let parsed = try? TopicFilter.parse(bytes, maximumLevels: settings.maximumTopicLevels) else {
                return .deny
            }
            var input = hl_subscribe()
            input.struct_size = UInt32(MemoryLayout<hl_subscribe>.size)
            input.flags = flags
            input.client = client(connection).pointer
            input.filter = hl_view(parsed.filter)
            if let name = parsed.shareName { input.share_group = hl_view(name) }
            input.qos = UInt32(qos)
            input.subscription_id = identifier
            return withUnsafePointer(to: input) {
                hooks.aclSubscribe($0, now: now)
            }
        }
    }

    /// Looks at the live subscriptions of every client again: those that lost permission end at once. Called when a
    /// plugin says that its rules have changed.
    func recheckSubscriptions() {
        guard hooks.table.hasACLSubscribe else { return }
        state.pointee.sessions.forEach { _, session in
            guard let connection = session.pointee.connection, connection.isOnline else { return }
            recheck(session, connection)
        }
    }

    func recheck(_ session: SessionRef, _ connection: ConnectionRef) {
        var lost: [(filter: [UInt8], rule: String)] = []
        state.pointee.tree.forEach(in: session.pointee.subscriptions) { subscription in
            let filter = Array(subscription.pointee.filterBytes)
            let flags = subscription.pointee.flags
            let outcome = askSubscribe(
                connection, filter: filter, qos: flags.qos, flags: HL_SUBSCRIBE_EXISTS | HL_SUBSCRIBE_RECHECK,
                identifier: subscription.pointee.identifier)
            if case .pending(let token, _) = outcome { hooks.cancel(token) }
            if outcome == .deny { lost.append((filter, hooks.lastResult.rule.text)) }
            if outcome == .abstain { lost.append((filter, "default")) }
        }
        for (filter, rule) in lost {
            _ = removeSubscription(of: session, filter)
            transport.event(
                .subscribeDenied(connection.extras.identity, filter: filter, reason: .notAuthorized, rule: rule))
        }
    }
}

extension MQTTCodec.Subscription {
    var abiFlags: UInt32 {
        (noLocal ? HL_SUBSCRIBE_NO_LOCAL : 0) | (retainAsPublished ? HL_SUBSCRIBE_RETAIN_AS_PUBLISHED : 0)
    }
}
