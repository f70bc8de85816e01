internal import PasswordFile
internal import PluginSDK

/// A password file as a source, followed while its owner edits it.
final class PasswordSource: LogInSource {
    private let file: FollowedFile<UserTable>
    private let hashing: LogInWorkers
    private let path: String
    private let host: PluginHost
    let name: String

    init(_ path: String, hashing: LogInWorkers, host: PluginHost) throws(FileRefusal) {
        file = try FollowedFile(path, subject: "auth", host: host)
        self.hashing = hashing
        self.path = path
        self.host = host
        name = path.split(separator: "/").last.map(String.init) ?? path
    }

    func follow() throws(PluginFailure) {
        try file.follow()
        SecretFileMode.tell(path, host)
    }

    func check(_ attempt: Attempt, _ answer: @escaping Answer) {
        guard let user = attempt.user else { return answer(.unknown) }
        let table = file.current(shard: attempt.shard)
        guard table.knows(user) else { return answer(.unknown) }
        hashing.submit(attempt, answer) {
            let isRight = attempt.password.read { table.verify(user, password: $0.bytes) }
            return { answer(isRight ? .accepted(Identity()) : .refused("wrong password")) }
        }
    }

    /// The users as they are now.
    func users(shard: Int) -> UserTable { file.current(shard: shard) }

    func knows(_ user: [UInt8], shard: Int) -> Bool { file.read(shard: shard) { $0.knows(user) } }

    func scramSecret(of user: [UInt8], shard: Int) -> ScramSecret? {
        file.read(shard: shard) { $0.scramSecret(of: user) }
    }
}
