// HOT PATH: at QoS 0 a counter and the way out.
import MQTTCodec

/// A message that is let in: delivered, then acknowledged.
extension Shard {
    /// The message is let in: delivered, then acknowledged.
    @inline(__always)
    func accept(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        packetID: UInt16
    ) {
        // The length of the view: making a buffer of it would cost more than counting.
        let size = message.pointee.view.payload.len
        state.pointee.counters.payloadBytesReceived &+= size
        state.pointee.messageSizes.count(size)
        switch message.pointee.qos {
        case 0:
            state.pointee.counters.messagesReceived.0 &+= 1
            publish(message, entry)
        case 1:
            state.pointee.counters.messagesReceived.1 &+= 1
            acceptQoS1(connection, message, entry, packetID)
        default:
            state.pointee.counters.messagesReceived.2 &+= 1
            acceptQoS2(connection, message, entry, packetID)
        }
        if state.pointee.isHandoverFull || (message.pointee.qos > 0 && shared.isStoreBehind) {
            waitForHandover(connection)
        }
    }

    /// The message is let in, but its time has passed while a plugin thought about it.
    @inline(never)
    func acceptExpired(_ connection: ConnectionRef, _ message: PublishedMessage, packetID: UInt16) {
        dropExpired(message)
        openTicketGate(connection, if: hasRows)
        acknowledgeOnly(connection, message.qos, packetID, .success)
    }

    private func acceptQoS1(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ packetID: UInt16
    ) {
        guard admit(connection, message, entry, ack: .puback, packetID) else { return }
        if state.pointee.isStoreFailing, refusesDurable(connection, message.pointee, entry, ack: .puback, packetID) {
            return
        }
        let matched = publishAcknowledged(connection, message, entry)
        guard connection.pointee.phase != .closed else { return }
        if state.pointee.storesMessages, !gateOnPlugins(connection, message.pointee, entry, packetID) { return }
        sendAck(connection, .puback, packetID, matched ? .success : .noMatchingSubscribers)
    }

    private func acceptQoS2(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ packetID: UInt16
    ) {
        guard admit(connection, message, entry, ack: .pubrec, packetID) else { return }
        if state.pointee.isStoreFailing,
            refusesDurable(connection, message.pointee, entry, ack: .pubrec, packetID)
        {
            return
        }
        let session = connection.pointee.session.unsafelyUnwrapped
        _ = session.pointee.received.insert(packetID)
        persistReceived(session, packetID)
        // From here on a repetition is not delivered: other shards must get the message in the same commit.
        writesHandovers = session.pointee.isDurable
        let matched = publishAcknowledged(connection, message, entry)
        writesHandovers = false
        guard connection.pointee.phase != .closed else { return }
        if state.pointee.storesMessages, !gateOnPlugins(connection, message.pointee, entry, packetID) { return }
        sendAck(connection, .pubrec, packetID, matched ? .success : .noMatchingSubscribers)
    }

    /// PUBREL: the packet identifier may be used again [MQTT-4.3.3-12].
    func handlePubRel(_ connection: ConnectionRef, _ packetID: UInt16) {
        guard let session = connection.pointee.session else { return }
        let known = session.pointee.received.remove(packetID)
        if known { persistReleased(session, packetID) }
        openTicketGate(connection, if: session.pointee.isDurable)
        sendAck(connection, .pubcomp, packetID, known ? .success : .packetIdentifierNotFound)
    }
}
