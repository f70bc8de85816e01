/// What a server keeps of a password for SCRAM-SHA-256 (RFC 5802, 3; RFC 7677): enough to check a proof, and not enough
/// to log in with.
public struct ScramSecret: Hashable, Sendable {
    /// What RFC 7677 asks for at least; the client computes them, so they may be more on quick machines.
    public static let iterations = 4_096

    let iterations: Int
    let salt: [UInt8]
    let storedKey: [UInt8]
    let serverKey: [UInt8]

    init(iterations: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    init?(password: RawSpan, salt: [UInt8], iterations: Int) {
        guard
            var salted = Digests.pbkdf2(.sha256, password: password, salt: salt, iterations: iterations, count: 32)
        else { return nil }
        defer { Scrypt.wipe(&salted) }
        let clientKey = Digests.hmacSHA256(key: salted, Array("Client Key".utf8))
        self.init(
            iterations: iterations, salt: salt, storedKey: Digests.sha256(clientKey),
            serverKey: Digests.hmacSHA256(key: salted, Array("Server Key".utf8)))
    }

    /// For a user who has none: always the same salt for one name, so that nobody learns who exists.
    /// - Parameter key: random, kept as long as the broker runs.
    public static func decoy(for user: [UInt8], key: [UInt8]) -> ScramSecret {
        let salt = Array(Digests.hmacSHA256(key: key, user).prefix(PasswordHash.saltBytes))
        let nobody = [UInt8](repeating: 0, count: 32)
        return ScramSecret(iterations: iterations, salt: salt, storedKey: nobody, serverKey: nobody)
    }

    /// Whether `proof` proves the password for this conversation: ClientProof XOR ClientSignature is the ClientKey,
    /// whose hash is the StoredKey (RFC 5802, 3).
    func accepts(proof: [UInt8], of conversation: [UInt8]) -> Bool {
        guard proof.count == storedKey.count else { return false }
        let signature = Digests.hmacSHA256(key: storedKey, conversation)
        let clientKey = zip(proof, signature).map { $0 ^ $1 }
        return Scrypt.equal(Digests.sha256(clientKey), storedKey)
    }

    /// By which the client knows that the server has the password's secret, too.
    func signature(of conversation: [UInt8]) -> [UInt8] { Digests.hmacSHA256(key: serverKey, conversation) }
}
