internal import PasswordFile
internal import PluginSDK

/// Log-ins by SCRAM-SHA-256 against the password files: the password never travels, and what the files hold is not
/// enough to log in with. Cheap for the server, so it runs where the packet came in.
struct ScramLogIn: Sendable {
    static let method = "SCRAM-SHA-256"

    private let sources: [PasswordSource]
    /// Makes decoys that stay the same as long as the broker runs.
    private let decoyKey: [UInt8]

    init(_ sources: [PasswordSource], decoyKey: [UInt8]) {
        self.sources = sources
        self.decoyKey = decoyKey
    }

    enum Step {
        case challenge(data: [UInt8], memo: [UInt8])
        case accepted(user: [UInt8], data: [UInt8])
        case refused(String, user: [UInt8])
    }

    func first(_ message: [UInt8], shard: Int) -> Step {
        do throws(ScramExchange.Fault) {
            let exchange = try ScramExchange(clientFirst: message) { secret(of: $0, shard: shard).secret }
            return .challenge(data: exchange.answer, memo: exchange.memo)
        } catch {
            return .refused(error.reason, user: [])
        }
    }

    func final(_ message: [UInt8], memo: [UInt8], shard: Int) -> Step {
        guard let exchange = ScramExchange(memo: memo) else { return .refused("a step out of order", user: []) }
        let (secret, exists) = secret(of: exchange.user, shard: shard)
        do throws(ScramExchange.Fault) {
            let answer = try exchange.conclude(clientFinal: message, secret: secret)
            return .accepted(user: exchange.user, data: answer)
        } catch {
            let reason =
                error == .wrongProof && !exists ? "unknown user, or a password not kept for SCRAM" : error.reason
            return .refused(reason, user: exchange.user)
        }
    }

    /// The first file that knows the user decides, as for passwords.
    private func secret(of user: [UInt8], shard: Int) -> (secret: ScramSecret, exists: Bool) {
        let source = sources.first { $0.knows(user, shard: shard) }
        if let secret = source?.scramSecret(of: user, shard: shard) { return (secret, true) }
        return (ScramSecret.decoy(for: user, key: decoyKey), false)
    }
}
