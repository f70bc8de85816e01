import MQTTCodec
import Timing

/// Message and byte rates of single clients. Without limits no connection ever comes here.
extension Shard {
    /// Counts one PUBLISH of `length` bytes against the client's rates. False: it is not to be handled further.
    @inline(never)
    func withinRates(
        _ connection: ConnectionRef, _ message: PublishedMessage, packetID: UInt16, length: Int
    ) -> Bool {
        let extras = connection.extras
        guard settings.ratePolicy != .pause else {
            // This one is still taken, the next one waits: nothing is lost.
            let wait = max(
                settings.maximumMessageRate.map { extras.rates.messages.take(1, at: now, $0) } ?? 0,
                settings.maximumByteRate.map { extras.rates.bytes.take(length, at: now, $0) } ?? 0)
            if wait > 0 { hold(connection, for: wait) }
            return true
        }
        let isWithin =
            settings.maximumMessageRate.map { extras.rates.messages.takeIfThere(1, at: now, $0) } ?? true
            && settings.maximumByteRate.map { extras.rates.bytes.takeIfThere(length, at: now, $0) } ?? true
        guard !isWithin else { return true }
        let text = "publishes faster than max_message_rate or max_byte_rate allow"
        guard settings.ratePolicy == .drop else {
            disconnect(connection, reason: .messageRateTooHigh, cause: .limit(text))
            return false
        }
        drop(connection.pointee.session, message, .rateLimited)
        if message.qos > 0 {
            if connection.pointee.version == .v5_0 {
                sendAck(connection, message.qos == 1 ? .puback : .pubrec, packetID, .quotaExceeded)
            } else {
                disconnect(connection, reason: .quotaExceeded, cause: .limit(text))
            }
        }
        return false
    }

    /// Reads nothing more of a connection for `nanoseconds`; longest an hour, so that a mistyped rate is not for ever.
    private func hold(_ connection: ConnectionRef, for nanoseconds: Int64) {
        guard !connection.pointee.flags.contains(.rateHeld) else { return }
        connection.pointee.flags.insert(.rateHeld)
        _ = wheel.schedule(
            at: now &+ min(nanoseconds, 3_600_000_000_000), kind: TimerKind.rateResumes.rawValue,
            payload: connection.pointee.handle)
    }

    /// The time is over: what was kept is handled, then the socket is read again.
    func rateResumes(_ handle: UInt64) {
        guard let connection = state.pointee.connections.find(handle), connection.pointee.phase != .closed,
            connection.pointee.flags.contains(.rateHeld)
        else { return }
        connection.pointee.flags.remove(.rateHeld)
        resumeInput(connection)
    }
}
