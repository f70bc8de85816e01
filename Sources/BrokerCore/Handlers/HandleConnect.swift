import MQTTCodec
import Timing

/// CONNECT: checked, decided on by plugins, taken to its home shard, answered.
extension Shard {
    /// The first packet of a connection.
    func handleConnect(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer) {
        guard var connect = readConnect(connection, frame) else { return }
        takeForm(connection, connect)
        if let timer = connection.pointee.timer { _ = wheel.cancel(timer) }
        connection.pointee.timer = nil
        var clientID = connect.clientID
        if clientID.isEmpty {
            if !connect.cleanStart && connect.version == .v3_1_1 {
                let problem = "empty Client Identifier needs Clean Session [MQTT-3.1.3-8]"
                guard tolerates(.noClientIdentifier, of: connection, problem) else {
                    refuse(connection, .clientIdentifierNotValid, problem)
                    return
                }
                connect.cleanStart = true
            }
            clientID = makeClientID()
        }
        let extras = connection.extras
        let known = extras.identity
        let isNamedByCertificate =
            shared.listeners[Int(connection.pointee.listener)].certificateIsLogin && !known.certificate.isEmpty
        extras.identity = known.with(
            username: isNamedByCertificate ? known.certificate : connect.userName ?? [], groups: [], account: [],
            clientID: clientID)
        extras.keepAlive = connect.keepAlive
        extras.wantsProblemInformation = connect.properties.requestProblemInformation != 0
        if isDraining {
            refuse(connection, .serverUnavailable, "the broker is stopping")
            return
        }
        if let will = connect.will, !acceptsWill(connection, will) { return }
        if let method = connect.properties.authenticationMethod {
            startExchange(connection, connect, method)
        } else {
            authenticate(connection, connect)
        }
    }

    /// The form of every answer to this client, a refusal too: its version, and no packet above its maximum
    /// [MQTT-3.1.2-24].
    private func takeForm(_ connection: ConnectionRef, _ connect: Connect) {
        connection.pointee.version = connect.version
        connection.pointee.clientPacketLimit = Int32(
            clamping: connect.properties.maximumPacketSize ?? UInt32(Int32.max))
    }

    /// Nil: it cannot be read, and the connection has ended.
    private func readConnect(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer) -> Connect? {
        do throws(DecodeError) {
            return try Connect.decode(frame: frame)
        } catch {
            if tolerates(error, of: connection), let connect = try? Connect.decode(frame: frame, lenient: true) {
                return connect
            }
            refuseMalformedConnect(connection, error, frame)
            return nil
        }
    }

    /// Limits on the will that CONNACK announces. False: refused.
    private func acceptsWill(_ connection: ConnectionRef, _ will: MQTTCodec.Will) -> Bool {
        if will.qos > settings.maximumQoS {
            refuse(connection, .qosNotSupported, "will with QoS \(will.qos) [MQTT-3.2.2-12]")
        } else if will.retain && !settings.retainAvailable {
            refuse(connection, .retainNotSupported, "will with RETAIN [MQTT-3.2.2-13]")
        } else if will.payload.count > settings.maximumPayloadSize {
            refuse(connection, .packetTooLarge, "will of \(will.payload.count) bytes")
        } else if will.topic.first == UInt8(ascii: "$") {
            refuse(connection, .topicNameInvalid, "will to a topic that starts with $")
        } else if TopicName.validate(will.topic) != nil || will.topic.count > settings.maximumTopicLength
            || will.topic.withUnsafeBytes({ TopicFilter.validate($0, maximumLevels: settings.maximumTopicLevels) })
                != nil
        {
            refuse(connection, .topicNameInvalid, "will to an invalid topic [MQTT-3.1.3-11]")
        } else {
            return true
        }
        return false
    }

    /// The plugins have let the client in: on to the shard where its session lives.
    func admitAuthenticated(_ connection: ConnectionRef, _ connect: Connect) {
        // Whoever had to see the whole certificate has seen it; a broker of many clients need not keep them all.
        let extras = connection.extras
        if let peer = extras.identity.peer, !peer.certificate.isEmpty {
            identityChanged(connection)
            extras.identity = extras.identity.with(peer: peer.withoutCertificate)
        }
        let home = shared.homeShard(of: connection.extras.identity.clientID)
        guard home != index else {
            decideSession(connection, connect)
            return
        }
        // Not at once: what was read together with CONNECT has to go along.
        connection.extras.moving = connect
        connection.pointee.flags.insert(.moving)
        state.pointee.movingConnections.append(connection.pointee.handle)
    }

    /// Hands the connections of this turn over to their home shards.
    func moveConnections() {
        for handle in state.pointee.movingConnections {
            guard let connection = state.pointee.connections.find(handle), connection.pointee.phase != .closed,
                let connect = connection.extras.moving
            else { continue }
            let extras = connection.extras
            extras.moving = nil
            // The home shard makes its own; ids and pointers of this shard end here.
            identityChanged(connection)
            let transfer = ConnectionTransfer(
                connect: connect, extras: extras, listener: Int(connection.pointee.listener),
                unread: Array(connection.pointee.input.bytes))
            connection.pointee.phase = .closed
            state.pointee.endedConnections.append(handle)
            transport.move(connection.pointee.transport, to: shared.homeShard(of: extras.identity.clientID), transfer)
        }
        state.pointee.movingConnections.removeAll(keepingCapacity: true)
    }

    /// Takes over a connection that another shard authenticated. Returns its handle.
    public func adopt(_ transfer: ConnectionTransfer, transport handle: UInt64, now: Int64) -> UInt64 {
        state.pointee.now = now
        hooks.beginTurn(now: now)
        let connection = insertConnection(transport: handle, listener: transfer.listener, extras: transfer.extras)
        takeForm(connection, transfer.connect)
        decideSession(connection, transfer.connect)
        let result = connection.pointee.handle
        guard connection.pointee.phase != .closed else { return result }
        if !transfer.unread.isEmpty {
            transfer.unread.withUnsafeBytes { connection.pointee.input.append($0, expected: $0.count) }
            handleKeptInput(connection)
        }
        if connection.pointee.flags.contains(.hookPending) {
            pauseReading(connection)
            return result
        }
        // A stream whose log-in a plugin decided later arrives paused, and nobody else here knows.
        if !connection.pointee.flags.contains(.readingPaused) { self.transport.resumeReading(handle) }
        return result
    }

    /// Opens or continues the session and answers CONNACK.
    func openSession(_ connection: ConnectionRef, _ connect: Connect, _ limits: SessionLimits) {
        let extras = connection.extras
        if isDraining {
            refuse(connection, .serverUnavailable, "the broker is stopping")
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
            answer.properties.maximumPacketSize = UInt32(clamping: settings.announcedPacketSize)
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

    // MARK: Refusing

    /// Answers CONNACK with an error and closes [MQTT-3.2.2-7].
    func refuse(_ connection: ConnectionRef, _ reason: ReasonCode, _ text: String, rule: String = "") {
        guard connection.pointee.phase != .closed else { return }
        let extras = connection.extras
        var answer = ConnAck(sessionPresent: false, reason: reason)
        if connection.pointee.version == .v5_0, extras.wantsProblemInformation, rule.isEmpty {
            answer.properties.reasonString = Array(text.utf8)
        }
        // A 3.1.1 client gets one of the return codes there are, or none at all [MQTT-3.2.2-6 of 3.1.1].
        if connection.pointee.version == .v5_0 || reason.connectReturnCode != nil {
            if !send(connection, .connack(answer)) {
                // The reason string goes first when the client takes small packets only [MQTT-3.2.2-19].
                answer.properties.reasonString = nil
                send(connection, .connack(answer))
            }
        }
        end(connection, cause: .refused(rule.isEmpty ? text : "\(text) rule=\(rule)"), reason: reason, byBroker: true)
    }

    /// CONNECT cannot be read. A client whose version is known is told why; any other connection is just closed.
    /// - Parameter packet: its beginning, or all of it.
    func refuseMalformedConnect(
        _ connection: ConnectionRef, _ error: DecodeError, _ packet: UnsafeRawBufferPointer
    ) {
        switch error.kind {
        case .unsupportedProtocolVersion(let level):
            // [MQTT-3.1.2-2]: in the form the client's version can read.
            connection.pointee.version = level >= 5 ? .v5_0 : .v3_1_1
            refuse(connection, .unsupportedProtocolVersion, error.description)
            return
        case .unsupportedProtocolName:
            // [MQTT-3.1.2-1]
            connection.pointee.version = .v5_0
            refuse(connection, .unsupportedProtocolVersion, error.description)
            return
        default: break
        }
        guard let version = Connect.announcedVersion(packet) else {
            end(connection, cause: .protocolViolation(error.description), reason: error.reasonCode, byBroker: true)
            return
        }
        connection.pointee.version = version
        let error = error.told(in: version)
        if version == .v5_0 {
            refuse(connection, error.reasonCode, error.description)
        } else {
            end(connection, cause: .protocolViolation(error.description), reason: error.reasonCode, byBroker: true)
        }
    }

    /// A Client Identifier nobody has, whose home is this shard [MQTT-3.1.3-6].
    private func makeClientID() -> [UInt8] {
        while true {
            let candidate = Array("auto-\(String(random.next(), radix: 36))".utf8)
            if shared.homeShard(of: candidate) == index, sessions[candidate] == nil { return candidate }
        }
    }
}

/// A connection on its way to its home shard. Touched by one thread at a time: the loop that gives it away does not
/// keep it.
public final class ConnectionTransfer: @unchecked Sendable {
    // Unchecked: handed from one loop to another exactly once, through a mailbox whose lock orders the accesses; the
    // giving shard drops its reference in the same call.
    let connect: Connect
    let extras: ConnectionExtras
    let listener: Int
    let unread: [UInt8]

    init(connect: Connect, extras: ConnectionExtras, listener: Int, unread: [UInt8]) {
        self.connect = connect
        self.extras = extras
        self.listener = listener
        self.unread = unread
    }
}
