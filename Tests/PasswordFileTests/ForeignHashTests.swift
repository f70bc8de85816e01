@testable import PasswordFile
import Testing

/// Hashes that other programs have made, and the schemes of our own beside scrypt.
@Suite struct ForeignHashTests {
    private func accepts(_ text: String, _ password: String) throws -> Bool {
        try PasswordHash(text).matches(Array(password.utf8).span.bytes)
    }

    /// Lines of mosquitto_passwd 2.0 (with and without -H of old) and of htpasswd -B.
    @Test(arguments: ForeignHashes.lines)
    func hashOfAnotherProgramIsReadAsItIs(name: String, text: String, password: String) throws {
        #expect(try accepts(text, password), "\(name)")
        #expect(try !accepts(text, password + "x"))
        #expect(try !accepts(text, ""))
        #expect(try PasswordHash(text).description == text, "a file is written back as it was")
    }

    @Test func passwordWithANullCharacterIsNotCutOff() throws {
        let bcrypt = try #require(ForeignHashes.lines.first { $0.0 == "bcrypt" })
        #expect(try !accepts(bcrypt.1, bcrypt.2 + "\0x"))
    }

    @Test(arguments: PasswordHash.Scheme.allCases)
    func everySchemeOfOurOwnIsWrittenAndRead(scheme: PasswordHash.Scheme) throws {
        let made = PasswordHash.make(password: "pässwörd".utf8.span.bytes, scheme: scheme, iterations: 1_000)
        let text = try #require(made).description
        #expect(try accepts(text, "pässwörd") && !accepts(text, "passwort"))
        #expect(try PasswordHash(text).description == text)
        #expect((try PasswordHash(text).scramSecret != nil) == (scheme == .scram))
    }
}

enum ForeignHashes {
    static let lines: [(String, String, String)] = [
        (
            "mosquitto 7",
            "$7$101$aPcapnB8dq36W2H5$l0N8F586cVRXy0xaRddu6bW6TJiSR87yJ3XCUIpP1Euk1D"
                + "xxmClqDp9BKsOKKNMJnEDp+lgNHGagVeoth3aAPw==", "wonder land"
        ),
        (
            "mosquitto 6",
            "$6$aVCiTM0mMX/Fp2y6$T62BXquYa4tEwKi7hensc1wVzUQjVbSlqSLGA61y+D5/HyNfuY"
                + "qTGstvFDy4GAd//M1VpcAeTlaW0jTm081neg==", "wonder"
        ),
        (
            "bcrypt",
            "$2b$05$abcdefghijklmnopqrstuuLZNkQ1VL/QsuI/EN8Qq4Ia5232KBp7m", "wonder"
        ),
        (
            "bcrypt y",
            "$2y$04$abcdefghijklmnopqrstuuetGRvO6QNMBbbIoo5tpQkbPXg26U9Qu", "wonder"
        ),
    ]
}
