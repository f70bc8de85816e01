import Configuration
import Glibc
import Testing

@testable import Host

@Suite("docs/logging.md and the vocabulary of the log")
struct VocabularyTests {
    private static let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")

    private func text(_ path: String) throws -> String {
        String(decoding: try #require(SmallFile.read(Self.root + path, limit: 1 << 20)), as: UTF8.self)
    }

    /// The cells of the rows of the table of events, without their quotes.
    private func documented() throws -> [[String]] {
        try text("/docs/logging.md").split(separator: "\n").filter { $0.hasPrefix("| `") }
            .map { row in
                row.split(separator: "|").map { cell in
                    String(cell.filter { $0 != "`" }.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
                }
            }
    }

    @Test("The page documents exactly the events the broker has, each with its levels and keys")
    func events() throws {
        let rows = try documented().map { $0.prefix(3).joined(separator: " | ") }
        let table = LogEvent.allCases.map { event in
            let row = event.row
            let levels =
                row.levels.count == 5 ? "as given" : row.levels.map { $0.word }.joined(separator: ", ")
            let keys = row.keys.isEmpty ? "none" : row.keys.joined(separator: " ")
            return "\(event.rawValue) | \(levels)\(row.isLimited ? " *" : "") | \(keys)"
        }
        #expect(rows.sorted() == table.sorted())
    }

    @Test("A line is held against its row: level, keys and their order")
    func rows() {
        let sessionID = LogField("client", "c")
        #expect(LogEvent.sessionEnded.allows(.info, [sessionID, LogField("expired", true)]))
        #expect(LogEvent.sessionEnded.allows(.info, [sessionID]))
        #expect(!LogEvent.sessionEnded.allows(.warn, [sessionID]))
        #expect(!LogEvent.sessionEnded.allows(.info, [LogField("expired", true), sessionID]))
        #expect(!LogEvent.sessionEnded.allows(.info, [sessionID, sessionID]))
        #expect(!LogEvent.sessionEnded.allows(.info, [LogField("password", "x")]))
    }

    @Test("Every first word of an event is a part of the log that can have a level")
    func parts() {
        let words = Set(LogEvent.allCases.map { String($0.rawValue.prefix { $0 != "." }) })
        #expect(words.sorted() == LogLevels.ownParts)
    }

    @Test("Parts have their levels: the most exact one holds")
    func levels() {
        let levels = LogLevels(
            general: .warn, parts: ["client": .debug, "plugin": .error, "plugin.auth": .trace])
        #expect(levels.level(of: "client.connected") == .debug && levels.level(of: "broker.ready") == .warn)
        #expect(levels.level(of: "acl.reloaded", plugin: "acl") == .error)
        #expect(levels.level(of: "client.connected", plugin: "auth") == .trace)
        #expect(levels.loudest == .trace && levels.partsText == "{client: debug, plugin: error, plugin.auth: trace}")
        for name in ["client", "plugin", "plugin.my-auth2"] { #expect(LogLevels.isPart(name)) }
        for name in ["", "clients", "plugin.", "plugin.A", "plugin.a.b", "client.connected"] {
            #expect(!LogLevels.isPart(name))
        }
    }

    @Test("What the loader says of plugins is in the vocabulary too")
    func loaderEvents() throws {
        var named: Set<String> = []
        for file in try swiftFiles("/Sources/Host/Plugins") {
            for part in try text(file).split(separator: "\"") where part.hasPrefix("plugin.") {
                let name = String(part)
                if name.dropFirst(7).allSatisfy({ $0.isLowercase || $0 == "_" }), name.count > 7 { named.insert(name) }
            }
        }
        #expect(named.count > 20)
        let known = Set(LogEvent.allCases.map(\.rawValue))
        #expect(named.subtracting(known).sorted() == [])
    }

    private func swiftFiles(_ folder: String) throws -> [String] {
        guard let directory = opendir(Self.root + folder) else { return [] }
        defer { closedir(directory) }
        var files: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".swift") {
                files.append(folder + "/" + name)
            } else if !name.hasPrefix(".") {
                files += try swiftFiles(folder + "/" + name)
            }
        }
        return files
    }
}
