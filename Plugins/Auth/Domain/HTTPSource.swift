internal import Locking
internal import PasswordFile
internal import PluginSDK
internal import StrictJSON

/// A web service as a source: it is POSTed the credentials as JSON and says who that is. Many requests are under way at
/// once, and no thread waits for any of them.
final class HTTPSource: LogInSource {
    /// How the service is asked.
    struct Settings: Sendable {
        var url: String
        /// Milliseconds.
        var timeout: Int
        /// PEM file.
        var authority: String?
        /// Requests at once; more wait in their turn.
        var maximumRunning: Int
        /// Nanoseconds for which an acceptance is remembered; 0: not at all.
        var memory: Int64
    }

    private let settings: Settings
    private let client: HTTPClient
    private let breaker = CircuitBreaker()
    private let host: PluginHost
    private let queue: LogInQueue
    private let running = Locked(0)
    private let cache: AcceptanceCache

    /// An answer is a name and some groups.
    private static let maximumBytes = 64 << 10
    private static let usualTime: Int64 = 20_000_000

    let name = "http"

    init(_ settings: Settings, client: HTTPClient, limiter: FailureLimiter, host: PluginHost) {
        self.settings = settings
        self.client = client
        self.host = host
        queue = LogInQueue(width: settings.maximumRunning, usualTime: Self.usualTime, limiter: limiter) {
            host.monotonicTime
        }
        cache = AcceptanceCache(lifetime: settings.memory, key: host.randomBytes(32) ?? [])
    }

    func check(_ attempt: Attempt, _ answer: @escaping Answer) {
        // JSON is UTF-8. A password that is not is no credential of such a service, and must not become another one.
        guard attempt.password.read({ (try? UTF8Span(validating: $0)) != nil }) else { return answer(.unknown) }
        let code = codeForCache(attempt)
        if let code, let known = cache.recall(code, now: host.monotonicTime) { return answer(.accepted(known)) }
        let step = LogInQueue.Step(attempt: attempt, answer: answer) { [self] in
            { [self] in ask(attempt, code, answer) }
        }
        if queue.add(step) { runWaiting() }
    }

    func forget(_ attempt: Attempt) { queue.forget(attempt) }

    func stop() { queue.close() }

    /// Fills the slots that are free.
    private func runWaiting() {
        while true {
            let isFree = running.withLock { running in
                guard running < settings.maximumRunning else { return false }
                running += 1
                return true
            }
            guard isFree else { return }
            guard let step = queue.next() else {
                running.withLock { $0 -= 1 }
                // Somebody may have queued a step and found this slot taken.
                if queue.count == 0 { return }
                continue
            }
            step.run()()
        }
    }

    private func ask(_ attempt: Attempt, _ code: [UInt8]?, _ answer: @escaping Answer) {
        let begin = host.monotonicTime
        guard breaker.begins(begin) else {
            running.withLock { $0 -= 1 }
            return answer(.failed("the log-in service is not asked: it is down"))
        }
        var question = Self.question(attempt, from: attempt.address)
        let request = HTTPClient.Request(
            url: settings.url, body: Secret(taking: &question), timeout: settings.timeout,
            authority: settings.authority, maximumBytes: Self.maximumBytes)
        client.send(request) { [self] result in
            let verdict = Self.verdict(result)
            let now = host.monotonicTime
            var hasFailed = false
            if case .failed = verdict { hasFailed = true }
            breaker.ended(now, hasFailed: hasFailed)
            if case .accepted(let identity) = verdict, let code { cache.remember(identity, code, now: now) }
            queue.done(now - begin)
            running.withLock { $0 -= 1 }
            answer(verdict)
            runWaiting()
        }
    }

    private func codeForCache(_ attempt: Attempt) -> [UInt8]? {
        guard settings.memory > 0 else { return nil }
        // The port is another one with each connection.
        var question = Self.question(attempt, from: attempt.network)
        defer { PasswordHash.wipe(&question) }
        return cache.code(of: question)
    }

    /// `{"username":...,"password":...,"client_id":...,"address":...}`
    private static func question(_ attempt: Attempt, from address: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        // A password is not left behind in what grows: six bytes for one is the most.
        text.reserveCapacity(
            100 + 6 * ((attempt.user?.count ?? 0) + attempt.password.count + attempt.client.count + address.count))
        text += "{\"username\":".utf8
        JSONString.write(attempt.user ?? [], to: &text)
        text += ",\"password\":\"".utf8
        attempt.password.read { password in
            for index in password.indices { JSONString.append(password[index], to: &text) }
        }
        text += "\",\"client_id\":".utf8
        JSONString.write(attempt.client, to: &text)
        text += ",\"address\":".utf8
        JSONString.write(address, to: &text)
        text.append(UInt8(ascii: "}"))
        return text
    }

    private static func verdict(_ result: Result<HTTPClient.Answer, HTTPClient.Failure>) -> SourceAnswer {
        switch result {
        case .success(let answer): verdict(answer)
        case .failure(let failure): .failed("the log-in service does not answer: \(failure.reason)")
        }
    }

    static func verdict(_ answer: HTTPClient.Answer) -> SourceAnswer {
        switch answer.status {
        case 204: return .accepted(Identity())
        case 401, 403: return .refused("refused by the log-in service")
        case 404: return .unknown
        case 200: break
        default: return .failed("the log-in service answers with status \(answer.status)")
        }
        guard let value = try? JSONValue(parsing: answer.body) else {
            return .failed("the log-in service does not answer with JSON")
        }
        switch value["result"]?.text {
        case "allow": return allowance(value)
        case "deny": return .refused("refused by the log-in service")
        case "ignore": return .unknown
        default: return .failed("the log-in service's 'result' is none of allow, deny and ignore")
        }
    }

    private static func allowance(_ value: JSONValue) -> SourceAnswer {
        let groups = value["groups"]?.elements?.compactMap(\.text) ?? []
        let identity = Identity(
            user: value["username"]?.text ?? "",
            groups: Array(groups.filter(Identity.isName).prefix(Identity.maximumGroups)),
            account: value["account"]?.text ?? "")
        for name in [identity.user, identity.account] where !name.isEmpty && !Identity.isName(name) {
            return .failed("the log-in service answers with a name that nobody can have")
        }
        return .accepted(identity)
    }
}

/// A text as JSON has it.
enum JSONString {
    /// - Parameter bytes: what is not UTF-8 becomes U+FFFD.
    /// - Parameter bytes: UTF-8.
    static func write(_ bytes: [UInt8], to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for byte in bytes { append(byte, to: &text) }
        text.append(UInt8(ascii: "\""))
    }

    /// A byte of a text.
    static func append(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
        case 0..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            text += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        default: text.append(byte)
        }
    }
}
