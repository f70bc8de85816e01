import Testing

/// Each rule fails on a bad input and accepts the good one beside it: a gate that cannot close is no gate.
@Suite("A tidy rule")
struct RuleTests {
    private func file(_ path: String, _ text: String) -> SourceFile { SourceFile(path: path, text: text) }

    @Test(
        "refuses an import that the design forbids",
        arguments: [
            ("Sources/MQTTCodec/A.swift", "import Foundation"), ("Sources/MQTTCodec/A.swift", "import Timing"),
            ("Sources/BrokerCore/A.swift", "public import Reactor"), ("Sources/Reactor/A.swift", "import MQTTCodec"),
            ("Sources/Host/A.swift", "import struct Foundation.Data"), ("Sources/Host/A.swift", "import NIOCore"),
            ("Plugins/ACL/Domain/A.swift", "@_implementationOnly import BrokerCore"),
            ("Plugins/ACL/Domain/A.swift", "import AuthPlugin"), ("Sources/Timing/A.swift", "import Dispatch"),
        ])
    func imports(path: String, text: String) {
        #expect(ImportRules.imports(file(path, "// head\n\(text)\n")).map(\.line) == [2])
    }

    @Test(
        "accepts an import that the design allows",
        arguments: [
            ("Sources/MQTTCodec/A.swift", "import Glibc"), ("Sources/BrokerCore/A.swift", "public import MQTTCodec"),
            ("Sources/CLI/A.swift", "import FoundationEssentials"), ("Plugins/ACL/Domain/A.swift", "import PluginSDK"),
            ("Sources/MQTTCodec/A.swift", "// import Foundation"), ("Tests/XTests/A.swift", "import Foundation"),
        ])
    func allowedImports(path: String, text: String) {
        #expect(ImportRules.imports(file(path, text)).isEmpty)
    }

    @Test func refusesAModuleWithoutAnImportRule() {
        #expect(ImportRules.imports(file("Sources/Novel/A.swift", "")).count == 1)
    }

    @Test func refusesAFileOverTheLimit() {
        let limit = LengthRules.fileLimit
        #expect(LengthRules.fileLength(file("a.swift", String(repeating: "\n", count: limit))).isEmpty)
        #expect(LengthRules.fileLength(file("a.swift", String(repeating: "\n", count: limit + 1))).count == 1)
        #expect(LengthRules.fileLength(file("a.md", String(repeating: "\n", count: limit + 1))).isEmpty)
    }

    @Test func refusesALineOverTheLimit() {
        let line = String(repeating: "x", count: LengthRules.columnLimit)
        #expect(LengthRules.lineLength(file("a.c", "\n\(line)\n")).isEmpty)
        #expect(LengthRules.lineLength(file("a.c", "\n\(line)x\n")).map(\.line) == [2])
    }

    @Test(
        "refuses a function over the limit", arguments: ["a.swift", "a.c"], [0, 1])
    func functionLength(name: String, excess: Int) {
        let body = String(repeating: "    a();\n", count: LengthRules.functionLimit - 2 + excess)
        let head = name.hasSuffix("swift") ? "struct S {\n    func f() {\n" : "struct s {\n};\nint f(void) {\n"
        let text = head + body + "}\n" + (name.hasSuffix("swift") ? "}\n" : "")
        let expected = excess == 0 ? [] : [name.hasSuffix("swift") ? 2 : 3]
        #expect(LengthRules.functionLength(file(name, text)).map(\.line) == expected)
    }

    @Test func doesNotTakeAProtocolsRequirementForAFunction() {
        let body = String(repeating: "    let a = 1\n", count: LengthRules.functionLimit)
        let text = "protocol P {\n    func f()\n}\nstruct S {\n\(body)}\n"
        #expect(LengthRules.functionLength(file("a.swift", text)).isEmpty)
    }

    @Test func countsBracesOfCodeOnly() {
        let text = "func f() {\n    // }\n    let a = \"}\\\"}\"\n    /* } */\n}\n"
        let mask = CodeMask.lines(of: text)
        #expect(mask.joined().filter { $0 == "}" }.count == 1)
        #expect(mask.map(\.count) == text.split(separator: "\n", omittingEmptySubsequences: false).map(\.count))
    }

    @Test("refuses a leftover marker", arguments: TextRules.leftovers)
    func leftover(marker: String) {
        #expect(TextRules.leftoverMarkers(file("a.py", "x\n# \(marker): later\n")).map(\.line) == [2])
        #expect(TextRules.leftoverMarkers(file("a.py", "# \(marker)LIST\n")).isEmpty)
    }

    @Test("refuses a path of one machine", arguments: TextRules.machinePaths)
    func machinePath(path: String) {
        #expect(TextRules.absoluteMachinePaths(file("a.sh", "cd \(path)x\n")).count == 1)
        #expect(TextRules.absoluteMachinePaths(file("a.sh", "cd ${here}\(path)x https://a.org\(path)\n")).isEmpty)
    }

    @Test("refuses a name that says nothing", arguments: ["Sources/Utils/A.swift", "Sources/Host/Helpers.swift"])
    func bannedName(path: String) {
        #expect(TextRules.bannedFolderNames(file(path, "")).count == 1)
        #expect(TextRules.bannedFolderNames(file("Sources/Host/UtilityTariff.swift", "")).isEmpty)
    }

    @Test func refusesALockThatThreadSanitizerDoesNotKnow() {
        let text = "let a = Mu" + "tex(0)\nlet b: Mu" + "tex<Int>\n// Mu" + "tex<Int>\nlet c = Locked(0)\n"
        #expect(TextRules.uninstrumentedLock(file("Sources/A/A.swift", text)).map(\.line) == [1, 2])
    }

    @Test func refusesAHotPathFileWithoutBudget() {
        let mark = "// HOT PATH:"
        #expect(TextRules.hotPathHeader(file("Sources/A.swift", "\(mark)\n")).count == 1)
        #expect(TextRules.hotPathHeader(file("Sources/A.swift", "import Glibc\n\(mark) no allocation\n")).count == 1)
        #expect(TextRules.hotPathHeader(file("Sources/A.swift", "\(mark) no allocation per message\n")).isEmpty)
    }

    @Test func refusesATestFolderThatIsNoTarget() {
        let package = file("Package.swift", ".testTarget(name: \"ATests\")")
        let a = file("Tests/ATests/A.swift", "")
        let b = file("Tests/BTests/B.swift", "")
        #expect(PackageRules.testFoldersAreTargets([package, a]).isEmpty)
        #expect(PackageRules.testFoldersAreTargets([package, a, b]).map(\.path) == ["Tests/BTests"])
    }
}
