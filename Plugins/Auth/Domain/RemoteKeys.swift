internal import Locking
internal import PluginSDK
internal import Tokens

/// A JSON Web Key Set behind a URL: fetched when a token needs it, kept, and fetched again after an hour and when a
/// token names a key that is not in it. One fetches while the others wait; no thread does.
final class RemoteKeys: Sendable {
    /// Where the keys are.
    struct Settings: Sendable {
        var url: String
        /// PEM file with the certificates to trust; `nil`: those of the system.
        var authority: String?

        /// For the log: what stands before an `@` or behind a `?` may be a secret.
        var shownURL: String {
            let parts = url.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count > 2 else { return "" }
            let host = parts[2].split(separator: "@").last ?? ""
            let path = parts[3...].joined(separator: "/").prefix { $0 != "?" && $0 != "#" }
            return "\(parts[0])//\(host)/\(path)"
        }
    }

    /// What there is for one token.
    struct Found {
        var keys: [VerificationKey]
        /// Why the keys may be old or missing; `nil`: they are as the service has them.
        var problem: String?
    }

    private struct State {
        var keys = KeySet([])
        /// Monotonic nanoseconds.
        var fetched: Int64?
        var tried: Int64?
        var problem: String?
        var isFetching = false
        var waiting: [@Sendable () -> Void] = []
    }

    /// Nanoseconds after which keys are looked at again.
    private static let memory: Int64 = 3_600_000_000_000
    /// Nanoseconds between two requests, or tokens with made-up key names would become requests; after a failure
    /// somebody may be waiting for the service to come back.
    private static let pause: Int64 = 30_000_000_000
    private static let pauseAfterFailure: Int64 = 5_000_000_000
    private static let maximumWaiting = 4_096
    private static let timeout = 4_000

    private let settings: Settings
    private let client: HTTPClient
    private let host: PluginHost
    private let state = Locked(State())

    init(_ settings: Settings, client: HTTPClient, host: PluginHost) {
        self.settings = settings
        self.client = client
        self.host = host
    }

    /// The keys that may have signed a token, as far as they are known.
    func candidates(_ identifier: String?, _ algorithm: SignatureAlgorithm) -> Found {
        let (keys, problem) = state.withLock { ($0.keys, $0.problem) }
        return Found(keys: keys.candidates(identifier, algorithm), problem: problem)
    }

    /// Fetches the keys if those for such a token are missing or old. A service that is down leaves those that were
    /// fetched before.
    /// - Parameter done: called once when the keys have come or not, on the client's thread; not at all when it stops.
    /// - Returns: false when there is nothing to wait for, and `done` is not called.
    func refresh(
        for identifier: String?, _ algorithm: SignatureAlgorithm, _ done: @escaping @Sendable () -> Void
    ) -> Bool {
        let now = host.monotonicTime
        enum Step { case go, wait, fetch }
        let step = state.withLock { state -> Step in
            let isFresh = state.fetched.map { now - $0 < Self.memory } ?? false
            if isFresh, !state.keys.candidates(identifier, algorithm).isEmpty { return .go }
            if state.isFetching {
                guard state.waiting.count < Self.maximumWaiting else { return .go }
                state.waiting.append(done)
                return .wait
            }
            let pause = state.problem == nil ? Self.pause : Self.pauseAfterFailure
            if let tried = state.tried, now - tried < pause { return .go }
            state.tried = now
            state.isFetching = true
            state.waiting.append(done)
            return .fetch
        }
        if step == .fetch { fetch() }
        return step != .go
    }

    private func fetch() {
        let request = HTTPClient.Request(
            url: settings.url, body: nil, timeout: Self.timeout, authority: settings.authority,
            maximumBytes: KeySet.maximumBytes)
        client.send(request) { [self] result in
            let read = Self.read(result)
            let now = host.monotonicTime
            let (waiting, isNews) = state.withLock { state in
                defer {
                    state.isFetching = false
                    state.waiting = []
                }
                let before = state.problem
                switch read {
                case .success(let keys): (state.keys, state.fetched, state.problem) = (keys, now, nil)
                case .failure(let failure): state.problem = failure.reason
                }
                return (state.waiting, state.problem != before)
            }
            if isNews { tell(read) }
            for done in waiting { done() }
        }
    }

    private static func read(
        _ result: Result<HTTPClient.Answer, HTTPClient.Failure>
    ) -> Result<KeySet, HTTPClient.Failure> {
        switch result {
        case .failure(let failure): return .failure(failure)
        case .success(let answer):
            guard answer.status == 200 else {
                return .failure(HTTPClient.Failure(reason: "status \(answer.status)"))
            }
            do throws(VerificationKey.Fault) {
                return .success(try KeySet(jwks: answer.body, takesSecrets: false))
            } catch {
                return .failure(HTTPClient.Failure(reason: error.reason))
            }
        }
    }

    private func tell(_ read: Result<KeySet, HTTPClient.Failure>) {
        switch read {
        case .success(let keys):
            host.log(.info, "auth.keys_fetched", "\(keys.keys.count) keys", ["url": settings.shownURL])
        case .failure(let failure):
            host.log(
                .error, "auth.keys_not_fetched", "\(failure.reason); the keys that were fetched before stay in use",
                ["url": settings.shownURL])
        }
    }
}
