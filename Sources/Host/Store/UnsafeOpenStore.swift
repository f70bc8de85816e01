import BrokerCore
import PluginABI
import StoreFormat

/// An open store of a plugin that provides store/1, and the hold on that plugin.
///
/// @unchecked Sendable: pointers of the plugin that stay good until ``close()``; which thread may call what is said at
/// each function, and close comes last.
final class OpenStore: @unchecked Sendable {
    /// Why a store cannot be used, one sentence.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// How durable it is, and where.
    struct Options: Sendable {
        var folder: String
        /// HL_STORE_SYNC_*
        var sync: UInt32
        /// ns
        var interval: Int64
    }

    private let table: UnsafePointer<hl_store_v1>
    private let store: OpaquePointer
    private let report: Unmanaged<Report>
    private let release: @Sendable () -> Void

    /// What the store has to say, to whoever listens.
    private final class Report: Sendable {
        let write: @Sendable (PluginLogLevel, String) -> Void
        let last = Monitor("")
        init(_ write: @escaping @Sendable (PluginLogLevel, String) -> Void) { self.write = write }
    }

    /// Opens the store of an offer. [worker]
    /// - Parameters:
    ///   - offered: an hl_store_v1, good until `release` is called.
    ///   - state: what goes with it.
    ///   - report: called on any thread.
    init(
        _ offered: UnsafeRawPointer, state: UnsafeMutableRawPointer?, _ options: Options,
        report write: @escaping @Sendable (PluginLogLevel, String) -> Void, release: @escaping @Sendable () -> Void
    ) throws(Failure) {
        table = offered.assumingMemoryBound(to: hl_store_v1.self)
        self.release = release
        guard Int(table.pointee.struct_size) >= MemoryLayout<hl_store_v1>.size, let open = table.pointee.open else {
            release()
            throw Failure(description: "the table of store/1 is shorter than this version needs")
        }
        let listener = Report(write)
        let listening = Unmanaged.passRetained(listener)
        report = listening
        var opened: OpaquePointer?
        var folder = options.folder
        let status = folder.withUTF8 { folder in
            var settings = hl_store_options()
            settings.struct_size = UInt32(MemoryLayout<hl_store_options>.size)
            settings.folder = hl_view(UnsafeRawBufferPointer(folder))
            settings.sync = options.sync
            settings.sync_interval_ns = options.interval
            settings.user = listening.toOpaque()
            settings.report = { user, level, text in
                guard let user else { return }
                let report = Unmanaged<Report>.fromOpaque(user).takeUnretainedValue()
                let text = text.text
                report.last.withLock { $0 = text }
                report.write(PluginLogLevel(rawValue: level) ?? .warn, text)
            }
            return open(state, &settings, &opened)
        }
        guard status == HL_OK, let opened else {
            let reason = listener.last.read { $0 }
            listening.release()
            release()
            throw Failure(description: reason.isEmpty ? "the store cannot be opened (status \(status))" : reason)
        }
        store = opened
    }

    /// Hands a batch over; its `done` follows. [any]
    func submit(_ batch: PendingBatch, resumes: Bool) -> Bool {
        var lent = hl_store_batch()
        lent.struct_size = UInt32(MemoryLayout<hl_store_batch>.size)
        lent.flags = resumes ? HL_STORE_RESUME : 0
        lent.changes = UnsafePointer(batch.changes)
        lent.change_count = UInt32(batch.changeCount)
        lent.done = { user, status in
            guard let user else { return }
            Unmanaged<PendingBatch>.fromOpaque(user).takeRetainedValue().done(status)
        }
        let kept = Unmanaged.passRetained(batch)
        lent.user = kept.toOpaque()
        let isTaken = table.pointee.submit(store, &lent) == HL_OK
        if !isTaken { kept.release() }
        return isTaken
    }

    /// Waits until everything submitted is answered and flushed. [worker]
    func flush() { _ = table.pointee.flush(store) }

    /// Messages by id, in the order of `ids`; waits for those that are not committed yet. [worker]
    func messages(_ ids: [UInt64], clock: StoreClock) -> [(id: UInt64, message: StoredMessage?)] {
        var found = read(ids, clock)
        guard found.contains(where: { $0.message == nil }) else { return found }
        flush()
        found = read(ids, clock)
        return found
    }

    private func read(_ ids: [UInt64], _ clock: StoreClock) -> [(id: UInt64, message: StoredMessage?)] {
        var snapshot: OpaquePointer?
        guard table.pointee.snapshot(store, &snapshot) == HL_OK, let snapshot else { return ids.map { ($0, nil) } }
        defer { table.pointee.end_snapshot(snapshot) }
        var value = [UInt8](repeating: 0, count: 4096)
        return ids.map { id in
            let key = StoreTable.message.key(id)
            var size: UInt64 = 0
            while true {
                let status = key.withUnsafeBytes { key in
                    value.withUnsafeMutableBytes { value in
                        table.pointee.get(snapshot, hl_view(key), value.baseAddress, UInt64(value.count), &size)
                    }
                }
                guard status == HL_OK, size <= HL_STORE_MAX_VALUE else { return (id, nil) }
                if size <= UInt64(value.count) { break }
                value = [UInt8](repeating: 0, count: Int(size))
            }
            guard case .message(_, let message)? = try? StoreRecord(key: key, value: Array(value.prefix(Int(size))))
            else { return (id, nil) }
            return (id, clock.toHost(message))
        }
    }

    /// Walks through keys and values in the order of keys. [worker]
    /// - Parameters:
    ///   - from: where it begins, and `to`: the first key that is not wanted; empty: the end.
    ///   - keysOnly: values are empty.
    ///   - body: key and value, borrowed.
    func readAll(
        from: [UInt8] = [], to: [UInt8] = [], keysOnly: Bool = false,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var snapshot: OpaquePointer?
        guard table.pointee.snapshot(store, &snapshot) == HL_OK, let snapshot else {
            throw Failure(description: "the store gives no view of what it holds")
        }
        defer { table.pointee.end_snapshot(snapshot) }
        var range = hl_store_range()
        range.struct_size = UInt32(MemoryLayout<hl_store_range>.size)
        range.flags = keysOnly ? HL_STORE_KEYS_ONLY : 0
        var cursor: OpaquePointer?
        // The range is copied by scan.
        let status = from.withUnsafeBytes { from in
            to.withUnsafeBytes { to in
                (range.from, range.to) = (hl_view(from), hl_view(to))
                return table.pointee.scan(snapshot, &range, &cursor)
            }
        }
        guard status == HL_OK, let cursor else {
            throw Failure(description: "the store cannot be read")
        }
        defer { table.pointee.end_scan(cursor) }
        let capacity = 512
        let pairs = UnsafeMutablePointer<hl_store_pair>.allocate(capacity: capacity)
        defer { pairs.deallocate() }
        while true {
            var count: UInt32 = 0
            let status = table.pointee.next(cursor, pairs, UInt32(capacity), &count)
            // What is damaged was reported; what can be read goes on.
            guard status == HL_OK || status == HL_DAMAGED else {
                throw Failure(description: "the store cannot be read to its end (status \(status))")
            }
            for index in 0..<min(Int(count), capacity) { try body(pairs[index].key.bytes, pairs[index].value.bytes) }
            if count == 0, status == HL_OK { return }
        }
    }

    /// Closes it and lets go of the plugin. Nobody uses it any more. [worker]
    func close() {
        _ = table.pointee.close(store)
        report.release()
        release()
    }
}

/// Changes on their way, in memory that stays where it is until the store has answered.
///
/// @unchecked Sendable: written by `init`, then read by the store's thread alone.
final class PendingBatch: @unchecked Sendable {
    /// A shard's ticket that is part of it.
    struct Part: Sendable {
        let shard: Int
        let ticket: UInt64
    }

    let changes: UnsafeMutablePointer<hl_store_change>
    let changeCount: Int
    let parts: [Part]
    private let memory: UnsafeMutableRawPointer
    private let answer: @Sendable (PendingBatch, hl_status) -> Void

    /// The changes of several batches, one after the other.
    init(
        _ batches: [StoreBatch], parts: [Part], answer: @escaping @Sendable (PendingBatch, hl_status) -> Void
    ) {
        self.parts = parts
        self.answer = answer
        changeCount = batches.reduce(0) { $0 + $1.changes.count }
        changes = .allocate(capacity: max(1, changeCount))
        memory = .allocate(byteCount: max(1, batches.reduce(0) { $0 + $1.bytes.count }), alignment: 1)
        var place = memory
        var index = 0
        for batch in batches {
            batch.bytes.withUnsafeBytes {
                if let base = $0.baseAddress { place.copyMemory(from: base, byteCount: $0.count) }
            }
            for change in batch.changes {
                (changes + index).initialize(to: Self.change(change, at: place))
                index += 1
            }
            place += batch.bytes.count
        }
    }

    deinit {
        changes.deallocate()
        memory.deallocate()
    }

    func done(_ status: hl_status) { answer(self, status) }

    private static func change(_ change: StoreBatch.Change, at base: UnsafeMutableRawPointer) -> hl_store_change {
        let bytes = (base + change.start).assumingMemoryBound(to: UInt8.self)
        var made = hl_store_change()
        made.kind =
            switch change.kind {
            case .put: HL_STORE_PUT
            case .delete: HL_STORE_DELETE
            case .deleteRange: HL_STORE_DELETE_RANGE
            }
        made.hints = change.isNew ? HL_STORE_NEW : 0
        made.key = hl_view(ptr: bytes, len: UInt64(change.keyCount))
        made.value = hl_view(ptr: bytes + change.keyCount, len: UInt64(change.valueCount))
        return made
    }
}
