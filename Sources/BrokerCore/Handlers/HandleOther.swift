import MQTTCodec
import Timing

/// Everything but PUBLISH.
extension Shard {
    func handleOther(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer, _ bodyOffset: Int) {
        let first = frame[0]
        guard connection.isOnline else {
            handleFirst(connection, frame, type: first >> 4)
            return
        }
        switch PacketType(rawValue: first >> 4) {
        case .puback, .pubrec, .pubrel, .pubcomp: handleAck(connection, frame, bodyOffset)
        case .pingreq where first == 0xC0 && frame.count == 2: send(connection, .pingresp)
        default: handleControl(connection, frame)
        }
    }

    /// The first packet must be CONNECT [MQTT-3.1.0-1].
    private func handleFirst(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer, type: UInt8) {
        if connection.pointee.phase == .exchanging {
            handleExchanging(connection, frame)
            return
        }
        guard connection.pointee.phase == .awaitingConnect, type == PacketType.connect.rawValue else {
            failedToConnect(connection)
            return
        }
        handleConnect(connection, frame)
    }

    /// What came first is not CONNECT. Its version is not known, so there is no answer to give.
    func failedToConnect(_ connection: ConnectionRef) {
        end(
            connection, cause: .protocolViolation("the first packet is not CONNECT [MQTT-3.1.0-1]"),
            reason: .protocolError, byBroker: true)
    }

    private func handleAck(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer, _ bodyOffset: Int) {
        let ack: AckHeader
        do {
            ack = try AckHeader.parse(
                frame: frame.baseAddress.unsafelyUnwrapped, length: frame.count, bodyOffset: bodyOffset,
                version: connection.pointee.version)
        } catch {
            handleFaulty(connection, frame, error)
            return
        }
        switch ack.type {
        case .puback: handlePubAck(connection, ack.packetID, ack.reason)
        case .pubrec: handlePubRec(connection, ack.packetID, ack.reason)
        case .pubrel: handlePubRel(connection, ack.packetID)
        default: handlePubComp(connection, ack.packetID, ack.reason)
        }
    }

    private func handleControl(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer) {
        guard frame[0] >> 4 != PacketType.connect.rawValue else {
            protocolFailure(connection, .protocolError, "second CONNECT [MQTT-3.1.0-2]")
            return
        }
        let packet: Packet
        do {
            packet = try Packet.decode(frame: frame, version: connection.pointee.version, role: .fromClient)
        } catch {
            handleFaulty(connection, frame, error)
            return
        }
        handleControl(connection, packet)
    }

    /// The packet breaks a rule: the end, unless the listener forgives it.
    private func handleFaulty(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer, _ error: DecodeError) {
        guard tolerates(error, of: connection) else {
            protocolFailure(connection, error)
            return
        }
        if case .emptyTopicFilter = error.kind {
            guard let packet = decodeLeniently(connection, frame) else { return }
            handleControl(connection, packet)
            return
        }
        // It was the flags of the fixed header.
        repaired(frame).withUnsafeBytes { bytes in
            // The same length in the same form: where the variable header begins has not changed.
            let bodyOffset = 1 + (bytes.dropFirst().firstIndex { $0 < 0x80 } ?? 1)
            handleOther(connection, bytes, bodyOffset)
        }
    }

    private func handleControl(_ connection: ConnectionRef, _ packet: Packet) {
        switch packet {
        case .subscribe(let subscribe): handleSubscribe(connection, subscribe)
        case .unsubscribe(let unsubscribe): handleUnsubscribe(connection, unsubscribe)
        case .pingreq: send(connection, .pingresp)
        case .disconnect(let disconnect): handleDisconnect(connection, disconnect)
        case .auth(let auth): handleReauthentication(connection, auth)
        // Nothing else comes here: CONNECT, PUBLISH and acknowledgements have their own ways, and the decoder refuses
        // what only a server sends.
        default: break
        }
    }

    /// The client says good-bye. With 0x04 its will is published all the same [MQTT-3.14.4-3].
    private func handleDisconnect(_ connection: ConnectionRef, _ packet: Disconnect) {
        guard let session = connection.pointee.session else { return }
        if let interval = packet.properties.sessionExpiryInterval {
            let isRaised = session.pointee.expiryInterval == 0 && interval != 0
            let problem = "Session Expiry Interval raised from 0 in DISCONNECT [section 3.14.2.2.2, MQTT-4.13.1-1]"
            if isRaised && !tolerates(.sessionExpiryRaised, of: connection, problem) {
                protocolFailure(connection, .protocolError, problem)
                return
            }
            session.pointee.expiryInterval = isRaised ? 0 : min(interval, settings.maximumSessionExpiry)
            if session.pointee.expiryInterval == 0 { session.pointee.flags.remove(.persistent) }
            persistExpiry(session)
        }
        connection.extras.reason = packet.reason
        end(connection, cause: .clientDisconnect, reason: packet.reason)
    }

    // MARK: Timers of a connection

    /// CONNECT did not come in time.
    func connectTimedOut(_ handle: UInt64) {
        guard let connection = state.pointee.connections.find(handle), connection.pointee.phase != .closed else {
            return
        }
        connection.pointee.timer = nil
        end(connection, cause: .connectTimeout, reason: .unspecifiedError, byBroker: true)
    }

    /// The keep-alive timer fired: it is moved on as long as packets came in since [MQTT-3.1.2-22].
    func keepAliveDue(_ handle: UInt64) {
        guard let connection = state.pointee.connections.find(handle), connection.isOnline else { return }
        connection.pointee.timer = nil
        var deadline = connection.pointee.lastReceived &+ connection.pointee.silenceLimit
        // While the broker itself does not read, silence is not the client's.
        if connection.pointee.flags.contains(.readingPaused) { deadline = now &+ connection.pointee.silenceLimit }
        guard deadline <= now else {
            connection.pointee.timer = wheel.schedule(
                at: deadline, kind: TimerKind.keepAlive.rawValue, payload: handle)
            return
        }
        disconnect(connection, reason: .keepAliveTimeout, cause: .keepAliveTimeout)
    }
}
