// HOT PATH: a QoS 0 PUBLISH whose topic is known costs no allocation and no reference count, plugins aside.
import Glibc
import MQTTCodec
import PluginABI

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
        withUnsafeMutablePointer(to: &message) { decide(connection, $0, inbound, header, from: stage) }
    }

    /// Alias resolution and validation come before authorisation: no plugin ever sees an alias or an invalid topic.
    /// - Parameter stage: where to go on when a plugin has answered later.
    @inline(__always)
    private func decide(
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

    /// The message is let in: delivered, then acknowledged.
    @inline(__always)
    func accept(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        packetID: UInt16
    ) {
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
        if state.pointee.isHandoverFull || (state.pointee.isStoreBehind && message.pointee.qos > 0) {
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
        if state.pointee.isStoreFailing, refusesDurable(connection, message, entry, ack: .pubrec, packetID) { return }
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

    // MARK: Checks

    /// Resolves the topic alias and takes the properties that matter to the broker. False: the connection has ended.
    @inline(never)
    func readProperties(
        _ connection: ConnectionRef, _ frame: UnsafeRawPointer, _ header: PublishHeader,
        _ message: inout PublishedMessage
    ) -> Bool {
        let block = UnsafeRawBufferPointer(start: frame + header.propertiesOffset, count: header.propertiesLength)
        let properties: PublishProperties
        do {
            properties = try PublishProperties.parse(frame: frame, header: header, role: .fromClient)
        } catch {
            protocolFailure(connection, error)
            return false
        }
        if let seconds = properties.messageExpiryInterval {
            // Counted from its arrival, also when a hook has held it up.
            let arrival = state.pointee.arrival == 0 ? now : state.pointee.arrival
            // Less of its time is left than the packet says: it cannot be sent on as it is [MQTT-3.3.2-6].
            if arrival != now { message.frame = nil }
            message.expiresAt = arrival &+ max(1, Int64(seconds) &* 1_000_000_000)
        }
        if let alias = properties.topicAlias {
            // An alias means something to this connection only [MQTT-3.3.2-7]: the packet cannot be sent on as it is.
            message.frame = nil
            guard let topic = resolve(alias, message.topic, connection) else { return false }
            message.topic = topic
        }
        message.properties = forwardable(block, properties)
        return true
    }

    /// The properties that are forwarded: the block itself when nothing in it is the broker's, else a copy in the
    /// shard's scratch memory.
    private func forwardable(
        _ block: UnsafeRawBufferPointer, _ properties: PublishProperties
    ) -> UnsafeRawBufferPointer {
        if properties.topicAlias == nil && properties.messageExpiryInterval == nil { return block }
        let place = propertyScratch(block.count)
        let count = PublishProperties.copyForwardable(block: block, into: place)
        return UnsafeRawBufferPointer(start: place, count: count)
    }

    /// The topic that `alias` stands for, or the new meaning it gets. Nil: the connection has ended.
    private func resolve(
        _ alias: UInt16, _ topic: UnsafeRawBufferPointer, _ connection: ConnectionRef
    ) -> UnsafeRawBufferPointer? {
        let extras = connection.extras
        guard alias >= 1, alias <= settings.maximumTopicAlias else {
            protocolFailure(
                connection, .topicAliasInvalid,
                "topic alias \(alias) is not in 1...\(settings.maximumTopicAlias) [MQTT-3.3.2-9]")
            return nil
        }
        let slot = Int(alias) - 1
        if topic.count > 0 {
            while extras.inboundAliases.count <= slot { extras.inboundAliases.append(nil) }
            extras.inboundAliases[slot] = Array(topic)
            return topic
        }
        guard slot < extras.inboundAliases.count, let known = extras.inboundAliases[slot] else {
            protocolFailure(
                connection, .protocolError,
                "topic alias \(alias) was never given a topic [section 3.3.2.3.4, MQTT-4.13.1-1]")
            return nil
        }
        // The entry keeps the bytes for this turn; a topic given an alias has been validated with its first use.
        return known.withUnsafeBytes { topicEntry($0.baseAddress!, $0.count).topic }
    }

    /// The cache entry of a topic from the wire; validates a topic that is new. Nil: the connection has ended.
    @inline(__always)
    func knownTopic(
        _ connection: ConnectionRef, _ topic: UnsafeRawBufferPointer, _ frame: UnsafeRawPointer
    ) -> UnsafeMutablePointer<TopicEntry>? {
        let base = topic.baseAddress.unsafelyUnwrapped
        return state.pointee.topics.find(base, topic.count) ?? newTopic(connection, topic, frame)
    }

    @inline(never)
    private func newTopic(
        _ connection: ConnectionRef, _ topic: UnsafeRawBufferPointer, _ frame: UnsafeRawPointer
    ) -> UnsafeMutablePointer<TopicEntry>? {
        let base = topic.baseAddress.unsafelyUnwrapped
        if let kind = TopicName.validate(base, count: topic.count) {
            // A topic that an alias stands for was checked when it was given the alias: this one is in the packet.
            protocolFailure(
                connection,
                DecodeError(
                    kind, .topicName, at: base - frame - 2, version: connection.pointee.version, packet: .publish))
            return nil
        }
        if topic.count > settings.maximumTopicLength
            || TopicFilter.validate(topic, maximumLevels: settings.maximumTopicLevels) != nil
        {
            protocolFailure(
                connection, .topicNameInvalid,
                "topic name has more than \(settings.maximumTopicLevels) levels or \(settings.maximumTopicLength) bytes"
            )
            return nil
        }
        return state.pointee.topics.intern(base, topic.count)
    }

    /// The entry of a topic that is known to be valid.
    func topicEntry(_ base: UnsafeRawPointer, _ count: Int) -> UnsafeMutablePointer<TopicEntry> {
        state.pointee.topics.find(base, count) ?? state.pointee.topics.intern(base, count)
    }

    /// What the broker said in CONNACK holds: QoS, retain, payload size, quota. False: the connection has ended.
    @inline(__always)
    private func withinLimits(_ connection: ConnectionRef, _ header: PublishHeader) -> Bool {
        if header.payloadLength <= settings.maximumPayloadSize, header.qos <= settings.maximumQoS,
            !header.retain || settings.retainAvailable, header.qos == 0 || quotaLeft(connection, header)
        {
            return true
        }
        return limitExceeded(connection, header)
    }

    @inline(__always)
    private func quotaLeft(_ connection: ConnectionRef, _ header: PublishHeader) -> Bool {
        let open = connection.pointee.session.unsafelyUnwrapped.pointee.received.count
        return open < connection.pointee.receiveLimit || connection.pointee.version != .v5_0 || header.qos < 2
    }

    @inline(never)
    private func limitExceeded(_ connection: ConnectionRef, _ header: PublishHeader) -> Bool {
        if header.payloadLength > settings.maximumPayloadSize {
            let text = "payload of \(header.payloadLength) bytes, the limit is \(settings.maximumPayloadSize)"
            disconnect(connection, reason: .packetTooLarge, cause: .limit(text))
        } else if header.qos > settings.maximumQoS {
            protocolFailure(
                connection, .qosNotSupported, "QoS \(header.qos), the maximum is \(settings.maximumQoS) [MQTT-3.2.2-11]"
            )
        } else if header.retain && !settings.retainAvailable {
            protocolFailure(connection, .retainNotSupported, "RETAIN is not available here [MQTT-3.2.2-14]")
        } else {
            let problem = "more than \(settings.receiveMaximum) QoS 2 messages without PUBREL [MQTT-3.3.4-7]"
            if tolerates(.receiveMaximumExceeded, of: connection, problem) { return true }
            protocolFailure(connection, .receiveMaximumExceeded, problem)
        }
        return false
    }
}
