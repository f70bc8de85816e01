public import PluginABI

/// What `auth.connect` and `session.open` may lower; `.max`: as it is.
struct SessionLimits: Equatable {
    /// Seconds.
    var sessionExpiry = UInt32.max
    /// Messages under way.
    var receiveMaximum = UInt32.max
    /// Seconds.
    var keepAlive = UInt32.max

    /// The lower of both.
    func lowered(by other: SessionLimits) -> SessionLimits {
        SessionLimits(
            sessionExpiry: min(sessionExpiry, other.sessionExpiry),
            receiveMaximum: min(receiveMaximum, other.receiveMaximum), keepAlive: min(keepAlive, other.keepAlive))
    }

    /// Takes in what one plugin said.
    mutating func lower(by answer: hl_answer) {
        if answer.flags & HL_ANSWER_SESSION_EXPIRY != 0 { sessionExpiry = min(sessionExpiry, answer.session_expiry) }
        if answer.flags & HL_ANSWER_RECEIVE_MAX != 0 {
            receiveMaximum = min(receiveMaximum, max(1, answer.receive_max))
        }
        if answer.flags & HL_ANSWER_KEEP_ALIVE != 0 { keepAlive = min(keepAlive, max(1, answer.keep_alive)) }
    }
}

/// Hooks about connections and sessions.
extension HookDispatcher {
    /// conn.accept: `.deny` closes. A plugin that fails is the listener's rule.
    public func connAccept(_ accept: UnsafePointer<hl_accept>, now: Int64) -> HookOutcome {
        ask(HL_HOOK_CONN_ACCEPT, UnsafeRawPointer(accept), now: now)
    }

    /// tls.psk: `.allow` with the key in `lastResult.data`.
    public func tlsPSK(_ psk: UnsafePointer<hl_psk>, now: Int64) -> HookOutcome {
        ask(HL_HOOK_TLS_PSK, UnsafeRawPointer(psk), now: now)
    }

    /// tls.peer: `.allow` may carry an identity; `.deny` closes.
    public func tlsPeer(_ peer: UnsafePointer<hl_peer>, now: Int64) -> HookOutcome {
        ask(HL_HOOK_TLS_PEER, UnsafeRawPointer(peer), now: now)
    }

    /// session.open: `.allow` with `lastResult.limits`, `.abstain` or `.deny`.
    public func sessionOpen(_ session: UnsafePointer<hl_session>, now: Int64) -> HookOutcome {
        ask(HL_HOOK_SESSION_OPEN, UnsafeRawPointer(session), now: now)
    }

    /// msg.store: `.allow` (durable), `.abstain` (nobody keeps it), `.deny` or `.pending`.
    public func msgStore(_ msg: UnsafePointer<hl_msg>, mask: UInt64, now: Int64) -> HookOutcome {
        ask(HL_HOOK_MSG_STORE, UnsafeRawPointer(msg), mask: mask, now: now)
    }

    /// will.publish: `.abstain`, `.replaced` or `.deny`.
    public func willPublish(_ msg: UnsafePointer<hl_msg>, mask: UInt64, now: Int64) -> HookOutcome {
        ask(HL_HOOK_WILL_PUBLISH, UnsafeRawPointer(msg), mask: mask, now: now)
    }

    /// retain.set: `.abstain`, `.replaced` or `.deny`.
    public func retainSet(_ msg: UnsafePointer<hl_msg>, mask: UInt64, now: Int64) -> HookOutcome {
        ask(HL_HOOK_RETAIN_SET, UnsafeRawPointer(msg), mask: mask, now: now)
    }

    /// retain.get: `.abstain`, `.replaced` or `.deny`.
    public func retainGet(_ retained: UnsafePointer<hl_retained>, mask: UInt64, now: Int64) -> HookOutcome {
        ask(HL_HOOK_RETAIN_GET, UnsafeRawPointer(retained), mask: mask, now: now)
    }

    private func ask(_ hook: UInt32, _ input: UnsafeRawPointer, mask: UInt64 = .max, now: Int64) -> HookOutcome {
        begin()
        var progress = ChainProgress(hook)
        progress.mask = mask
        return run(progress, input, now: now)
    }
}
