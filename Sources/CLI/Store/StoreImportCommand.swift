import ArgumentParser
import Glibc
import PluginABI
import StoreAccess

/// `hookline store import`
struct StoreImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make a store of what export wrote, from standard input.",
        discussion: "The broker must not run, and the store must be empty or not there yet. The whole of it is there "
            + "when the command ends with 0; otherwise remove the folder.")

    @Argument(help: "Folder of the new store: data_dir/store. It is made when it is missing.")
    var folder: String
    @Option(help: "The engine that keeps it: sqlite or rocksdb.") var engine = "sqlite"
    @Option(help: "File of the store plugin; without it the one beside this tool.") var plugin: String?

    /// Pairs and bytes of one batch.
    private static let batchPairs = 2000
    private static let batchBytes = 4 << 20

    func run() throws {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw end(ToolExit.failure, "cannot make \(folder): \(String(cString: strerror(errno)))")
        }
        var choice = StoreChoice()
        (choice.folder, choice.plugin, choice.configurationFile) = (folder, plugin, nil)
        let store = try choice.open(UnsafeStore.Options(folder: try choice.path()), engine: engine)
        do {
            let count = try fill(store)
            guard store.close() == HL_OK else { throw end(ToolExit.failure, "closing failed: \(store.reports)") }
            print("\(count) records")
        } catch let error as StoreError {
            throw end(ToolExit.failure, error.description)
        }
    }

    private func fill(_ store: UnsafeStore) throws -> Int {
        let view = try store.snapshot()
        var isEmpty = true
        try view.scan { _ in
            isEmpty = false
            return false
        }
        view.end()
        guard isEmpty else { throw end(ToolExit.failure, "the store in \(folder) is not empty") }
        var changes: [UnsafeStore.Change] = []
        var (count, bytes, number) = (0, 0, 0)
        while let line = readLine() {
            number += 1
            guard !line.isEmpty else { continue }
            let pair: UnsafeStoreView.Pair?
            do throws(StoreLineProblem) { pair = try StoreLine.pair(Array(line.utf8)) } catch {
                throw end(ToolExit.failure, "line \(number): \(error.words)")
            }
            guard let pair else { continue }
            changes.append(.put(pair.key, pair.value))
            count += 1
            bytes += pair.key.count + pair.value.count
            if changes.count >= Self.batchPairs || bytes >= Self.batchBytes {
                try commit(&changes, store)
                bytes = 0
            }
        }
        try commit(&changes, store)
        return count
    }

    private func commit(_ changes: inout [UnsafeStore.Change], _ store: UnsafeStore) throws {
        let status = try store.commit(changes)
        guard status == HL_OK else {
            throw end(ToolExit.failure, "the store does not take it: \(store.reports.joined(separator: "; "))")
        }
        changes = []
    }
}
