import MQTTCodec
import Timing

/// How connections end.
extension Shard {
    /// The client broke the protocol: a 5.0 client is told why [MQTT-4.13.1-1], then the connection closes.
    func protocolFailure(_ connection: ConnectionRef, _ error: DecodeError) {
        disconnect(connection, reason: error.reasonCode, cause: .protocolViolation(error.description))
    }

    /// A rule that is not the decoder's was broken; `statement` names it.
    func protocolFailure(_ connection: ConnectionRef, _ reason: ReasonCode, _ text: String) {
        disconnect(connection, reason: reason, cause: .protocolViolation(text))
    }

    /// The broker ends the connection: DISCONNECT with `reason` to a 5.0 client that is online, then close.
    func disconnect(_ connection: ConnectionRef, reason: ReasonCode, cause: DisconnectCause) {
        guard connection.pointee.phase != .closed else { return }
        if connection.isOnline, connection.pointee.version == .v5_0,
            !connection.pointee.flags.contains(.sentDisconnect)
        {
            connection.pointee.flags.insert(.sentDisconnect)
            var packet = Disconnect(reason: reason)
            if case .protocolViolation(let text) = cause, connection.extras.wantsProblemInformation {
                packet.properties.reasonString = Array(text.utf8)
            }
            if !send(connection, .disconnect(packet)) {
                // The reason string goes first when the client takes small packets only [MQTT-3.14.2-3].
                packet.properties.reasonString = nil
                send(connection, .disconnect(packet))
            }
        }
        end(connection, cause: cause, reason: reason, byBroker: true)
    }

    /// Takes the connection out of everything. What is in its output and may leave is written once more.
    func end(
        _ connection: ConnectionRef, cause: DisconnectCause, reason: ReasonCode, byBroker: Bool = false
    ) {
        guard connection.pointee.phase != .closed else { return }
        let wasOnline = connection.isOnline
        let extras = connection.extras
        if case .connectionLost = cause {
        } else {
            writeLast(connection)
            transport.close(connection.pointee.transport, graceful: true)
        }
        connection.pointee.phase = .closed
        if wasOnline { state.pointee.counters.disconnects[cause.number] &+= 1 }
        if case .protocolViolation = cause { state.pointee.counters.protocolErrors &+= 1 }
        if let timer = connection.pointee.timer { _ = wheel.cancel(timer) }
        if let timer = extras.credentialsTimer { _ = wheel.cancel(timer) }
        if let pending = extras.pending {
            extras.pending = nil
            cancelPending(pending)
        }
        state.pointee.endedConnections.append(connection.pointee.handle)
        guard wasOnline, let session = connection.pointee.session else {
            if !wasOnline { reportRefusal(extras, cause: cause, reason: reason) }
            return
        }
        let queued = session.pointee.queue.count
        let will = detach(session, from: connection, cause: cause)
        transport.event(
            .disconnected(
                extras.identity, connection: connection.pointee.id, cause: cause, reason: reason, byBroker: byBroker,
                will: will, queued: queued, online: now &- extras.connectedAt))
    }

    /// Last write of a connection that is being closed; what the socket does not take is lost with it.
    private func writeLast(_ connection: ConnectionRef) {
        guard !connection.pointee.flags.contains(.blocked) else { return }
        var ready = connection.pointee.output.bytes
        if connection.pointee.flags.contains(.gated) {
            ready = UnsafeRawBufferPointer(rebasing: ready[..<openOutput(connection)])
        }
        if ready.count > 0 {
            let written = transport.write(connection.pointee.transport, ready)
            if written > 0 { state.pointee.counters.bytesSent &+= UInt64(truncatingIfNeeded: written) }
        }
    }

    private func reportRefusal(_ extras: ConnectionExtras, cause: DisconnectCause, reason: ReasonCode) {
        state.pointee.counters.connectionsRefused &+= 1
        if case .refused = cause { state.pointee.counters.connectAnswers[Int(reason.rawValue)] &+= 1 }
        transport.event(.connectRefused(extras.identity, reason: reason, cause: cause, rule: ""))
    }

    /// The session loses its connection: its will is published, delayed or discarded; a session that is not
    /// persistent ends, another one starts its expiry.
    private func detach(_ session: SessionRef, from connection: ConnectionRef, cause: DisconnectCause) -> WillOutcome {
        connection.pointee.session = nil
        guard session.pointee.connection == connection else { return .none }
        keepGates(of: connection, for: session)
        session.pointee.connection = nil
        setReady(session, false)
        let outcome = settleWill(of: session, connection, cause)
        if session.pointee.flags.contains(.persistent) {
            startExpiry(session)
            notifyOffline(connection.extras.identity, connection.pointee.id)
        } else {
            endSession(session, expired: false)
        }
        return outcome
    }

    private func settleWill(
        of session: SessionRef, _ connection: ConnectionRef, _ cause: DisconnectCause
    ) -> WillOutcome {
        guard let will = session.pointee.will else { return .none }
        if case .clientDisconnect = cause, connection.extras.reason == .normalDisconnection {
            // [MQTT-3.1.2-10]: DISCONNECT with 0x00 discards the will; any other code publishes it.
            session.pointee.will = nil
            persistWillGone(session)
            return .discarded
        }
        guard will.delay == 0 || !session.pointee.flags.contains(.persistent) else {
            startWillDelay(session, will)
            return .delayed
        }
        session.pointee.will = nil
        publishWill(will, of: session)
        persistWillGone(session)
        return .published
    }

    /// Frees what ended in this turn. Pointers to it were good until now.
    func freeEnded() {
        for handle in state.pointee.endedConnections {
            guard let connection = state.pointee.connections.find(handle) else { continue }
            connection.pointee.output.releaseMemory(pool)
            connection.pointee.input.release()
            connection.pointee.extras.release()
            state.pointee.connectionsByListener[Int(connection.pointee.listener)] -= 1
            state.pointee.connections.free(handle)
        }
        state.pointee.endedConnections.removeAll(keepingCapacity: true)
        for handle in state.pointee.endedSessions {
            guard let session = state.pointee.sessions.find(handle) else { continue }
            releaseMemory(of: session)
            state.pointee.sessions.free(handle)
        }
        state.pointee.endedSessions.removeAll(keepingCapacity: true)
    }
}
