import Configuration
import Foundation
import Glibc
import PluginABI
import Testing

@testable import BrokerCore
@testable import Host

/// A shared object that changes is swapped in, or refused with its reason while the old one serves on.
@Suite("A changed shared object")
struct ReloadTests {
    private func verdict(_ verdict: String) throws -> String {
        try PluginFixture.build("verdict", "-DVERDICT=\(verdict)")
    }

    private func copy(_ from: String, _ to: String) throws {
        // In one step: these brokers look at once, and would find half a file.
        try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to), options: .atomic)
    }

    @Test(
        "is taken up however it is changed", arguments: ["in place", "rename", "link", "link of a folder", "anew"])
    func followed(way: String) throws {
        let harness = try PluginHarness(reload: .eager())
        let (path, other) = (harness.folder + "/p.so", harness.folder + "/other.so")
        let (allow, deny) = (try verdict("HL_ALLOW"), try verdict("HL_DENY"))
        switch way {
        case "link":
            symlink(allow, path)
        case "link of a folder":
            mkdir(harness.folder + "/..1", 0o700)
            mkdir(harness.folder + "/..2", 0o700)
            try copy(allow, harness.folder + "/..1/p.so")
            try copy(deny, harness.folder + "/..2/p.so")
            symlink("..1", harness.folder + "/..data")
            symlink("..data/p.so", path)
        default: try copy(allow, path)
        }
        try harness.start(path)
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
        switch way {
        case "in place":
            // One write of at least the old length, so that nothing of the old file is left behind the new one.
            var bytes = [UInt8](try Data(contentsOf: URL(filePath: deny)))
            let length = try Data(contentsOf: URL(filePath: path)).count
            bytes += [UInt8](repeating: 0, count: max(0, length - bytes.count))
            let file = open(path, O_WRONLY)
            #expect(write(file, bytes, bytes.count) == bytes.count)
            close(file)
        case "rename":
            try copy(deny, other)
            rename(other, path)
        case "link":
            symlink(deny, other)
            rename(other, path)
        case "link of a folder":
            symlink("..2", harness.folder + "/..data_tmp")
            rename(harness.folder + "/..data_tmp", harness.folder + "/..data")
        default:
            unlink(path)
            try copy(deny, path)
        }
        #expect(harness.messages("plugin.reloaded").count == 1)
        harness.turn()
        #expect(harness.dispatchers[0].logIn("u", "p") == .deny)
        #expect(harness.dispatchers[1].logIn("u", "p") == .deny)
    }

    @Test("that is no plugin is refused with its reason, and the old code serves on")
    func refused() throws {
        let harness = try PluginHarness(reload: .eager())
        let path = harness.folder + "/p.so"
        try copy(try verdict("HL_ALLOW"), path)
        try harness.start(path)
        try copy(try PluginFixture.build("empty"), path)
        #expect(harness.messages("plugin.reload_refused").count == 1)
        let status = try #require(harness.host.statuses.first)
        #expect(status.refused?.contains("entry hl_plugin_entry_v1 not found") == true)
        #expect(status.generation == 1)
        harness.turn()
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
        try copy(try verdict("HL_DENY"), path)
        #expect(harness.messages("plugin.reloaded").count == 1)
        #expect(harness.host.statuses.first?.refused == nil)
    }

    @Test("that fails is taken back, and does not come again before it changes or somebody insists")
    func rolledBack() throws {
        let harness = try PluginHarness(reload: .eager(probation: .seconds(600)))
        let path = harness.folder + "/p.so"
        try copy(try verdict("HL_ALLOW"), path)
        try harness.start(path)
        try copy(try verdict("HL_ERROR"), path)
        #expect(harness.messages("plugin.reloaded").count == 1)
        harness.turn()
        #expect(harness.host.statuses.first?.trialEnds != nil)
        for _ in 0..<5 { #expect(harness.dispatchers[0].logIn("u", "p") == .deny) }
        #expect(harness.messages("plugin.rolled_back").count == 1)
        harness.turn()
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
        let status = try #require(harness.host.statuses.first)
        #expect(status.generation == 1 && status.refused?.contains("5 of 5 calls failed") == true)
        #expect(throws: ConfigurationErrors.self) { try harness.apply(harness.entries, renewing: ["test"]) }
        var context = ApplyContext(paths: PathBase(fileDirectory: "/", workingDirectory: "/"))
        context.byHand = ["test"]
        #expect(try harness.host.apply(harness.entries, renewing: ["test"], context).replaced == ["test"])
    }

    @Test("that only denies more than before passes its trial")
    func stricter() throws {
        let harness = try PluginHarness(reload: .eager(probation: .milliseconds(50)))
        let path = harness.folder + "/p.so"
        try copy(try verdict("HL_ALLOW"), path)
        try harness.start(path)
        try copy(try verdict("HL_DENY"), path)
        #expect(harness.messages("plugin.reloaded").count == 1)
        harness.turn()
        for _ in 0..<50 { #expect(harness.dispatchers[0].logIn("u", "p") == .deny) }
        #expect(harness.messages("plugin.trial_passed").count == 1)
        #expect(harness.messages("plugin.stopped").count == 1, "the old code is kept no longer")
    }

    @Test("leaves the memory where that is allowed, and stays where it is not", arguments: [true, false])
    func unloaded(isAllowed: Bool) throws {
        let harness = try PluginHarness()
        var entry = try harness.entry(try verdict("HL_ALLOW"))
        entry.allowsUnload = isAllowed
        try harness.start([entry])
        try harness.apply([entry], renewing: ["test"])
        let maps = String(decoding: try #require(SmallFile.read("/proc/self/maps", limit: 16 << 20)), as: UTF8.self)
        #expect(maps.contains("\(harness.folder)/test-1.so") == !isAllowed)
        #expect(maps.contains("\(harness.folder)/test-2.so"))
    }

    @Test("leaves nothing of its constant parts in the memory when it was replaced, though it stays mapped")
    func resting() throws {
        let harness = try PluginHarness()
        let path = try verdict("HL_ALLOW")
        try harness.start(path)
        #expect(residentConstants("\(harness.folder)/test-1.so") ?? 0 > 0)
        try harness.apply([try harness.entry(path)], renewing: ["test"])
        #expect(residentConstants("\(harness.folder)/test-1.so") == 0)
        #expect(residentConstants("\(harness.folder)/test-2.so") ?? 0 > 0)
        harness.turn()
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
    }

    @Test("is not loaded any more when it was loaded too often, and the one that runs goes on")
    func mappedTooOften() throws {
        let harness = try PluginHarness()
        let path = try verdict("HL_ALLOW")
        try harness.start(path)
        try harness.replace(path)
        #expect(harness.host.statuses.first?.mapped == 1)
        harness.host.state.withLock { $0.mappings[path] = 1000 }
        #expect(throws: ConfigurationErrors.self) { try harness.replace(path) }
        let status = try #require(harness.host.statuses.first)
        #expect(status.refused?.contains("was loaded 1000 times") == true)
        #expect(status.counts.reloads == 1 && status.counts.refusals == 1)
        #expect(harness.dispatchers[0].logIn("u", "p") == .allow)
    }

    /// Kilobytes in memory of what a mapped file has and nobody may write to; nil when it is not mapped.
    private func residentConstants(_ path: String) -> Int? {
        let maps = String(decoding: SmallFile.read("/proc/self/smaps", limit: 64 << 20) ?? [], as: UTF8.self)
        var isIn = false
        var sum: Int?
        for line in maps.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.first?.isHexDigit == true, words.count >= 5, words[0].contains("-") {
                // Relocated data cannot be written to either: it is private and was changed.
                isIn = words.count > 5 && words[5] == path && (words[1] == "r-xp" || words[2] == "00000000")
                if isIn { sum = sum ?? 0 }
            } else if isIn, words.first == "Rss:" {
                sum = (sum ?? 0) + (Int(words[1]) ?? 0)
            }
        }
        return sum
    }

    @Test("keeps of its private copy what is mapped")
    func trimmed() throws {
        let harness = try PluginHarness()
        let path = try verdict("HL_ALLOW")
        let file = try StagedFile(path, in: harness.folder, name: "trimmed")
        var before = stat()
        var after = stat()
        #expect(stat(file.path, &before) == 0)
        file.trim()
        #expect(stat(file.path, &after) == 0 && after.st_size < before.st_size)
        let handle = dlopen(file.path, RTLD_NOW | RTLD_LOCAL)
        #expect(handle != nil && dlsym(handle, HL_PLUGIN_ENTRY_NAME) != nil)
        if let handle { dlclose(handle) }
    }

    @Test("of a refused edit is waited for: when it changes, the edit is tried again", arguments: [true, false])
    func awaited(isThere: Bool) throws {
        let harness = try PluginHarness(reload: .eager())
        try harness.start(try verdict("HL_ALLOW"))
        let path = harness.folder + "/new.so"
        if isThere { try copy(try PluginFixture.build("empty"), path) }
        let entries = [try harness.entry(try verdict("HL_ALLOW")), try harness.entry(path, id: "new")]
        #expect(throws: ConfigurationErrors.self) { try harness.apply(entries) }
        harness.host.keeper.sync {}
        #expect(harness.record.read { $0.retries } == 0, "it is as it was")
        try copy(try verdict("HL_DENY"), path)
        #expect(harness.comes { $0.retries > 0 })
        try harness.apply(entries)
        harness.host.keeper.sync {}
        #expect(harness.host.state.read { $0.awaited.isEmpty })
    }

    @Test("that is not what the entry pins is refused; a pin can be demanded")
    func pinned() throws {
        var trust = TrustPolicy.none
        trust.requiresPins = true
        let harness = try PluginHarness(trust: trust)
        let path = try verdict("HL_ALLOW")
        let digest = try #require(StagedFile.digest(of: path))
        #expect(try harness.refusal(path).contains("broker.require_pins is on; add sha256: \(digest)"))
        var entry = try harness.entry(path)
        entry.sha256 = digest
        try harness.start([entry])
        entry.sha256 = String(repeating: "0", count: 64)
        #expect(throws: ConfigurationErrors.self) { try harness.apply([entry]) }
        #expect(harness.host.statuses.map(\.generation) == [2], "what was refused has counted")
    }

    @Test("is not loaded from where others can write", arguments: ["file", "folder"])
    func untrusted(what: String) throws {
        var trust = TrustPolicy.none
        trust.isEnforced = true
        let harness = try PluginHarness(trust: trust)
        mkdir(harness.folder + "/d", 0o700)
        let path = harness.folder + "/d/p.so"
        try copy(try verdict("HL_ALLOW"), path)
        chmod(what == "file" ? path : harness.folder + "/d", 0o777)
        #expect(try harness.refusal(path).contains("can be written by everybody; chmod o-w it"))
        chmod(what == "file" ? path : harness.folder + "/d", 0o700)
        try harness.start(path)
    }

    @Test("a trial ends early for what is worse, never for what is stricter")
    func judged() {
        func record(_ calls: UInt64, _ failures: UInt64, _ slowest: Int64? = nil) -> TrialRecord {
            TrialRecord(calls: calls, failures: failures, slowest: slowest)
        }
        #expect(TrialJudge.breach(of: record(1_000_000, 4), against: record(0, 0)) == nil)
        #expect(TrialJudge.breach(of: record(100, 5), against: record(100, 0)) != nil)
        #expect(TrialJudge.breach(of: record(100, 5), against: record(100, 5)) == nil, "no worse than before")
        #expect(TrialJudge.breach(of: record(9, 0, 20_000_000), against: record(9, 0, 1_000_000)) != nil)
        #expect(TrialJudge.breach(of: record(9, 0, 900_000), against: record(9, 0, 1_000)) == nil, "still quick")
        #expect(TrialJudge.breach(of: TrialRecord(isStuck: true), against: record(9, 0)) != nil)
    }
}
