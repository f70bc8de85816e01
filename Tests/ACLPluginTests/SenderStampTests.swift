import PluginABI
import PluginSDK
import PluginTesting
import Testing

@testable import ACLPlugin

/// What the broker says about the sender of a message, and what a client cannot say about itself.
@Suite struct SenderStampTests {
    private static let export = PluginExport(ACLPlugin.self) { ACLPlugin.start($0, $1, $2) }

    private let file = ScratchFile("acl.yaml", "default: allow\nrules: []\n")

    private func host(_ stamp: FakeSetting) -> FakeHost {
        FakeHost(settings: ["file": .scalar(file.path), "stamp": stamp])
    }

    private static func user(_ name: String, _ value: String) -> [UInt8] {
        [0x26, 0, UInt8(name.utf8.count)] + name.utf8 + [0, UInt8(value.utf8.count)] + value.utf8
    }

    @Test func stampReplacesWhatTheClientWrote() throws {
        let host = host(["client": "sender", "user": "sender-user", "account": "sender-account"])
        try #require(host.start(Self.export) == HL_OK)
        let written =
            Self.user("sender", "somebody") + [0x01, 1] + Self.user("other", "kept") + [0x08, 0, 1, 0x61]
            + Self.user("sender-user", "root") + [0x02, 0, 0, 0, 9] + Self.user("sender", "again")
        let answer = host.messageIn("t", properties: written, by: FakeClient("c1", user: "alice", account: "acme"))
        #expect(answer.verdict == HL_REPLACE)
        let expected =
            [0x01, 1] + Self.user("other", "kept") + [0x08, 0, 1, 0x61] + [0x02, 0, 0, 0, 9]
            + Self.user("sender", "c1") + Self.user("sender-user", "alice") + Self.user("sender-account", "acme")
        #expect(answer.properties == expected)
    }

    @Test func whatTheSenderLacksIsNotWrittenAndNotForged() throws {
        let host = host(["user": "u"])
        try #require(host.start(Self.export) == HL_OK)
        let answer = host.messageIn("t", properties: Self.user("u", "root"), by: FakeClient("c1"))
        #expect(answer.verdict == HL_REPLACE && answer.properties == [])
    }

    @Test func withoutTheSettingMessagesAreNotTouched() throws {
        let host = FakeHost(settings: ["file": .scalar(file.path)])
        try #require(host.start(Self.export) == HL_OK)
        #expect(!host.isRegistered(.messageIn))
    }

    @Test func wrongStampIsAFaultOfTheSettings() {
        let wrong: [(FakeSetting, String)] = [
            ([], "stamp is a mapping such as { client: sender, user: sender-user }"),
            (["colour": "x"], "'colour' is not known; a stamp has client, user and account"),
            (["client": ""], "'client' needs the name of a user property"),
        ]
        for (stamp, message) in wrong {
            let host = host(stamp)
            #expect(host.start(Self.export) == HL_REFUSED)
            #expect(host.refusals == [message])
        }
    }

    @Test(arguments: [[0x26], [0x26, 0, 5, 1], [0x99, 1], [0x02, 0], [0x0B, 0x80], [0x08, 0]] as [[UInt8]])
    func brokenPropertiesAreAFailureAndNeverATrap(properties: [UInt8]) throws {
        let host = host(["client": "s"])
        try #require(host.start(Self.export) == HL_OK)
        #expect(host.messageIn("t", properties: properties, by: FakeClient("c1")).verdict == HL_ERROR)
    }
}
