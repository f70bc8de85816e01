import MQTTCodec
import Timing

/// Will messages [MQTT-3.1.2-8].
extension Shard {
    /// Publishes `will` after its delay, unless the session is continued or ends first [MQTT-3.1.3-9].
    func startWillDelay(_ session: SessionRef, _ will: Will) { scheduleWill(session, will, since: now) }

    /// Publishes `will` when its delay has passed since `since`.
    func scheduleWill(_ session: SessionRef, _ will: Will, since: Int64) {
        session.pointee.willDue = max(0, since &+ Int64(will.delay) &* 1_000_000_000)
        session.pointee.willTimer = wheel.schedule(
            at: session.pointee.willDue, kind: TimerKind.will.rawValue, payload: session.pointee.handle)
    }

    func willDue(_ handle: UInt64) {
        guard let session = state.pointee.sessions.find(handle), let will = session.pointee.will,
            session.pointee.connection == nil
        else { return }
        session.pointee.willTimer = nil
        session.pointee.willDue = .max
        session.pointee.will = nil
        publishWill(will, of: session)
        persistWillGone(session)
    }

    /// Publishes a will as its client would have: authorised again, seen by every hook, retained if it says so.
    func publishWill(_ will: Will, of session: SessionRef) {
        let message = withMessage(of: will) { lent in
            var lent = lent
            if let expiry = will.expiry { lent.expiresAt = now &+ Int64(expiry) &* 1_000_000_000 }
            lent.publisher = session.pointee.id
            return DetachedMessage(lent, id: state.pointee.makeMessageID(), identity: will.identity)
        }
        if hooks.table.hasWillPublish, !decideWillPublish(message) { return }
        publishDetached(message)
    }

    /// will.publish. False: it is not published.
    private func decideWillPublish(_ message: DetachedMessage) -> Bool {
        let outcome = message.withMessage { lent in
            withPluginMessage(lent, message.client?.pointer, 0) {
                hooks.willPublish($0, mask: hooks.interestMask(topic: lent.topic), now: now)
            }
        }
        switch outcome {
        case .replaced:
            guard let edited = hooks.lastResult.message?.pointee else { return false }
            message.take(edited)
            if isPublishable(message.topic, message.payload.count, by: .will) { return true }
        case .abstain: return true
        default: break
        }
        message.withMessage { drop(nil, $0, .pluginDropped) }
        return false
    }
}
