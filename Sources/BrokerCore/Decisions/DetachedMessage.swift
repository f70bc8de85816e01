import MQTTCodec
import PluginABI

/// A message no connection waits for, on its way through the hooks: a will, or what a plugin or a bridge publishes. It
/// owns its bytes, because a hook may answer later. Belongs to the shard's thread.
final class DetachedMessage {
    /// What it has come through.
    enum Stage { case new, authorised, accepted }

    var topic: [UInt8]
    var payload: [UInt8]
    var properties: [UInt8]
    let qos: UInt8
    var retain: Bool
    let origin: MessageOrigin
    /// Host clock ns; 0 = never.
    var expiresAt: Int64 = 0
    /// Session of the client it speaks for; 0 = none.
    var publisher: UInt64 = 0
    /// In whose name it is published, and who needs the permission; nil: a plugin, which needs none.
    let client: PluginClient?
    let identity: ClientIdentity?
    var instance: UInt64 = 0
    var hops: UInt32 = 0
    let id: UInt64
    var stage = Stage.new
    /// Told once what became of it.
    var done: (@Sendable (InjectionReport) -> Void)?
    /// `done` is told how many received it.
    var wantsCounts = false
    /// msg.in has had its say.
    var isEdited = false

    /// Copies `message`.
    init(_ message: PublishedMessage, id: UInt64, identity: ClientIdentity?, flags: UInt32 = 0) {
        topic = Array(message.topic)
        payload = Array(message.payload)
        properties = Array(message.properties)
        qos = message.qos
        retain = message.retain
        origin = message.origin
        expiresAt = message.expiresAt
        publisher = message.publisher
        self.id = id
        self.identity = identity
        client = identity.map {
            PluginClient($0, connection: 0, protocolLevel: 5, isAnonymous: $0.username.isEmpty, flags: flags)
        }
    }

    /// Takes over what a hook made of it.
    func take(_ edited: hl_msg) {
        topic = Array(edited.topic.bytes)
        payload = Array(edited.payload.bytes)
        properties = Array(edited.properties.bytes)
        retain = edited.flags & HL_MSG_RETAIN != 0
        expiresAt = edited.expires == HL_NEVER ? 0 : edited.expires
    }

    /// Lends the message.
    func withMessage<Result>(_ body: (PublishedMessage) -> Result) -> Result {
        topic.withUnsafeBytes { topic in
            properties.withUnsafeBytes { properties in
                payload.withUnsafeBytes { payload in
                    var message = PublishedMessage(
                        topic: topic, properties: properties, payload: payload, qos: qos, retain: retain,
                        origin: origin)
                    message.expiresAt = expiresAt
                    message.publisher = publisher
                    message.id = id
                    // Notify hooks and consumers know a plugin's messages by these, and a chain of publishes ends.
                    message.view.instance = instance
                    message.view.hops = hops
                    return body(message)
                }
            }
        }
    }
}

extension Shard {
    /// Takes a message through acl.publish, msg.in and, when its topic was edited, acl.publish again; then delivers it.
    func publishDetached(_ message: DetachedMessage) {
        while true {
            switch message.stage {
            case .new:
                guard message.client != nil, state.pointee.authorisesPublish else {
                    message.stage = .authorised
                    continue
                }
                guard decide(message, ask(message) { hooks.aclPublish($0, mask: $1, now: now) }) else { return }
            case .authorised:
                guard state.pointee.editsMessages, !message.isEdited else {
                    message.stage = .accepted
                    continue
                }
                guard decide(message, ask(message) { hooks.msgIn($0, mask: $1, now: now) }) else { return }
            case .accepted:
                deliverDetached(message)
                return
            }
        }
    }

    /// A plugin has answered later.
    func resumeDetached(_ message: DetachedMessage, _ outcome: HookOutcome) {
        if decide(message, outcome) { publishDetached(message) }
    }

    private func ask(
        _ message: DetachedMessage, _ hook: (UnsafePointer<hl_msg>, UInt64) -> HookOutcome
    ) -> HookOutcome {
        message.withMessage { lent in
            guard let base = lent.topic.baseAddress else { return .deny }
            let mask = interest(topicEntry(base, lent.topic.count))
            return withPluginMessage(lent, message.client?.pointer, 0) { hook($0, mask) }
        }
    }

    /// True: on to the next stage. False: it waits, or it has ended.
    private func decide(_ message: DetachedMessage, _ outcome: HookOutcome) -> Bool {
        switch outcome {
        case .pending(let token, let deadline):
            wait(for: token, deadline, .message(message))
            return false
        case .allow where message.stage == .new, .abstain where message.stage == .authorised:
            message.stage = message.stage == .new ? .authorised : .accepted
            return true
        case .replaced:
            return takeEdits(message)
        case .drop, .abstain, .allow, .challenge, .deny:
            refuseDetached(message, outcome)
            return false
        }
    }

    /// An edited topic is checked and authorised like any other.
    private func takeEdits(_ message: DetachedMessage) -> Bool {
        guard let edited = hooks.lastResult.message?.pointee else { return false }
        let before = message.topic
        message.take(edited)
        message.isEdited = true
        message.stage = message.topic == before ? .accepted : .new
        guard isPublishable(message.topic, message.payload.count, by: message.origin) else {
            message.withMessage { drop(nil, $0, .pluginDropped) }
            message.done?(InjectionReport(.refused(.topicNameInvalid)))
            return false
        }
        return true
    }

    private func refuseDetached(_ message: DetachedMessage, _ outcome: HookOutcome) {
        let isOwn = message.identity == nil
        message.withMessage { drop(nil, $0, isOwn || outcome == .drop ? .pluginDropped : .publishDenied) }
        let rule = outcome == .deny ? hooks.lastResult.rule.text : outcome == .abstain ? "default" : ""
        let reason: ReasonCode = message.stage == .new ? .notAuthorized : .implementationSpecificError
        message.done?(InjectionReport(.refused(reason), rule: rule))
        guard outcome != .drop, let identity = message.identity else { return }
        transport.event(
            .publishDenied(
                identity, topic: message.topic, qos: message.qos, reason: .notAuthorized,
                rule: rule.isEmpty ? "default" : rule))
    }

    private func deliverDetached(_ message: DetachedMessage) {
        message.withMessage { lent in
            guard let base = lent.topic.baseAddress else { return }
            var lent = lent
            if lent.hasExpired(at: now) {
                dropExpired(lent)
                message.done?(InjectionReport(.routed(matched: false)))
                return
            }
            publish(&lent, topicEntry(base, lent.topic.count), telling: message.done, counts: message.wantsCounts)
        }
    }

    /// Whether a topic and a payload that a plugin made may enter the broker.
    func isPublishable(_ topic: [UInt8], _ payloadSize: Int, by origin: MessageOrigin) -> Bool {
        TopicName.validate(topic) == nil
            && topic.withUnsafeBytes { TopicFilter.validate($0, maximumLevels: settings.maximumTopicLevels) } == nil
            && payloadSize <= settings.maximumPayloadSize
            // The broker's own topics are for plugins, not for clients.
            && (topic.first != UInt8(ascii: "$") || origin == .plugin)
    }
}
