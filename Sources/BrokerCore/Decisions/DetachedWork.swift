import MQTTCodec
import Timing

/// What waits for a plugin's answer without a connection standing still for it.
enum DetachedWork {
    /// An acknowledgement behind this gate (msg.store).
    case storeGate(UInt64)
    /// A will, or a message of a plugin.
    case message(DetachedMessage)
    /// A live subscription that is looked at again: session id and filter.
    case recheck(session: UInt64, filter: [UInt8])
}

extension Shard {
    /// Keeps `work` until `token` is completed or its deadline passes.
    func wait(for token: UInt64, _ deadline: Int64, _ work: DetachedWork) {
        detachedWork[token] = work
        pendingTimers[token] = wheel.schedule(at: deadline, kind: TimerKind.hookDeadline.rawValue, payload: token)
    }

    /// Goes on with work whose plugin has answered. False: the token is not one of these.
    func continueDetached(_ token: UInt64, _ answer: (Shard) -> HookOutcome?) -> Bool {
        guard let work = detachedWork[token] else { return false }
        guard let outcome = answer(self) else { return true }
        detachedWork[token] = nil
        if let timer = pendingTimers.removeValue(forKey: token) { _ = wheel.cancel(timer) }
        switch work {
        case .storeGate(let gate): resumeStore(gate, outcome)
        case .message(let message): resumeDetached(message, outcome)
        case .recheck(let session, let filter): resumeRecheck(session, filter, outcome)
        }
        return true
    }
}
