internal import Locking
internal import PluginSDK
internal import Tokens

/// A JSON Web Key Set behind a URL: fetched when a token needs it, kept, and fetched again after an hour and when a
/// token names a key that is not in it. Blocks the worker thread that needs it; one fetches while the others wait.
final class RemoteKeys: Sendable {
    private struct Kept {
        var keys = KeySet([])
        /// Monotonic nanoseconds.
        var fetched: Int64?
        var tried: Int64?
    }

    /// Nanoseconds after which keys are looked at again.
    private static let memory: Int64 = 3_600_000_000_000
    /// Nanoseconds between two requests, or tokens with made-up key names would become requests.
    private static let pause: Int64 = 30_000_000_000

    private let client: HTTPClient
    private let kept = Locked(Kept())
    /// Held while somebody fetches.
    private let fetching = Locked(())

    init(_ client: HTTPClient) {
        self.client = client
    }

    /// - Returns: `nil` when the setting is absent or wrong; what is wrong is added to `faults`.
    static func read(
        _ node: ConfigurationNode, authority: String, _ faults: inout [ConfigurationFault]
    ) -> RemoteKeys? {
        guard node.kind != .none else { return nil }
        guard let url = HTTPSource.url(node, &faults) else { return nil }
        return RemoteKeys(HTTPClient(url: url, timeout: 5_000, authority: authority.isEmpty ? nil : authority))
    }

    /// The keys that may have signed a token. A service that is down leaves those that were fetched before.
    func candidates(_ identifier: String?, _ algorithm: SignatureAlgorithm, now: Int64) -> [VerificationKey] {
        let (known, isFresh) = look(identifier, algorithm, now)
        if isFresh, !known.isEmpty { return known }
        return fetching.withLock { _ in
            // Somebody else may have fetched them in the meantime.
            let (known, isFresh) = look(identifier, algorithm, now)
            if isFresh, !known.isEmpty { return known }
            let mayTry = kept.withLock { kept in
                if let tried = kept.tried, now - tried < Self.pause { return false }
                kept.tried = now
                return true
            }
            guard mayTry, let fresh = fetch() else { return known }
            kept.withLock { kept in
                kept.keys = fresh
                kept.fetched = now
            }
            return fresh.candidates(identifier, algorithm)
        }
    }

    private func look(
        _ identifier: String?, _ algorithm: SignatureAlgorithm, _ now: Int64
    ) -> (keys: [VerificationKey], isFresh: Bool) {
        let (keys, fetched) = kept.withLock { ($0.keys, $0.fetched) }
        return (keys.candidates(identifier, algorithm), fetched.map { now - $0 < Self.memory } ?? false)
    }

    private func fetch() -> KeySet? {
        guard let answer = try? client.request(), answer.status == 200 else { return nil }
        return try? KeySet(jwks: answer.body)
    }
}
