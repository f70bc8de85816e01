import Glibc
import PluginABI
import PluginSDK
import PluginTesting
import Testing

@testable import AuthPlugin

@Suite struct SecretFileModeTests {
    private static let export = PluginExport(AuthPlugin.self) { AuthPlugin.start($0, $1, $2) }

    @Test(
        arguments: [
            (0o600, nil), (0o640, nil), (0o644, "anybody on this machine may read it"),
            (0o666, "anybody on this machine may change it"), (0o602, "anybody on this machine may change it"),
        ] as [(mode_t, String?)])
    func fileThatAnybodyMayOpenIsNamed(mode: mode_t, problem: String?) throws {
        let secret = ScratchFile("secret", "0123456789abcdef0123456789abcdef")
        let users = ScratchFile("passwd", "")
        for file in [secret, users] { try #require(chmod(file.path, mode) == 0) }
        let host = FakeHost(settings: [
            "sources": [["jwt": ["secret_file": .scalar(secret.path)]], ["password_file": .scalar(users.path)]]
        ])
        try #require(host.start(Self.export) == HL_OK, "\(host.refusals)")
        let lines = host.log.filter { $0.event == "auth.file_mode" }
        #expect(lines.count == (problem == nil ? 0 : 2))
        for line in lines { #expect(line.message.hasPrefix(problem ?? "") && line.message.contains("chmod o= /")) }
    }

    @Test func missingFileHasNoMode() {
        #expect(SecretFileMode.problem("/nonexistent/file") == nil)
    }
}
