// HOT PATH: plugins that answer at once are called right here; everything else is out of line.
import MQTTCodec
import PluginABI

/// Who may publish what: `acl.publish`, then `msg.in`.
extension Shard {
    /// Asks the plugins. True: go on as it is. False: refused, dropped, delivered in edited form, or pending.
    @inline(__always)
    func decidePublish(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundFrame
    ) -> Bool {
        let fast = state.pointee.fastHooks
        guard let chain = fast.pointee.publishAlone else { return decideAll(connection, message, entry, inbound) }
        let first = fast.ask(chain, UnsafeRawPointer(message), plain: HL_ALLOW, counts: true)
        return first == .goOn || askPublish(connection, message, entry, inbound, after: first)
    }

    /// As ``decidePublish(_:_:_:_:)``, once acl.publish has allowed it: msg.in.
    func decideAuthorised(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundFrame
    ) -> Bool {
        let fast = state.pointee.fastHooks
        guard state.pointee.editsMessages else { return true }
        guard let chain = fast.pointee.messageIn else {
            return askMsgIn(connection, message, entry, inbound, after: .none)
        }
        let first = fast.ask(chain, UnsafeRawPointer(message), plain: HL_ABSTAIN)
        return first == .goOn || askMsgIn(connection, message, entry, inbound, after: first)
    }

    /// acl.publish, then msg.in: each the short way where it is open.
    @inline(never)
    private func decideAll(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundFrame
    ) -> Bool {
        let fast = state.pointee.fastHooks
        if let chain = fast.pointee.publish {
            let first = fast.ask(chain, UnsafeRawPointer(message), plain: HL_ALLOW, counts: true)
            guard first == .goOn || askPublish(connection, message, entry, inbound, after: first) else { return false }
        } else if state.pointee.authorisesPublish {
            let kept = hooks.cachedPublish(connection: connection.pointee.id, topicEntry: entry.pointee.id, now: now)
            if kept == .allow {
                state.pointee.counters.publishAccess.allowed &+= 1
            } else if !askPublish(connection, message, entry, inbound, kept) {
                return false
            }
        }
        return !state.pointee.editsMessages || decideAuthorised(connection, message, entry, inbound)
    }

    /// acl.publish goes on from what the short way came to.
    @inline(never)
    private func askPublish(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundFrame, after first: FirstAnswer
    ) -> Bool {
        let outcome = hooks.aclPublish(
            message.view, after: first, topicEntry: entry.pointee.id, mask: interest(entry), now: now)
        countPublish(outcome)
        return outcome == .allow || act(on: outcome, connection, message.pointee, inbound, stage: .received)
    }

    /// acl.publish, when no verdict is kept that allows.
    @inline(never)
    private func askPublish(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundFrame, _ kept: CachedVerdict
    ) -> Bool {
        guard kept == .miss else {
            state.pointee.counters.publishAccess.denied &+= 1
            refusePublish(connection, message.pointee, message.pointee.packetID, cachedRefusal, rule: "cached")
            return false
        }
        let outcome = hooks.aclPublish(message.view, topicEntry: entry.pointee.id, mask: interest(entry), now: now)
        countPublish(outcome)
        return outcome == .allow || act(on: outcome, connection, message.pointee, inbound, stage: .received)
    }

    @inline(never)
    private func askMsgIn(
        _ connection: ConnectionRef, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ inbound: InboundFrame, after first: FirstAnswer
    ) -> Bool {
        let mask = interest(entry)
        let outcome =
            first == .none
            ? hooks.msgIn(message.view, mask: mask, now: now)
            : hooks.msgIn(message.view, after: first, mask: mask, now: now)
        return act(on: outcome, connection, message.pointee, inbound, stage: .authorised)
    }

    /// Counts what acl.publish has decided, once it has.
    func countPublish(_ outcome: HookOutcome) {
        switch outcome {
        case .allow: state.pointee.counters.publishAccess.allowed &+= 1
        case .deny, .abstain: state.pointee.counters.publishAccess.denied &+= 1
        default: break
        }
    }

    /// True: go on with the message as it is.
    func act(
        on outcome: HookOutcome, _ connection: ConnectionRef, _ message: PublishedMessage, _ inbound: InboundFrame,
        stage: PublishStage
    ) -> Bool {
        let packetID = message.packetID
        switch outcome {
        case .allow: return true
        case .abstain:
            // No acl plugin had an opinion: with one configured the default is deny. msg.in: nobody objects.
            if stage == .authorised { return true }
            refusePublish(connection, message, packetID, .notAuthorized, rule: "default")
        case .deny:
            let result = hooks.lastResult
            let reason = UInt8(exactly: result.reasonCode).map(ReasonCode.init) ?? .notAuthorized
            refusePublish(
                connection, message, packetID, reason.isError ? reason : .notAuthorized,
                rule: result.rule.text)
            if result.disconnects { disconnect(connection, reason: .notAuthorized, cause: .kicked) }
        case .pending(let token, let deadline):
            let copy = Array(UnsafeRawBufferPointer(start: inbound.base, count: inbound.length))
            park(
                connection, token: token, deadline: deadline,
                .publish(
                    HeldPublish(
                        frame: copy, bodyOffset: inbound.bodyOffset, stage: stage,
                        received: state.pointee.arrival == 0 ? now : state.pointee.arrival, id: message.id,
                        trace: holdTrace())))
        case .drop:
            state.pointee.counters.dropped[Int(DropReason.pluginDropped.rawValue)] &+= 1
            tracing?.current?.fail(DropReason.pluginDropped.word)
            acknowledgeOnly(connection, message.qos, packetID, .success)
        case .challenge: break
        case .replaced:
            publishEdited(connection, message, packetID)
        }
        return false
    }

    /// Answers a PUBLISH that is not delivered: 5.0 learns the code in PUBACK or PUBREC, 3.1.1 is acknowledged as if
    /// nothing were wrong, because its PUBACK carries no code [MQTT-3.3.5-2 of 3.1.1].
    func refusePublish(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ packetID: UInt16, _ reason: ReasonCode, rule: String
    ) {
        state.pointee.counters.dropped[Int(DropReason.publishDenied.rawValue)] &+= 1
        tracing?.current?.fail(DropReason.publishDenied.word)
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

    /// The code to answer with when a cached verdict refuses.
    private var cachedRefusal: ReasonCode {
        let reason = ReasonCode(rawValue: hooks.cachedReason)
        return reason.isError ? reason : .notAuthorized
    }
}
