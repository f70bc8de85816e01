internal import PasswordFile
internal import PluginSDK

/// A password file as a source, followed while its owner edits it.
final class PasswordSource: LogInSource {
    private let file: FollowedFile<UserTable>
    let name: String

    init(_ path: String, host: PluginHost) throws(FileRefusal) {
        file = try FollowedFile(path, subject: "auth", host: host)
        name = path.split(separator: "/").last.map(String.init) ?? path
    }

    func follow() throws(PluginFailure) { try file.follow() }

    func check(_ attempt: borrowing Attempt) -> SourceAnswer {
        guard let user = attempt.user else { return .unknown }
        let table = file.current(shard: attempt.shard)
        guard table.knows(user) else { return .unknown }
        return table.verify(user, password: attempt.password.bytes) ? .accepted(Identity()) : .refused("wrong password")
    }

    /// Computes what a check would, so that the time of the answer does not tell whether a user exists.
    func checkInVain(_ attempt: borrowing Attempt) {
        guard let user = attempt.user else { return }
        _ = file.current(shard: attempt.shard).verify(user, password: attempt.password.bytes)
    }

    func knows(_ user: [UInt8], shard: Int) -> Bool { file.read(shard: shard) { $0.knows(user) } }

    func scramSecret(of user: [UInt8], shard: Int) -> ScramSecret? {
        file.read(shard: shard) { $0.scramSecret(of: user) }
    }
}
