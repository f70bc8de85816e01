import PluginABI

@testable import Host

/// A store/1 in memory. The test says when it answers and how.
///
/// @unchecked Sendable: one thread uses it at a time; the test's.
final class FakeStore: @unchecked Sendable {
    private(set) var pairs: [[UInt8]: [UInt8]] = [:]
    /// What was submitted and not answered.
    private(set) var waiting: [hl_store_batch] = []
    /// Statuses of the batches that were answered.
    private(set) var answered: [hl_status] = []
    private(set) var isClosed = false
    private var isBroken = false
    private let table: UnsafeMutablePointer<hl_store_v1>
    private var snapshot: [(key: [UInt8], value: [UInt8])] = []
    private var lent: [UnsafeMutableBufferPointer<UInt8>] = []

    init(_ pairs: [[UInt8]: [UInt8]] = [:]) {
        self.pairs = pairs
        table = .allocate(capacity: 1)
        table.initialize(to: Self.makeTable())
    }

    deinit {
        freeLent()
        table.deallocate()
    }

    func open() throws -> OpenStore {
        try OpenStore(
            table, state: Unmanaged.passUnretained(self).toOpaque(),
            OpenStore.Options(folder: "/nowhere", sync: HL_STORE_SYNC_ALWAYS, interval: 1), report: { _, _ in },
            release: {})
    }

    /// Answers the oldest batches: all of them when no number is given. A status that is not HL_OK breaks the store
    /// until somebody resumes, as the header says.
    func answer(_ count: Int = .max, _ status: hl_status = HL_OK) {
        for _ in 0..<min(count, waiting.count) {
            let batch = waiting.removeFirst()
            if batch.flags & HL_STORE_RESUME != 0 { isBroken = false }
            let result = isBroken ? HL_CANCELLED : status
            if result == HL_OK { apply(batch) } else { isBroken = true }
            answered.append(result)
            batch.done(batch.user, result)
        }
    }

    private func apply(_ batch: hl_store_batch) {
        for index in 0..<Int(batch.change_count) {
            let change = batch.changes[index]
            let (key, value) = (Array(change.key.bytes), Array(change.value.bytes))
            switch change.kind {
            case HL_STORE_PUT: pairs[key] = value
            case HL_STORE_DELETE: pairs[key] = nil
            default:
                pairs = pairs.filter {
                    $0.key.lexicographicallyPrecedes(key) || !$0.key.lexicographicallyPrecedes(value)
                }
            }
        }
    }

    private func freeLent() {
        for buffer in lent { buffer.deallocate() }
        lent = []
    }

    private func lend(_ bytes: [UInt8]) -> hl_view {
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        _ = buffer.update(fromContentsOf: bytes)
        lent.append(buffer)
        return hl_view(ptr: buffer.baseAddress, len: UInt64(bytes.count))
    }

    /// What the table's functions get: the store itself stands for all of its handles.
    private static func of(_ handle: OpaquePointer?) -> FakeStore? {
        handle.map { Unmanaged<FakeStore>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
    }

    private static func makeTable() -> hl_store_v1 {
        var table = hl_store_v1()
        table.struct_size = UInt32(MemoryLayout<hl_store_v1>.size)
        table.open = { state, _, out in
            out?.pointee = state.map { OpaquePointer($0) }
            return HL_OK
        }
        table.submit = { store, batch in
            guard let batch else { return HL_INVALID }
            FakeStore.of(store)?.waiting.append(batch.pointee)
            return HL_OK
        }
        table.flush = { store in
            FakeStore.of(store)?.answer()
            return HL_OK
        }
        table.snapshot = { store, out in
            guard let fake = FakeStore.of(store) else { return HL_FAILED }
            fake.snapshot = fake.pairs.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
            out?.pointee = store
            return HL_OK
        }
        table.get = { snapshot, key, value, capacity, size in
            guard let fake = FakeStore.of(snapshot), let found = fake.pairs[Array(key.bytes)] else {
                return HL_NOT_FOUND
            }
            size?.pointee = UInt64(found.count)
            found.withUnsafeBytes { value?.copyMemory(from: $0.baseAddress!, byteCount: min($0.count, Int(capacity))) }
            return HL_OK
        }
        table.scan = { snapshot, range, out in
            guard let fake = FakeStore.of(snapshot), let range else { return HL_INVALID }
            let (from, to) = (Array(range.pointee.from.bytes), Array(range.pointee.to.bytes))
            fake.snapshot.removeAll { pair in
                pair.key.lexicographicallyPrecedes(from) || !(to.isEmpty || pair.key.lexicographicallyPrecedes(to))
            }
            out?.pointee = snapshot
            return HL_OK
        }
        table.next = { cursor, pairs, capacity, count in
            guard let fake = FakeStore.of(cursor), let pairs, let count else { return HL_INVALID }
            fake.freeLent()
            // Fewer than there is room for: a walk has several steps.
            let taken = fake.snapshot.prefix(min(3, Int(capacity)))
            for (index, pair) in taken.enumerated() {
                pairs[index] = hl_store_pair(key: fake.lend(pair.key), value: fake.lend(pair.value))
            }
            fake.snapshot.removeFirst(taken.count)
            count.pointee = UInt32(taken.count)
            return HL_OK
        }
        table.end_scan = { _ in }
        table.end_snapshot = { _ in }
        table.close = { store in
            FakeStore.of(store)?.isClosed = true
            return HL_OK
        }
        return table
    }
}
