internal import Locking
internal import PasswordFile
internal import PluginSDK
internal import StrictJSON

/// A web service as a source: it is POSTed the credentials as JSON and says who that is. Blocks a worker thread for as
/// long as the service takes, at most `timeout`.
final class HTTPSource: LogInSource {
    private let client: HTTPClient
    private let breaker: CircuitBreaker
    private let host: PluginHost
    /// Nanoseconds for which an acceptance is remembered; 0: not at all.
    private let memory: Int64
    private let remembered = Locked<[[UInt8]: (identity: Identity, until: Int64)]>([:])
    /// Credentials are remembered by a code that only this process can compute.
    private let memoryKey: [UInt8]

    private static let maximumRemembered = 10_000

    let name = "http"

    init(client: HTTPClient, maximumRunning: Int, memory: Int64, host: PluginHost) {
        self.client = client
        self.host = host
        self.memory = memory
        breaker = CircuitBreaker(maximumRunning: maximumRunning)
        memoryKey = host.randomBytes(32) ?? []
    }

    func follow() {}

    func check(_ attempt: borrowing Attempt) -> SourceAnswer {
        let question = Self.question(attempt, from: attempt.address)
        // The port is another one with each connection.
        let sender = FailureLimiter.network(of: attempt.address)
        let code = CredentialCode.make(key: memoryKey, of: Self.question(attempt, from: sender))
        let now = host.monotonicTime
        if memory > 0, let known = recall(code, now) { return .accepted(known) }
        guard breaker.begins(now) else {
            return .failed("the log-in service is not asked: it is down or has too much to do")
        }
        do throws(HTTPClient.Failure) {
            let answer = try client.request(question)
            let verdict = Self.verdict(answer)
            var hasFailed = false
            if case .failed = verdict { hasFailed = true }
            breaker.ended(host.monotonicTime, hasFailed: hasFailed)
            if case .accepted(let identity) = verdict, memory > 0 { remember(identity, code, now) }
            return verdict
        } catch {
            breaker.ended(host.monotonicTime, hasFailed: true)
            return .failed("the log-in service does not answer: \(error.reason)")
        }
    }

    /// `{"username":...,"password":...,"client_id":...,"address":...}`; what is not UTF-8 is no credential of such a
    /// service.
    private static func question(_ attempt: borrowing Attempt, from address: [UInt8]) -> [UInt8] {
        var text = Array("{\"username\":".utf8)
        JSONString.write(attempt.user ?? [], to: &text)
        text += Array(",\"password\":".utf8)
        JSONString.write([UInt8](attempt.password), to: &text)
        text += Array(",\"client_id\":".utf8)
        JSONString.write(attempt.client, to: &text)
        text += Array(",\"address\":".utf8)
        JSONString.write(address, to: &text)
        return text + [UInt8(ascii: "}")]
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
        case "allow":
            let groups = value["groups"]?.elements?.compactMap(\.text) ?? []
            return .accepted(
                Identity(
                    user: value["username"]?.text ?? "", groups: Array(groups.prefix(256)),
                    account: value["account"]?.text ?? ""))
        case "deny": return .refused("refused by the log-in service")
        case "ignore": return .unknown
        default: return .failed("the log-in service's 'result' is none of allow, deny and ignore")
        }
    }

    private func recall(_ code: [UInt8], _ now: Int64) -> Identity? {
        remembered.withLock { remembered in
            guard let entry = remembered[code], entry.until > now else { return nil }
            return entry.identity
        }
    }

    private func remember(_ identity: Identity, _ code: [UInt8], _ now: Int64) {
        remembered.withLock { remembered in
            if remembered.count >= Self.maximumRemembered { remembered = remembered.filter { $0.value.until > now } }
            if remembered.count >= Self.maximumRemembered { remembered.removeAll() }
            remembered[code] = (identity, now + memory)
        }
    }
}

/// A text as JSON has it.
enum JSONString {
    static func write(_ bytes: [UInt8], to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for byte in String(decoding: bytes, as: UTF8.self).utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                text += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}
