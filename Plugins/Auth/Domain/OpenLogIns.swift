internal import Locking
internal import PluginSDK

/// The log-ins that are being decided, by their token, and how each one ends: exactly once, with an answer to the host
/// and a line in the log.
final class OpenLogIns: Sendable {
    /// What the host waits for.
    enum Kind: Sendable {
        /// `authConnect`
        case connect
        /// `authExchange`
        case exchange
    }

    private struct Open {
        let call: PendingCall
        let kind: Kind
        let attempt: Attempt
    }

    private let open = Locked<[UInt64: Open]>([:])
    private let host: PluginHost
    private let limiter: FailureLimiter
    private let overload: OverloadReport

    init(host: PluginHost, limiter: FailureLimiter) {
        self.host = host
        self.limiter = limiter
        overload = OverloadReport()
    }

    func add(_ call: PendingCall, _ kind: Kind, _ attempt: Attempt) {
        open.withLock { $0[call.token] = Open(call: call, kind: kind, attempt: attempt) }
    }

    /// Nobody waits for this one any more.
    /// - Returns: what was being looked at; `nil` when it has ended before.
    func cancel(_ token: UInt64) -> Attempt? {
        guard let open = take(token) else { return nil }
        // An answer all the same: the host keeps the place until it comes.
        complete(open, .error, .error)
        return open.attempt
    }

    /// Ends a log-in with what the sources say.
    /// - Parameter rule: the source that says it.
    func conclude(_ token: UInt64, _ answer: SourceAnswer, rule: String) {
        guard let open = take(token) else { return }
        switch answer {
        case .accepted(let identity): accept(open, identity, rule)
        case .refused(let reason): refuse(open, reason, rule)
        case .unknown:
            let nobody = open.attempt.user == nil ? "no source takes this password" : "unknown user"
            refuse(open, open.kind == .exchange ? "not a token" : nobody, rule)
        case .failed(let reason): fail(open, reason, rule)
        case .waits:
            complete(open, .deny, .deny, reason: .connectionRateExceeded, rule: "auth: too many failed log-ins")
        case .abandoned: complete(open, .error, .error)
        }
    }

    /// A line about a log-in that was refused; its reason is not for the client.
    func tell(_ reason: String, user: [UInt8], client: [UInt8], address: [UInt8]) {
        host.log(
            .warning, "auth.refused", reason,
            [
                "client": String(decoding: client, as: UTF8.self), "user": String(decoding: user, as: UTF8.self),
                "addr": String(decoding: address, as: UTF8.self),
            ])
    }

    private func take(_ token: UInt64) -> Open? {
        guard let open = open.withLock({ $0.removeValue(forKey: token) }) else { return nil }
        open.attempt.end()
        return open
    }

    private func accept(_ open: Open, _ identity: Identity, _ rule: String) {
        // Whoever has proved to be one user is not forgiven what was tried on another, whose name it may have sent.
        limiter.succeeded(user: identity.user.isEmpty ? open.attempt.user ?? [] : Array(identity.user.utf8))
        let known = PendingIdentity(userName: identity.user, groups: identity.groups, account: identity.account)
        let end = CredentialsEnd.monotonic(identity.expires, host)
        complete(open, .allow, .allow, identity: known, expiresAt: end, rule: rule)
    }

    /// The client learns that its credentials are bad [MQTT 5.0, 3.2.2.2, 0x86], not which of the two.
    private func refuse(_ open: Open, _ reason: String, _ rule: String) {
        let attempt = open.attempt
        limiter.failed(address: attempt.address, user: attempt.user ?? [], now: host.monotonicTime)
        tell(reason, user: attempt.user ?? [], client: attempt.client, address: attempt.address)
        let code = open.kind == .connect ? ReasonCode.badUserNameOrPassword : .notAuthorized
        complete(open, .deny, .deny, reason: code, rule: "\(rule): \(reason)")
    }

    /// Nobody has looked at the credentials: the client is told to come again, not that they are wrong.
    private func fail(_ open: Open, _ reason: String, _ rule: String) {
        if let count = overload.note(reason, now: host.monotonicTime) {
            let more = count > 1 ? " (\(count) log-ins)" : ""
            tell(
                reason + more, user: open.attempt.user ?? [], client: open.attempt.client,
                address: open.attempt.address)
        }
        complete(open, .deny, .deny, reason: .serverBusy, rule: "\(rule): \(reason)")
    }

    private func complete(
        _ open: Open, _ connect: AccessVerdict, _ exchange: ExchangeVerdict, identity: PendingIdentity? = nil,
        expiresAt: Int64? = nil, reason: ReasonCode? = nil, rule: String = ""
    ) {
        switch open.kind {
        case .connect:
            open.call.complete(connect, identity: identity, expiresAt: expiresAt, reason: reason, rule: rule)
        case .exchange:
            open.call.complete(exchange, identity: identity, expiresAt: expiresAt, reason: reason, rule: rule)
        }
    }
}

extension ReasonCode {
    /// 0x89
    static let serverBusy = ReasonCode(rawValue: 0x89)
    /// 0x9F
    static let connectionRateExceeded = ReasonCode(rawValue: 0x9F)
}

/// When credentials end, on the clock the broker counts by.
enum CredentialsEnd {
    /// - Parameter expires: seconds since 1970.
    /// - Returns: monotonic nanoseconds; `nil`: never.
    static func monotonic(_ expires: Int64?, _ host: PluginHost) -> Int64? {
        guard let expires else { return nil }
        let left = expires.subtractingReportingOverflow(host.wallTime / 1_000_000_000).partialValue
        // Beyond a century is never.
        guard left < 3_200_000_000 else { return nil }
        return host.monotonicTime + max(left, 0) * 1_000_000_000
    }
}

/// Keeps a service that is down, or a queue that is full, from filling the log: each reason once in ten seconds, with
/// how often it was.
final class OverloadReport: Sendable {
    private struct Entry {
        var until: Int64
        var count = 0
    }

    /// Nanoseconds.
    private static let period: Int64 = 10_000_000_000
    /// Reasons come from services, too.
    private static let maximumReasons = 100

    private let entries = Locked<[String: Entry]>([:])

    /// - Returns: how often since it was told, if it is to be told now.
    func note(_ reason: String, now: Int64) -> Int? {
        entries.withLock { entries in
            if entries[reason] == nil, entries.count >= Self.maximumReasons {
                entries = entries.filter { $0.value.until > now }
                guard entries.count < Self.maximumReasons else { return nil }
            }
            var entry = entries[reason] ?? Entry(until: .min)
            entry.count += 1
            defer { entries[reason] = entry }
            guard now >= entry.until else { return nil }
            let count = entry.count
            entry = Entry(until: now + Self.period)
            return count
        }
    }
}
