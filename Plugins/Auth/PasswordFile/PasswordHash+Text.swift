internal import Base64Coding

extension PasswordHash {
    /// Reads the text form.
    public init(_ text: String) throws(Fault) {
        guard text.hasPrefix("$") else { throw .plainText }
        let parts = text.dropFirst().split(separator: "$", omittingEmptySubsequences: false).map(String.init)
        switch parts[0] {
        case "scrypt": self.init(try Self.scrypt(parts))
        case "pbkdf2-sha512": self.init(try Self.pbkdf2(parts))
        case "scram-sha-256": self.init(try Self.scram(parts))
        case "7": self.init(try Self.mosquitto7(parts))
        case "6": self.init(try Self.mosquitto6(parts))
        case "2a", "2b", "2y":
            guard Bcrypt.isWellFormed(parts) else { throw .malformed }
            guard let cost = Int(parts[1]), Bcrypt.allowedCost.contains(cost) else { throw .costOutOfBounds }
            self.init(.bcrypt(Array(text.utf8)))
        case let name: throw parts.count > 1 ? .unknownScheme(name) : .malformed
        }
    }

    /// The text form.
    public var description: String {
        switch kind {
        case .scrypt(let cost, let salt, let hash):
            "$scrypt$ln=\(cost.logN),r=\(cost.blockSize),p=\(cost.parallelization)"
                + "$\(Base64.encode(salt))$\(Base64.encode(hash))"
        case .pbkdf2(let iterations, let salt, let hash):
            "$pbkdf2-sha512$i=\(iterations)$\(Base64.encode(salt))$\(Base64.encode(hash))"
        case .mosquitto7(let iterations, let salt, let hash):
            "$7$\(iterations)$\(Base64.encodePadded(salt))$\(Base64.encodePadded(hash))"
        case .mosquitto6(let salt, let hash):
            "$6$\(Base64.encodePadded(salt))$\(Base64.encodePadded(hash))"
        case .bcrypt(let text): String(decoding: text, as: UTF8.self)
        case .scram(let secret):
            "$scram-sha-256$i=\(secret.iterations)$\(Base64.encode(secret.salt))"
                + "$\(Base64.encode(secret.storedKey))$\(Base64.encode(secret.serverKey))"
        }
    }

    private static func scrypt(_ parts: [String]) throws(Fault) -> Kind {
        guard parts.count == 4, let cost = cost(parts[1]), let salt = Base64.decode(parts[2]),
            let hash = Base64.decode(parts[3]), (8...64).contains(salt.count), (16...64).contains(hash.count)
        else { throw .malformed }
        guard cost.isAllowed else { throw .costOutOfBounds }
        return .scrypt(cost, salt: salt, hash: hash)
    }

    private static func pbkdf2(_ parts: [String]) throws(Fault) -> Kind {
        guard parts.count == 4, parts[1].hasPrefix("i="), let salt = Base64.decode(parts[2]),
            let hash = Base64.decode(parts[3]), (8...64).contains(salt.count), hash.count == 64
        else { throw .malformed }
        return .pbkdf2(iterations: try iterations(parts[1].dropFirst(2)), salt: salt, hash: hash)
    }

    private static func scram(_ parts: [String]) throws(Fault) -> Kind {
        guard parts.count == 5, parts[1].hasPrefix("i="), let salt = Base64.decode(parts[2]),
            let storedKey = Base64.decode(parts[3]), let serverKey = Base64.decode(parts[4]),
            (8...64).contains(salt.count), storedKey.count == 32, serverKey.count == 32
        else { throw .malformed }
        let iterations = try iterations(parts[1].dropFirst(2))
        return .scram(
            ScramSecret(iterations: iterations, salt: salt, storedKey: storedKey, serverKey: serverKey))
    }

    private static func mosquitto7(_ parts: [String]) throws(Fault) -> Kind {
        guard parts.count == 4, let salt = Base64.decodePadded(parts[2]), let hash = Base64.decodePadded(parts[3]),
            (1...64).contains(salt.count), hash.count == 64
        else { throw .malformed }
        return .mosquitto7(iterations: try iterations(parts[1][...]), salt: salt, hash: hash)
    }

    private static func mosquitto6(_ parts: [String]) throws(Fault) -> Kind {
        guard parts.count == 3, let salt = Base64.decodePadded(parts[1]), let hash = Base64.decodePadded(parts[2]),
            (1...64).contains(salt.count), hash.count == 64
        else { throw .malformed }
        return .mosquitto6(salt: salt, hash: hash)
    }

    private static func iterations(_ text: Substring) throws(Fault) -> Int {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text)
        else { throw .malformed }
        guard allowedIterations.contains(number) else { throw .costOutOfBounds }
        return number
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
