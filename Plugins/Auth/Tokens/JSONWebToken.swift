internal import Base64Coding
internal import StrictJSON

/// A signed JSON Web Token (RFC 7519) in compact form: `header.payload.signature`.
package struct JSONWebToken: Sendable {
    /// As the header says; the signature proves it.
    package let algorithm: SignatureAlgorithm
    /// `kid` of the header: which key of a set.
    package let keyIdentifier: String?
    private let signed: [UInt8]
    private let signature: [UInt8]
    private let payload: [UInt8]

    /// Tokens of more bytes are refused unread; real ones have one or two thousand.
    package static let maximumBytes = 16_384

    /// Whether a password may be a token: three parts, of which the first begins as every `{"` does in base64.
    package static func isPlausible(_ password: Span<UInt8>) -> Bool {
        guard password.count > 20, password.count <= maximumBytes, password[0] == UInt8(ascii: "e"),
            password[1] == UInt8(ascii: "y")
        else { return false }
        var dots = 0
        for index in password.indices where password[index] == UInt8(ascii: ".") { dots += 1 }
        return dots == 2
    }

    /// Takes a token apart; nothing of it is believed yet.
    package init(_ text: [UInt8]) throws(TokenRefusal) {
        guard text.count <= Self.maximumBytes else { throw .malformed("larger than \(Self.maximumBytes) bytes") }
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64.decode(parts[0], .url), let payload = Base64.decode(parts[1], .url),
            let signature = Base64.decode(parts[2], .url)
        else { throw .malformed("not three parts in base64url") }
        let fields = try Self.object(header, "header")
        guard let name = fields["alg"]?.text else { throw .malformed("the header has no 'alg'") }
        guard let algorithm = SignatureAlgorithm(rawValue: name) else { throw .algorithm(String(name.prefix(20))) }
        // What must be understood and is not (RFC 7515, 4.1.11); and payloads that are not the bytes that stand there.
        guard fields["crit"] == nil, fields["b64"] == nil else { throw .malformed("'crit' is not supported") }
        if let identifier = fields["kid"], identifier.text == nil { throw .malformed("'kid' is not a text") }
        self.algorithm = algorithm
        keyIdentifier = fields["kid"]?.text
        signed = Array(text[..<parts[2].startIndex].dropLast())
        self.signature = signature
        self.payload = payload
    }

    /// Whether the policy takes the algorithm at all, without a look at any key.
    package func checkAlgorithm(_ policy: TokenPolicy) throws(TokenRefusal) {
        guard policy.algorithms.contains(algorithm) else { throw .algorithm(algorithm.rawValue) }
    }

    /// Checks signature and claims.
    /// - Parameter now: seconds since 1970.
    package func check(_ keys: [VerificationKey], _ policy: TokenPolicy, now: Int64) throws(TokenRefusal)
        -> TokenIdentity
    {
        try checkAlgorithm(policy)
        guard !keys.isEmpty else { throw .unknownKey(keyIdentifier.map { String($0.prefix(80)) }) }
        guard keys.contains(where: { $0.verifies(signature, of: signed, algorithm) }) else { throw .signature }
        let claims = try Self.object(payload, "payload")

        var identity = TokenIdentity(user: "")
        if let expiry = try Self.time(claims["exp"], "exp") {
            let (end, overflows) = expiry.addingReportingOverflow(policy.leeway)
            guard overflows || now < end else { throw .expired }
            identity.expires = overflows ? nil : end
        } else if policy.requiresExpiry {
            throw .noExpiry
        }
        if let start = try Self.time(claims["nbf"], "nbf"),
            start > now.addingReportingOverflow(policy.leeway).partialValue
        {
            throw .notYetValid
        }
        if let issuer = policy.issuer, claims["iss"]?.text != issuer { throw .issuer }
        if let audience = policy.audience {
            let meant = claims["aud"]?.elements ?? claims["aud"].map { [$0] } ?? []
            guard meant.contains(.string(audience)) else { throw .audience }
        }
        guard let user = Self.find(policy.userClaim, in: claims).flatMap(Self.plain), Self.isName(user) else {
            throw .user(policy.userClaim)
        }
        identity.user = user
        identity.account = policy.accountClaim.flatMap { Self.find($0, in: claims) }.flatMap(Self.plain) ?? ""
        guard identity.account.isEmpty || Self.isName(identity.account) else {
            throw .user(policy.accountClaim ?? "")
        }
        identity.groups = Self.groups(policy, claims)
        return identity
    }

    /// More of them are a fault of the issuer, and would be looked through with every decision.
    private static let maximumGroups = 256

    private static func groups(_ policy: TokenPolicy, _ claims: [String: JSONValue]) -> [String] {
        var groups: [String] = []
        if let claim = policy.groupsClaim, let value = find(claim, in: claims) {
            // Words, as in the claim `scope` (RFC 8693, 4.2).
            let names = value.elements?.compactMap(\.text) ?? value.text?.split(separator: " ").map(String.init) ?? []
            // `name=value` is the form of claims, which only the list of claims may give.
            groups += names.filter { isName($0) && !$0.contains("=") }
        }
        for name in policy.claims {
            guard let value = find(name, in: claims) else { continue }
            let values = value.elements ?? [value]
            groups += values.compactMap(plain).filter(isName).map { "\(name)=\($0)" }
        }
        return Array(groups.prefix(maximumGroups))
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 1_024 && !text.utf8.contains { $0 < 0x20 || $0 == 0x7F }
    }

    /// A text or a whole number, as text.
    private static func plain(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer(let number): String(number)
        default: nil
        }
    }

    /// A claim by its name, or along the dots of a path.
    private static func find(_ path: String, in claims: [String: JSONValue]) -> JSONValue? {
        if let value = claims[path] { return value }
        var value = JSONValue.object(claims)
        for name in path.split(separator: ".") {
            guard let next = value[String(name)] else { return nil }
            value = next
        }
        return value
    }

    /// A NumericDate (RFC 7519, 2), cut to whole seconds.
    private static func time(_ value: JSONValue?, _ name: String) throws(TokenRefusal) -> Int64? {
        switch value {
        case nil: return nil
        case .integer(let seconds): return seconds
        case .number(let seconds):
            guard let whole = Int64(exactly: seconds.rounded(.down)) else { throw .malformed("'\(name)' is no time") }
            return whole
        default: throw .malformed("'\(name)' is no time")
        }
    }

    private static func object(_ bytes: [UInt8], _ part: String) throws(TokenRefusal) -> [String: JSONValue] {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw .malformed("\(part): \(error)")
        }
        guard let members = value.members else { throw .malformed("the \(part) is no object") }
        return members
    }
}
