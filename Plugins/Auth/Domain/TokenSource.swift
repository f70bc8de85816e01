internal import PluginSDK
internal import Tokens

/// JSON Web Tokens as a source: the password is a token, signed by a key of one of the files. The user is whom the
/// token names, whatever user name the packet has.
final class TokenSource: LogInSource {
    private let keyFiles: [FollowedFile<KeyFile>]
    private let secrets: [FollowedFile<SecretFile>]
    private let remoteKeys: [RemoteKeys]
    private let policy: TokenPolicy
    private let host: PluginHost

    let name = "jwt"

    init(
        keyFiles: [FollowedFile<KeyFile>], secrets: [FollowedFile<SecretFile>], remoteKeys: [RemoteKeys],
        policy: TokenPolicy, host: PluginHost
    ) {
        self.keyFiles = keyFiles
        self.secrets = secrets
        self.remoteKeys = remoteKeys
        self.policy = policy
        self.host = host
    }

    func follow() throws(PluginFailure) {
        for file in keyFiles { try file.follow() }
        for file in secrets { try file.follow() }
    }

    func check(_ attempt: borrowing Attempt) -> SourceAnswer {
        check(attempt.password, shard: attempt.shard)
    }

    func check(_ password: Span<UInt8>, shard: Int) -> SourceAnswer {
        guard JSONWebToken.isPlausible(password) else { return .unknown }
        do throws(TokenRefusal) {
            let token = try JSONWebToken([UInt8](password))
            let sets =
                keyFiles.map { $0.current(shard: shard).keySet } + secrets.map { $0.current(shard: shard).keySet }
            var keys = sets.flatMap { $0.candidates(token.keyIdentifier, token.algorithm) }
            for remote in remoteKeys {
                keys += remote.candidates(token.keyIdentifier, token.algorithm, now: host.monotonicTime)
            }
            let bearer = try token.check(keys, policy, now: host.wallTime / 1_000_000_000)
            return .accepted(
                Identity(
                    user: bearer.user, groups: bearer.groups, account: bearer.account, expires: bearer.expires))
        } catch {
            return .refused(error.reason)
        }
    }
}
