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
        let outcome = withPluginMessage(message, client(connection), inbound.header.packetID) {
            hooks.aclPublish($0, topicEntry: entry.pointee.id, mask: interest(entry), now: now)
        }
        return act(on: outcome, connection, message, inbound, stage: .received)
    }

    @inline(never)
    private func askMsgIn(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundPublish
    ) -> Bool {
        let mask = interest(entry)
        let outcome = withPluginMessage(message, client(connection), inbound.header.packetID) {
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
                .publish(frame: copy, bodyOffset: inbound.bodyOffset, stage: stage))
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
    func concludePublish(
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
        let inbound = InboundPublish(frame: base, length: frame.count, bodyOffset: bodyOffset, header: header)
        _ = act(on: outcome, connection, message, inbound, stage: stage)
    }

    /// Delivers what `msg.in` made of the message. Its topic is checked and authorised like any other.
    private func publishEdited(_ connection: ConnectionRef, _ original: PublishedMessage, _ packetID: UInt16) {
        guard let edited = hooks.lastResult.message?.pointee else { return }
        let topic = Array(edited.topic.bytes)
        let properties = Array(edited.properties.bytes)
        let payload = Array(edited.payload.bytes)
        topic.withUnsafeBytes { topicBytes in
            properties.withUnsafeBytes { properties in
                payload.withUnsafeBytes { payload in
                    var message = PublishedMessage(
                        topic: topicBytes, properties: properties, payload: payload, qos: original.qos,
                        retain: edited.flags & HL_MSG_RETAIN != 0, origin: .client)
                    message.expiresAt = edited.expires == HL_NEVER ? 0 : edited.expires
                    message.publisher = original.publisher
                    guard TopicName.validate(topic) == nil, topic.first != UInt8(ascii: "$"),
                        payload.count <= settings.maximumPayloadSize,
                        let base = topicBytes.baseAddress
                    else {
                        refusePublish(connection, message, packetID, .topicNameInvalid, rule: "edited by a plugin")
                        return
                    }
                    let entry = topicEntry(base, topicBytes.count)
                    guard topicBytes.elementsEqual(original.topic) || isAllowed(message, entry, connection) else {
                        refusePublish(connection, message, packetID, .notAuthorized, rule: hooks.lastResult.rule.text)
                        return
                    }
                    accept(connection, &message, entry, packetID: packetID)
                }
            }
        }
    }

    /// Whether `acl.publish` allows this at once; an answer that would come later counts as no.
    private func isAllowed(
        _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>, _ connection: ConnectionRef
    ) -> Bool {
        guard hooks.table.hasACLPublish else { return true }
        let outcome = withPluginMessage(message, client(connection), 0) {
            hooks.aclPublish($0, topicEntry: entry.pointee.id, mask: interest(entry), now: now)
        }
        if case .pending(let token, _) = outcome { hooks.cancel(token) }
        return outcome == .allow
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

    private func acknowledgeOnly(
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

    /// Asked at CONNECT, before the session exists.
    func willIsAllowed(_ connection: ConnectionRef, _ connect: Connect, _ will: MQTTCodec.Will) -> Bool {
        let client = PluginClient(
            connection.extras.identity, connection: connection.pointee.id, protocolLevel: connect.version.rawValue,
            isAnonymous: false)
        return willIsAllowed(
            client, topic: will.topic, payload: will.payload, qos: will.qos, retain: will.retain)
    }

    /// Asked again when the will is published: rules may have changed.
    func willMayBePublished(
        _ will: Will, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>
    ) -> Bool {
        guard hooks.table.hasACLPublish else { return true }
        let client = PluginClient(will.identity, connection: 0, protocolLevel: 5, isAnonymous: false)
        let allowed = willIsAllowed(
            client, topic: will.topic, payload: will.payload, qos: will.qos, retain: will.retain)
        if !allowed {
            transport.event(
                .publishDenied(
                    will.identity, topic: will.topic, qos: will.qos, reason: .notAuthorized,
                    rule: hooks.lastResult.rule.text))
        }
        return allowed
    }

    private func willIsAllowed(
        _ client: PluginClient, topic: [UInt8], payload: [UInt8], qos: UInt8, retain: Bool
    ) -> Bool {
        topic.withUnsafeBytes { topic in
            payload.withUnsafeBytes { payload in
                let message = PublishedMessage(
                    topic: topic, properties: UnsafeRawBufferPointer(start: nil, count: 0), payload: payload, qos: qos,
                    retain: retain, origin: .will)
                // Topic entry 0: the verdict is not cached.
                let outcome = withPluginMessage(message, client, 0) {
                    hooks.aclPublish($0, mask: hooks.interestMask(topic: topic), now: now)
                }
                if case .pending(let token, _) = outcome { hooks.cancel(token) }
                return outcome == .allow
            }
        }
    }

    /// The code to answer with when a cached verdict refuses.
    private var cachedRefusal: ReasonCode {
        let reason = ReasonCode(rawValue: hooks.cachedReason)
        return reason.isError ? reason : .notAuthorized
    }

    /// Which registrations look at this topic; computed once per topic and hook table.
    func interest(_ entry: UnsafeMutablePointer<TopicEntry>) -> UInt64 {
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
        return client
    }

    /// Lends `message` to plugins.
    func withPluginMessage<Result>(
        _ message: PublishedMessage, _ publisher: PluginClient?, _ packetID: UInt16,
        _ body: (UnsafePointer<hl_msg>) -> Result
    ) -> Result {
        var input = hl_msg()
        input.struct_size = UInt32(MemoryLayout<hl_msg>.size)
        input.flags = message.retain ? HL_MSG_RETAIN : 0
        input.topic = hl_view(message.topic)
        input.payload = hl_view(message.payload)
        input.properties = hl_view(message.properties)
        input.id = state.pointee.makeMessageID()
        input.received = now
        input.expires = message.expiresAt == 0 ? Int64(HL_NEVER) : message.expiresAt
        input.qos = UInt32(message.qos)
        input.origin = message.origin.abiValue
        input.packet_id = UInt32(packetID)
        input.publisher = publisher?.pointer
        return withUnsafePointer(to: input, body)
    }
}

extension MessageOrigin {
    var abiValue: UInt32 {
        switch self {
        case .client: HL_ORIGIN_CLIENT
        case .will: HL_ORIGIN_WILL
        case .plugin: HL_ORIGIN_PLUGIN
        case .retained: HL_ORIGIN_RETAINED
        }
    }
}
