import MQTTCodec
import PluginABI

/// A PUBLISH that plugins decide on, as it lies in memory.
struct InboundPublish {
    let frame: UnsafeRawPointer
    let length: Int
    let bodyOffset: Int
    let header: PublishHeader
}

/// Who may publish what: `acl.publish`, then `msg.in`, then again `acl.publish` for an edited topic.
extension Shard {
    /// Whether any plugin wants a say in a PUBLISH: one branch when none does.
    @inline(__always)
    var pluginsDecidePublish: Bool { state.pointee.authorisesPublish || state.pointee.editsMessages }

    /// Asks the plugins. True: go on as it is. False: refused, dropped, delivered in edited form, or pending.
    @inline(__always)
    func decidePublish(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundPublish, from stage: PublishStage
    ) -> Bool {
        if state.pointee.authorisesPublish, stage == .received {
            switch hooks.cachedPublish(connection: connection.pointee.id, topicEntry: entry.pointee.id, now: now) {
            case .allow: break
            case .deny:
                refusePublish(connection, message, inbound.header.packetID, cachedRefusal, rule: "cached")
                return false
            case .miss:
                guard askPublish(connection, message, entry, inbound) else { return false }
            }
        }
        return !state.pointee.editsMessages || askMsgIn(connection, message, entry, inbound)
    }

    @inline(never)
    private func askPublish(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundPublish
    ) -> Bool {
        let outcome = withPluginMessage(message, pluginClient(connection), inbound.header.packetID) {
            hooks.aclPublish($0, topicEntry: entry.pointee.id, mask: interest(entry), now: now)
        }
        if case .allow = outcome { return true }
        return act(on: outcome, connection, message, inbound, stage: .received)
    }

    @inline(never)
    private func askMsgIn(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundPublish
    ) -> Bool {
        let mask = interest(entry)
        let outcome = withPluginMessage(message, pluginClient(connection), inbound.header.packetID) {
            hooks.msgIn($0, mask: mask, now: now)
        }
        return act(on: outcome, connection, message, inbound, stage: .authorised)
    }

    /// True: go on with the message as it is.
    private func act(
        on outcome: HookOutcome, _ connection: ConnectionRef, _ message: PublishedMessage, _ inbound: InboundPublish,
        stage: PublishStage
    ) -> Bool {
        switch outcome {
        case .allow: return true
        case .abstain:
            // No acl plugin had an opinion: with one configured the default is deny. msg.in: nobody objects.
            if stage == .authorised { return true }
            refusePublish(connection, message, inbound.header.packetID, .notAuthorized, rule: "default")
        case .deny:
            let result = hooks.lastResult
            let reason = UInt8(exactly: result.reasonCode).map(ReasonCode.init) ?? .notAuthorized
            refusePublish(
                connection, message, inbound.header.packetID, reason.isError ? reason : .notAuthorized,
                rule: result.rule.text)
            if result.disconnects { disconnect(connection, reason: .notAuthorized, cause: .kicked) }
        case .pending(let token, let deadline):
            let copy = Array(UnsafeRawBufferPointer(start: inbound.frame, count: inbound.length))
            park(
                connection, token: token, deadline: deadline,
                .publish(
                    HeldPublish(
                        frame: copy, bodyOffset: inbound.bodyOffset, stage: stage,
                        received: state.pointee.arrival == 0 ? now : state.pointee.arrival, id: message.id)))
        case .drop:
            state.pointee.counters.dropped[Int(DropReason.pluginDropped.rawValue)] &+= 1
            acknowledgeOnly(connection, message.qos, inbound.header.packetID, .success)
        case .challenge: break
        case .replaced:
            publishEdited(connection, message, inbound.header.packetID)
        }
        return false
    }

    /// A plugin answered later; `stage` is where the question was asked.
    func concludePublish(_ connection: ConnectionRef, _ held: HeldPublish, _ outcome: HookOutcome) {
        state.pointee.arrival = held.received
        state.pointee.arrivalID = held.id
        held.frame.withUnsafeBytes { concludePublish(connection, $0, held.bodyOffset, held.stage, outcome) }
        state.pointee.arrival = 0
        state.pointee.arrivalID = 0
    }

    private func concludePublish(
        _ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer, _ bodyOffset: Int, _ stage: PublishStage,
        _ outcome: HookOutcome
    ) {
        let next: PublishStage = stage == .received ? .authorised : .accepted
        guard let base = frame.baseAddress else { return }
        if outcome == .allow || (outcome == .abstain && stage == .authorised) {
            handlePublish(connection, base, frame.count, bodyOffset, from: next)
            return
        }
        guard
            let header = try? PublishHeader.parse(
                frame: base, length: frame.count, bodyOffset: bodyOffset, version: connection.pointee.version)
        else { return }
        var message = message(of: header, base, frame.count, from: connection)
        if header.propertiesLength > 0 || header.topicLength == 0 {
            guard readProperties(connection, base, header, &message) else { return }
        }
        message.id = state.pointee.arrivalID
        let inbound = InboundPublish(frame: base, length: frame.count, bodyOffset: bodyOffset, header: header)
        _ = act(on: outcome, connection, message, inbound, stage: stage)
    }

    /// Delivers what `msg.in` made of the message. Its topic is checked and authorised like any other.
    private func publishEdited(_ connection: ConnectionRef, _ original: PublishedMessage, _ packetID: UInt16) {
        guard let edited = hooks.lastResult.message?.pointee else { return }
        let message = DetachedMessage(original, id: original.id, identity: nil)
        message.take(edited)
        guard isPublishable(message.topic, message.payload.count, by: .client) else {
            message.withMessage {
                refusePublish(connection, $0, packetID, .topicNameInvalid, rule: "edited by a plugin")
            }
            return
        }
        guard state.pointee.authorisesPublish, !original.topic.elementsEqual(message.topic) else {
            concludeEdited(connection, message, packetID, .allow)
            return
        }
        let outcome = message.withMessage { lent in
            let entry = topicEntry(lent.topic.baseAddress.unsafelyUnwrapped, lent.topic.count)
            let mask = interest(entry)
            return withPluginMessage(lent, pluginClient(connection), packetID) {
                hooks.aclPublish($0, topicEntry: entry.pointee.id, mask: mask, now: now)
            }
        }
        concludeEdited(connection, message, packetID, outcome)
    }

    /// Acts on what `acl.publish` says about the topic that a plugin has put in the place of the client's.
    func concludeEdited(
        _ connection: ConnectionRef, _ message: DetachedMessage, _ packetID: UInt16, _ outcome: HookOutcome
    ) {
        message.withMessage { lent in
            var lent = lent
            switch outcome {
            case .allow where lent.hasExpired(at: now):
                acceptExpired(connection, lent, packetID: packetID)
            case .allow:
                accept(
                    connection, &lent, topicEntry(lent.topic.baseAddress.unsafelyUnwrapped, lent.topic.count),
                    packetID: packetID)
            case .pending(let token, let deadline):
                park(connection, token: token, deadline: deadline, .edited(message, packetID: packetID))
            default:
                let rule = outcome == .deny ? hooks.lastResult.rule.text : "default"
                refusePublish(connection, lent, packetID, .notAuthorized, rule: rule)
            }
        }
    }

    /// Answers a PUBLISH that is not delivered: 5.0 learns the code in PUBACK or PUBREC, 3.1.1 is acknowledged as if
    /// nothing were wrong, because its PUBACK carries no code [MQTT-3.3.5-2 of 3.1.1].
    func refusePublish(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ packetID: UInt16, _ reason: ReasonCode, rule: String
    ) {
        state.pointee.counters.dropped[Int(DropReason.publishDenied.rawValue)] &+= 1
        transport.event(
            .publishDenied(
                connection.extras.identity, topic: Array(message.topic), qos: message.qos, reason: reason, rule: rule))
        acknowledgeOnly(connection, message.qos, packetID, reason)
    }

    func acknowledgeOnly(
        _ connection: ConnectionRef, _ qos: UInt8, _ packetID: UInt16, _ reason: ReasonCode
    ) {
        switch qos {
        case 0: break
        case 1: sendAck(connection, .puback, packetID, reason)
        default:
            // With an error code the flow ends here; without one PUBREL follows and must find the identifier.
            if connection.pointee.version == .v3_1_1 || !reason.isError {
                _ = connection.pointee.session?.pointee.received.insert(packetID)
            }
            sendAck(connection, .pubrec, packetID, reason)
        }
    }

    // MARK: Wills

    /// Asked at CONNECT, before the session exists: the will must be allowed, because it will be published in the
    /// client's name.
    func decideWill(_ connection: ConnectionRef, _ connect: Connect, _ will: MQTTCodec.Will) {
        let client = PluginClient(
            connection.extras.identity, connection: connection.pointee.id, protocolLevel: connect.version.rawValue,
            isAnonymous: false)
        let outcome = will.topic.withUnsafeBytes { topic in
            will.payload.withUnsafeBytes { payload in
                let message = PublishedMessage(
                    topic: topic, properties: UnsafeRawBufferPointer(start: nil, count: 0), payload: payload,
                    qos: will.qos, retain: will.retain, origin: .will)
                // Topic entry 0: the verdict is not cached.
                return withPluginMessage(message, client.pointer, 0) {
                    hooks.aclPublish($0, mask: hooks.interestMask(topic: topic), now: now)
                }
            }
        }
        concludeWill(connection, connect, outcome)
    }

    func concludeWill(_ connection: ConnectionRef, _ connect: Connect, _ outcome: HookOutcome) {
        switch outcome {
        case .allow: admitAuthenticated(connection, connect)
        case .pending(let token, let deadline):
            park(connection, token: token, deadline: deadline, .will(connect))
        default:
            refuse(
                connection, .notAuthorized, "not authorized to publish the will",
                rule: outcome == .deny ? hooks.lastResult.rule.text : "default")
        }
    }

    /// The code to answer with when a cached verdict refuses.
    private var cachedRefusal: ReasonCode {
        let reason = ReasonCode(rawValue: hooks.cachedReason)
        return reason.isError ? reason : .notAuthorized
    }

    /// Which registrations look at this topic; computed once per topic and hook table.
    @inline(__always)
    func interest(_ entry: UnsafeMutablePointer<TopicEntry>) -> UInt64 {
        guard state.pointee.hooksHaveTopics else { return .max }
        let generation = state.pointee.hookGeneration
        if entry.pointee.hookGeneration != generation {
            entry.pointee.hookMask = hooks.interestMask(topic: entry.topic)
            entry.pointee.hookGeneration = generation
        }
        return entry.pointee.hookMask
    }

    // MARK: What plugins see

    /// The connection's client struct, made on first use.
    func client(_ connection: ConnectionRef) -> PluginClient {
        let extras = connection.extras
        if let client = extras.pluginClient { return client }
        let client = PluginClient(
            extras.identity, connection: connection.pointee.id, protocolLevel: connection.pointee.version.rawValue,
            isAnonymous: extras.identity.username.isEmpty)
        extras.pluginClient = client
        connection.pointee.pluginClient = client.pointer
        return client
    }

    /// As ``client(_:)``, borrowed from the connection without a reference count.
    @inline(__always)
    func pluginClient(_ connection: ConnectionRef) -> UnsafePointer<hl_client> {
        connection.pointee.pluginClient ?? client(connection).pointer
    }

    /// Who stands behind a connection has changed: plugins see the new identity from here on.
    func identityChanged(_ connection: ConnectionRef) {
        connection.extras.pluginClient = nil
        connection.pointee.pluginClient = nil
    }

    /// Lends `message` to plugins: an inbound packet is laid out once for all of its hooks.
    @inline(__always)
    func withPluginMessage<Result>(
        _ message: PublishedMessage, _ publisher: UnsafePointer<hl_client>?, _ packetID: UInt16,
        _ body: (UnsafePointer<hl_msg>) -> Result
    ) -> Result {
        let lent = state.pointee.lentMessage
        if message.frame == nil || message.id == 0 || lent.pointee.id != message.id
            || state.pointee.lentFrame != message.frame?.baseAddress
        {
            lay(out: message, publisher, packetID)
        }
        if let publisher {
            lent.pointee.publisher = publisher
            lent.pointee.packet_id = UInt32(packetID)
        }
        return body(UnsafePointer(lent))
    }

    private func lay(out message: PublishedMessage, _ publisher: UnsafePointer<hl_client>?, _ packetID: UInt16) {
        let lent = state.pointee.lentMessage
        lent.pointee.flags = message.retain ? HL_MSG_RETAIN : 0
        lent.pointee.topic = hl_view(message.topic)
        lent.pointee.payload = hl_view(message.payload)
        lent.pointee.properties = hl_view(message.properties)
        lent.pointee.id = message.id == 0 ? state.pointee.makeMessageID() : message.id
        lent.pointee.received = state.pointee.arrival == 0 ? now : state.pointee.arrival
        lent.pointee.expires = message.expiresAt == 0 ? Int64(HL_NEVER) : message.expiresAt
        lent.pointee.qos = UInt32(message.qos)
        lent.pointee.origin = message.origin.abiValue
        lent.pointee.packet_id = UInt32(packetID)
        (lent.pointee.instance, lent.pointee.hops) = state.pointee.injected
        lent.pointee.publisher = publisher
        state.pointee.lentFrame = message.frame?.baseAddress
    }
}

extension MessageOrigin {
    var abiValue: UInt32 {
        switch self {
        case .client: HL_ORIGIN_CLIENT
        case .will: HL_ORIGIN_WILL
        case .plugin: HL_ORIGIN_PLUGIN
        case .retained: HL_ORIGIN_RETAINED
        case .bridge: HL_ORIGIN_BRIDGE
        }
    }
}
