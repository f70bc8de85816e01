public import PluginSDK

/// Lets clients in that prove who they are to one of the sources: password files, JSON Web Tokens, client certificates
/// (docs/auth.md).
///
/// - A client without credentials is none of its business: the listener's `allow_anonymous` decides.
/// - Credentials are right or the client is refused, also where anonymous clients are welcome.
/// - Hashing takes some 100 ms on purpose, so it happens on a worker thread; the event loop goes on.
/// - Whoever fails too often waits (`FailureLimiter`).
public final class AuthPlugin: Plugin {
    private let sources: AuthSources
    private let scram: ScramLogIn
    private let limiter: FailureLimiter
    private let abandoned = AbandonedLogIns()

    /// The Authentication Method by which a token can be replaced before it ends.
    private static let tokenMethod = "JWT"

    public override class var description: PluginDescription {
        PluginDescription(
            id: "org.hookline.auth", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: [
                .required(
                    "sources", .list,
                    help: "where credentials are looked up, in this order: [ { password_file: PATH }, { jwt: ... } ]"),
                Setting(
                    "failures_allowed", .integer, default: "10",
                    help: "failed log-ins of an address or a user name before it has to wait; 0: no limit"),
                Setting("failure_delay", .duration, default: "1s", help: "the first wait; it doubles each time"),
                Setting("max_failure_delay", .duration, default: "5m", help: "the longest wait of an address"),
            ],
            hooks: [.authConnect, .authExchange],
            requiredServices: ["log/1", "watch/1", "executor/1", "clock/1", "random/1"])
    }

    /// Reads the files of the sources, which must be valid to begin with.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        sources = try AuthSources.open(configuration, host: host)
        scram = ScramLogIn(sources.passwords, decoyKey: host.randomBytes(32) ?? [])
        limiter = FailureLimiter(try Self.limits(configuration))
        try super.init(host: host, configuration: configuration)
    }

    private static func limits(_ configuration: Configuration) throws(PluginFailure) -> FailureLimiter.Limits {
        var limits = FailureLimiter.Limits()
        if let allowed = configuration["failures_allowed"].integer {
            guard (0...1_000).contains(allowed) else {
                throw .refused([ConfigurationFault(configuration["failures_allowed"], "from 0 to 1000")])
            }
            limits.allowed = Int(allowed)
        }
        if let delay = configuration["failure_delay"].duration { limits.firstDelay = max(delay, 1) }
        if let delay = configuration["max_failure_delay"].duration { limits.maximumAddressDelay = max(delay, 1) }
        return limits
    }

    public override func start() throws(PluginFailure) {
        try host.register(.authConnect)
        try host.register(.authExchange)
        for source in sources.all { try source.follow() }
    }

    public override func cancelled(token: UInt64) { abandoned.add(token) }

    // MARK: CONNECT

    public override func authConnect(_ call: borrowing ConnectCall) -> AccessVerdict {
        if !call.hasUserName, !call.hasPassword { return withoutCredentials(call) }
        // MQTT 5 allows a password alone. It is a credential, and only a token says by itself whose.
        guard call.hasUserName || sources.hasTokens else { return refuse(call, "password without a user name") }
        let permission = limiter.permission(
            address: [UInt8](call.client.address), user: [UInt8](call.userName), now: call.now)
        if case .wait(let time, let isFirst) = permission { return makeWait(call, time, isFirst) }
        return call.deferToWorker()
    }

    public override func authConnectDeferred(_ call: borrowing ConnectCall) -> AccessVerdict {
        guard !abandoned.take(call.token) else { return .error }
        let user = call.hasUserName ? [UInt8](call.userName) : nil
        let (answer, source) = sources.check(
            Attempt(
                user: user, password: call.password, client: [UInt8](call.client.id),
                address: [UInt8](call.client.address), shard: call.shard))
        switch answer {
        case .accepted(let identity):
            limiter.succeeded(user: user ?? Array(identity.user.utf8))
            call.setRule(source)
            call.setIdentity(userName: identity.user, groups: identity.groups, account: identity.account)
            if let end = expiry(identity, now: call.now) { call.setExpiry(at: end) }
            return .allow
        case .refused(let reason): return fail(call, reason, rule: source)
        case .unknown: return fail(call, user == nil ? "no source takes this password" : "unknown user")
        case .failed(let reason):
            call.setRule("\(source): \(reason)")
            tell(reason, user ?? [], call.client)
            return .error
        }
    }

    /// A certificate that the listener has verified is a credential where a source says so.
    private func withoutCredentials(_ call: borrowing ConnectCall) -> AccessVerdict {
        guard let groups = sources.certificateGroups, !call.client.certificate.isEmpty else { return .abstain }
        call.setRule("client_certificate")
        call.setIdentity(userName: String(decoding: call.client.certificate), groups: groups)
        return .allow
    }

    /// Monotonic nanoseconds at which the credentials end.
    private func expiry(_ identity: Identity, now: Int64) -> Int64? {
        guard let expires = identity.expires else { return nil }
        let left = expires.subtractingReportingOverflow(host.wallTime / 1_000_000_000).partialValue
        // Beyond a century is never.
        guard left < 3_200_000_000 else { return nil }
        return now + max(left, 0) * 1_000_000_000
    }

    private func makeWait(_ call: borrowing ConnectCall, _ time: Int64, _ isFirst: Bool) -> AccessVerdict {
        call.setReason(ReasonCode(rawValue: 0x9F))
        call.setRule("auth: too many failed log-ins")
        // Once per wait: a flood must not become a flood of the log.
        if isFirst {
            tell(
                "too many failed log-ins, waits \((time + 999_999_999) / 1_000_000_000) s", [UInt8](call.userName),
                call.client)
        }
        return .deny
    }

    private func fail(_ call: borrowing ConnectCall, _ reason: String, rule: String = "auth") -> AccessVerdict {
        limiter.failed(address: [UInt8](call.client.address), user: [UInt8](call.userName), now: call.now)
        return refuse(call, reason, rule: rule)
    }

    /// The client learns that its credentials are bad [MQTT 5.0, 3.2.2.2, 0x86], not which of the two.
    private func refuse(
        _ call: borrowing ConnectCall, _ reason: String, rule: String = "auth"
    ) -> AccessVerdict {
        call.setReason(.badUserNameOrPassword)
        call.setRule("\(rule): \(reason)")
        tell(reason, [UInt8](call.userName), call.client)
        return .deny
    }

    private func tell(_ reason: String, _ user: [UInt8], _ client: borrowing Client) {
        host.log(
            .warning, "auth.refused", reason,
            [
                "client": String(decoding: client.id), "user": String(decoding: user, as: UTF8.self),
                "addr": String(decoding: client.address),
            ])
    }

    // MARK: AUTH

    public override func authExchange(_ call: borrowing ExchangeCall) -> ExchangeVerdict {
        switch String(decoding: call.method) {
        case ScramLogIn.method where !sources.passwords.isEmpty: return scramStep(call)
        // Checking a signature takes a while, too.
        case Self.tokenMethod where sources.hasTokens:
            let address = [UInt8](call.client.address)
            guard limiter.permission(address: address, user: [], now: call.now) == .go else {
                return refuse(call, "too many failed log-ins", user: [], isFailure: false)
            }
            return call.deferToWorker()
        default: return .abstain
        }
    }

    public override func authExchangeDeferred(_ call: borrowing ExchangeCall) -> ExchangeVerdict {
        for case let source as TokenSource in sources.all {
            switch source.check(call.data, shard: call.shard) {
            case .accepted(let identity):
                call.setRule(source.name)
                call.setIdentity(userName: identity.user, groups: identity.groups, account: identity.account)
                if let end = expiry(identity, now: call.now) { call.setExpiry(at: end) }
                return .allow
            case .refused(let reason): return refuse(call, reason, user: [])
            case .unknown, .failed: continue
            }
        }
        return refuse(call, "not a token", user: [])
    }

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
