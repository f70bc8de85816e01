import ArgumentParser
import Configuration
import Glibc
import PluginABI
import StoreAccess
import StoreFormat

/// `hookline store`
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Look into what a broker keeps; also while it runs.",
        discussion: "inspect, verify and export read a state of one moment and change nothing; the broker goes on.",
        subcommands: [Inspect.self, Verify.self, Export.self, StoreImportCommand.self])

    /// `hookline store inspect`
    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inspect", abstract: "Count what is kept, or show records.")

        @OptionGroup var choice: StoreChoice
        @Option(help: "Show the records of this client.") var client: String?
        @Option(
            help: "Show the records of a table: format, message, group, client, groupQueue, retained or handover.")
        var table: String?
        @Option(help: "Show what stands at and behind this key, in hexadecimal.") var key: String?
        @Option(help: "Show so many records at most.") var limit = 1000

        func run() throws {
            let store = try choice.openForReading()
            defer { _ = store.close() }
            guard let range = try range() else { return try summary(store) }
            var left = limit
            try StoreReading.walk(store, from: range.from, to: range.to) { pair in
                var members: [StoreLine.Member] = [("key", .string(StoreLine.hexadecimal(pair.key)))]
                members += StoreLine.about(pair)
                print(JSONText.object(members).rendered)
                left -= 1
                return left > 0
            }
        }

        private func range() throws -> (from: [UInt8], to: [UInt8])? {
            if let client { return StoreClient(Array(client.utf8)).range }
            if let table {
                guard let found = StoreTable.allCases.first(where: { "\($0)" == table }) else {
                    throw ValidationError(
                        "--table is one of \(StoreTable.allCases.map { "\($0)" }.joined(separator: ", "))")
                }
                return found.range
            }
            guard let key else { return nil }
            guard let bytes = StoreLine.bytes(key) else { throw ValidationError("--key is hexadecimal") }
            return (bytes, [])
        }

        private func summary(_ store: UnsafeStore) throws {
            var counts: [(word: String, count: Int, bytes: Int)] = []
            try StoreReading.walk(store) { pair in
                let record = try? StoreRecord(key: pair.key, value: pair.value)
                let word = record.map(StoreLine.word) ?? "unreadable"
                let place = counts.firstIndex { $0.word == word } ?? counts.endIndex
                if place == counts.endIndex { counts.append((word, 0, 0)) }
                counts[place].count += 1
                counts[place].bytes += pair.key.count + pair.value.count
                return true
            }
            for (word, count, bytes) in counts {
                print("\(word): \(count) record\(count == 1 ? "" : "s"), \(bytes) bytes")
            }
            for line in store.reports { Terminal.error(line) }
            let numbers = store.statistics()
            print("on disk: \(numbers.file_bytes) bytes, \(numbers.log_bytes) of them in the write-ahead log")
        }
    }

    /// `hookline store verify`
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify", abstract: "Read everything and say what is damaged; exit code 1 if anything is.")

        @OptionGroup var choice: StoreChoice

        func run() throws {
            let store = try choice.openForReading()
            defer { _ = store.close() }
            var verification = StoreVerification()
            let engine = store.verify()
            try StoreReading.walk(store) { pair in
                verification.look(at: pair)
                return true
            }
            verification.finish()
            for line in store.reports + verification.problems { Terminal.error(line) }
            guard engine == HL_OK, store.reports.isEmpty, verification.problems.isEmpty else {
                throw end(ToolExit.failure, "the store is damaged; what can be read is read (see docs/durability.md)")
            }
            print("\(verification.count) records, no damage")
        }
    }

    /// `hookline store export`
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write everything to standard output, a line of JSON for each record.")

        @OptionGroup var choice: StoreChoice

        func run() throws {
            let store = try choice.openForReading()
            defer { _ = store.close() }
            print(JSONText.object(StoreLine.header).rendered)
            try StoreReading.walk(store) { pair in
                print(StoreLine.text(pair))
                return true
            }
            guard store.reports.isEmpty else {
                for line in store.reports { Terminal.error(line) }
                throw end(ToolExit.failure, "some of the store could not be read and is not in the export")
            }
        }
    }
}

/// Reads a store that may be damaged.
enum StoreReading {
    /// Gives every pair of a range, of one moment, to `body` until it says false; goes on behind damage, which the
    /// store reports.
    static func walk(
        _ store: UnsafeStore, from: [UInt8] = [], to: [UInt8] = [],
        _ body: (UnsafeStoreView.Pair) throws -> Bool
    ) throws {
        do {
            let view = try store.snapshot()
            defer { view.end() }
            try view.scan(from: from, to: to, damaged: {}, body)
        } catch let error as StoreError {
            throw end(ToolExit.failure, error.description)
        }
    }
}

/// Holds records against each other.
struct StoreVerification {
    private(set) var count = 0
    private(set) var problems: [String] = []
    private var messages: Set<UInt64> = []
    private var missing: [UInt64: String] = [:]
    private var hasFormat = false

    mutating func look(at pair: UnsafeStoreView.Pair) {
        count += 1
        let record: StoreRecord
        do throws(StoreFormatError) {
            record = try StoreRecord(key: pair.key, value: pair.value)
        } catch {
            problems.append("key \(StoreLine.hexadecimal(pair.key)) \(error)")
            return
        }
        switch record {
        case .message(let id, _): messages.insert(id)
        case .format(let version):
            hasFormat = true
            if version > StoreFormat.version {
                problems.append("the store is in format \(version), this version reads \(StoreFormat.version)")
            }
        default: break
        }
        // The table of messages stands before those that name them.
        guard let message = record.messageReference, !messages.contains(message) else { return }
        missing[message] = StoreLine.word(of: record)
    }

    mutating func finish() {
        for (message, word) in missing.sorted(by: { $0.key < $1.key }) {
            problems.append("message \(message) is not there for a record '\(word)'")
        }
        if count > 0 && !hasFormat { problems.append("the record with the format is not there") }
    }
}
