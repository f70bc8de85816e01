// HOT PATH: a QoS 0 PUBLISH whose topic is known costs no allocation and no reference count, plugins aside.
import MQTTCodec

/// PUBLISH: parsed, checked, decided on by plugins, handed out.
extension Shard {
    /// Takes one PUBLISH from a client that is online.
    @inline(never)
    func handlePublish(_ connection: ConnectionRef, _ frame: UnsafeRawPointer, _ length: Int, _ bodyOffset: Int) {
        handle(InboundFrame(base: frame, length: length, bodyOffset: bodyOffset), of: connection, from: .received)
    }

    /// Goes on with one that a plugin has answered about.
    @inline(never)
    func resumePublish(
        _ connection: ConnectionRef, _ frame: UnsafeRawPointer, _ length: Int, _ bodyOffset: Int,
        from stage: PublishStage
    ) {
        handle(InboundFrame(base: frame, length: length, bodyOffset: bodyOffset), of: connection, from: stage)
    }

    /// Parses the packet and lays the message out, at the place where it stays.
    @inline(__always)
    private func handle(_ inbound: InboundFrame, of connection: ConnectionRef, from stage: PublishStage) {
        let header: PublishHeader
        do {
            header = try PublishHeader.parse(
                frame: inbound.base, length: inbound.length, bodyOffset: inbound.bodyOffset,
                version: connection.pointee.version)
        } catch {
            handleFaultyPublish(
                connection, UnsafeRawBufferPointer(start: inbound.base, count: inbound.length), inbound.bodyOffset,
                error)
            return
        }
        var message = message(of: header, inbound.base, inbound.length, from: connection)
        if header.propertiesLength > 0 || header.topicLength == 0 {
            guard readProperties(connection, inbound.base, header, &message) else { return }
        }
        if connection.pointee.flags.contains(.mounted), !mount(connection, &message) { return }
        withUnsafeMutablePointer(to: &message) { message in
            if state.pointee.isTracing {
                decideTraced(connection, message, inbound, header, from: stage)
            } else {
                decide(connection, message, inbound, header, from: stage)
            }
        }
    }

    /// Alias resolution and validation come before authorisation: no plugin ever sees an alias or an invalid topic.
    /// - Parameter stage: where to go on when a plugin has answered later.
    @inline(__always)
    func decide(
        _ connection: ConnectionRef, _ message: PublishedRef, _ inbound: InboundFrame, _ header: PublishHeader,
        from stage: PublishStage
    ) {
        guard let entry = knownTopic(connection, message.pointee.topic, inbound.base) else { return }
        if entry.pointee.isDollar {
            refusePublish(
                connection, message.pointee, header.packetID, .notAuthorized, rule: "topics that start with $")
            return
        }
        if stage == .received {
            guard isFresh(connection, header), withinLimits(connection, header) else { return }
            if limitsRates,
                !withinRates(connection, message.pointee, packetID: header.packetID, length: inbound.length)
            {
                return
            }
            if state.pointee.hooksSeeMessages {
                introduce(message, connection)
                guard decidePublish(connection, message, entry, inbound) else { return }
            }
        } else {
            takeUp(message, connection)
            if stage == .authorised, !decideAuthorised(connection, message, entry, inbound) { return }
            if message.pointee.hasExpired(at: now) {
                acceptExpired(connection, message.pointee, packetID: header.packetID)
                return
            }
        }
        accept(connection, message, entry, packetID: header.packetID)
    }

    /// A QoS 2 message that was seen before is acknowledged again, not delivered again [MQTT-4.3.3-10].
    @inline(__always)
    private func isFresh(_ connection: ConnectionRef, _ header: PublishHeader) -> Bool {
        let session = connection.pointee.session.unsafelyUnwrapped
        guard header.qos == 2, session.pointee.received.contains(header.packetID) else { return true }
        if session.pointee.isDurable { addBarrier(connection) }
        sendAck(connection, .pubrec, header.packetID)
        return false
    }

    /// A message that a hook has held up keeps its id and its time of arrival.
    private func takeUp(_ message: PublishedRef, _ connection: ConnectionRef) {
        introduce(message, connection)
        if state.pointee.arrivalID != 0 { message.pointee.id = state.pointee.arrivalID }
        if state.pointee.arrival != 0 { message.pointee.view.received = state.pointee.arrival }
    }

    /// The packet breaks a rule: the end, unless the listener forgives it.
    @inline(never)
    private func handleFaultyPublish(
        _ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer, _ bodyOffset: Int, _ error: DecodeError
    ) {
        guard tolerates(error, of: connection) else {
            protocolFailure(connection, error)
            return
        }
        repaired(frame).withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            handlePublish(connection, base, bytes.count, bodyOffset)
        }
    }

    /// The message of a packet, before its properties are read.
    @inline(__always)
    func message(
        of header: PublishHeader, _ frame: UnsafeRawPointer, _ length: Int, from connection: ConnectionRef
    ) -> PublishedMessage {
        var message = PublishedMessage(
            topic: UnsafeRawBufferPointer(start: frame + header.topicOffset, count: header.topicLength),
            properties: UnsafeRawBufferPointer(start: nil, count: 0),
            payload: UnsafeRawBufferPointer(start: frame + header.payloadOffset, count: header.payloadLength),
            qos: header.qos, retain: header.retain, origin: .client)
        message.view.received = now
        message.view.packet_id = UInt32(header.packetID)
        message.publisher = connection.pointee.session.unsafelyUnwrapped.pointee.id
        // 3.1.1 allows a Remaining Length in more bytes than it needs; receivers get the shortest form all the same.
        let bodyOffset = header.topicOffset &- 2
        if bodyOffset == 2 || frame.load(fromByteOffset: bodyOffset &- 1, as: UInt8.self) != 0 {
            message.frame = UnsafeRawBufferPointer(start: frame, count: length)
        }
        message.frameVersion = connection.pointee.version
        if header.qos > 0 { message.framePacketID = header.topicOffset + header.topicLength }
        return message
    }
}

/// How far the decision on an inbound PUBLISH has come when its handling is taken up again.
enum PublishStage: UInt8 {
    /// Fresh from the wire.
    case received
    /// `acl.publish` has allowed it.
    case authorised
    /// `msg.in` has let it pass as it is.
    case accepted
}

/// A PUBLISH packet as it lies in memory.
struct InboundFrame {
    let base: UnsafeRawPointer
    let length: Int
    let bodyOffset: Int
}
