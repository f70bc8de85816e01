import Glibc
@testable import PasswordFile
import Testing

/// Cheap enough to be computed often.
private let cheap = ScryptCost(logN: 10, blockSize: 1, parallelization: 1)

private func hash(_ password: String) throws -> PasswordHash {
    let made = PasswordHash.make(password: Array(password.utf8).span.bytes, cost: cheap)
    return try #require(made)
}

extension PasswordHash {
    fileprivate func accepts(_ password: String) -> Bool { matches(Array(password.utf8).span.bytes) }
}

extension PasswordFile {
    fileprivate func accepts(_ user: String, _ password: String) -> Bool {
        verify(user: Array(user.utf8), password: Array(password.utf8).span.bytes)
    }
}

@Suite struct PasswordHashTests {
    @Test func theRightPasswordMatchesAndNoOther() throws {
        let hash = try hash("s3cret")
        #expect(hash.accepts("s3cret"))
        for wrong in ["", "s3cre", "s3cret ", "S3cret", "s3crets"] {
            #expect(!hash.accepts(wrong), "\(wrong)")
        }
    }

    @Test func anEmptyPasswordMatchesOnlyItself() throws {
        let empty = try hash("")
        #expect(empty.accepts(""))
        #expect(!empty.accepts(" "))
    }

    @Test func everyHashHasItsOwnSalt() throws {
        #expect(try hash("a").description != hash("a").description)
    }

    @Test func theTextFormIsStable() throws {
        let hash = PasswordHash(cost: .standard, salt: [UInt8](repeating: 1, count: 16), hash: [UInt8](0..<32))
        let text =
            "$scrypt$ln=15,r=8,p=1$AQEBAQEBAQEBAQEBAQEBAQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
        #expect(hash.description == text)
        #expect(try PasswordHash(text) == hash)
    }

    @Test(arguments: [
        ("secret", PasswordHash.Fault.plainText),
        ("", .plainText),
        ("$7$101$abc$def", .malformed),
        ("$7$0$YWJjZGVmZ2hpamts$\(String(repeating: "A", count: 86))==", .costOutOfBounds),
        ("$6$abc$def", .malformed),
        ("$2b$12$short", .malformed),
        ("$2b$31$\(String(repeating: "a", count: 53))", .costOutOfBounds),
        ("$pbkdf2-sha512$i=1e9$AQEBAQEBAQE$AAAA", .malformed),
        ("$pbkdf2-sha512$i=99999999$AQEBAQEBAQE$\(String(repeating: "A", count: 86))", .costOutOfBounds),
        ("$scram-sha-256$i=4096$AQEBAQEBAQE$AAAA$AAAA", .malformed),
        ("$argon2id$v=19$x$y", .unknownScheme("argon2id")),
        ("$", .malformed),
        ("$scrypt", .malformed),
        ("$scrypt$ln=15,r=8$AQEBAQEBAQE$AAAAAAAAAAAAAAAAAAAAAA", .malformed),
        ("$scrypt$r=8,ln=15,p=1$AQEBAQEBAQE$AAAAAAAAAAAAAAAAAAAAAA", .malformed),
        ("$scrypt$ln=+15,r=8,p=1$AQEBAQEBAQE$AAAAAAAAAAAAAAAAAAAAAA", .malformed),
        ("$scrypt$ln=15,r=8,p=1$AQEBAQEBAQE$AAAA", .malformed),
        ("$scrypt$ln=15,r=8,p=1$AQEB$AAAAAAAAAAAAAAAAAAAAAA", .malformed),
        ("$scrypt$ln=15,r=8,p=1$AQEBAQEBAQE$AAAAAAAAAAAAAAAAAAAAAA$", .malformed),
        ("$scrypt$ln=30,r=8,p=1$AQEBAQEBAQE$AAAAAAAAAAAAAAAAAAAAAA", .costOutOfBounds),
        ("$scrypt$ln=2,r=8,p=1$AQEBAQEBAQE$AAAAAAAAAAAAAAAAAAAAAA", .costOutOfBounds),
        ("$scrypt$ln=17,r=16,p=1$AQEBAQEBAQE$AAAAAAAAAAAAAAAAAAAAAA", .costOutOfBounds),
        ("$scrypt$ln=15,r=8,p=99$AQEBAQEBAQE$AAAAAAAAAAAAAAAAAAAAAA", .costOutOfBounds),
    ]) func whatIsNoHashIsRefusedWithAReason(text: String, expected: PasswordHash.Fault) {
        #expect(throws: expected) { try PasswordHash(text) }
    }
}

@Suite struct PasswordFileTests {
    @Test func onlyKnownUsersWithTheirOwnPasswordGetIn() throws {
        let text = "# devices\nalice:\(try hash("a"))\n\nbob:\(try hash("b"))\r\n"
        let file = try PasswordFile(text, file: "passwd")
        #expect(file.users == ["alice", "bob"])
        #expect(file.accepts("alice", "a"))
        #expect(file.accepts("bob", "b"))
        #expect(!file.accepts("alice", "b"))
        #expect(!file.accepts("carol", "a"))
        #expect(!file.accepts("", ""))
        #expect(!PasswordFile().accepts("alice", "a"))
    }

    @Test func twoSpellingsOfOneCharacterAreTwoUsers() throws {
        let file = try PasswordFile("\u{e9}:\(try hash("a"))\n", file: "passwd")
        #expect(file.accepts("\u{e9}", "a"))
        #expect(!file.accepts("e\u{301}", "a"))
    }

    @Test func everyFaultyLineIsNamed() throws {
        let good = try hash("a").description
        let text = "alice:\(good)\nnonsense\n:\(good)\nalice:\(good)\nbob:clear\nx#:\(good)\na:b:\(good)\n"
        let errors = #expect(throws: PasswordFileErrors.self) { try PasswordFile(text, file: "passwd") }
        let name = "a user name is not empty, does not begin with '#' and has no ':' or control character"
        #expect(
            errors?.all.map(\.description) == [
                "passwd:2: a line is user:hash; add users with 'hookline passwd'",
                "passwd:3: \(name)",
                "passwd:4: user 'alice' stands in the file twice; remove one of the lines",
                "passwd:5: user 'bob': passwords are not kept in clear; set it with 'hookline passwd'",
                "passwd:7: \(name)",
            ])
    }

    @Test func errorsNeverRepeatAPassword() {
        let errors = #expect(throws: PasswordFileErrors.self) { try PasswordFile("bob:hunter2", file: "passwd") }
        #expect(errors?.description.contains("hunter2") == false)
    }

    @Test func editingKeepsCommentsAndOrder() throws {
        var file = try PasswordFile("# top\nalice:\(try hash("a"))\nbob:\(try hash("b"))", file: "passwd")
        try file.set("alice", to: try hash("new"))
        try file.set("carol", to: try hash("c"))
        #expect(file.accepts("alice", "new"))
        #expect(!file.accepts("alice", "a"))
        #expect(file.users == ["alice", "bob", "carol"])
        let removed = (file.remove("bob"), file.remove("bob"))
        #expect(removed == (true, false))
        #expect(!file.accepts("bob", "b"))
        #expect(file.description.hasPrefix("# top\nalice:$scrypt$"))
        #expect(try PasswordFile(file.description, file: "passwd").users == ["alice", "carol"])
    }

    @Test func anUnknownUserCostsWhatAUserOfTheFileDoes() throws {
        let file = try PasswordFile("# top\n\nalice:\(try hash("a"))\n# end\n", file: "passwd")
        for name in ["x", "y", "z", "bob", "carol"] {
            #expect(file.stand(for: Array(name.utf8)).description.hasPrefix("$scrypt$ln=10,r=1,p=1$"))
            #expect(!file.accepts(name, "a"), "the password of the one who stands in is of no use")
        }
        #expect(PasswordFile().stand(for: [1]).description.hasPrefix("$scrypt$ln=15,r=8,p=1$"))
    }

    @Test func aFileIsReplacedAsAWholeWithMode0600() throws {
        var template = Array("/tmp/hookline-passwd-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } }
        let folder = try #require(made)
        let path = folder + "/passwd"
        defer {
            unlink(path)
            rmdir(folder)
        }
        #expect(#expect(throws: PasswordFile.DiskError.self) { try PasswordFile.read(path) }?.isMissing == true)
        var file = PasswordFile()
        try file.set("alice", to: try hash("a"))
        try file.write(to: path)
        try file.set("bob", to: try hash("b"))
        try file.write(to: path)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(try PasswordFile(PasswordFile.read(path), file: path).users == ["alice", "bob"])
    }
}
