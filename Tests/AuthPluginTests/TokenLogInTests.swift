import Base64Coding
import PasswordFile
import PluginABI
import PluginSDK
import PluginTesting
import Testing

@testable import AuthPlugin

/// Tokens, SCRAM and waits through the C hooks. The tokens are made by PyJWT in `TokenTests`; here one suffices.
@Suite struct TokenLogInTests {
    private static let export = PluginExport(AuthPlugin.self) { AuthPlugin.start($0, $1, $2) }
    private static let secret = "0123456789abcdef0123456789abcdef"
    /// HS256 with the secret above; {"sub":"alice","exp":2000000000,"roles":["ops"],"tenant":"acme","site":"berlin"}
    private static let token =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMDAwMCwicm9sZXMiOlsib"
        + "3BzIl0sInRlbmFudCI6ImFjbWUiLCJzaXRlIjoiYmVybGluIn0.ME5opbqU-WAPDXp92woV_bWJBIS8wMVXARBAlTg25ak"

    private static func start(_ secret: ScratchFile, users: ScratchFile? = nil) throws -> FakeHost {
        var sources: [FakeSetting] = users.map { [["password_file": .scalar($0.path)]] } ?? []
        sources.append([
            "jwt": [
                "secret_file": .scalar(secret.path), "groups": "roles", "account": "tenant", "claims": ["site"],
            ]
        ])
        let host = FakeHost(settings: ["sources": .list(sources)])
        host.wallTime = 1_999_999_000 * 1_000_000_000
        try #require(host.start(export) == HL_OK, "\(host.refusals)")
        return host
    }

    @Test func tokenSaysWhoItsBearerIsAndWhenThatEnds() throws {
        let host = try Self.start(ScratchFile("secret", Self.secret + "\n"))
        for user in ["whoever", nil] {
            let answer = host.connect(FakeClient("c1"), userName: user, password: Self.token)
            #expect(answer.isAllowed && answer.wasDeferred && answer.rule == "jwt")
            #expect(answer.identity == "alice" && answer.account == "acme")
            #expect(answer.groups == ["ops", "site=berlin"])
            // 1000 s of its own and 30 s of leeway, on the monotonic clock.
            #expect(answer.expiresAt == 1_030 * 1_000_000_000)
        }
    }

    @Test func refusedTokenIsNamedByItsReasonAndNotWrittenDown() throws {
        let host = try Self.start(ScratchFile("secret", Self.secret))
        let forged = String(Self.token.dropLast(8)) + "AAAAAAAA"
        #expect(host.connect(FakeClient("c1"), userName: "x", password: forged).isDenied)
        host.wallTime = 2_000_000_030 * 1_000_000_000
        #expect(host.connect(FakeClient("c1"), userName: "x", password: Self.token).isDenied)
        #expect(host.connect(FakeClient("c1"), userName: "x", password: "plain").isDenied)
        #expect(
            host.log.map(\.message) == [
                "the token's signature is wrong", "the token has expired", "unknown user",
            ])
        #expect(!"\(host.log)".contains(Self.token.suffix(20)) && !"\(host.log)".contains("plain"))
    }

    @Test func tokenOfOneUserDoesNotForgiveWhatWasTriedOnAnother() throws {
        let host = try Self.start(ScratchFile("secret", Self.secret))
        var guesser = FakeClient("g")
        for number in 0..<11 {
            guesser.address = "10.0.0.\(number):1"
            #expect(host.connect(guesser, userName: "root", password: "guess").reason == 0x86)
            guesser.address = "10.0.1.\(number):1"
            if number < 10 { #expect(host.connect(guesser, userName: "root", password: Self.token).isAllowed) }
        }
        guesser.address = "10.0.2.1:1"
        #expect(host.connect(guesser, userName: "root", password: "guess").reason == 0x9F)
    }

    @Test func newSecretDecidesTheNextLogIn() throws {
        let file = ScratchFile("secret", Self.secret)
        let host = try Self.start(file)
        file.write("another secret of enough characters, for sure")
        host.fileMayHaveChanged()
        #expect(host.connect(FakeClient("c1"), userName: nil, password: Self.token).isDenied)
        file.write("short")
        host.fileMayHaveChanged()
        #expect(
            host.log.last?.message.hasPrefix("secret: a secret of 5 bytes; it takes 32 at least; the 1 secret") == true)
    }

    @Test func tokenIsRenewedThroughAuth() throws {
        let host = try Self.start(ScratchFile("secret", Self.secret))
        let client = FakeClient("c1", user: "alice")
        let answer = host.exchange(client, method: "JWT", data: Array(Self.token.utf8), isReauthentication: true)
        #expect(answer.isAllowed && answer.identity == "alice" && answer.expiresAt == 1_030 * 1_000_000_000)
        #expect(host.exchange(client, method: "JWT", data: Array("no token".utf8)).isDenied)
        #expect(host.exchange(client, method: "KERBEROS", data: []).verdict == HL_ABSTAIN)
    }

    @Test func passwordFileAndTokensAreAskedInTheirOrder() throws {
        var users = PasswordFile()
        let made = PasswordHash.make(
            password: "secret".utf8.span.bytes, cost: ScryptCost(logN: 10, blockSize: 1, parallelization: 1))
        try users.set("bob", to: try #require(made))
        let host = try Self.start(ScratchFile("secret", Self.secret), users: ScratchFile("passwd", users.description))
        #expect(host.connect(FakeClient("c"), userName: "bob", password: "secret").rule == "passwd")
        #expect(host.connect(FakeClient("c"), userName: "bob", password: Self.token).isDenied, "bob has a password")
        #expect(host.connect(FakeClient("c"), userName: "carol", password: Self.token).identity == "alice")
    }

    @Test func faultsOfTheSettingsAreNamed() {
        let key = ScratchFile("key.pem", "no key")
        let host = FakeHost(settings: [
            "sources": [
                ["jwt": ["key": .scalar(key.path), "colour": "red"]],
                ["jwt": ["secret_file": "/nonexistent", "algorithms": ["none"]]],
            ]
        ])
        #expect(host.start(Self.export) == HL_REFUSED)
        #expect(host.refusals.count == 4)
        #expect(host.refusals[0].hasPrefix("'colour' is not known in jwt; known are account, algorithms"))
        #expect(host.refusals[1] == "key.pem: neither a public key nor a certificate in PEM")
        #expect(host.refusals[3].hasPrefix("'none' is not one of HS256"))
    }

    // MARK: SCRAM

    private static func scramHost() throws -> FakeHost {
        var users = PasswordFile()
        let made = PasswordHash.make(password: "pencil".utf8.span.bytes, scheme: .scram)
        try users.set("user", to: try #require(made))
        let file = ScratchFile("passwd", users.description)
        let host = FakeHost(settings: ["sources": [["password_file": .scalar(file.path)]]])
        try #require(host.start(export) == HL_OK)
        return host
    }

    @Test func wrongProofAndUnknownUserLookTheSameToTheClient() throws {
        let host = try Self.scramHost()
        for user in ["user", "nobody"] {
            let first = host.exchange(
                FakeClient("c"), method: "SCRAM-SHA-256", data: Array("n,,n=\(user),r=abc".utf8))
            #expect(first.verdict == HL_CONTINUE)
            let challenge = String(decoding: try #require(first.data), as: UTF8.self)
            #expect(challenge.hasPrefix("r=abc") && challenge.hasSuffix(",i=4096"))
            let nonce = challenge.dropFirst(2).prefix { $0 != "," }
            let proof = Base64.encodePadded([UInt8](repeating: 7, count: 32))
            let last = host.exchange(
                FakeClient("c"), method: "SCRAM-SHA-256", data: Array("c=biws,r=\(nonce),p=\(proof)".utf8),
                memo: try #require(first.memo), step: 1)
            #expect(last.isDenied && last.reason == 0x87 && last.data == nil)
        }
        #expect(host.log.map(\.message) == ["wrong password", "unknown user, or a password not kept for SCRAM"])
    }

    @Test func stepsOutOfOrderAreRefused() throws {
        let host = try Self.scramHost()
        let client = FakeClient("c")
        #expect(host.exchange(client, method: "SCRAM-SHA-256", data: [], memo: [1], step: 1).isDenied)
        #expect(host.exchange(client, method: "SCRAM-SHA-256", data: Array("p=x,,n=u,r=a".utf8)).isDenied)
    }

    // MARK: Waits

    @Test func whoeverFailsTooOftenWaitsWithoutBeingLookedAt() throws {
        let host = try Self.start(ScratchFile("secret", Self.secret))
        for _ in 0..<11 { #expect(host.connect(FakeClient("c"), userName: "x", password: "no").reason == 0x86) }
        for _ in 0..<5 {
            let answer = host.connect(FakeClient("c"), userName: "y", password: Self.token)
            #expect(answer.isDenied && answer.reason == 0x9F && !answer.wasDeferred)
        }
        var other = FakeClient("d")
        other.address = "10.0.0.9:1"
        #expect(host.connect(other, userName: "y", password: Self.token).isAllowed)
        #expect(host.log.count == 12 && host.log.last?.message == "too many failed log-ins, waits 1 s")
    }
}
