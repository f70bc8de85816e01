/// A password as a file keeps it: `$scrypt$ln=15,r=8,p=1$SALT$HASH`, salt and hash in base64 without padding (the PHC
/// string format).
public struct PasswordHash: Hashable, Sendable, CustomStringConvertible {
    /// What it takes to check a password against it.
    public let cost: ScryptCost
    let salt: [UInt8]
    let hash: [UInt8]

    static let saltBytes = 16
    static let hashBytes = 32

    /// Why a text is not a password hash.
    public enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
        case mosquittoHash
        case plainText
        case unknownScheme(String)
        case malformed
        case costOutOfBounds

        /// For a person; does not repeat the text, which may be a password.
        public var description: String {
            switch self {
            case .mosquittoHash: "hashes of mosquitto_passwd cannot be used; set it again with 'hookline passwd'"
            case .plainText: "passwords are not kept in clear; set it with 'hookline passwd'"
            case .unknownScheme(let name): "'$\(name)$' is not supported; set it again with 'hookline passwd'"
            case .malformed: "not of the form $scrypt$ln=15,r=8,p=1$SALT$HASH; set it again with 'hookline passwd'"
            case .costOutOfBounds:
                "its cost is out of bounds (ln 10 to 17, r 1 to 16, p 1 to 8, 128 MiB); "
                    + "set it again with 'hookline passwd'"
            }
        }
    }

    init(cost: ScryptCost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
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

    /// Reads the text form.
    public init(_ text: String) throws(Fault) {
        guard text.hasPrefix("$") else { throw .plainText }
        let parts = text.dropFirst().split(separator: "$", omittingEmptySubsequences: false).map(String.init)
        guard parts[0] == "scrypt" else {
            if ["6", "7"].contains(parts[0]) { throw .mosquittoHash }
            throw parts.count > 1 ? .unknownScheme(parts[0]) : .malformed
        }
        guard parts.count == 4, let cost = Self.cost(parts[1]), let salt = Base64.decode(parts[2]),
            let hash = Base64.decode(parts[3]), (8...64).contains(salt.count), (16...64).contains(hash.count)
        else { throw .malformed }
        guard cost.isAllowed else { throw .costOutOfBounds }
        self.init(cost: cost, salt: salt, hash: hash)
    }

    /// The text form.
    public var description: String {
        "$scrypt$ln=\(cost.logN),r=\(cost.blockSize),p=\(cost.parallelization)"
            + "$\(Base64.encode(salt))$\(Base64.encode(hash))"
    }

    /// Whether this is the password. Takes the same time either way; needs ``ScryptCost`` of memory, and answers no
    /// when there is not enough of it.
    public func matches(_ password: RawSpan) -> Bool {
        guard var derived = Scrypt.derive(password: password, salt: salt, cost: cost, count: hash.count) else {
            return false
        }
        defer { Scrypt.wipe(&derived) }
        return Scrypt.equal(derived, hash)
    }

    /// Overwrites a password that is no longer needed, in a way the compiler does not remove.
    public static func wipe(_ password: inout [UInt8]) {
        Scrypt.wipe(&password)
    }

    /// `ln=15,r=8,p=1`, exactly in this order.
    private static func cost(_ text: String) -> ScryptCost? {
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 3 else { return nil }
        var numbers: [Int] = []
        for (field, name) in zip(fields, ["ln=", "r=", "p="]) {
            let digits = field.dropFirst(name.count)
            guard field.hasPrefix(name), (1...3).contains(digits.count), let number = UInt16(digits),
                digits.first != "+"
            else { return nil }
            numbers.append(Int(number))
        }
        return ScryptCost(logN: numbers[0], blockSize: numbers[1], parallelization: numbers[2])
    }
}

/// Base64 with the standard alphabet and without padding (RFC 4648, as the PHC string format has it).
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(0) { $0 << 8 | Int($1) }
            bits <<= 8 * (3 - group.count)
            for index in 0...group.count { text.append(alphabet[bits >> (18 - 6 * index) & 63]) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for anything that encoding would not have produced, left-over bits included: one value has one text.
    static func decode(_ text: String) -> [UInt8]? {
        guard text.utf8.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        var (bits, bitCount) = (0, 0)
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | value
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
                bits &= (1 << bitCount) - 1
            }
        }
        return bits == 0 ? bytes : nil
    }
}
