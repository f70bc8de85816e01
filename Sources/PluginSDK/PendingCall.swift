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
    /// - Parameters:
    ///   - identity: who this is, for a call of `authConnect` with a verdict of allow.
    ///   - expiresAt: when the credentials end, as in `ConnectCall.setExpiry(at:)`; `nil`: they do not.
    /// - Returns: false when nobody waits for it any more.
    @discardableResult
    public func complete(
        _ verdict: AccessVerdict, identity: PendingIdentity? = nil, expiresAt: Int64? = nil, reason: ReasonCode? = nil,
        rule: String = ""
    ) -> Bool {
        complete(verdict.raw, identity, expiresAt, reason: reason, rule: rule)
    }

    /// Answers a call of `authExchange`.
    /// - Parameters:
    ///   - data: Authentication Data for the client.
    ///   - memo: what the next step is given back, with `.challenge`.
    ///   - identity: who this is, with `.allow`.
    ///   - expiresAt: when the credentials end, as in `ExchangeCall.setExpiry(at:)`; `nil`: they do not.
    /// - Returns: false when nobody waits for it any more.
    @discardableResult
    public func complete(
        _ verdict: ExchangeVerdict, data: Span<UInt8>, memo: Span<UInt8>, identity: PendingIdentity? = nil,
        expiresAt: Int64? = nil, reason: ReasonCode? = nil, rule: String = ""
    ) -> Bool {
        withView(data) { data in
            withView(memo) { memo in
                complete(verdict.raw, identity, expiresAt, reason: reason, rule: rule) { answer in
                    answer.flags |= HL_ANSWER_DATA | HL_ANSWER_MEMO
                    answer.data = data
                    answer.memo = memo
                }
            }
        }
    }

    /// Answers a call of `authExchange` that has nothing to say to the client.
    /// - Returns: false when nobody waits for it any more.
    @discardableResult
    public func complete(
        _ verdict: ExchangeVerdict, identity: PendingIdentity? = nil, expiresAt: Int64? = nil,
        reason: ReasonCode? = nil, rule: String = ""
    ) -> Bool {
        complete(verdict.raw, identity, expiresAt, reason: reason, rule: rule)
    }

    /// Answers a call of `messageIn`.
    /// - Returns: false when nobody waits for it any more.
    @discardableResult
    public func complete(_ verdict: MessageVerdict, reason: ReasonCode? = nil, rule: String = "") -> Bool {
        complete(raw: verdict.raw, reason: reason, rule: rule)
    }

    private func complete(
        _ verdict: UInt32, _ identity: PendingIdentity?, _ expiresAt: Int64?, reason: ReasonCode?, rule: String,
        _ add: (inout hl_answer) -> Void = { _ in }
    ) -> Bool {
        let identified = identity ?? PendingIdentity()
        return withView(identified.userName) { userName in
            withView(identified.account) { account in
                withViews(identified.groups) { groups in
                    complete(raw: verdict, reason: reason, rule: rule) { answer in
                        add(&answer)
                        if identity != nil {
                            answer.flags |= HL_ANSWER_IDENTITY
                            (answer.username, answer.account) = (userName, account)
                            (answer.groups, answer.group_count) = (groups.baseAddress, UInt32(groups.count))
                        }
                        guard let expiresAt else { return }
                        answer.flags |= HL_ANSWER_EXPIRES_AT
                        answer.expires_at = expiresAt
                    }
                }
            }
        }
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

/// Who a client is, as an answer that comes later says it.
public struct PendingIdentity: Equatable, Sendable {
    /// Empty for the one of CONNECT.
    public var userName: String
    /// What `Client.groups` shows from now on.
    public var groups: [String]
    /// What `Client.account` shows from now on; empty: none.
    public var account: String

    /// An identity with its parts.
    public init(userName: String = "", groups: [String] = [], account: String = "") {
        self.userName = userName
        self.groups = groups
        self.account = account
    }
}
