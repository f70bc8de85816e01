import Foundation
import PluginABI
import Testing

@Suite struct HeaderTests {
    static let warnings = "-Wall -Wextra -Wpedantic -Werror -fsyntax-only"

    @Test(
        "the umbrella header compiles without a warning in every supported language",
        arguments: Shell.installed(["gcc", "clang"]).flatMap { compiler in
            ["c89", "c99", "c11", "c17", "c2x"].map { "\(compiler) -x c -std=\($0)" }
        }
            + Shell.installed(["g++", "clang++"]).flatMap { compiler in
                ["c++98", "c++11", "c++17", "c++20", "c++2b"].map { "\(compiler) -x c++ -std=\($0)" }
            })
    func compiles(compiler: String) throws {
        let source = "printf '#include <hookline/plugin.h>\\n'"
        let result = try Shell.run("\(source) | \(compiler) \(Self.warnings) -I'\(Shell.headers)' -")
        #expect(result.status == 0, "\(result.output)")
    }

    @Test("every header stands alone")
    func standsAlone() throws {
        let headers = try FileManager.default.contentsOfDirectory(atPath: Shell.headers + "/hookline").sorted()
        #expect(headers.count >= 10)
        for header in headers {
            let source = "printf '#include <hookline/\(header)>\\n'"
            let result = try Shell.run("\(source) | gcc -x c -std=c11 \(Self.warnings) -I'\(Shell.headers)' -")
            #expect(result.status == 0, "\(header): \(result.output)")
        }
    }

    @Test("a target newer than the headers is an error that says what to do")
    func newerTarget() throws {
        let result = try Shell.run(
            "printf '#include <hookline/plugin.h>\\n' | gcc -x c -DHL_TARGET=10001 -fsyntax-only -I'\(Shell.headers)' -"
        )
        #expect(result.status != 0)
        #expect(result.output.contains("lower it"))
    }

    @Test(
        "the hello plugin compiles as the guide prints it and exports one function",
        arguments: Shell.installed(["gcc", "clang"]))
    func helloPlugin(compiler: String) throws {
        let folder = try Shell.TemporaryFolder()
        let build = try Shell.run(
            "PKG_CONFIG_PATH=Sources/PluginABI/pkgconfig; export PKG_CONFIG_PATH; "
                + "\(compiler) -std=c11 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -O2 "
                + "-o '\(folder.path)/hello.so' "
                + "Examples/plugins/hello-c/hello.c $(pkg-config --cflags hookline)")
        #expect(build.status == 0, "\(build.output)")
        let symbols = try Shell.run("nm -D --defined-only '\(folder.path)/hello.so' | awk '$2 == \"T\" { print $3 }'")
        #expect(symbols.output == "hl_plugin_entry_v1\n")
        let undefined = try Shell.run("nm -D --undefined-only '\(folder.path)/hello.so'")
        #expect(!undefined.output.contains(" hl_"), "a plugin needs no symbol of the broker")
    }

    @Test("HL_PLUGIN works in C++11 and with a name of its own for static use")
    func otherWaysToDeclare() throws {
        let folder = try Shell.TemporaryFolder()
        let source = """
            #include <hookline/plugin.h>
            static hl_status start(hl_self *self, const hl_config *config, void **state) {
                (void)self; (void)config; (void)state; return HL_OK;
            }
            HL_PLUGIN("org.example.tiny", "1.0.0", HL_FREE, 0, start)
            """
        try source.write(toFile: folder.path + "/tiny.cpp", atomically: true, encoding: .utf8)
        let build = try Shell.run(
            "g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -o '\(folder.path)/tiny.so' "
                + "'\(folder.path)/tiny.cpp' -DHL_STATIC_PLUGIN=tiny -I'\(Shell.headers)' "
                + "&& nm -D '\(folder.path)/tiny.so'"
        )
        #expect(build.status == 0, "\(build.output)")
        #expect(build.output.contains(" T hl_plugin_entry_v1_tiny"))
    }
}

@Suite struct RegistryTests {
    struct Group { let name: String, values: [String: Int] }

    /// registry.json without its first group, which is the version.
    static func registry() throws -> [Group] {
        let data = try Data(contentsOf: URL(filePath: Shell.root + "/Sources/PluginABI/registry.json"))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: [String: Int]])
        return object.filter { $0.key != "abi" }.map { Group(name: $0.key, values: $0.value) }
    }

    @Test("no number of a group is used twice")
    func noReuse() throws {
        for group in try Self.registry() {
            #expect(Set(group.values.values).count == group.values.count, "\(group.name)")
            #expect(!group.values.isEmpty, "\(group.name)")
        }
    }

    @Test("headers and registry.json say the same")
    func headersAgree() throws {
        var defined: [String: Int] = [:]
        for header in ["types.h", "entry.h", "config.h", "message.h", "call.h", "hooks.h", "host.h"] {
            let text = try String(contentsOfFile: Shell.headers + "/hookline/" + header, encoding: .utf8)
            for line in text.split(separator: "\n") where line.hasPrefix("#define HL_") {
                let words = line.split(separator: " ")
                guard words.count >= 3 else { continue }
                let digits = words[2].hasSuffix("u") ? words[2].dropLast() : words[2]
                defined[String(words[1])] =
                    digits.hasPrefix("0x") ? Int(digits.dropFirst(2), radix: 16) : Int(digits)
            }
        }
        for group in try Self.registry() {
            for (name, value) in group.values { #expect(defined[name] == value, "\(name)") }
        }
        let hooks = defined.keys.filter { $0.hasPrefix("HL_HOOK_") && $0 != "HL_HOOK_ID_LIMIT" }
        let listed = try Self.registry().first { $0.name == "hooks" }?.values.keys.sorted()
        #expect(hooks.sorted() == listed, "a new hook gets its number in registry.json")
    }
}

@Suite struct LayoutTests {
    @Test("Swift sees the sizes that abi_layout.c freezes")
    func sizes() throws {
        let text = try String(contentsOfFile: Shell.root + "/Sources/PluginABI/abi_layout.c", encoding: .utf8)
        var frozen: [String: Int] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("SIZE(") {
            let parts = line.dropFirst(5).split { "(), ;".contains($0) }
            frozen[String(parts[0])] = Int(parts[1])
        }
        let seen: [String: Int] = [
            "hl_view": MemoryLayout<hl_view>.size, "hl_host_probe": MemoryLayout<hl_host_probe>.size,
            "hl_life": MemoryLayout<hl_life>.size, "hl_plugin_desc": MemoryLayout<hl_plugin_desc>.size,
            "hl_note": MemoryLayout<hl_note>.size, "hl_config_key": MemoryLayout<hl_config_key>.size,
            "hl_config_v1": MemoryLayout<hl_config_v1>.size, "hl_config": MemoryLayout<hl_config>.size,
            "hl_client": MemoryLayout<hl_client>.size, "hl_msg": MemoryLayout<hl_msg>.size,
            "hl_connect": MemoryLayout<hl_connect>.size, "hl_exchange": MemoryLayout<hl_exchange>.size,
            "hl_accept": MemoryLayout<hl_accept>.size, "hl_psk": MemoryLayout<hl_psk>.size,
            "hl_peer": MemoryLayout<hl_peer>.size, "hl_session": MemoryLayout<hl_session>.size,
            "hl_retained": MemoryLayout<hl_retained>.size, "hl_subscribe": MemoryLayout<hl_subscribe>.size,
            "hl_receiver": MemoryLayout<hl_receiver>.size, "hl_delivery": MemoryLayout<hl_delivery>.size,
            "hl_event": MemoryLayout<hl_event>.size, "hl_property": MemoryLayout<hl_property>.size,
            "hl_answer": MemoryLayout<hl_answer>.size, "hl_call_v1": MemoryLayout<hl_call_v1>.size,
            "hl_call": MemoryLayout<hl_call>.size, "hl_interest": MemoryLayout<hl_interest>.size,
            "hl_core_v1": MemoryLayout<hl_core_v1>.size, "hl_field": MemoryLayout<hl_field>.size,
            "hl_log_v1": MemoryLayout<hl_log_v1>.size, "hl_publication": MemoryLayout<hl_publication>.size,
            "hl_publish_v1": MemoryLayout<hl_publish_v1>.size, "hl_executor_v1": MemoryLayout<hl_executor_v1>.size,
            "hl_timer_v1": MemoryLayout<hl_timer_v1>.size, "hl_clock_v1": MemoryLayout<hl_clock_v1>.size,
            "hl_random_v1": MemoryLayout<hl_random_v1>.size, "hl_watch_v1": MemoryLayout<hl_watch_v1>.size,
            "hl_client_v1": MemoryLayout<hl_client_v1>.size, "hl_topic_v1": MemoryLayout<hl_topic_v1>.size,
            "hl_self": MemoryLayout<hl_self>.size,
        ]
        #expect(frozen == seen)
    }
}
