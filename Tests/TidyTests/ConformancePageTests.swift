import Foundation
import Testing

/// `docs/conformance.md`, `Tests/ConformanceTests/statements.tsv` and the names of the tests say the same.
@Suite("The page on conformance")
struct ConformancePageTests {
    /// Runs `scripts/conformance.py`; returns what it prints, and whether it is content.
    private func conformance(_ arguments: String...) throws -> (lines: [Substring], isContent: Bool) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", Repository.root.appending(path: "scripts/conformance.py").path()] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (String(decoding: text, as: UTF8.self).split(separator: "\n"), process.terminationStatus == 0)
    }

    @Test func agreesWithTheTests() throws {
        let (lines, isContent) = try conformance("--check")
        #expect(isContent, "\(lines.joined(separator: "\n"))")
    }

    @Test func hasEveryStatement() throws {
        let lines = try conformance("--check").lines
        #expect(lines.contains { $0.hasPrefix("MQTT 3.1.1  141 statements") }, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("MQTT 5.0    252 statements") }, "\(lines)")
    }

    private static let complete = [
        "5.0\tMQTT-1.1-1\t1.1\tserver\tOne\t", "3.1.1\tMQTT-1.1-1\t1.1\tclient\tOther\tOnly a Client can do it",
    ]

    @Test(
        "tells what disagrees",
        arguments: [
            (["[MQTT-1.1-1]"], complete, nil),
            ([], complete, "has neither a test nor a reason"),
            (["[v3 MQTT-1.1-1]", "[MQTT-1.1-1]"], complete, "and a reason to have none"),
            (["[MQTT-1.1-1]", "[MQTT-9.9-9]"], complete, "MQTT 5.0 has no statement MQTT-9.9-9"),
            (["[MQTT-1.1-1, -2]"], complete, "must be one number"),
            (["[MQTT-1.1-1]"], complete + [complete[0]], "stands here a second time"),
            (["[MQTT-1.1-1]"], ["5.0\tMQTT-1.1-1\t\tserver\tOne\t"], "needs a version, a section"),
        ])
    func tells(names: [String], rows: [String], expected: String?) throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "conformance-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for folder in ["Tests/ConformanceTests", "docs"] {
            try FileManager.default.createDirectory(
                at: root.appending(path: folder), withIntermediateDirectories: true)
        }
        let header = "version\tstatement\tsection\tbinds\tparaphrase\treason"
        try (([header] + rows).joined(separator: "\n") + "\n").write(
            to: root.appending(path: "Tests/ConformanceTests/statements.tsv"), atomically: true, encoding: .utf8)
        // The attribute in two parts: this file is read for names too.
        let tests = names.map { "@Te" + "st(\"Something holds \($0)\") func holds() {}" }
        try tests.joined(separator: "\n").write(
            to: root.appending(path: "Tests/ConformanceTests/SomeTests.swift"), atomically: true, encoding: .utf8)
        let written = try conformance("--root", root.path())
        #expect(written.isContent == (expected == nil), "\(written.lines)")
        if let expected { #expect(written.lines.contains { $0.contains(expected) }, "\(written.lines)") }
        guard expected == nil else { return }
        #expect(try conformance("--root", root.path(), "--check").isContent)
        // A page that is older than the tests is found.
        try Data().write(to: root.appending(path: "docs/conformance.md"))
        #expect(
            try conformance("--root", root.path(), "--check").lines.contains { $0.contains("run `make conformance`") })
    }
}
