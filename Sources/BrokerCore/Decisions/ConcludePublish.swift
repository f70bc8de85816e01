import MQTTCodec
import PluginABI

/// What comes of a PUBLISH that a plugin has answered later, or has edited: an edited topic is authorised again.
extension Shard {
    /// A plugin answered later; `stage` is where the question was asked.
    func concludePublish(_ connection: ConnectionRef, _ held: HeldPublish, _ outcome: HookOutcome) {
        state.pointee.arrival = held.received
        state.pointee.arrivalID = held.id
        resumeTraced(held.trace) {
            held.frame.withUnsafeBytes { concludePublish(connection, $0, held.bodyOffset, held.stage, outcome) }
        }
        state.pointee.arrival = 0
        state.pointee.arrivalID = 0
    }

    private func concludePublish(
        _ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer, _ bodyOffset: Int, _ stage: PublishStage,
        _ outcome: HookOutcome
    ) {
        let next: PublishStage = stage == .received ? .authorised : .accepted
        if stage == .received { countPublish(outcome) }
        guard let base = frame.baseAddress else { return }
        if outcome == .allow || (outcome == .abstain && stage == .authorised) {
            resumePublish(connection, base, frame.count, bodyOffset, from: next)
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
        if connection.pointee.flags.contains(.mounted), !mount(connection, &message) { return }
        message.id = state.pointee.arrivalID
        let inbound = InboundFrame(base: base, length: frame.count, bodyOffset: bodyOffset)
        _ = act(on: outcome, connection, message, inbound, stage: stage)
    }

    /// Delivers what `msg.in` made of the message. Its topic is checked and authorised like any other.
    func publishEdited(_ connection: ConnectionRef, _ original: PublishedMessage, _ packetID: UInt16) {
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
        countPublish(outcome)
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
}
