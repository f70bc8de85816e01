import MQTTCodec
import PluginABI

/// Who may subscribe to what: `acl.subscribe`, once per filter, and again for live subscriptions when rules change.
extension Shard {
    func authoriseSubscribe(
        _ connection: ConnectionRef, _ request: MQTTCodec.Subscription, _ qos: UInt8, _ progress: SubscribeProgress
    ) -> SubscribeDecision {
        if let kept = connection.extras.filterVerdicts.find(request.filter, epoch: hooks.verdictEpoch, now: now) {
            state.pointee.counters.subscribeAccess.count(kept.allows)
            return decide(kept, connection, request.filter, qos)
        }
        let outcome = askSubscribe(
            connection,
            SubscribeQuestion(
                filter: request.filter, qos: qos, flags: request.abiFlags,
                retainHandling: request.retainHandling.rawValue,
                identifier: progress.packet.properties.subscriptionIdentifiers.first ?? 0,
                properties: progress.userProperties))
        return conclude(connection, request.filter, qos, outcome, progress)
    }

    /// A verdict that was given before and still holds.
    private func decide(
        _ kept: FilterVerdicts.Verdict, _ connection: ConnectionRef, _ filter: [UInt8], _ qos: UInt8
    ) -> SubscribeDecision {
        if kept.allows { return .granted(min(qos, kept.grantedQoS), filter: filter) }
        transport.event(
            .subscribeDenied(connection.extras.identity, filter: filter, reason: kept.reason, rule: "cached"))
        return .refused(kept.reason)
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
        if case .pending = outcome {} else { state.pointee.counters.subscribeAccess.count(outcome == .allow) }
        switch outcome {
        case .allow:
            let granted = min(qos, UInt8(truncatingIfNeeded: min(hooks.lastResult.grantedQoS, 2)))
            guard let entered = rewritten(filter) else { return .refused(.topicFilterInvalid) }
            if entered == filter { keepVerdict(connection, filter, allows: true) }
            return .granted(granted, filter: entered)
        case .pending(let token, let deadline):
            park(connection, token: token, deadline: deadline, .subscribe(progress))
            return .pending
        default:
            let result = outcome == .deny ? hooks.lastResult : HookResult()
            let wanted = UInt8(exactly: result.reasonCode).map(ReasonCode.init) ?? .notAuthorized
            let reason = wanted.isError ? wanted : .notAuthorized
            if outcome == .deny { keepVerdict(connection, filter, allows: false, reason) }
            transport.event(
                .subscribeDenied(
                    connection.extras.identity, filter: filter, reason: reason,
                    rule: outcome == .abstain ? "default" : result.rule.text))
            return .refused(reason)
        }
    }

    private func keepVerdict(
        _ connection: ConnectionRef, _ filter: [UInt8], allows: Bool, _ reason: ReasonCode = .success
    ) {
        let result = hooks.lastResult
        guard result.filterVerdictExpires > now else { return }
        connection.extras.filterVerdicts.store(
            filter,
            FilterVerdicts.Verdict(
                allows: allows, grantedQoS: UInt8(truncatingIfNeeded: min(result.grantedQoS, 2)), reason: reason,
                expires: result.filterVerdictExpires, epoch: hooks.verdictEpoch))
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

    private func askSubscribe(_ connection: ConnectionRef, _ question: SubscribeQuestion) -> HookOutcome {
        question.filter.withUnsafeBytes { bytes in
            question.properties.withUnsafeBytes { properties in
                guard let parsed = try? TopicFilter.parse(bytes, maximumLevels: settings.maximumTopicLevels) else {
                    return .deny
                }
                var input = hl_subscribe()
                input.struct_size = UInt32(MemoryLayout<hl_subscribe>.size)
                input.flags = question.flags
                input.client = client(connection).pointer
                input.filter = hl_view(parsed.filter)
                if let name = parsed.shareName { input.share_group = hl_view(name) }
                input.qos = UInt32(question.qos)
                input.retain_handling = UInt32(question.retainHandling)
                input.subscription_id = question.identifier
                input.properties = hl_view(properties)
                return withUnsafePointer(to: input) { hooks.aclSubscribe($0, now: now) }
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
                connection,
                SubscribeQuestion(
                    filter: filter, qos: flags.qos, flags: HL_SUBSCRIBE_EXISTS | HL_SUBSCRIBE_RECHECK,
                    retainHandling: 2, identifier: subscription.pointee.identifier, properties: []))
            switch outcome {
            case .pending(let token, let deadline):
                // It stays until the plugin has answered.
                wait(for: token, deadline, .recheck(session: session.pointee.id, filter: filter))
            case .allow: break
            default: lost.append((filter, outcome == .deny ? hooks.lastResult.rule.text : "default"))
            }
        }
        for (filter, rule) in lost { endSubscription(session, filter, rule) }
    }

    /// A plugin has answered later about a live subscription.
    func resumeRecheck(_ id: UInt64, _ filter: [UInt8], _ outcome: HookOutcome) {
        guard let session = findSession(id: id) else { return }
        switch outcome {
        case .pending(let token, let deadline):
            wait(for: token, deadline, .recheck(session: id, filter: filter))
        case .allow: break
        default: endSubscription(session, filter, outcome == .deny ? hooks.lastResult.rule.text : "default")
        }
    }

    private func endSubscription(_ session: SessionRef, _ filter: [UInt8], _ rule: String) {
        guard removeSubscription(of: session, filter), let connection = session.pointee.connection else { return }
        transport.event(
            .subscribeDenied(connection.extras.identity, filter: filter, reason: .notAuthorized, rule: rule))
    }
}

/// What acl.subscribe is asked about one filter.
private struct SubscribeQuestion {
    let filter: [UInt8]
    let qos: UInt8
    let flags: UInt32
    let retainHandling: UInt8
    let identifier: UInt32
    /// User properties of the packet, in wire form.
    let properties: [UInt8]
}

extension MQTTCodec.Subscription {
    var abiFlags: UInt32 {
        (noLocal ? HL_SUBSCRIBE_NO_LOCAL : 0) | (retainAsPublished ? HL_SUBSCRIBE_RETAIN_AS_PUBLISHED : 0)
    }
}
