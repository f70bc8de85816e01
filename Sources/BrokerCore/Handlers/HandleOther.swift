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
            end(
                connection, cause: .protocolViolation("the first packet is not CONNECT [MQTT-3.1.0-1]"),
                reason: .protocolError, byBroker: true)
            return
        }
        handleConnect(connection, frame)
    }

    private func handleAck(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer, _ bodyOffset: Int) {
        let ack: AckHeader
        do {
            ack = try AckHeader.parse(
                frame: frame.baseAddress.unsafelyUnwrapped, length: frame.count, bodyOffset: bodyOffset,
                version: connection.pointee.version)
        } catch {
            protocolFailure(connection, error)
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
        let packet: Packet
        do {
            packet = try Packet.decode(frame: frame, version: connection.pointee.version, role: .fromClient)
        } catch {
            protocolFailure(connection, error)
            return
        }
        switch packet {
        case .subscribe(let subscribe): handleSubscribe(connection, subscribe)
        case .unsubscribe(let unsubscribe): handleUnsubscribe(connection, unsubscribe)
        case .pingreq: send(connection, .pingresp)
        case .disconnect(let disconnect): handleDisconnect(connection, disconnect)
        case .connect: protocolFailure(connection, .protocolError, "second CONNECT [MQTT-3.1.0-2]")
        case .auth(let auth): handleReauthentication(connection, auth)
        default: protocolFailure(connection, .protocolError, "a packet that only a server sends")
        }
    }

    /// The client says good-bye. With 0x04 its will is published all the same [MQTT-3.14.4-3].
    private func handleDisconnect(_ connection: ConnectionRef, _ packet: Disconnect) {
        guard let session = connection.pointee.session else { return }
        if let interval = packet.properties.sessionExpiryInterval {
            if session.pointee.expiryInterval == 0 && interval != 0 {
                protocolFailure(
                    connection, .protocolError, "Session Expiry Interval raised from 0 in DISCONNECT [MQTT-3.1.2-23]")
                return
            }
            session.pointee.expiryInterval = min(interval, settings.maximumSessionExpiry)
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
