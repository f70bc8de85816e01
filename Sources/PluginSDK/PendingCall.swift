internal import PluginABI

/// A call that will be answered later, from any thread, exactly once; what comes after the first answer, after the
/// deadline or after the client has left is ignored by the host.
///
/// The input of the call is not part of it: copy what is needed before the hook returns, or use the deferred method of
/// the hook, whose input stays valid.
public struct PendingCall: @unchecked Sendable {
    // Sendable: `complete` may be called on any thread, and the host's table outlives the instance's calls.
    private let host: UnsafeMutablePointer<hl_self>
    /// Names the call for ever; `Plugin.cancelled` is given it.
    public let token: UInt64

    init(host: UnsafeMutablePointer<hl_self>, token: UInt64) {
        self.host = host
        self.token = token
    }

    /// Answers the call.
    /// - Returns: false when nobody waits for it any more.
    @discardableResult
    public func complete(_ verdict: AccessVerdict, reason: ReasonCode? = nil, rule: String = "") -> Bool {
        complete(raw: verdict.raw, reason: reason, rule: rule)
    }

    /// Answers a call of `authExchange`.
    /// - Parameters:
    ///   - data: Authentication Data for the client.
    ///   - memo: what the next step is given back, with `.challenge`.
    ///   - expiresAt: when the credentials end, as in `ExchangeCall.setExpiry(at:)`; 0: they do not.
    /// - Returns: false when nobody waits for it any more.
    @discardableResult
    public func complete(
        _ verdict: ExchangeVerdict, data: Span<UInt8>, memo: Span<UInt8>, expiresAt: Int64 = 0,
        reason: ReasonCode? = nil, rule: String = ""
    ) -> Bool {
        withView(data) { data in
            withView(memo) { memo in
                complete(raw: verdict.raw, reason: reason, rule: rule) { answer in
                    answer.flags |= HL_ANSWER_DATA | HL_ANSWER_MEMO
                    answer.data = data
                    answer.memo = memo
                    guard expiresAt > 0 else { return }
                    answer.flags |= HL_ANSWER_EXPIRES_AT
                    answer.expires_at = expiresAt
                }
            }
        }
    }

    /// Answers a call of `messageIn`.
    /// - Returns: false when nobody waits for it any more.
    @discardableResult
    public func complete(_ verdict: MessageVerdict, reason: ReasonCode? = nil, rule: String = "") -> Bool {
        complete(raw: verdict.raw, reason: reason, rule: rule)
    }

    private func complete(
        raw verdict: UInt32, reason: ReasonCode?, rule: String, _ add: (inout hl_answer) -> Void = { _ in }
    ) -> Bool {
        withView(rule) { rule in
            var answer = hl_answer()
            answer.struct_size = UInt32(MemoryLayout<hl_answer>.size)
            if let reason {
                answer.flags |= HL_ANSWER_REASON
                answer.reason_code = UInt32(reason.rawValue)
            }
            if rule.len > 0 {
                answer.flags |= HL_ANSWER_RULE
                answer.rule = rule
            }
            add(&answer)
            return host.pointee.core?.pointee.complete?(host, token, verdict, &answer) == HL_OK
        }
    }
}
