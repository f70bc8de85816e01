/// A password as a file keeps it. Written by `hookline passwd`, in the PHC string format:
///
/// - `$scrypt$ln=15,r=8,p=1$SALT$HASH`
/// - `$pbkdf2-sha512$i=210000$SALT$HASH`
/// - `$scram-sha-256$i=4096$SALT$STOREDKEY$SERVERKEY`, with which a client can also log in by SCRAM
///
/// Read as they are: `$7$` and `$6$` of mosquitto_passwd, and bcrypt (`$2a$`, `$2b$`, `$2y$`).
public struct PasswordHash: Hashable, Sendable, CustomStringConvertible {
    enum Kind: Hashable, Sendable {
        case scrypt(ScryptCost, salt: [UInt8], hash: [UInt8])
        /// HMAC-SHA512.
        case pbkdf2(iterations: Int, salt: [UInt8], hash: [UInt8])
        /// The same, as mosquitto 2 writes it.
        case mosquitto7(iterations: Int, salt: [UInt8], hash: [UInt8])
        /// SHA-512 of password and salt, of mosquitto before 2.0: quick to try, so change such passwords.
        case mosquitto6(salt: [UInt8], hash: [UInt8])
        case bcrypt([UInt8])
        case scram(ScramSecret)
    }

    /// How new passwords are hashed.
    public enum Scheme: String, CaseIterable, Sendable {
        case scrypt
        case pbkdf2
        case scram
    }

    let kind: Kind

    static let saltBytes = 16
    static let hashBytes = 32
    /// What OWASP's password storage cheat sheet asks of PBKDF2-HMAC-SHA512.
    static let pbkdf2Iterations = 210_000
    static let allowedIterations = 1...10_000_000

    /// Why a text is not a password hash.
    public enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
        case plainText
        case unknownScheme(String)
        case malformed
        case costOutOfBounds

        /// For a person; does not repeat the text, which may be a password.
        public var description: String {
            switch self {
            case .plainText: "passwords are not kept in clear; set it with 'hookline passwd'"
            case .unknownScheme(let name): "'$\(name)$' is not supported; set it again with 'hookline passwd'"
            case .malformed: "not of the form $scrypt$ln=15,r=8,p=1$SALT$HASH; set it again with 'hookline passwd'"
            case .costOutOfBounds:
                "its cost is out of bounds (scrypt: ln 10 to 17, r 1 to 16, p 1 to 8, 128 MiB; PBKDF2: 10,000,000 "
                    + "iterations; bcrypt: 4 to 14); set it again with 'hookline passwd'"
            }
        }
    }

    init(_ kind: Kind) {
        self.kind = kind
    }

    init(cost: ScryptCost, salt: [UInt8], hash: [UInt8]) {
        self.init(.scrypt(cost, salt: salt, hash: hash))
    }

    /// Hashes a password with a fresh salt; takes as long as a log-in.
    ///
    /// - Returns: nil when the system gives no random bytes or not enough memory.
    public static func make(password: RawSpan, cost: ScryptCost = .standard) -> PasswordHash? {
        guard let salt = Scrypt.random(count: saltBytes),
            let hash = Scrypt.derive(password: password, salt: salt, cost: cost, count: hashBytes)
        else { return nil }
        return PasswordHash(cost: cost, salt: salt, hash: hash)
    }

    /// As the other one, by another scheme.
    /// - Parameter iterations: nil for the scheme's own; scrypt has none.
    public static func make(password: RawSpan, scheme: Scheme, iterations: Int? = nil) -> PasswordHash? {
        guard let salt = Scrypt.random(count: saltBytes) else { return nil }
        switch scheme {
        case .scrypt: return make(password: password)
        case .pbkdf2:
            let iterations = iterations ?? pbkdf2Iterations
            return Digests.pbkdf2(.sha512, password: password, salt: salt, iterations: iterations, count: 64)
                .map { PasswordHash(.pbkdf2(iterations: iterations, salt: salt, hash: $0)) }
        case .scram:
            return ScramSecret(password: password, salt: salt, iterations: iterations ?? ScramSecret.iterations)
                .map { PasswordHash(.scram($0)) }
        }
    }

    /// Whether this is the password. Takes the same time either way; needs ``ScryptCost`` of memory, and answers no
    /// when there is not enough of it.
    public func matches(_ password: RawSpan) -> Bool {
        var derived: [UInt8]?
        let expected: [UInt8]
        switch kind {
        case .scrypt(let cost, let salt, let hash):
            derived = Scrypt.derive(password: password, salt: salt, cost: cost, count: hash.count)
            expected = hash
        case .pbkdf2(let iterations, let salt, let hash), .mosquitto7(let iterations, let salt, let hash):
            derived = Digests.pbkdf2(.sha512, password: password, salt: salt, iterations: iterations, count: hash.count)
            expected = hash
        case .mosquitto6(let salt, let hash):
            derived = Digests.sha512(password, salt)
            expected = hash
        case .bcrypt(let hash): return Bcrypt.matches(password, hash)
        case .scram(let secret):
            derived = ScramSecret(password: password, salt: secret.salt, iterations: secret.iterations)?.storedKey
            expected = secret.storedKey
        }
        guard var derived else { return false }
        defer { Scrypt.wipe(&derived) }
        return Scrypt.equal(derived, expected)
    }

    /// What a client can prove to know by SCRAM; nil for the other schemes.
    public var scramSecret: ScramSecret? {
        if case .scram(let secret) = kind { secret } else { nil }
    }

    /// Overwrites a password that is no longer needed, in a way the compiler does not remove.
    public static func wipe(_ password: inout [UInt8]) {
        Scrypt.wipe(&password)
    }
}
