import MQTTCodec
import Timing

/// Will messages [MQTT-3.1.2-8].
extension Shard {
    /// Publishes `will` after its delay, unless the session is continued or ends first [MQTT-3.1.3-9].
    func startWillDelay(_ session: SessionRef, _ will: Will) {
        session.pointee.willTimer = wheel.schedule(
            at: now &+ Int64(will.delay) &* 1_000_000_000, kind: TimerKind.will.rawValue,
            payload: session.pointee.handle)
    }

    func willDue(_ handle: UInt64) {
        guard let session = state.pointee.sessions.find(handle), let will = session.pointee.will,
            session.pointee.connection == nil
        else { return }
        session.pointee.willTimer = nil
        session.pointee.will = nil
        publishWill(will, of: session)
        persistWillGone(session)
    }

    /// Publishes a will as its client would have: authorised again, retained if it says so.
    func publishWill(_ will: Will, of session: SessionRef) {
        withMessage(of: will) { lent in
            guard let base = lent.topic.baseAddress else { return }
            var message = lent
            if let expiry = will.expiry { message.expiresAt = now &+ Int64(expiry) &* 1_000_000_000 }
            message.publisher = session.pointee.id
            let entry = topicEntry(base, message.topic.count)
            guard willMayBePublished(will, message, entry) else { return }
            publish(&message, entry)
        }
    }
}
