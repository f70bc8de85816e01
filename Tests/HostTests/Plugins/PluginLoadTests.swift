import BrokerCore
import Configuration
import Foundation
import PluginABI
import PluginFile
import Testing

@testable import Host

@Suite struct PluginLoadTests {
    @Test(
        "a file that is no plugin of this ABI is refused with both versions and what to do",
        arguments: [
            ("-DBROKEN_SIZE", "hl_plugin_desc.struct_size is 40, this broker (plugin ABI 1.0) needs at least"),
            ("-DBROKEN_MAJOR", "needs plugin ABI 2.0, this broker has 1.0; rebuild with the headers"),
            ("-DBROKEN_MINOR", "needs plugin ABI 1.6, this broker has 1.0; rebuild with -DHL_TARGET=10000"),
            ("-DBROKEN_FLAGS", "has flags 0x8000 that this broker (plugin ABI 1.0) does not know"),
            ("-DBROKEN_THREADING", "exactly one of the flags HL_FREE, HL_PER_SHARD and HL_SERIAL"),
            ("-DBROKEN_LIFE", "has no start function"),
            ("-DBROKEN_SERVICE", "requires flux/1, which this broker does not offer"),
            ("-DBROKEN_REFUSES", "does not accept this broker (plugin ABI 1.0)"),
        ])
    func refused(flag: String, words: String) throws {
        let harness = try PluginHarness()
        let path = try PluginFixture.build("broken", flag)
        let refusal = try harness.refusal(path)
        #expect(refusal.contains(words), "\(refusal)")
        #expect(refusal.hasPrefix("plugins.yaml:3:5: plugin 'test': \(path) "), "\(refusal)")
    }

    @Test("a description from newer headers is accepted, unknown ignorable flags too")
    func newerDescription() throws {
        for flag in ["-DBROKEN_LARGER", "-DBROKEN_IGNORABLE"] {
            let harness = try PluginHarness()
            #expect(try harness.refusal(try PluginFixture.build("broken", flag)) == "it started")
        }
    }

    @Test("the note is read before any code of the file runs")
    func note() throws {
        let harness = try PluginHarness()
        let refusal = try harness.refusal(try PluginFixture.build("note"))
        #expect(refusal.contains("needs plugin ABI 1.6, this broker has 1.0"), "\(refusal)")
    }

    @Test("a shared object without the entry function is no plugin")
    func noEntry() throws {
        let harness = try PluginHarness()
        let path = try PluginFixture.build("empty")
        let refusal = try harness.refusal(path)
        #expect(refusal.contains("entry hl_plugin_entry_v1 not found in \(path); end one source file with HL_PLUGIN"))
    }

    @Test("files that are no shared objects are told apart")
    func notAnObject() throws {
        let harness = try PluginHarness()
        let path = harness.folder + "/text.so"
        try "#!/bin/sh\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try harness.refusal(path).contains("is not a shared object (no ELF header)"))
        try Data().write(to: URL(filePath: path))
        #expect(try harness.refusal(path).contains("is not a shared object (no ELF header)"))
        #expect(try harness.refusal("/usr/bin/env").contains("hl_plugin_entry_v1") == false)
        #expect(try harness.refusal(harness.folder).contains("is not a regular file"))
        #expect(
            try harness.refusal(harness.folder + "/none.so").contains("no file \(harness.folder)/none.so (looked in"))
    }

    @Test("a damaged ELF file is refused, however it is cut or bent")
    func damaged() throws {
        let whole = try [UInt8](Data(contentsOf: URL(filePath: PluginFixture.build("verdict", "-DVERDICT=HL_ALLOW"))))
        let note = try ELFFile(whole).note
        #expect(note?.id == "test.verdict" && note?.version == "1.0.0" && note?.abiMajor == 1)
        for length in stride(from: 0, to: whole.count, by: 97) { _ = try? ELFFile(Array(whole[..<length])) }
        // Each field of eight bytes of the header and the program headers, pointing as far away as can be.
        for place in stride(from: 24, to: 1024, by: 8) {
            for far in [UInt64(Int.max), UInt64(Int.max) - 11, .max, UInt64(whole.count)] {
                var bent = whole
                for byte in 0..<8 { bent[place + byte] = UInt8(truncatingIfNeeded: far >> (8 * byte)) }
                _ = try? ELFFile(bent)
            }
        }
    }

    @Test("settings are checked before any code of the plugin runs, all faults in one go")
    func settings() throws {
        let harness = try PluginHarness()
        let path = try PluginFixture.build("life", "-DVERSION=\"1\"")
        let refusal = try harness.refusal(path, "{ filter: 'a/#/b', nummer: 3 }")
        #expect(refusal.contains("unknown key 'nummer'"), "\(refusal)")
        #expect(refusal.contains("a/#/b"), "\(refusal)")
        #expect(harness.messagesNow("test.step").isEmpty)
    }

    @Test("a plugin without HL_MULTI_INSTANCE can be configured once")
    func severalInstances() throws {
        let harness = try PluginHarness()
        let single = try PluginFixture.build("life", "-DVERSION=\"1\"")
        #expect(throws: ConfigurationErrors.self) {
            try harness.start([harness.entry(single, id: "one"), harness.entry(single, id: "two")])
        }
        let many = try PluginFixture.build("verdict", "-DVERDICT=HL_ALLOW")
        try harness.start([harness.entry(many, id: "one"), harness.entry(many, id: "two")])
        #expect(harness.host.statuses.map(\.id) == ["one", "two"])
    }

    @Test("a disabled entry is not even looked for")
    func disabled() throws {
        let harness = try PluginHarness()
        var entry = try harness.entry("/does/not/exist.so")
        entry.isEnabled = false
        try harness.start([entry])
        #expect(harness.host.statuses.isEmpty)
    }

    @Test("a plugin that is part of the executable needs no file")
    func builtin() throws {
        let image = try PluginImage.load(
            PluginFixture.build("broken"), staging: NSTemporaryDirectory(), name: "builtin-\(UUID().uuidString)")
        #expect(!image.hasNote && image.description.id == "test.broken")
    }

    @Test("the private copy is gone once it is mapped")
    func staging() throws {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("broken"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.folder).isEmpty)
    }

    @Test("the tool's words for hooks are those of the broker")
    func hookWords() {
        for hook in 1..<HL_HOOK_ID_LIMIT where HookTable.isKnown(hook) {
            #expect(PluginWords.hook(hook) == HookTable.name(of: hook))
        }
        #expect(PluginWords.hook(63) == "hook 63")
        #expect(PluginWords.flags(HL_FREE | HL_MULTI_INSTANCE | 1 << 31) == ["free", "multi_instance", "0x80000000"])
    }
}
