// HOT PATH: an acknowledgement is one table look-up; the next message of the queue follows at once.
import MQTTCodec

/// PUBACK, PUBREC and PUBCOMP: the client answers what the broker sent.
extension Shard {
    func handlePubAck(_ connection: ConnectionRef, _ packetID: UInt16, _ reason: ReasonCode) {
        guard let session = connection.pointee.session else { return }
        guard let slot = session.pointee.window.find(packetID), slot.pointee.qos == 1 else {
            unexpectedAck(connection, .puback, packetID)
            return
        }
        finish(session, slot)
    }

    /// PUBREC: from here on only PUBREL is sent, never the PUBLISH again [MQTT-4.3.3-4]. With an error code the flow
    /// ends here [MQTT-4.3.3-4 of 5.0; MQTT-4.8.2-6 for shared groups].
    func handlePubRec(_ connection: ConnectionRef, _ packetID: UInt16, _ reason: ReasonCode) {
        guard let session = connection.pointee.session else { return }
        guard let slot = session.pointee.window.find(packetID), slot.pointee.qos == 2 else {
            if connection.pointee.version == .v5_0 {
                if !reason.isError { sendAck(connection, .pubrel, packetID, .packetIdentifierNotFound) }
            } else {
                sendAck(connection, .pubrel, packetID)
            }
            return
        }
        if reason.isError {
            finish(session, slot)
            return
        }
        if slot.pointee.state != .released {
            persistReleasing(session, slot)
            session.pointee.window.startReleasing(slot)
            openTicketGate(connection, if: session.pointee.isDurable)
        }
        sendAck(connection, .pubrel, packetID)
    }

    func handlePubComp(_ connection: ConnectionRef, _ packetID: UInt16, _ reason: ReasonCode) {
        guard let session = connection.pointee.session else { return }
        guard let slot = session.pointee.window.find(packetID), slot.pointee.state == .released else {
            unexpectedAck(connection, .pubcomp, packetID)
            return
        }
        finish(session, slot)
    }

    /// The message has arrived: its identifier is free and the next one may go.
    @inline(__always)
    private func finish(_ session: SessionRef, _ slot: UnsafeMutablePointer<InflightSlot>) {
        if state.pointee.notifiesAcked { notifyAcked(session, slot) }
        persistFinished(session, slot)
        session.pointee.window.finish(slot)
        if session.pointee.queue.count > 0 || session.pointee.window.waiting > 0 { pump(session) }
    }

    /// An acknowledgement for nothing: late, after a session was cleared, or a fault of the client. Ignored.
    private func unexpectedAck(_ connection: ConnectionRef, _ type: PacketType, _ packetID: UInt16) {
        state.pointee.counters.unexpectedAcks &+= 1
    }

    /// Sends again what was under way when the last connection broke, in the order of first sending
    /// [MQTT-4.4.0-1, MQTT-4.6.0-1], then what has queued up; both within the Receive Maximum of this connection.
    func resend(_ session: SessionRef, _ connection: ConnectionRef) {
        for slot in session.pointee.window.inOrder() where slot.pointee.state == .released {
            sendAck(connection, .pubrel, slot.pointee.packetID)
        }
        session.pointee.window.startResending()
        pump(session)
    }

    /// Sends one PUBLISH of an earlier connection again.
    func resend(
        _ slot: UnsafeMutablePointer<InflightSlot>, of session: SessionRef, _ connection: ConnectionRef
    ) {
        guard let block = slot.pointee.message else { return }
        // Under way already: expiry does not stop a QoS 2 exchange that has begun, and QoS 1 follows suit.
        let message = PublishedMessage(block, origin: .client)
        let sent = slot.pointee.subscriptionIDs.withIDs { identifiers in
            sendPublish(
                connection, message, nil,
                Delivery(qos: slot.pointee.qos, retain: slot.pointee.retain, identifiers: identifiers, group: 0),
                packetID: slot.pointee.packetID, dup: true)
        }
        if !sent {
            persistFinished(session, slot)
            session.pointee.window.finish(slot)
        }
    }
}
