internal import CSystem
internal import Locking
public import PluginSDK

/// Lets clients in that prove who they are to one of the sources: password files, JSON Web Tokens, client certificates,
/// web services, tables of PostgreSQL (docs/auth.md).
///
/// - A client without credentials is none of its business: the listener's `allow_anonymous` decides.
/// - Credentials are right or the client is refused, also where anonymous clients are welcome.
/// - Nothing that takes time happens on an event loop: hashing has threads of its own that let everybody go first, and
///   services are asked without anybody waiting for them.
/// - Whoever fails too often waits (`FailureLimiter`).
public final class AuthPlugin: Plugin {
    let sources: AuthSources
    let scram: ScramLogIn
    let limiter: FailureLimiter
    let open: OpenLogIns

    public override class var description: PluginDescription {
        var description = PluginDescription(
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
                Setting(
                    "hashing_threads", .integer,
                    help: "passwords that are hashed at once; one for each CPU and four at most without it"),
            ],
            hooks: [.authConnect, .authExchange],
            requiredServices: ["log/1", "watch/1", "clock/1", "random/1"])
        description.optionalServices = ["state/1"]
        description.handsOverState = true
        return description
    }

    /// Reads the files of the sources, which must be valid to begin with.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        limiter = FailureLimiter(try Self.limits(configuration))
        let threads = try Self.threads(configuration["hashing_threads"])
        sources = try AuthSources.open(
            configuration, SourceTools(host: host, limiter: limiter, threads: threads))
        scram = ScramLogIn(sources.passwords, decoyKey: host.randomBytes(32) ?? [])
        open = OpenLogIns(host: host, limiter: limiter)
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

    /// Each one needs as much memory as the costliest hash, so more than a few are asked for, not assumed.
    private static func threads(_ node: ConfigurationNode) throws(PluginFailure) -> Int {
        guard node.kind != .none, !node.text.isEmpty else {
            return min(Int(csystem_usable_processors()), 4)
        }
        guard let count = node.integer, (1...64).contains(count) else {
            throw .refused([ConfigurationFault(node, "from 1 to 64")])
        }
        return Int(count)
    }

    public override func start() throws(PluginFailure) {
        try host.register(.authConnect)
        try host.register(.authExchange)
        try sources.follow()
        handOver()
    }

    /// Nobody gets fresh attempts by a change of code or settings.
    private func handOver() {
        let given = Locked<Int64>(.min)
        host.offerState(schema: FailureLimiter.schema) { [limiter, host] writer in
            let since = given.withLock { given in
                defer { given = host.monotonicTime }
                return given
            }
            for chunk in limiter.chunks(since: writer.isBulk ? .min : since) {
                guard writer.write(chunk.span) else { return false }
            }
            return true
        }
        host.acceptState { [limiter] reader in
            guard reader.schema == FailureLimiter.schema else { return .cold }
            while let chunk = reader.next() {
                guard limiter.take(chunk) else { return .cold }
            }
            return .taken
        }
    }

    /// Waits for hashes that are being computed and connections that are being made: a few seconds at most.
    public override func stop() { sources.stop() }

    public override func cancelled(token: UInt64) {
        if let attempt = open.cancel(token) { sources.forget(attempt) }
    }

    public override func authExchange(_ call: borrowing ExchangeCall) -> ExchangeVerdict { exchange(call) }

    // MARK: CONNECT

    public override func authConnect(_ call: borrowing ConnectCall) -> AccessVerdict {
        if !call.hasUserName, !call.hasPassword { return withoutCredentials(call) }
        // MQTT 5 allows a password alone. It is a credential, and only a token says by itself whose.
        guard call.hasUserName || sources.hasTokens else { return refuse(call, "password without a user name") }
        let permission = limiter.permission(
            address: [UInt8](call.client.address), user: [UInt8](call.userName), now: call.now)
        if case .wait(let time, let isFirst) = permission { return makeWait(call, time, isFirst) }
        let attempt = Attempt(
            user: call.hasUserName ? [UInt8](call.userName) : nil, password: call.password,
            client: [UInt8](call.client.id), address: [UInt8](call.client.address), shard: call.shard,
            deadline: call.deadline)
        guard let pending = call.pend() else { return .error }
        let token = pending.token
        open.add(pending, .connect, attempt)
        sources.check(attempt) { [open] answer, source in open.conclude(token, answer, rule: source) }
        return .pending(pending)
    }

    /// A certificate that the listener has verified is a credential where a source says so.
    private func withoutCredentials(_ call: borrowing ConnectCall) -> AccessVerdict {
        guard let groups = sources.certificateGroups, !call.client.certificate.isEmpty else { return .abstain }
        call.setRule("client_certificate")
        call.setIdentity(userName: String(decoding: call.client.certificate), groups: groups)
        return .allow
    }

    private func makeWait(_ call: borrowing ConnectCall, _ time: Int64, _ isFirst: Bool) -> AccessVerdict {
        call.setReason(.connectionRateExceeded)
        call.setRule("auth: too many failed log-ins")
        // Once per wait: a flood must not become a flood of the log.
        if isFirst {
            tell(
                "too many failed log-ins, waits \((time + 999_999_999) / 1_000_000_000) s", [UInt8](call.userName),
                call.client)
        }
        return .deny
    }

    /// The client learns that its credentials are bad [MQTT 5.0, 3.2.2.2, 0x86], not which of the two.
    private func refuse(_ call: borrowing ConnectCall, _ reason: String) -> AccessVerdict {
        call.setReason(.badUserNameOrPassword)
        call.setRule("auth: \(reason)")
        tell(reason, [UInt8](call.userName), call.client)
        return .deny
    }

    func tell(_ reason: String, _ user: [UInt8], _ client: borrowing Client) {
        open.tell(reason, user: user, client: [UInt8](client.id), address: [UInt8](client.address))
    }
}
