import Testing

/// The rules of CONTRIBUTING.md, checked on the checkout this test was compiled from.
@Suite("The repository")
struct RepositoryTests {
    private static let perFile: [(name: String, rule: @Sendable (SourceFile) -> [Violation])] = [
        ("imports", { ImportRules.imports($0) }),
        ("file length", { LengthRules.fileLength($0) }),
        ("function length", { LengthRules.functionLength($0) }),
        ("line length", { LengthRules.lineLength($0) }),
        ("leftover markers", { TextRules.leftoverMarkers($0) }),
        ("machine paths", { TextRules.absoluteMachinePaths($0) }),
        ("folder names", { TextRules.bannedFolderNames($0) }),
        ("the one lock", { TextRules.uninstrumentedLock($0) }),
        ("hot path header", { TextRules.hotPathHeader($0) }),
    ]

    @Test("keeps the rule", arguments: perFile.map(\.name))
    func keeps(rule name: String) throws {
        let rule = try #require(Self.perFile.first { $0.name == name }).rule
        let broken = try Repository.files().flatMap(rule)
        #expect(broken.isEmpty, "\(broken.map(\.description).joined(separator: "\n"))")
    }

    @Test func compilesEveryTestFolder() throws {
        let broken = PackageRules.testFoldersAreTargets(try Repository.files())
        #expect(broken.isEmpty, "\(broken)")
    }

    /// Otherwise every rule above would hold on an empty list.
    @Test func isSeenByTheRules() throws {
        let paths = Set(try Repository.files().map(\.path))
        #expect(
            paths.isSuperset(of: ["Package.swift", "Makefile", ".ci/run", "Tests/TidyTests/RepositoryTests.swift"]))
        #expect(!paths.contains { $0.hasPrefix(".build") })
    }
}
