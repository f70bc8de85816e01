import Configuration
import Foundation
import PluginFile
import PositionedYAML
import Testing

@testable import Host

@Suite("Plugins that are checked") struct PluginCheckTests {
    private func check(_ text: String) throws -> (errors: [String], warnings: [String]) {
        let harness = try PluginHarness()
        let loaded = try ServerConfiguration.load(text: text, file: "plugins.yaml")
        let found = harness.host.check(loaded.configuration.plugins, paths: loaded.paths)
        return (found.errors.map(\.description), found.warnings.map(\.description))
    }

    @Test("are held against the settings in their files, without a line of them running")
    func settings() throws {
        let path = try PluginFixture.build("tunable")
        let found = try check("plugins: [ { id: t, path: \(path), config: { level: x, other: 1 } } ]")
        #expect(found.errors.count == 2 && found.warnings.isEmpty)
        #expect(found.errors.contains { $0.contains("config.level: 'x' is not a whole number") })
        #expect(found.errors.contains { $0.contains("unknown key 'other'") })
        #expect(try check("plugins: [ { id: t, path: \(path), config: { level: 3 } } ]").errors.isEmpty)
    }

    @Test("without a table of settings are checked when they are loaded, and that is said")
    func noTable() throws {
        let path = try PluginFixture.build("broken")
        let found = try check("plugins: [ { id: b, path: \(path), config: { anything: 1 } } ]")
        #expect(found.errors.isEmpty)
        #expect(found.warnings.count == 1 && found.warnings.allSatisfy { $0.contains("when it is loaded") })
    }

    @Test("say the same in their table and in their description")
    func table() throws {
        let file = try ELFFile(Array(try Data(contentsOf: URL(filePath: PluginFixture.build("tunable")))))
        let expected = ELFFile.Setting(name: "level", type: 3, defaultText: "0", help: "0 to 10")
        #expect(file.settings == [expected])
        #expect(try ELFFile(Array(try Data(contentsOf: URL(filePath: PluginFixture.build("broken"))))).settings == nil)
    }

    @Test("are read as far as a file that is cut or turned to nonsense lets them, and never further")
    func damaged() throws {
        let good = Array(try Data(contentsOf: URL(filePath: PluginFixture.build("tunable"))))
        var random = Steps(state: 20_261_121)
        for round in 0..<300 {
            var bytes = good
            if round % 3 == 0 { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
            for _ in 0..<(round % 20) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            _ = try? ELFFile(bytes)
        }
    }
}

/// Numbers that are the same in every run.
private struct Steps: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
