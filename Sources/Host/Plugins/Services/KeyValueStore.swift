/// kv/1: the keys of one instance, in memory and, unless the broker is ephemeral, in a file. It belongs to the id in
/// plugins.yaml and outlives generations.
///
/// Readers see a change at once; `done` comes when it is on the disk. Changes that come while the disk is busy go
/// there together. [any thread]
final class KeyValueStore: Sendable {
    struct Entry: Sendable {
        var version: UInt64
        var value: [UInt8]
    }

    enum Failure: Error, Equatable {
        /// The version that is there; 0: none.
        case conflict(UInt64)
        case limit
        case busy
    }

    typealias Done = @Sendable (Bool) -> Void

    private struct State {
        var entries: [[UInt8]: Entry] = [:]
        /// All keys in order.
        var keys: [[UInt8]] = []
        var bytes = 0
        var nextVersion: UInt64 = 1
        /// Records that the disk has not seen, and who waits for them.
        var pending: [UInt8] = []
        var waiting: [Done] = []
        /// Counts changes, and those that the disk has answered.
        var changes: UInt64 = 0
        var answered: UInt64 = 0
        var hasFailed = false
        var isScheduled = false
    }

    private let state = Monitor(State())
    /// Nil: in memory only. Touched by the writer's thread alone, after `init`.
    private let file: UnownedFile?
    private let schedule: @Sendable (KeyValueStore) -> Void
    private let report: @Sendable (String) -> Void

    static let maximumKey = 512
    static let maximumValue = 1 << 20
    private static let maximumBytes = 256 << 20
    private static let maximumPending = 64 << 20
    /// A file is written anew when it is larger than this and four times what it holds.
    private static let smallFile = 1 << 20

    /// - Parameters:
    ///   - path: of the file; nil: in memory only.
    ///   - schedule: makes the writer's thread call `writePending`. [any thread]
    ///   - report: takes a sentence about trouble with the disk. [any thread]
    init(
        path: String?, schedule: @escaping @Sendable (KeyValueStore) -> Void,
        report: @escaping @Sendable (String) -> Void
    ) throws(KeyValueFile.Problem) {
        self.schedule = schedule
        self.report = report
        guard let path else {
            file = nil
            return
        }
        let file = KeyValueFile(path)
        let (records, wasCut) = try file.load()
        if wasCut { report("cut an unfinished write off \(path)") }
        self.file = UnownedFile(file: file)
        state.withLock { state in
            for record in records { KeyValueStore.apply(record, &state) }
        }
    }

    var count: Int { state.read { $0.keys.count } }
    var bytes: Int { state.read { $0.bytes } }

    func get(_ key: [UInt8]) -> Entry? { state.read { $0.entries[key] } }

    /// Sets a key when its version is the expected one; nil: whatever is there.
    /// - Returns: the new version.
    func set(
        _ key: [UInt8], _ value: [UInt8], expected: UInt64?, done: Done?
    ) -> Result<UInt64, Failure> {
        change(key, expected: expected, done: done) { state in
            let old = state.entries[key]
            let growth = value.count - (old?.value.count ?? -key.count)
            guard growth <= 0 || state.bytes + growth <= KeyValueStore.maximumBytes else { return nil }
            return KeyValueRecord(operation: .set, version: state.nextVersion, key: key, value: value)
        }
    }

    /// Removes a key; true when it was there.
    func remove(_ key: [UInt8], expected: UInt64?, done: Done?) -> Result<UInt64, Failure> {
        change(key, expected: expected, done: done) { state in
            KeyValueRecord(operation: .remove, version: state.nextVersion, key: key)
        }
    }

    /// The first key after `after` that begins with `prefix`.
    func next(prefix: [UInt8], after: [UInt8]) -> [UInt8]? {
        state.read { state in
            var index = KeyValueStore.place(of: max(prefix, after, by: <), in: state.keys)
            if index < state.keys.count, state.keys[index] == after, !after.isEmpty { index += 1 }
            guard index < state.keys.count, state.keys[index].starts(with: prefix) else { return nil }
            return state.keys[index]
        }
    }

    /// Waits until everything before it has been answered by the disk; false when it refused something.
    func flush() -> Bool {
        let wanted = state.read { $0.changes }
        return state.wait { state, _ in state.answered >= wanted ? !state.hasFailed : nil }
    }

    // MARK: Changes

    private func change(
        _ key: [UInt8], expected: UInt64?, done: Done?, _ make: (borrowing State) -> KeyValueRecord?
    ) -> Result<UInt64, Failure> {
        let isDurable = file != nil
        var mustSchedule = false
        let result = state.withLock { state -> Result<UInt64, Failure> in
            let there = state.entries[key]?.version ?? 0
            if let expected, expected != there { return .failure(.conflict(there)) }
            guard state.pending.count < KeyValueStore.maximumPending else { return .failure(.busy) }
            guard let record = make(state) else { return .failure(.limit) }
            if record.operation == .remove, there == 0 { return .failure(.conflict(0)) }
            KeyValueStore.apply(record, &state)
            guard isDurable else { return .success(record.version) }
            record.append(to: &state.pending)
            state.changes += 1
            if let done { state.waiting.append(done) }
            mustSchedule = !state.isScheduled
            state.isScheduled = true
            return .success(record.version)
        }
        if mustSchedule { schedule(self) }
        if !isDurable, case .success = result { done?(true) }
        return result
    }

    private static func apply(_ record: KeyValueRecord, _ state: inout State) {
        state.nextVersion = max(state.nextVersion, record.version) + 1
        let old = state.entries[record.key]
        switch record.operation {
        case .set:
            state.entries[record.key] = Entry(version: record.version, value: record.value)
            state.bytes += record.value.count - (old?.value.count ?? -record.key.count)
            if old == nil { state.keys.insert(record.key, at: place(of: record.key, in: state.keys)) }
        case .remove:
            guard let old else { return }
            state.entries[record.key] = nil
            state.bytes -= old.value.count + record.key.count
            state.keys.remove(at: place(of: record.key, in: state.keys))
        }
    }

    /// Where a key stands, or would stand.
    private static func place(of key: [UInt8], in keys: [[UInt8]]) -> Int {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: The disk

    /// Writes what waits and answers those who wait for it. On the writer's thread.
    func writePending() {
        guard let file = file?.file else { return }
        let (records, waiting, upTo, snapshot) = state.withLock { state in
            defer {
                state.pending = []
                state.waiting = []
                state.isScheduled = false
            }
            let isWasteful = file.size > KeyValueStore.smallFile && file.size > 4 * state.bytes
            let snapshot = file.isDoubtful || isWasteful ? state.entries : nil
            return (state.pending, state.waiting, state.changes, snapshot)
        }
        var isDone = true
        do throws(KeyValueFile.Problem) {
            if let snapshot {
                try file.replace(with: KeyValueStore.records(snapshot))
            } else {
                try file.append(records)
            }
        } catch {
            isDone = false
            report("\(error); changes of keys are not durable")
        }
        state.withLock { state in
            state.answered = upTo
            state.hasFailed = !isDone
        }
        for done in waiting { done(isDone) }
    }

    private static func records(_ entries: [[UInt8]: Entry]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (key, entry) in entries {
            KeyValueRecord(operation: .set, version: entry.version, key: key, value: entry.value).append(to: &bytes)
        }
        return bytes
    }
}

/// @unchecked Sendable: the file is used by `init` and then by the writer's thread alone.
private struct UnownedFile: @unchecked Sendable {
    let file: KeyValueFile
}

extension [UInt8] {
    /// In the order of the bytes; a prefix comes before what it begins.
    fileprivate static func < (left: [UInt8], right: [UInt8]) -> Bool { left.lexicographicallyPrecedes(right) }
}

private func max(_ left: [UInt8], _ right: [UInt8], by less: ([UInt8], [UInt8]) -> Bool) -> [UInt8] {
    less(left, right) ? right : left
}
