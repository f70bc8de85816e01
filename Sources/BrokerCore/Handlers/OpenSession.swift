import MQTTCodec
import Timing

/// The session of a client that was let in, and the CONNACK that says so.
extension Shard {
    /// Opens or continues the session and answers CONNACK.
    func openSession(_ connection: ConnectionRef, _ connect: Connect, _ limits: SessionLimits) {
        let extras = connection.extras
        if isDraining {
            refuse(connection, .serverUnavailable, "the broker is stopping")
            return
        }
        if refusesSession(extras.identity.clientID, expiry: min(grantedExpiry(connect), limits.sessionExpiry)) {
            refuse(connection, .quotaExceeded, "the store cannot keep the session")
            return
        }
        if let existing = findSession(extras.identity.clientID) { settleDeadlines(of: existing) }
        if let existing = findSession(extras.identity.clientID), let older = existing.pointee.connection {
            if settings.duplicateClientPolicy == .refuse {
                refuse(connection, .clientIdentifierNotValid, "Client Identifier is in use and the policy is refuse")
                return
            }
            // [MQTT-3.1.4-3]
            disconnect(older, reason: .sessionTakenOver, cause: .takenOver)
        }
        var present = false
        let session: SessionRef
        if let existing = findSession(extras.identity.clientID), !connect.cleanStart {
            present = true
            session = existing
            resume(session)
        } else {
            if let existing = findSession(extras.identity.clientID) {
                endSession(existing, expired: false)
            } else if !shared.hasRoomForSession {
                let reason: ReasonCode = connect.version == .v5_0 ? .quotaExceeded : .serverUnavailable
                refuse(connection, reason, "the broker has max_sessions sessions")
                return
            }
            session = makeSession(extras.identity.clientID, version: connect.version)
        }
        join(connection, session, connect, limits)
        acknowledgeConnect(connection, session, connect, present: present)
        guard connection.pointee.phase != .closed else { return }
        state.pointee.counters.connectAnswers[Int(ReasonCode.success.rawValue)] &+= 1
        if present { resend(session, connection) }
        transport.event(
            .connected(
                extras.identity, connection: connection.pointee.id, version: connect.version,
                cleanStart: connect.cleanStart, present: present, keepAlive: extras.keepAlive))
    }

    /// The session is continued before its expiry or its will's delay has passed: neither happens [MQTT-3.1.3-9].
    private func resume(_ session: SessionRef) {
        cancelTimers(of: session)
        session.pointee.will = nil
    }

    /// Ties connection and session together.
    private func join(
        _ connection: ConnectionRef, _ session: SessionRef, _ connect: Connect, _ limits: SessionLimits
    ) {
        let extras = connection.extras
        session.pointee.connection = connection
        session.pointee.version = connect.version
        connection.pointee.session = session
        connection.pointee.phase = .online
        if connect.cleanStart { connection.pointee.flags.insert(.cleanStart) }
        let receiveMaximum = Int32(connect.properties.receiveMaximum ?? .max)
        session.pointee.windowLimit = min(
            receiveMaximum, Int32(settings.maximumInflight), Int32(clamping: limits.receiveMaximum))
        connection.pointee.receiveLimit = settings.receiveMaximum + session.pointee.received.count
        session.pointee.expiryInterval = min(grantedExpiry(connect), limits.sessionExpiry)
        session.pointee.flags.remove(.persistent)
        if session.pointee.expiryInterval > 0 { session.pointee.flags.insert(.persistent) }
        session.pointee.will = connect.will.map {
            Will(
                topic: $0.topic, payload: $0.payload, properties: Will.forwardable($0.properties), qos: $0.qos,
                retain: $0.retain, delay: $0.properties.willDelayInterval ?? 0,
                expiry: $0.properties.messageExpiryInterval, identity: extras.identity)
        }
        extras.outboundAliasMaximum = min(connect.properties.topicAliasMaximum ?? 0, settings.maximumTopicAlias)
        if extras.outboundAliasMaximum > 0 { connection.pointee.flags.insert(.usesAliases) }
        startKeepAlive(connection, limits)
        startCredentialsTimer(connection)
        persistSession(session)
    }

    /// The interval the session is kept for, in seconds, within the broker's bound. A 3.1.1 session without Clean
    /// Session is kept for that bound.
    func grantedExpiry(_ connect: Connect) -> UInt32 {
        if connect.version == .v3_1_1 { return connect.cleanStart ? 0 : settings.maximumSessionExpiry }
        return min((connect.properties.sessionExpiryInterval ?? 0), settings.maximumSessionExpiry)
    }

    /// Keep-alive runs from here; the server's own value wins [MQTT-3.1.2-21]. A 3.1.1 client cannot be told of it and
    /// keeps its own [MQTT-3.1.2-24 of 3.1.1].
    private func startKeepAlive(_ connection: ConnectionRef, _ limits: SessionLimits) {
        let extras = connection.extras
        if connection.pointee.version == .v3_1_1 {
        } else if settings.serverKeepAlive > 0 {
            extras.keepAlive = settings.serverKeepAlive
        } else if settings.maximumKeepAlive > 0,
            extras.keepAlive == 0 || extras.keepAlive > settings.maximumKeepAlive
        {
            extras.keepAlive = settings.maximumKeepAlive
        }
        if connection.pointee.version == .v5_0, limits.keepAlive <= UInt16.max,
            extras.keepAlive == 0 || extras.keepAlive > limits.keepAlive
        {
            extras.keepAlive = UInt16(limits.keepAlive)
        }
        connection.pointee.lastReceived = now
        guard extras.keepAlive > 0 else { return }
        connection.pointee.silenceLimit = Int64(extras.keepAlive) &* 1_500_000_000
        connection.pointee.timer = wheel.schedule(
            at: now &+ connection.pointee.silenceLimit, kind: TimerKind.keepAlive.rawValue,
            payload: connection.pointee.handle)
    }

    private func acknowledgeConnect(
        _ connection: ConnectionRef, _ session: SessionRef, _ connect: Connect, present: Bool
    ) {
        var answer = ConnAck(sessionPresent: present, reason: .success)
        if connect.version == .v5_0 {
            let extras = connection.extras
            if session.pointee.expiryInterval != (connect.properties.sessionExpiryInterval ?? 0) {
                answer.properties.sessionExpiryInterval = session.pointee.expiryInterval
            }
            if settings.receiveMaximum != Int(UInt16.max) {
                answer.properties.receiveMaximum = UInt16(clamping: settings.receiveMaximum)
            }
            if settings.maximumQoS < 2 { answer.properties.maximumQoS = settings.maximumQoS }
            if !settings.retainAvailable { answer.properties.retainAvailable = 0 }
            answer.properties.maximumPacketSize = UInt32(clamping: settings.maximumPacketSize)
            if connect.clientID.isEmpty { answer.properties.assignedClientIdentifier = extras.identity.clientID }
            if settings.maximumTopicAlias > 0 { answer.properties.topicAliasMaximum = settings.maximumTopicAlias }
            if extras.keepAlive != connect.keepAlive { answer.properties.serverKeepAlive = extras.keepAlive }
            if let enhanced = extras.enhanced {
                // [MQTT-4.12.0-5]
                answer.properties.authenticationMethod = enhanced.method
                answer.properties.authenticationData = enhanced.takeFinalData()
            }
        }
        takeGates(of: session, for: connection)
        // Also for a session that is not durable: the rows may end an older one that was.
        openTicketGate(connection, if: session.pointee.isDurable || hasRows)
        if !send(connection, .connack(answer)) {
            disconnect(
                connection, reason: .packetTooLarge, cause: .limit("CONNACK is larger than the client's maximum"))
        }
    }
}
