import MQTTCodec
import PluginABI

/// conn.accept and session.open: before and after somebody is known.
extension Shard {
    /// Asks about a connection that was just accepted. Nothing is read from one that is refused; it is closed at the
    /// end of the turn, when its transport knows it.
    func decideAccept(_ connection: ConnectionRef) {
        guard hooks.table.hasConnAccept else { return }
        let arena = HookArena(firstSize: 256, wipes: false)
        let identity = connection.extras.identity
        var input = hl_accept()
        input.struct_size = UInt32(MemoryLayout<hl_accept>.size)
        input.flags = identity.layers.rawValue
        input.connection = connection.pointee.id
        input.address = arena.copy(Array(identity.address.utf8))
        input.listener = arena.copy(Array(identity.listener.utf8))
        let outcome = withExtendedLifetime(arena) { hooks.connAccept(&input, now: now) }
        guard outcome == .deny else { return }
        let result = hooks.lastResult
        if result.hasFailed, shared.listeners[Int(connection.pointee.listener)].allowAnonymous { return }
        connection.pointee.flags.insert(.hookPending)
        refusedConnections.append((connection.pointee.handle, result.rule.text))
    }

    /// End of turn: closes what conn.accept refused.
    func endRefused() {
        for (handle, rule) in refusedConnections {
            guard let connection = state.pointee.connections.find(handle), connection.pointee.phase != .closed else {
                continue
            }
            end(
                connection, cause: .refused("conn.accept rule=\(rule)"), reason: .banned, byBroker: true)
        }
        refusedConnections.removeAll(keepingCapacity: true)
    }

    /// Asks about the session a client is about to get, on its home shard.
    func decideSession(_ connection: ConnectionRef, _ connect: Connect) {
        guard hooks.table.hasSessionOpen else {
            openSession(connection, connect, connection.extras.limits)
            return
        }
        connection.pointee.phase = .authenticating
        let existing = findSession(connection.extras.identity.clientID)
        var input = hl_session()
        input.struct_size = UInt32(MemoryLayout<hl_session>.size)
        if connect.cleanStart { input.flags |= HL_SESSION_CLEAN_START }
        if let existing, !connect.cleanStart {
            input.flags |= HL_SESSION_PRESENT
            input.queued = UInt32(clamping: existing.pointee.queue.count)
        }
        if existing?.pointee.connection != nil { input.flags |= HL_SESSION_TAKE_OVER }
        let limits = connection.extras.limits
        input.session_expiry = min(grantedExpiry(connect), limits.sessionExpiry)
        input.receive_max = min(
            UInt32(connect.properties.receiveMaximum ?? .max), UInt32(clamping: settings.maximumInflight),
            limits.receiveMaximum)
        input.keep_alive = UInt32(connection.extras.keepAlive)
        if input.keep_alive == 0 || input.keep_alive > limits.keepAlive {
            input.keep_alive = limits.keepAlive <= UInt16.max ? limits.keepAlive : input.keep_alive
        }
        let client = self.client(connection)
        input.client = client.pointer
        let outcome = withExtendedLifetime(client) { hooks.sessionOpen(&input, now: now) }
        concludeSession(connection, connect, outcome)
    }

    func concludeSession(_ connection: ConnectionRef, _ connect: Connect, _ outcome: HookOutcome) {
        switch outcome {
        case .pending(let token, let deadline):
            park(connection, token: token, deadline: deadline, .session(connect))
        case .allow:
            let limits = connection.extras.limits.lowered(by: hooks.lastResult.limits)
            openSession(connection, connect, limits)
        case .abstain: openSession(connection, connect, connection.extras.limits)
        default:
            let result = hooks.lastResult
            let wanted = UInt8(exactly: result.reasonCode).map(ReasonCode.init) ?? .notAuthorized
            let reason = result.hasFailed ? .serverBusy : wanted.isError ? wanted : .notAuthorized
            refuse(connection, reason, "session.open refused the session", rule: result.rule.text)
        }
    }
}
