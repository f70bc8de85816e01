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
        let headers = try FileManager.default.subpathsOfDirectory(atPath: Shell.headers + "/hookline").sorted()
            .filter { $0.hasSuffix(".h") }
        #expect(headers.count >= 25)
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

    private static let file = Shell.root + "/Sources/PluginABI/registry.json"

    /// registry.json without the version and the tables, which scripts/abi-layout.py keeps.
    static func registry() throws -> [Group] {
        let data = try Data(contentsOf: URL(filePath: file))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return try object.filter { $0.key != "abi" && $0.key != "tables" }.map { name, values in
            Group(name: name, values: try #require(values as? [String: Int]))
        }
    }

    @Test("no group stands in the file twice: a reader sees only one of them")
    func groupsAreUnique() throws {
        let lines = try String(contentsOfFile: Self.file, encoding: .utf8).split(separator: "\n")
        let groups = lines.filter { $0.hasPrefix("  \"") }.map { String($0) }
        #expect(Set(groups).count == groups.count)
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
        let headers = try FileManager.default.subpathsOfDirectory(atPath: Shell.headers + "/hookline")
        for header in headers where header.hasSuffix(".h") {
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
