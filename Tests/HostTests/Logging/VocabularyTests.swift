import Testing

@testable import Host

@Suite("docs/logging.md")
struct VocabularyTests {
    @Test("documents exactly the events the broker has")
    func events() throws {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let bytes = try #require(SmallFile.read("/" + root + "/docs/logging.md", limit: 1 << 20))
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let documented = lines.filter { $0.hasPrefix("| `") }.map { String($0.dropFirst(3).prefix { $0 != "`" }) }
        #expect(documented.sorted() == LogEvent.allCases.map(\.rawValue).sorted())
    }
}
