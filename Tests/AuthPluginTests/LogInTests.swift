import PasswordFile
import PluginABI
import PluginSDK
import PluginTesting
import Testing

@testable import AuthPlugin

/// The plugin through its C hooks, with password files made as `hookline passwd` makes them, at the lowest cost.
@Suite struct LogInTests {
    private static let export = PluginExport(AuthPlugin.self) { AuthPlugin.start($0, $1, $2) }

    private static func text(_ users: [(name: String, password: String)]) throws -> String {
        var file = PasswordFile()
        for user in users {
            let cost = ScryptCost(logN: 10, blockSize: 1, parallelization: 1)
            let hash = PasswordHash.make(password: user.password.utf8.span.bytes, cost: cost)
            try file.set(user.name, to: try #require(hash))
        }
        return file.description
    }

    private static func start(_ files: [ScratchFile]) throws -> FakeHost {
        let sources = files.map { FakeSetting.map([("password_file", .scalar($0.path))]) }
        let host = FakeHost(settings: ["sources": .list(sources)])
        try #require(host.start(export) == HL_OK, "\(host.refusals)")
        return host
    }

    @Test(
        arguments: [
            ("alice", "secret", HL_ALLOW, "passwd"),
            ("alice", "Secret", HL_DENY, "passwd: wrong password"),
            ("alice", "", HL_DENY, "passwd: wrong password"),
            ("alice", nil, HL_DENY, "passwd: wrong password"),
            ("alice\0", "secret", HL_DENY, "auth: unknown user"),
            ("bob", "secret", HL_DENY, "auth: unknown user"),
            ("", "secret", HL_DENY, "auth: unknown user"),
            ("#", "", HL_DENY, "auth: unknown user"),
            ("jörg", "pässwörd:1", HL_ALLOW, "passwd"),
        ] as [(String, String?, hl_verdict, String)])
    func credentialsDecide(user: String, password: String?, verdict: hl_verdict, rule: String) throws {
        let file = ScratchFile("passwd", try Self.text([("alice", "secret"), ("jörg", "pässwörd:1")]))
        let host = try Self.start([file])
        let answer = host.connect(FakeClient("c1"), userName: user, password: password)
        #expect(answer.verdict == verdict && answer.rule == rule)
        #expect(answer.wasDeferred && answer.completions == 1, "hashing belongs on a worker")
        #expect(answer.reason == (verdict == HL_DENY ? 0x86 : 0))
    }

    @Test func clientWithoutUserNameIsLeftToTheListener() throws {
        let host = try Self.start([ScratchFile("passwd", try Self.text([("alice", "secret")]))])
        let answer = host.connect(FakeClient("c1"), userName: nil, password: nil)
        #expect(answer.verdict == HL_ABSTAIN && !answer.wasDeferred)
    }

    @Test func passwordWithoutUserNameIsRefused() throws {
        let host = try Self.start([ScratchFile("passwd", try Self.text([("alice", "secret")]))])
        let answer = host.connect(FakeClient("c1"), userName: nil, password: "secret")
        #expect(answer.verdict == HL_DENY && answer.reason == 0x86)
    }

    @Test func refusalIsLoggedWithItsReasonAndNeverTheSecret() throws {
        let host = try Self.start([ScratchFile("passwd", try Self.text([("alice", "secret")]))])
        _ = host.connect(FakeClient("c1"), userName: "alice", password: "hunter2")
        _ = host.connect(FakeClient("c2"), userName: "mallory", password: "hunter2")
        #expect(host.log.map(\.event) == ["auth.refused", "auth.refused"])
        #expect(host.log.map(\.message) == ["wrong password", "unknown user"])
        #expect(host.log.map { $0.fields["user"] } == ["alice", "mallory"])
        #expect(host.log.first?.fields["client"] == "c1")
        #expect(!"\(host.log)".contains("hunter2"))
    }

    @Test func passwordOfAClientThatLeftIsNotHashed() throws {
        let host = try Self.start([ScratchFile("passwd", try Self.text([("alice", "secret")]))])
        host.abandonsDeferredCalls = true
        let answer = host.connect(FakeClient("c1"), userName: "alice", password: "secret")
        #expect(answer.verdict == HL_ERROR && answer.completions == 1, "completed, so that the host lets go of it")
        #expect(host.log.isEmpty)
        host.abandonsDeferredCalls = false
        #expect(host.connect(FakeClient("c1"), userName: "alice", password: "secret").isAllowed)
    }

    @Test func firstFileThatKnowsTheUserDecides() throws {
        let first = ScratchFile("first", try Self.text([("alice", "one")]))
        let second = ScratchFile("second", try Self.text([("alice", "two"), ("bob", "three")]))
        let host = try Self.start([first, second])
        #expect(host.connect(FakeClient("c"), userName: "alice", password: "one").rule == "first")
        #expect(host.connect(FakeClient("c"), userName: "alice", password: "two").isDenied)
        #expect(host.connect(FakeClient("c"), userName: "bob", password: "three").rule == "second")
    }

    @Test func validEditDecidesTheNextLogIn() throws {
        let file = ScratchFile("passwd", try Self.text([("alice", "old")]))
        let host = try Self.start([file])
        file.write(try Self.text([("alice", "new"), ("bob", "hello")]))
        host.fileMayHaveChanged()
        #expect(host.connect(FakeClient("c"), userName: "alice", password: "old").isDenied)
        #expect(host.connect(FakeClient("c"), userName: "alice", password: "new").isAllowed)
        #expect(host.log.first?.message == "2 users in force")
    }

    @Test func brokenFileKeepsTheUsersAndNamesTheLine() throws {
        let text = try Self.text([("alice", "secret")])
        let file = ScratchFile("passwd", text)
        let host = try Self.start([file])
        file.write(text + "bob:plain\n")
        host.fileMayHaveChanged()
        #expect(host.connect(FakeClient("c"), userName: "alice", password: "secret").isAllowed)
        let line = try #require(host.log.first)
        #expect(line.level == .error && line.event == "auth.reload_refused")
        #expect(line.message.hasPrefix("passwd:2: user 'bob': ") && line.message.contains("the 1 user loaded at"))
        #expect(!line.message.contains("plain\n"))
    }

    @Test func everyFaultOfTheSettingsIsReported() throws {
        let broken = ScratchFile("passwd", "alice\n")
        let host = FakeHost(settings: [
            "sources": [["password_file": .scalar(broken.path)], ["jwt": "x"], "passwd", ["password_file": ""]]
        ])
        #expect(host.start(Self.export) == HL_REFUSED)
        #expect(
            host.refusals == [
                "passwd:1: a line is user:hash; add users with 'hookline passwd'",
                "jwt needs a 'key' (PEM or JSON Web Key Set), a 'jwks_url' or a 'secret_file'",
                "a source is password_file, jwt, client_certificate, http or postgres, such as "
                    + "{ password_file: PATH }; 'passwd' is not known",
                "password_file needs the path of a file",
            ])
    }

    @Test func emptyListOfSourcesIsRefused() {
        let host = FakeHost(settings: ["sources": []])
        #expect(host.start(Self.export) == HL_REFUSED)
    }
}
