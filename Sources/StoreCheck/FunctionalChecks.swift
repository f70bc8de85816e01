import Glibc
import PluginABI
import StoreAccess

/// A rule of store/1 that a store breaks.
struct BrokenRule: Error {
    let words: String
}

func expect(_ holds: Bool, _ words: @autoclosure () -> String) throws {
    if !holds { throw BrokenRule(words: words()) }
}

/// What store/1 says, rule by rule. Each check has a folder of its own and a plugin that was loaded for it alone.
struct FunctionalChecks {
    let plugin: UnsafePluginFile
    let folder: String

    typealias Check = (name: String, run: @Sendable (FunctionalChecks) throws -> Void)

    static let all: [Check] = [
        ("a new store is empty", { try $0.newStore() }),
        ("what is put is found, whatever its bytes", { try $0.roundTrip() }),
        ("keys stand in the order of memcmp", { try $0.keyOrder() }),
        ("the changes of a batch happen in their order", { try $0.batchOrder() }),
        ("a range is deleted from its first key to before its end", { try $0.deleteRange() }),
        ("a key put as new and deleted again leaves nothing", { try $0.newKeys() }),
        ("any sequence of batches leaves what they say", { try $0.randomBatches() }),
        ("an answer comes for each batch, in the order of submission", { try $0.answerOrder() }),
        ("an empty batch is answered", { try $0.emptyBatch() }),
        ("what breaks a bound is refused and not answered", { try $0.bounds() }),
        ("a snapshot stays as it was", { try $0.snapshotIsolation() }),
        ("a walk has bounds, both directions, keys alone, and any step", { try $0.walks() }),
        ("large values are read whole", { try $0.largeValues() }),
        ("64 snapshots are open at most", { try $0.snapshotLimit() }),
        ("flush waits for what was submitted before", { try $0.flushWaits() }),
        ("close answers everything, and open finds it again", { try $0.closeAnswers() }),
        ("the numbers count", { try $0.numbers() }),
        ("one writer at a time", { try $0.oneWriter() }),
        ("a reader beside the writer sees what was answered, and changes nothing", { try $0.readBeside() }),
        ("a store that is whole is verified", { try $0.verify() }),
        ("a full disk fails the batches under way, and only those", { try $0.fullDisk() }),
        ("a disk that does not flush fails the batch", { try $0.brokenDisk() }),
    ]

    func open(_ change: (inout UnsafeStore.Options) -> Void = { _ in }) throws -> UnsafeStore {
        var options = UnsafeStore.Options(folder: folder)
        change(&options)
        return try UnsafeStore(plugin, options)
    }

    /// Opens, runs, closes.
    func withStore(_ body: (UnsafeStore) throws -> Void) throws {
        let store = try open()
        do { try body(store) } catch {
            _ = store.close()
            throw error
        }
        try expect(store.close() == HL_OK, "close failed")
    }

    func put(_ store: UnsafeStore, _ changes: [UnsafeStore.Change]) throws {
        let status = try store.commit(changes)
        try expect(status == HL_OK, "a batch was answered \(StoreError.name(of: status))")
    }

    func contents(_ store: UnsafeStore, from: [UInt8] = [], to: [UInt8] = [], flags: UInt32 = 0) throws
        -> [UnsafeStoreView.Pair]
    {
        let view = try store.snapshot()
        defer { view.end() }
        return try view.pairs(from: from, to: to, flags: flags)
    }

    func expectContents(_ store: UnsafeStore, _ model: StoreModel) throws {
        let (found, wanted) = (try contents(store), model.sorted)
        try expect(found.count == wanted.count, "\(found.count) pairs are there, not \(wanted.count)")
        for (left, right) in zip(found, wanted) {
            try expect(left.key == right.key, "key \(left.key.prefix(16)) stands where \(right.key.prefix(16)) should")
            try expect(left.value == right.value, "the value of key \(left.key.prefix(16)) is another one")
        }
    }

    // MARK: - content

    func newStore() throws {
        try withStore { store in
            try expect(try contents(store).isEmpty, "it holds something")
            let view = try store.snapshot()
            defer { view.end() }
            try expect(try view.get([1]) == nil, "get finds a key")
        }
    }

    func roundTrip() throws {
        let pairs: [([UInt8], [UInt8])] = [
            ([0], []), ([0, 0], [0]), (Array("name".utf8), Array("value".utf8)), ([255], [255, 0, 255]),
            ([UInt8](repeating: 7, count: 1024), [UInt8](repeating: 1, count: 100_000)),
        ]
        try withStore { store in
            try put(store, pairs.map { .put($0.0, $0.1) })
            let view = try store.snapshot()
            defer { view.end() }
            for (key, value) in pairs { try expect(try view.get(key) == value, "get of \(key.prefix(8)) differs") }
        }
        try withStore { store in
            var model = StoreModel()
            model.apply(pairs.map { .put($0.0, $0.1) })
            try expectContents(store, model)
        }
    }

    func keyOrder() throws {
        let keys: [[UInt8]] = [[0], [0, 0], [0, 1], [1], [1, 255], [127], [128], [128, 0], [255], [255, 255]]
        try withStore { store in
            try put(store, keys.reversed().map { .put($0, [1]) })
            try expect(try contents(store).map(\.key) == keys, "the order is another one")
        }
    }

    func batchOrder() throws {
        try withStore { store in
            try put(store, [.put([1], [1]), .delete([1]), .put([1], [2])])
            try put(store, [.put([2], [1]), .put([2], [2]), .delete([2])])
            let found = try contents(store)
            try expect(found == [UnsafeStoreView.Pair(key: [1], value: [2])], "it holds \(found.count) pairs or others")
        }
    }

    func deleteRange() throws {
        try withStore { store in
            var model = StoreModel()
            let steps: [[UnsafeStore.Change]] = [
                (0..<10).map { .put([$0], [$0]) } + [.put([3, 0], []), .put([5, 255], [])],
                [.deleteRange([3], [5])], [.deleteRange([9], [9])], [.deleteRange([7], [6])],
                [.put([6], [0]), .deleteRange([6], [7]), .put([6, 1], [1])],
                [.deleteRange([8], [])],
            ]
            for changes in steps {
                try put(store, changes)
                model.apply(changes)
                try expectContents(store, model)
            }
            try put(store, [.deleteRange([], [])])
            try expect(try contents(store).isEmpty, "a range without ends leaves something")
        }
    }

    func newKeys() throws {
        try withStore { store in
            try put(store, [.new([1], [1]), .delete([1])])
            try put(store, [.new([2], [1]), .put([2], [2]), .delete([2])])
            try put(store, [.put([3], [1])])
            try put(store, [.delete([3]), .new([3], [2]), .delete([3])])
            try put(store, [.new([4], [1]), .delete([4]), .new([4], [2])])
            let found = try contents(store)
            try expect(found == [UnsafeStoreView.Pair(key: [4], value: [2])], "it holds \(found.map(\.key))")
        }
    }

    func randomBatches() throws {
        try withStore { store in
            for seed: UInt64 in 1...4 {
                try put(store, [.deleteRange([], [])])
                var workload = Workload(seed: seed)
                var model = StoreModel()
                for step in 0..<60 {
                    let batch = workload.next()
                    try put(store, batch.changes)
                    model.apply(batch.changes)
                    if step % 10 == 9 { try expectContents(store, model) }
                }
            }
        }
    }

    func emptyBatch() throws { try withStore { try put($0, []) } }

    func verify() throws {
        try withStore { store in
            try put(store, (0..<200).map { .put([UInt8($0)], [UInt8](repeating: 1, count: 900)) })
            try expect(store.verify() == HL_OK, "verify finds damage: \(store.reports)")
            try expect(store.reports.isEmpty, "it reports: \(store.reports)")
        }
    }

    func bounds() throws {
        try withStore { store in
            let refused: [(String, [UnsafeStore.Change])] = [
                ("an empty key", [.put([], [1])]), ("an empty key to delete", [.delete([])]),
                ("a key of 1,025 bytes", [.put([UInt8](repeating: 1, count: 1025), [])]),
            ]
            for (words, changes) in refused {
                do throws(StoreError) {
                    try store.submit([.put([9], [9])] + changes) { _ in }
                    throw StoreError(HL_OK, words)
                } catch {
                    try expect(error.status == HL_INVALID, "\(words) is taken")
                }
            }
            do throws(StoreError) {
                try store.submit([.put([9], [9])], lane: HL_STORE_LANES) { _ in }
                throw StoreError(HL_OK, "a lane too high")
            } catch {
                try expect(error.status == HL_INVALID, "lane \(HL_STORE_LANES) is taken")
            }
            try put(store, [])
            try expect(try contents(store).isEmpty, "something of a refused batch is there")
        }
    }
}
