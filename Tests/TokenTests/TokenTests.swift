import Testing

@testable import Tokens

@Suite struct TokenTests {
    private static let now: Int64 = 1_500_000_000
    private static let secret = Array(TokenSamples.secret.utf8)

    private static func policy() -> TokenPolicy {
        var policy = TokenPolicy()
        policy.issuer = "https://id.example"
        policy.audience = "mqtt"
        policy.groupsClaim = "groups"
        policy.accountClaim = "tenant"
        policy.claims = ["site", "lines", "realm.name"]
        return policy
    }

    private static func keys() throws -> [String: VerificationKey] {
        [
            "HS": try VerificationKey(secret: secret), "RS": try VerificationKey(pem: Array(TokenSamples.rsaPEM.utf8)),
            "PS": try VerificationKey(pem: Array(TokenSamples.rsaPEM.utf8)),
            "ES256": try VerificationKey(pem: Array(TokenSamples.es256PEM.utf8)),
            "ES384": try VerificationKey(pem: Array(TokenSamples.es384PEM.utf8)),
            "ES512": try VerificationKey(pem: Array(TokenSamples.es512PEM.utf8)),
            "EdDSA": try VerificationKey(pem: Array(TokenSamples.edwardsPEM.utf8)),
        ]
    }

    private static func check(
        _ token: String, _ keys: [VerificationKey], _ policy: TokenPolicy = policy(), now: Int64 = now
    ) throws(TokenRefusal) -> TokenIdentity {
        try JSONWebToken(Array(token.utf8)).check(keys, policy, now: now)
    }

    private static func refusal(
        _ token: String, _ keys: [VerificationKey], _ policy: TokenPolicy = policy(), now: Int64 = now
    ) -> TokenRefusal? {
        do {
            _ = try check(token, keys, policy, now: now)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: TokenSamples.tokens.indices)
    func tokenOfPyJWTIsTaken(index: Int) throws {
        let (algorithm, token) = TokenSamples.tokens[index]
        let keys = try Self.keys()
        let key = try #require(keys[algorithm] ?? keys[String(algorithm.prefix(2))])
        let identity = try Self.check(token, [key])
        #expect(
            identity
                == TokenIdentity(
                    user: "alice", groups: ["staff", "site=berlin", "lines=1", "lines=2", "realm.name=north"],
                    account: "acme", expires: 2_000_000_030))
        let set = try KeySet(jwks: Array(TokenSamples.jwks.utf8))
        let parsed = try JSONWebToken(Array(token.utf8))
        let found = set.candidates(parsed.keyIdentifier, parsed.algorithm)
        // The secret of the set is good for HS256 only.
        #expect(found.isEmpty == ["HS384", "HS512"].contains(algorithm))
        if !found.isEmpty { _ = try parsed.check(found, Self.policy(), now: Self.now) }
    }

    @Test(arguments: TokenSamples.tokens.indices)
    func damagedTokenIsRefused(index: Int) throws {
        let (algorithm, token) = TokenSamples.tokens[index]
        let keys = try Self.keys()
        let key = try #require(keys[algorithm] ?? keys[String(algorithm.prefix(2))])
        let bytes = Array(token.utf8)
        for position in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[position] = damaged[position] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(Self.refusal(String(decoding: damaged, as: UTF8.self), [key]) != nil, "byte \(position)")
        }
        for count in stride(from: 0, to: bytes.count, by: 11) {
            #expect(Self.refusal(String(decoding: bytes[..<count], as: UTF8.self), [key]) != nil)
        }
    }

    /// A token signed with the public key as a shared secret, which a library that believes the header would accept.
    @Test func publicKeyIsNeverTakenForASecret() throws {
        for (algorithm, token) in TokenSamples.tokens where algorithm.hasPrefix("HS") {
            for (name, key) in try Self.keys() where name != "HS" {
                #expect(Self.refusal(token, [key]) == .signature)
                #expect(!key.fits(.hs256))
            }
        }
        let secret = try VerificationKey(secret: Self.secret)
        for (algorithm, token) in TokenSamples.tokens where !algorithm.hasPrefix("HS") {
            #expect(Self.refusal(token, [secret]) == .signature)
        }
    }

    @Test(arguments: ["none", "None", "NONE", "nOnE", "HS1", "", "RS256 "])
    func unsignedTokenIsRefused(algorithm: String) {
        let header = Base64URLText.encode("{\"alg\":\"\(algorithm)\",\"typ\":\"JWT\"}")
        let payload = Base64URLText.encode("{\"sub\":\"alice\",\"exp\":2000000000}")
        for signature in ["", "AAAA"] {
            #expect(Self.refusal("\(header).\(payload).\(signature)", []) == .algorithm(algorithm))
        }
    }

    @Test(arguments: [
        "", ".", "..", "a.b", "a.b.c.d", "eyJhbGciOiJIUzI1NiJ9.e30", "eyJhbGciOiJIUzI1NiJ9.e30.=", "!!!.e30.AAAA",
        "W10.e30.AAAA", "e30.e30.AAAA",
    ])
    func whatIsNoTokenIsRefused(text: String) throws {
        guard case .malformed? = Self.refusal(text, [try VerificationKey(secret: Self.secret)]) else {
            Issue.record("'\(text)' was not refused as malformed")
            return
        }
    }

    @Test(arguments: [
        "{\"alg\":\"HS256\",\"crit\":[\"x\"]}", "{\"alg\":\"HS256\",\"alg\":\"none\"}", "{\"alg\":\"HS256\",\"kid\":1}",
    ])
    func headerThatCannotBeUnderstoodIsRefused(header: String) throws {
        let token = "\(Base64URLText.encode(header)).e30.AAAA"
        guard case .malformed? = Self.refusal(token, []) else {
            Issue.record("\(header) was taken")
            return
        }
    }

    @Test func claimsDecide() throws {
        let token = TokenSamples.tokens[0].token
        let key = [try VerificationKey(secret: Self.secret)]
        func refusal(now: Int64 = Self.now, _ change: (inout TokenPolicy) -> Void = { _ in }) -> TokenRefusal? {
            var policy = Self.policy()
            change(&policy)
            return Self.refusal(token, key, policy, now: now)
        }
        #expect(refusal(now: 2_000_000_029) == nil)
        #expect(refusal(now: 2_000_000_030) == .expired)
        #expect(refusal(now: 999_999_970) == nil)
        #expect(refusal(now: 999_999_969) == .notYetValid)
        #expect(refusal(now: 2_000_000_000) { $0.leeway = 0 } == .expired)
        #expect(refusal { $0.issuer = "https://other" } == .issuer)
        #expect(refusal { $0.audience = "mail" } == .audience)
        #expect(refusal { $0.audience = "web" } == nil)
        #expect(refusal { $0.algorithms = [.rs256] } == .algorithm("HS256"))
        #expect(refusal { $0.userClaim = "nobody" } == .user("nobody"))
        #expect(refusal { $0.userClaim = "groups" } == .user("groups"))
        #expect(refusal { $0.userClaim = "realm.name" } == nil)
        #expect(Self.refusal(token, []) == .unknownKey("hs"))
    }

    @Test func keysAreCheckedBeforeTheyAreUsed() throws {
        #expect(throws: VerificationKey.Fault.self) { try VerificationKey(secret: Array("short".utf8)) }
        #expect(throws: VerificationKey.Fault.self) { try VerificationKey(pem: Array("no key".utf8)) }
        #expect(throws: VerificationKey.Fault.self) { try VerificationKey(pem: Array(TokenSamples.smallRSAPEM.utf8)) }
        for text in ["", "[]", "{}", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}"] {
            #expect(throws: VerificationKey.Fault.self) { try KeySet(jwks: Array(text.utf8)) }
        }
        let set = try KeySet(jwks: Array(TokenSamples.jwks.utf8))
        #expect(set.keys.compactMap(\.identifier) == ["rsa", "p256", "p384", "p521", "ed", "hs"])
        #expect(set.candidates("of another set", .rs256).isEmpty)
        #expect(set.candidates(nil, .rs256).count == 1)
    }

    @Test func onlyATokenLooksLikeOne() {
        func isPlausible(_ text: String) -> Bool { JSONWebToken.isPlausible(Array(text.utf8).span) }
        #expect(isPlausible(TokenSamples.tokens[0].token))
        for text in ["", "secret", "a.b.c", "eyJ", "eyJhbGciOiJIUzI1NiJ9 no dots in this one"] {
            #expect(!isPlausible(text))
        }
    }
}

/// The writing direction, which only tests need.
enum Base64URLText {
    static func encode(_ text: String) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let bytes = Array(text.utf8)
        var result = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for index in 0...group.count { result.append(alphabet[bits >> (18 - 6 * index) & 63]) }
        }
        return result
    }
}
