@testable import PasswordFile
import Base64Coding
import Testing

/// The conversation of RFC 7677, section 3, and what an attacker may try instead.
@Suite struct ScramTests {
    private static let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    private static let serverNonce = Array("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".utf8)
    private static let final =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

    private static func secret() throws -> ScramSecret {
        let salt = try #require(Base64.decodePadded("W22ZaJ0SNY7soEsUEjb6gQ=="))
        let secret = ScramSecret(password: "pencil".utf8.span.bytes, salt: salt, iterations: 4096)
        return try #require(secret)
    }

    private static func begin(_ message: String = first) throws -> ScramExchange {
        let secret = try secret()
        return try ScramExchange(clientFirst: Array(message.utf8), nonce: serverNonce) { _ in secret }
    }

    @Test func exampleOfTheRFCIsFollowedToTheLetter() throws {
        let exchange = try Self.begin()
        #expect(exchange.user == Array("user".utf8))
        #expect(
            String(decoding: exchange.answer, as: UTF8.self)
                == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        let kept = try #require(ScramExchange(memo: exchange.memo))
        let answer = try kept.conclude(clientFinal: Array(Self.final.utf8), secret: try Self.secret())
        #expect(String(decoding: answer, as: UTF8.self) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    }

    @Test(arguments: [
        ("", ScramExchange.Fault.malformed), ("n,,", .malformed), ("n,,n=user", .malformed),
        ("p=tls-unique,,n=user,r=abc", .channelBindingNotSupported), ("x,,n=user,r=abc", .malformed),
        ("n,a=root,n=user,r=abc", .otherAuthorizationIdentity), ("n,,n=,r=abc", .malformed),
        ("n,,n=us=er,r=abc", .malformed), ("n,,n=user,r=", .malformed), ("n,,n=user,r=a b", .malformed),
        ("n,,m=ext,n=user,r=abc", .malformed), (String(repeating: "n", count: 5_000), .malformed),
    ])
    func firstMessageThatIsNoneIsRefused(message: String, fault: ScramExchange.Fault) throws {
        #expect(throws: fault) { try Self.begin(message) }
    }

    @Test func namesMayHoldCommasAndEqualsSigns() throws {
        #expect(try Self.begin("n,,n=a=2Cb=3Dc,r=x").user == Array("a,b=c".utf8))
        #expect(try Self.begin("y,a=u,n=u,r=x").user == Array("u".utf8))
    }

    @Test func finalMessageMustFitToTheFirstOnes() throws {
        let exchange = try Self.begin()
        let secret = try Self.secret()
        func conclude(_ message: String, _ secret: ScramSecret = secret) throws -> [UInt8] {
            try exchange.conclude(clientFinal: Array(message.utf8), secret: secret)
        }
        #expect(throws: ScramExchange.Fault.malformed) { try conclude("") }
        #expect(throws: ScramExchange.Fault.malformed) { try conclude(Self.final.replacing("biws", with: "eSws")) }
        #expect(throws: ScramExchange.Fault.wrongNonce) { try conclude(Self.final.replacing("rOpr", with: "rOpx")) }
        #expect(throws: ScramExchange.Fault.wrongProof) { try conclude(Self.final.replacing("dHzb", with: "dHzc")) }
        #expect(throws: ScramExchange.Fault.malformed) { try conclude(Self.final + "x") }
        let decoy = ScramSecret.decoy(for: Array("user".utf8), key: [1, 2, 3])
        #expect(throws: ScramExchange.Fault.wrongProof) { try conclude(Self.final, decoy) }
    }

    @Test func nobodyLearnsWhoExists() {
        let key: [UInt8] = [9, 9, 9]
        let (one, again) = (ScramSecret.decoy(for: [1], key: key), ScramSecret.decoy(for: [1], key: key))
        #expect(one == again, "the same salt each time, as a user who exists has")
        #expect(one != ScramSecret.decoy(for: [2], key: key))
        #expect(one.accepts(proof: [UInt8](repeating: 0, count: 32), of: []) == false)
    }

    @Test func memoThatIsNoneIsRefused() throws {
        let memo = try Self.begin().memo
        for count in 0..<memo.count { #expect(ScramExchange(memo: Array(memo[..<count])) == nil) }
        #expect(ScramExchange(memo: memo + [0]) == nil)
    }
}
