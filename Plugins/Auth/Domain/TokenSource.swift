internal import PluginSDK
internal import Tokens

/// JSON Web Tokens as a source: the password is a token, signed by a key of one of the files or of the URL. The user is
/// whom the token names, whatever user name the packet has.
final class TokenSource: LogInSource {
    private let keyFiles: [FollowedFile<KeyFile>]
    private let secrets: [FollowedFile<SecretFile>]
    private let remoteKeys: RemoteKeys?
    private let policy: TokenPolicy
    private let workers: LogInWorkers
    private let host: PluginHost

    let name = "jwt"

    init(
        keyFiles: [FollowedFile<KeyFile>], secrets: [FollowedFile<SecretFile>], remoteKeys: RemoteKeys?,
        policy: TokenPolicy, workers: LogInWorkers, host: PluginHost
    ) {
        self.keyFiles = keyFiles
        self.secrets = secrets
        self.remoteKeys = remoteKeys
        self.policy = policy
        self.workers = workers
        self.host = host
    }

    func follow() throws(PluginFailure) {
        for file in keyFiles { try file.follow() }
        for file in secrets { try file.follow() }
    }

    func check(_ attempt: Attempt, _ answer: @escaping Answer) {
        guard attempt.password.read(JSONWebToken.isPlausible) else { return answer(.unknown) }
        // A signature takes a while to check, RSA and the larger curves above all.
        workers.submit(attempt, answer) { [self] in
            let token: JSONWebToken
            do throws(TokenRefusal) {
                token = try JSONWebToken(attempt.password.read { [UInt8]($0) })
                // Before anybody is asked for the sake of it.
                try token.checkAlgorithm(policy)
            } catch {
                return { answer(.refused(error.reason)) }
            }
            let keys = localKeys(token, attempt.shard)
            let verdict = verdict(token, keys)
            guard let remoteKeys, verdict == .failure(.signature) || keys.isEmpty else {
                return { answer(Self.answer(verdict)) }
            }
            return { [self] in ask(remoteKeys, token, attempt, answer) }
        }
    }

    func forget(_ attempt: Attempt) { workers.forget(attempt) }

    private func localKeys(_ token: JSONWebToken, _ shard: Int) -> [VerificationKey] {
        let sets = keyFiles.map { $0.current(shard: shard).keySet } + secrets.map { $0.current(shard: shard).keySet }
        return sets.flatMap { $0.candidates(token.keyIdentifier, token.algorithm) }
    }

    /// Has the keys of the URL fetched if need be; the signature is checked by a worker again.
    private func ask(
        _ remoteKeys: RemoteKeys, _ token: JSONWebToken, _ attempt: Attempt, _ answer: @escaping Answer
    ) {
        let check = { @Sendable [self] in
            workers.submit(attempt, answer) { [self] in
                let verdict = verdict(token, remoteKeys)
                return { answer(verdict) }
            }
        }
        if !remoteKeys.refresh(for: token.keyIdentifier, token.algorithm, check) { check() }
    }

    private func verdict(_ token: JSONWebToken, _ remoteKeys: RemoteKeys) -> SourceAnswer {
        let found = remoteKeys.candidates(token.keyIdentifier, token.algorithm)
        // Nobody knows whether the token is good: its bearer is not told that it is bad.
        if found.keys.isEmpty, let problem = found.problem {
            return .failed("the keys of tokens cannot be fetched: \(problem)")
        }
        return Self.answer(verdict(token, found.keys))
    }

    private func verdict(_ token: JSONWebToken, _ keys: [VerificationKey]) -> Result<TokenIdentity, TokenRefusal> {
        do throws(TokenRefusal) {
            return .success(try token.check(keys, policy, now: host.wallTime / 1_000_000_000))
        } catch {
            return .failure(error)
        }
    }

    private static func answer(_ verdict: Result<TokenIdentity, TokenRefusal>) -> SourceAnswer {
        switch verdict {
        case .success(let bearer):
            .accepted(
                Identity(
                    user: bearer.user, groups: bearer.groups, account: bearer.account, expires: bearer.expires))
        case .failure(let refusal): .refused(refusal.reason)
        }
    }
}
