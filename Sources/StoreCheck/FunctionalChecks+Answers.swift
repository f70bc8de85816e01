import Glibc
import Locking
import PluginABI
import StoreAccess

/// Answers, and disks that fail.
extension FunctionalChecks {
    func answerOrder() throws {
        let answers = Locked<[Int]>([])
        try withStore { store in
            for index in 0..<2000 {
                try store.submit([.put(Workload.bytes(UInt64(index)), [1])], lane: UInt32(index % 5)) { status in
                    answers.withLock { $0.append(status == HL_OK ? index : -1) }
                }
            }
            try expect(store.flush() == HL_OK, "flush failed")
        }
        let found = answers.withLock { $0 }
        try expect(found.count == 2000, "\(found.count) of 2000 batches are answered")
        try expect(found == Array(0..<2000), "the order is another one, or some failed")
    }

    func flushWaits() throws {
        for sync in [HL_STORE_SYNC_ALWAYS, HL_STORE_SYNC_INTERVAL, HL_STORE_SYNC_NEVER] {
            let store = try open { $0.sync = sync }
            let answers = Locked(0)
            for index in 0..<300 {
                try store.submit([.put([UInt8(index % 256)], [1])]) { _ in answers.withLock { $0 += 1 } }
            }
            let status = store.flush()
            let count = answers.withLock { $0 }
            _ = store.close()
            try expect(status == HL_OK && count == 300, "\(count) of 300 batches are answered before it returns")
        }
    }

    func closeAnswers() throws {
        let answers = Locked<[hl_status]>([])
        try withStore { store in
            for index in 0..<500 {
                try store.submit([.put(Workload.bytes(UInt64(index)), [2])]) { status in
                    answers.withLock { $0.append(status) }
                }
            }
        }
        let found = answers.withLock { $0 }
        try expect(found.count == 500 && found.allSatisfy { $0 == HL_OK }, "\(found.count) of 500 are answered")
        try withStore { try expect(try contents($0).count == 500, "not all of it is there") }
    }

    func fullDisk() throws {
        try withStore { store in
            try put(store, [.put([1], [1])])
            try mark("full")
            defer { unmark("full") }
            let big = [UInt8](repeating: 1, count: 200_000)
            let first = try store.commit([.put([2], big), .put([1], [2])])
            try expect(first == HL_NO_SPACE, "a batch for which there is no space is \(StoreError.name(of: first))")
            let second = try store.commit([.put([3], [1])])
            try expect(second == HL_CANCELLED, "the next one of its lane is \(StoreError.name(of: second))")
            let third = try store.commit([.put([2], big)], resume: true)
            try expect(third == HL_NO_SPACE, "when it goes on in vain it is \(StoreError.name(of: third))")
            try expect(
                try contents(store) == [UnsafeStoreView.Pair(key: [1], value: [1])], "something of them is there")
            unmark("full")
            let other = try store.commit([.put([4], [1])], lane: 1)
            try expect(other == HL_OK, "another lane, with space, is \(StoreError.name(of: other))")
            let fourth = try store.commit([.put([5], [1])], resume: true)
            try expect(fourth == HL_OK, "with space again it is \(StoreError.name(of: fourth))")
            try expect(try contents(store).map(\.key) == [[1], [4], [5]], "what is there is not what was answered")
            try expect(!store.reports.isEmpty, "nobody was told")
        }
        try withStore { try expect(try contents($0).map(\.key) == [[1], [4], [5]], "opened again, it is another") }
    }

    func brokenDisk() throws {
        var goesOn = false
        try withStore { store in
            try put(store, [.put([1], [1])])
            try mark("broken")
            defer { unmark("broken") }
            let status = try store.commit([.put([2], [1])])
            try expect(status == HL_IO_ERROR, "a batch that cannot be flushed is \(StoreError.name(of: status))")
            try expect(try contents(store).map(\.key) == [[1]], "something of it is seen")
            unmark("broken")
            let again = try store.commit([.put([2], [1])], resume: true)
            goesOn = again == HL_OK
            try expect(
                goesOn || again == HL_IO_ERROR, "when the disk works again it is \(StoreError.name(of: again))")
        }
        guard goesOn else { return }
        try withStore { try expect(try contents($0).map(\.key) == [[1], [2]], "opened again, it is another") }
    }

    /// Tells the library of the power (Sources/PowerLoss) what the disk does.
    private func mark(_ what: String) throws {
        let file = Glibc.open("\(folder).\(what)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        try expect(file >= 0, "cannot make \(folder).\(what)")
        Glibc.close(file)
    }

    private func unmark(_ what: String) { unlink("\(folder).\(what)") }
}
