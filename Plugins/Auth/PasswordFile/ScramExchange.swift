internal import Base64Coding

/// The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: two messages of the client, two
/// answers. A pure state machine: what it has to remember is bytes that somebody else keeps.
public struct ScramExchange: Sendable {
    /// Why a conversation ends; for the log.
    public enum Fault: Error, Equatable, Sendable {
        case malformed
        case channelBindingNotSupported
        case otherAuthorizationIdentity
        case wrongNonce
        case wrongProof
        case noRandomness

        /// For a person.
        public var reason: String {
            switch self {
            case .malformed: "not a SCRAM message"
            case .channelBindingNotSupported: "channel binding is not supported"
            case .otherAuthorizationIdentity: "wants to act for another user"
            case .wrongNonce: "not the nonce of this exchange"
            case .wrongProof: "wrong password"
            case .noRandomness: "the system gives no random bytes"
            }
        }
    }

    /// Who wants to log in, UTF-8.
    public let user: [UInt8]
    /// "n,," or what else the client began with, in base64 as it must repeat it.
    private let header: [UInt8]
    private let clientFirstBare: [UInt8]
    private let serverFirst: [UInt8]

    /// The longest message that is looked at, in bytes.
    private static let maxBytes = 4_096

    /// Reads the client's first message and answers it.
    /// - Parameters:
    ///   - secret: of the user with this name; a decoy for one who has none.
    ///   - nonce: random printable text; nil makes one.
    public init(
        clientFirst message: [UInt8], nonce: [UInt8]? = nil, secret: ([UInt8]) -> ScramSecret
    ) throws(Fault) {
        guard message.count <= Self.maxBytes else { throw .malformed }
        let parts = message.split(separator: UInt8(ascii: ","), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        // "y": the client could, and believes that the server cannot, which is true.
        if parts[0].first == UInt8(ascii: "p") { throw .channelBindingNotSupported }
        guard parts[0].elementsEqual("n".utf8) || parts[0].elementsEqual("y".utf8) else { throw .malformed }
        let fields = parts[2].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count >= 2, let name = Self.value("n", fields[0]), let clientNonce = Self.value("r", fields[1]),
            !clientNonce.isEmpty, clientNonce.allSatisfy({ (0x21...0x7E).contains($0) }),
            let user = Self.unescaped(name), !user.isEmpty
        else { throw .malformed }
        if !parts[1].isEmpty {
            guard let other = Self.value("a", parts[1]).flatMap(Self.unescaped) else { throw .malformed }
            guard other == user else { throw .otherAuthorizationIdentity }
        }
        guard let serverNonce = nonce ?? Scrypt.random(count: 18).map({ Array(Base64.encode($0).utf8) }) else {
            throw .noRandomness
        }
        let known = secret(user)
        self.user = user
        header = Array(Base64.encodePadded(Array(parts[0] + [UInt8(ascii: ",")] + parts[1] + [UInt8(ascii: ",")])).utf8)
        clientFirstBare = Array(parts[2])
        serverFirst =
            Array("r=".utf8) + clientNonce + serverNonce
            + Array(",s=\(Base64.encodePadded(known.salt)),i=\(known.iterations)".utf8)
    }

    /// What goes to the client after its first message.
    public var answer: [UInt8] { serverFirst }

    /// Checks the client's final message.
    /// - Parameter secret: the one that was given for the first message.
    /// - Returns: what goes to the client with the good news.
    public func conclude(clientFinal message: [UInt8], secret: ScramSecret) throws(Fault) -> [UInt8] {
        guard message.count <= Self.maxBytes else { throw .malformed }
        let fields = message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count >= 3, let binding = Self.value("c", fields[0]), let nonce = Self.value("r", fields[1]),
            let last = fields.last, let proofText = Self.value("p", last),
            let proof = Base64.decodePadded(String(decoding: proofText, as: UTF8.self)),
            binding.elementsEqual(header)
        else { throw .malformed }
        let expected = serverFirst.dropFirst(2).prefix { $0 != UInt8(ascii: ",") }
        guard nonce.elementsEqual(expected) else { throw .wrongNonce }
        let withoutProof = message.dropLast(last.count + 1)
        let comma = [UInt8(ascii: ",")]
        let conversation = clientFirstBare + comma + serverFirst + comma + withoutProof
        guard secret.accepts(proof: proof, of: conversation) else { throw .wrongProof }
        return Array("v=\(Base64.encodePadded(secret.signature(of: conversation)))".utf8)
    }

    // MARK: Between two messages

    /// What `init(memo:)` makes the same exchange of.
    public var memo: [UInt8] {
        [user, header, clientFirstBare, serverFirst].flatMap {
            [UInt8($0.count >> 8), UInt8($0.count & 0xff)] + $0
        }
    }

    /// - Returns: nil for what `memo` did not make.
    public init?(memo: [UInt8]) {
        var rest = memo[...]
        func take() -> [UInt8]? {
            guard rest.count >= 2 else { return nil }
            let count = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        guard let user = take(), let header = take(), let first = take(), let server = take(), rest.isEmpty else {
            return nil
        }
        self.user = user
        self.header = header
        clientFirstBare = first
        serverFirst = server
    }

    // MARK: Fields

    /// What stands behind `name=`.
    private static func value(_ name: Character, _ field: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard field.count >= 2, field.first == name.asciiValue,
            field[field.startIndex + 1] == UInt8(ascii: "=")
        else { return nil }
        return field.dropFirst(2)
    }

    /// `=2C` is a comma and `=3D` an equals sign in a name (RFC 5802, 5.1).
    private static func unescaped(_ name: ArraySlice<UInt8>) -> [UInt8]? {
        var plain: [UInt8] = []
        var rest = name
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "=") else {
                plain.append(byte)
                continue
            }
            if rest.starts(with: "2C".utf8) {
                plain.append(UInt8(ascii: ","))
            } else if rest.starts(with: "3D".utf8) {
                plain.append(UInt8(ascii: "="))
            } else {
                return nil
            }
            rest = rest.dropFirst(2)
        }
        return String(validating: plain, as: UTF8.self) == nil ? nil : plain
    }
}
