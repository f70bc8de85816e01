internal import PluginSDK

/// MQTT 5 enhanced authentication: SCRAM, and tokens that are replaced before they end.
extension AuthPlugin {
    /// The Authentication Method by which a token can be replaced before it ends.
    private static let tokenMethod = "JWT"

    func exchange(_ call: borrowing ExchangeCall) -> ExchangeVerdict {
        switch String(decoding: call.method) {
        case ScramLogIn.method where !sources.passwords.isEmpty: scramStep(call)
        case Self.tokenMethod where sources.hasTokens: tokenStep(call)
        default: .abstain
        }
    }

    private func tokenStep(_ call: borrowing ExchangeCall) -> ExchangeVerdict {
        guard limiter.permission(address: [UInt8](call.client.address), user: [], now: call.now) == .go else {
            return refuse(call, "too many failed log-ins", user: [], isFailure: false)
        }
        let attempt = Attempt(
            user: nil, password: call.data, client: [UInt8](call.client.id), address: [UInt8](call.client.address),
            shard: call.shard, deadline: call.deadline)
        guard let pending = call.pend() else { return .error }
        let token = pending.token
        open.add(pending, .exchange, attempt)
        sources.checkToken(attempt) { [open] answer, source in open.conclude(token, answer, rule: source) }
        return .pending(pending)
    }

    /// A few hashes of a few bytes: cheap for the server, so it is done where the packet came in.
    private func scramStep(_ call: borrowing ExchangeCall) -> ExchangeVerdict {
        let step =
            call.step == 0
            ? scram.first([UInt8](call.data), shard: call.shard)
            : scram.final([UInt8](call.data), memo: [UInt8](call.memo), shard: call.shard)
        switch step {
        case .challenge(let data, let memo):
            guard limiter.permission(address: [UInt8](call.client.address), user: [], now: call.now) == .go else {
                return refuse(call, "too many failed log-ins", user: [], isFailure: false)
            }
            call.setData(data.span)
            call.setMemo(memo.span)
            return .challenge
        case .accepted(let user, let data):
            guard limiter.permission(address: [], user: user, now: call.now) == .go else {
                return refuse(call, "too many failed log-ins", user: user, isFailure: false)
            }
            limiter.succeeded(user: user)
            call.setData(data.span)
            call.setIdentity(userName: String(decoding: user, as: UTF8.self))
            return .allow
        case .refused(let reason, let user): return refuse(call, reason, user: user)
        }
    }

    private func refuse(
        _ call: borrowing ExchangeCall, _ reason: String, user: [UInt8], isFailure: Bool = true
    ) -> ExchangeVerdict {
        if isFailure { limiter.failed(address: [UInt8](call.client.address), user: user, now: call.now) }
        call.setReason(.notAuthorized)
        call.setRule("auth: \(reason)")
        tell(reason, user, call.client)
        return .deny
    }
}
