/// What is on disk is in Package.swift: a test folder nobody compiles is a test nobody runs.
enum PackageRules {
    /// Folders directly under Tests that hold Swift files must be test targets.
    static func testFoldersAreTargets(_ files: [SourceFile]) -> [Violation] {
        guard let package = files.first(where: { $0.path == "Package.swift" }) else {
            return [Violation(path: "Package.swift", line: 1, message: "missing")]
        }
        let folders = Set(files.filter(\.isSwift).compactMap(testFolder))
        return folders.sorted().compactMap { folder in
            package.text.contains("\"\(folder)\"")
                ? nil : Violation(path: "Tests/\(folder)", line: 1, message: "no target of this name in Package.swift")
        }
    }

    private static func testFolder(_ file: SourceFile) -> String? {
        let parts = file.path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Tests" ? String(parts[1]) : nil
    }
}
