import Glibc
public import PluginABI

/// The C table of store/1 over a ``StorageEngineProvider``.
public enum UnsafeStoreTable {
    /// The table, made once and never freed. Its `state` is what ``state(of:)`` gives.
    ///
    /// nonisolated(unsafe): written once, before anybody reads it.
    nonisolated(unsafe) public static let table: UnsafePointer<hl_store_v1> = {
        let table = UnsafeMutablePointer<hl_store_v1>.allocate(capacity: 1)
        table.initialize(to: make())
        return UnsafePointer(table)
    }()

    /// What the functions of the table want first. Borrowed: the provider must outlive every use.
    public static func state(of provider: StateBox) -> UnsafeMutableRawPointer {
        Unmanaged.passUnretained(provider).toOpaque()
    }

    /// Gives a provider an address that C can hold.
    public final class StateBox: Sendable {
        let provider: any StorageEngineProvider

        /// A box around `provider`.
        public init(_ provider: any StorageEngineProvider) { self.provider = provider }
    }

    private static func make() -> hl_store_v1 {
        var table = hl_store_v1()
        table.struct_size = UInt32(MemoryLayout<hl_store_v1>.size)
        addStore(&table)
        addReading(&table)
        return table
    }

    private static func addStore(_ table: inout hl_store_v1) {
        table.open = { state, options, out in
            guard let state, let options, let out else { return HL_INVALID }
            let box = Unmanaged<StateBox>.fromOpaque(state).takeUnretainedValue()
            let report = Report(options.pointee)
            guard let asked = StoreOptions(options.pointee, report) else { return HL_INVALID }
            do throws(StoreFailure) {
                let store = try UnsafeOpenStore(try box.provider.open(asked), asked)
                out.pointee = OpaquePointer(Unmanaged.passRetained(store).toOpaque())
                return HL_OK
            } catch {
                if !error.message.isEmpty { report.tell(.error, error.message) }
                return error.status
            }
        }
        table.submit = { store, batch in
            guard let store, let batch, batch.pointee.struct_size >= UInt32(MemoryLayout<hl_store_batch>.size) else {
                return HL_INVALID
            }
            return UnsafeStoreTable.store(store).submit(batch.pointee)
        }
        table.flush = { store in
            guard let store else { return HL_INVALID }
            return UnsafeStoreTable.store(store).flush()
        }
        table.statistics = { store, out in
            guard let store, let out else { return HL_INVALID }
            return UnsafeStoreTable.fill(out, UnsafeStoreTable.store(store).statistics())
        }
        table.verify = { store in
            guard let store else { return HL_INVALID }
            do throws(StoreFailure) {
                try UnsafeStoreTable.store(store).engine.verify()
                return HL_OK
            } catch {
                UnsafeStoreTable.store(store).noticed(error)
                return error.status
            }
        }
        table.close = { store in
            guard let store else { return HL_INVALID }
            let open = Unmanaged<UnsafeOpenStore>.fromOpaque(UnsafeRawPointer(store)).takeRetainedValue()
            return open.close()
        }
    }

    private static func addReading(_ table: inout hl_store_v1) {
        table.snapshot = { store, out in
            guard let store, let out else { return HL_INVALID }
            return UnsafeStoreTable.attempt(UnsafeStoreTable.store(store)) { store throws(StoreFailure) in
                out.pointee = OpaquePointer(Unmanaged.passRetained(try store.snapshot()).toOpaque())
            }
        }
        table.get = { snapshot, key, value, capacity, size in
            guard let snapshot else { return HL_INVALID }
            let open = UnsafeStoreTable.snapshot(snapshot)
            var isThere = false
            let status = UnsafeStoreTable.attempt(open.store) { _ throws(StoreFailure) in
                isThere = try open.snapshot.get(key) { found in
                    size?.pointee = found.len
                    if let value, let bytes = found.ptr { memcpy(value, bytes, Int(min(found.len, capacity))) }
                }
            }
            return status == HL_OK && !isThere ? HL_NOT_FOUND : status
        }
        table.scan = { snapshot, range, out in
            guard let snapshot, let range, let out,
                range.pointee.flags & ~(HL_STORE_KEYS_ONLY | HL_STORE_REVERSE) == 0
            else { return HL_INVALID }
            let open = UnsafeStoreTable.snapshot(snapshot)
            let asked = range.pointee
            return UnsafeStoreTable.attempt(open.store) { store throws(StoreFailure) in
                let cursor = try open.snapshot.scan(from: asked.from, to: asked.to, flags: asked.flags)
                out.pointee = OpaquePointer(Unmanaged.passRetained(UnsafeOpenCursor(store, cursor)).toOpaque())
            }
        }
        table.next = { cursor, pairs, capacity, count in
            guard let cursor, let pairs, let count, capacity > 0 else { return HL_INVALID }
            let open = UnsafeStoreTable.cursor(cursor)
            count.pointee = 0
            guard !open.isOver else { return HL_OK }
            var found = 0
            let status = UnsafeStoreTable.attempt(open.store) { _ throws(StoreFailure) in
                try open.cursor.next(UnsafeMutableBufferPointer(start: pairs, count: Int(capacity)), &found)
            }
            count.pointee = UInt32(found)
            if status != HL_OK && status != HL_DAMAGED { open.isOver = true }
            return status
        }
        table.end_scan = { cursor in
            guard let cursor else { return }
            Unmanaged<UnsafeOpenCursor>.fromOpaque(UnsafeRawPointer(cursor)).takeRetainedValue().cursor.end()
        }
        table.end_snapshot = { snapshot in
            guard let snapshot else { return }
            Unmanaged<UnsafeOpenSnapshot>.fromOpaque(UnsafeRawPointer(snapshot)).takeRetainedValue().end()
        }
    }

    private static func store(_ pointer: OpaquePointer) -> UnsafeOpenStore {
        Unmanaged<UnsafeOpenStore>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }

    private static func snapshot(_ pointer: OpaquePointer) -> UnsafeOpenSnapshot {
        Unmanaged<UnsafeOpenSnapshot>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }

    private static func cursor(_ pointer: OpaquePointer) -> UnsafeOpenCursor {
        Unmanaged<UnsafeOpenCursor>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }

    private static func attempt(
        _ store: UnsafeOpenStore, _ body: (UnsafeOpenStore) throws(StoreFailure) -> Void
    ) -> hl_status {
        do throws(StoreFailure) {
            try body(store)
            return HL_OK
        } catch {
            store.noticed(error)
            return error.status
        }
    }

    /// Writes as much as the caller's struct has room for.
    private static func fill(
        _ out: UnsafeMutablePointer<hl_store_statistics>, _ statistics: hl_store_statistics
    ) -> hl_status {
        let size = Int(out.pointee.struct_size)
        guard size >= 8 else { return HL_INVALID }
        var statistics = statistics
        statistics.struct_size = UInt32(min(size, MemoryLayout<hl_store_statistics>.size))
        memcpy(out, &statistics, Int(statistics.struct_size))
        return HL_OK
    }
}

/// Where sentences go.
///
/// @unchecked Sendable: the function and its argument are the caller's, may be used on any thread, and outlive close.
private struct Report: @unchecked Sendable {
    let function: hl_store_report_fn?
    let user: UnsafeMutableRawPointer?

    init(_ options: hl_store_options) {
        (function, user) = (options.report, options.user)
    }

    func tell(_ level: ReportLevel, _ text: String) {
        var text = text
        text.withUTF8 { function?(user, level.rawValue, hl_view(ptr: $0.baseAddress, len: UInt64($0.count))) }
    }
}

extension StoreOptions {
    /// Nil when something in it breaks a rule of store/1.
    fileprivate init?(_ raw: hl_store_options, _ report: Report) {
        guard raw.struct_size >= UInt32(MemoryLayout<hl_store_options>.size), raw.flags & ~HL_STORE_READ_ONLY == 0,
            let bytes = raw.folder.ptr, raw.folder.len > 0, raw.folder.len < 4096
        else { return nil }
        folder = String(decoding: UnsafeBufferPointer(start: bytes, count: Int(raw.folder.len)), as: UTF8.self)
        guard folder.hasPrefix("/") else { return nil }
        isReadOnly = raw.flags & HL_STORE_READ_ONLY != 0
        switch raw.sync {
        case HL_STORE_SYNC_ALWAYS: sync = .always
        case HL_STORE_SYNC_INTERVAL:
            guard raw.sync_interval_ns > 0 else { return nil }
            sync = .interval(raw.sync_interval_ns)
        case HL_STORE_SYNC_NEVER: sync = .never
        default: return nil
        }
        self.report = { level, text in report.tell(level, text) }
    }
}
