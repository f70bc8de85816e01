import Glibc
import PluginABI
import StoreAccess

/// Snapshots, walks, numbers, and other processes.
extension FunctionalChecks {
    func snapshotIsolation() throws {
        try withStore { store in
            try put(store, [.put([1], [1]), .put([2], [1])])
            let view = try store.snapshot()
            defer { view.end() }
            try put(store, [.put([1], [2]), .delete([2]), .put([3], [1])])
            try expect(try view.pairs().map(\.value) == [[1], [1]], "it sees what was changed later")
            try expect(try view.get([1]) == [1] && view.get([3]) == nil, "get sees what was changed later")
            try expect(try contents(store).map(\.value) == [[2], [1]], "a new one does not see what was answered")
        }
    }

    func walks() throws {
        try withStore { store in
            let keys = (0..<100).map { [UInt8(3), UInt8($0)] }
            try put(store, keys.map { .put($0, [UInt8](repeating: $0[1], count: 40)) })
            try put(store, [.put([1], []), .put([5], [])])
            let view = try store.snapshot()
            defer { view.end() }
            for batch in [1, 7, 1000] {
                var found: [[UInt8]] = []
                try view.scan(from: [3], to: [4], batch: batch) {
                    found.append($0.key)
                    return true
                }
                try expect(found == keys, "steps of \(batch) find \(found.count) of \(keys.count) keys")
            }
            let back = try view.pairs(from: [3, 10], to: [3, 20], flags: HL_STORE_REVERSE)
            try expect(back.map(\.key) == keys[10..<20].reversed(), "backwards it is not the same")
            let alone = try view.pairs(from: [3, 98], flags: HL_STORE_KEYS_ONLY)
            try expect(alone.map(\.key) == [[3, 98], [3, 99], [5]], "a walk to the end ends elsewhere")
            try expect(alone.allSatisfy { $0.value.isEmpty }, "keys alone come with values")
            try expect(try view.pairs(from: [4], to: [5]).isEmpty, "an empty range holds something")
            try expect(try view.pairs(from: [5], to: [3]).isEmpty, "a range from back to front holds something")
            try interleave(view)
        }
    }

    /// Two walks and a get of one snapshot, in turns.
    private func interleave(_ view: UnsafeStoreView) throws {
        var count = 0
        try view.scan(from: [3], to: [4], batch: 10) { pair in
            if count % 25 == 0 {
                try expect(try view.pairs(from: [3], to: [4]).count == 100, "a walk within a walk is disturbed")
                try expect(try view.get(pair.key)?.count == 40, "get within a walk is disturbed")
            }
            count += 1
            return true
        }
        try expect(count == 100, "a walk with another one in it ends early")
    }

    func largeValues() throws {
        try withStore { store in
            let sizes = [1 << 20, 3, 5 << 20, 0, 300_000]
            try put(store, sizes.enumerated().map { .put([UInt8($0)], [UInt8](repeating: UInt8($0), count: $1)) })
            let found = try contents(store)
            try expect(found.map(\.value.count) == sizes, "sizes are \(found.map(\.value.count))")
            for (index, pair) in found.enumerated() {
                try expect(pair.value.allSatisfy { $0 == UInt8(index) }, "value \(index) has other bytes")
            }
        }
    }

    func snapshotLimit() throws {
        try withStore { store in
            var views: [UnsafeStoreView] = []
            defer { for view in views { view.end() } }
            for _ in 0..<64 { views.append(try store.snapshot()) }
            do throws(StoreError) {
                views.append(try store.snapshot())
                throw StoreError(HL_OK, "")
            } catch {
                try expect(error.status == HL_LIMIT, "the 65th is answered \(StoreError.name(of: error.status))")
            }
            views.removeLast().end()
            views.append(try store.snapshot())
        }
    }

    func numbers() throws {
        try withStore { store in
            for index: UInt8 in 0..<5 { try put(store, [.put([index], [1, 2, 3])]) }
            let numbers = store.statistics()
            try expect(numbers.batches == 5 && numbers.failed_batches == 0, "\(numbers.batches) batches are counted")
            try expect(numbers.changes == 5 && numbers.change_bytes == 20, "\(numbers.changes) changes are counted")
            try expect((1...5).contains(numbers.commits), "\(numbers.commits) commits are counted")
            try expect(numbers.file_bytes > 0 && numbers.pending_batches == 0, "sizes or what is under way are wrong")
        }
    }

    func oneWriter() throws {
        try withStore { store in
            try put(store, [.put([1], [1])])
            do throws(StoreError) {
                _ = try UnsafeStore(plugin, UnsafeStore.Options(folder: folder)).close()
                throw StoreError(HL_OK, "")
            } catch {
                try expect(
                    error.status == HL_CONFLICT,
                    "the second writer is answered \(StoreError.name(of: error.status))")
            }
            try put(store, [.put([2], [1])])
        }
    }

    func readBeside() throws {
        do throws(StoreError) {
            var options = UnsafeStore.Options(folder: folder)
            options.isReadOnly = true
            _ = try UnsafeStore(plugin, options).close()
            throw StoreError(HL_OK, "")
        } catch {
            try expect(
                error.status == HL_NOT_FOUND,
                "reading where there is none is answered \(StoreError.name(of: error.status))")
        }
        try withStore { store in
            try put(store, [.put([1], [1])])
            let reader = try open { $0.isReadOnly = true }
            defer { _ = reader.close() }
            try expect(try contents(reader).map(\.key) == [[1]], "the reader sees something else")
            try expect(reader.verify() == HL_OK, "the reader finds damage")
            do throws(StoreError) {
                try reader.submit([.put([2], [2])]) { _ in }
                throw StoreError(HL_OK, "")
            } catch {
                try expect(error.status == HL_NOT_ALLOWED, "the reader takes a batch")
            }
            try put(store, [.put([3], [1])])
        }
    }
}
