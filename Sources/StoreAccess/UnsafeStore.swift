import Glibc
import Locking
public import PluginABI

/// A store that is open, for tools and tests: copies instead of pointers, errors instead of statuses.
///
/// @unchecked Sendable: the table may be used on any thread; what the store reports is behind a lock.
public final class UnsafeStore: @unchecked Sendable {
    /// How to open one.
    public struct Options: Sendable {
        /// Absolute.
        public var folder: String
        /// Beside a broker that has it open.
        public var isReadOnly = false
        /// HL_STORE_SYNC_*
        public var sync = HL_STORE_SYNC_ALWAYS
        /// With HL_STORE_SYNC_INTERVAL.
        public var interval: Duration = .milliseconds(50)

        /// A store in `folder`, for writing, with every batch flushed.
        public init(folder: String) { self.folder = folder }
    }

    /// What the store has reported, oldest first.
    public var reports: [String] { reportBox.texts.withLock { $0 } }

    let plugin: UnsafePluginFile
    let handle: OpaquePointer
    private let reportBox: ReportBox

    private final class ReportBox: Sendable {
        let texts = Locked<[String]>([])
    }

    /// Opens or makes the store in a folder.
    public init(_ plugin: UnsafePluginFile, _ options: Options) throws(StoreError) {
        let box = ReportBox()
        var raw = hl_store_options()
        raw.struct_size = UInt32(MemoryLayout<hl_store_options>.size)
        raw.flags = options.isReadOnly ? HL_STORE_READ_ONLY : 0
        raw.sync = options.sync
        let (seconds, attoseconds) = options.interval.components
        raw.sync_interval_ns = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        // Kept for ever: a report may come until the store is closed.
        raw.user = Unmanaged.passRetained(box).toOpaque()
        raw.report = { user, _, text in
            guard let user else { return }
            let box = Unmanaged<ReportBox>.fromOpaque(user).takeUnretainedValue()
            box.texts.withLock { $0.append(text.loneText) }
        }
        var opened: OpaquePointer?
        let status = Array(options.folder.utf8).withUnsafeBufferPointer { folder in
            raw.folder = hl_view(ptr: folder.baseAddress, len: UInt64(folder.count))
            return plugin.table.pointee.open(plugin.state, &raw, &opened)
        }
        guard status == HL_OK, let opened else {
            let said = box.texts.withLock { $0.joined(separator: "; ") }
            throw StoreError(status, "cannot open the store in \(options.folder)", said)
        }
        (self.plugin, handle, reportBox) = (plugin, opened, box)
    }

    /// Changes of one batch.
    public enum Change: Sendable, Equatable {
        case put([UInt8], [UInt8])
        /// As `put`, of a key that is not there.
        case new([UInt8], [UInt8])
        case delete([UInt8])
        /// From the first key to before the second; empty: to the end.
        case deleteRange([UInt8], [UInt8])
    }

    /// Submits a batch. `done` is called on the store's thread.
    public func submit(
        _ changes: [Change], lane: UInt32 = 0, resume: Bool = false, done: @escaping @Sendable (hl_status) -> Void
    ) throws(StoreError) {
        let lent = UnsafeLentBatch(changes, done)
        var batch = hl_store_batch()
        batch.struct_size = UInt32(MemoryLayout<hl_store_batch>.size)
        batch.flags = resume ? HL_STORE_RESUME : 0
        (batch.changes, batch.change_count) = (UnsafePointer(lent.changes), UInt32(changes.count))
        batch.lane = lane
        let user = Unmanaged.passRetained(lent)
        batch.user = user.toOpaque()
        batch.done = { user, status in
            guard let user else { return }
            Unmanaged<UnsafeLentBatch>.fromOpaque(user).takeRetainedValue().done(status)
        }
        let status = plugin.table.pointee.submit(handle, &batch)
        guard status == HL_OK else {
            user.release()
            throw StoreError(status, "the store does not take a batch")
        }
    }

    /// Submits a batch and waits for its answer.
    public func commit(_ changes: [Change], lane: UInt32 = 0, resume: Bool = false) throws(StoreError) -> hl_status {
        let answer = StoreAnswer()
        try submit(changes, lane: lane, resume: resume) { answer.give($0) }
        return answer.wait()
    }

    /// Waits for everything submitted before, and flushes it.
    public func flush() -> hl_status { plugin.table.pointee.flush(handle) }

    /// Looks at everything.
    public func verify() -> hl_status { plugin.table.pointee.verify(handle) }

    /// Its numbers.
    public func statistics() -> hl_store_statistics {
        var statistics = hl_store_statistics()
        statistics.struct_size = UInt32(MemoryLayout<hl_store_statistics>.size)
        _ = plugin.table.pointee.statistics(handle, &statistics)
        return statistics
    }

    /// What is stored now. End it.
    public func snapshot() throws(StoreError) -> UnsafeStoreView {
        var made: OpaquePointer?
        let status = plugin.table.pointee.snapshot(handle, &made)
        guard status == HL_OK, let made else { throw StoreError(status, "the store gives no snapshot") }
        return UnsafeStoreView(plugin.table, made)
    }

    /// The last call.
    public func close() -> hl_status { plugin.table.pointee.close(handle) }
}

/// The memory of a batch under way.
private final class UnsafeLentBatch {
    let changes: UnsafeMutablePointer<hl_store_change>
    private let bytes: UnsafeMutablePointer<UInt8>
    let done: @Sendable (hl_status) -> Void

    init(_ list: [UnsafeStore.Change], _ done: @escaping @Sendable (hl_status) -> Void) {
        self.done = done
        changes = .allocate(capacity: max(list.count, 1))
        bytes = .allocate(capacity: max(list.reduce(0) { $0 + $1.parts.key.count + $1.parts.value.count }, 1))
        var used = 0
        for (index, change) in list.enumerated() {
            let (kind, hints, key, value) = change.parts
            (changes + index).initialize(
                to: hl_store_change(kind: kind, hints: hints, key: copy(key, &used), value: copy(value, &used)))
        }
    }

    deinit {
        changes.deallocate()
        bytes.deallocate()
    }

    private func copy(_ source: [UInt8], _ used: inout Int) -> hl_view {
        (bytes + used).initialize(from: source, count: source.count)
        defer { used += source.count }
        return hl_view(ptr: UnsafePointer(bytes + used), len: UInt64(source.count))
    }
}

extension UnsafeStore.Change {
    fileprivate var parts: (kind: UInt32, hints: UInt32, key: [UInt8], value: [UInt8]) {
        switch self {
        case .put(let key, let value): (HL_STORE_PUT, 0, key, value)
        case .new(let key, let value): (HL_STORE_PUT, HL_STORE_NEW, key, value)
        case .delete(let key): (HL_STORE_DELETE, 0, key, [])
        case .deleteRange(let first, let end): (HL_STORE_DELETE_RANGE, 0, first, end)
        }
    }
}

/// Waits for one answer.
///
/// @unchecked Sendable: `status` is only touched between lock and unlock of `mutex`; the POSIX objects never move.
public final class StoreAnswer: @unchecked Sendable {
    private var status: hl_status?
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let given = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// No answer yet.
    public init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(given, nil)
    }

    deinit {
        pthread_cond_destroy(given)
        pthread_mutex_destroy(mutex)
        given.deallocate()
        mutex.deallocate()
    }

    /// Any thread, once.
    public func give(_ status: hl_status) {
        pthread_mutex_lock(mutex)
        self.status = status
        pthread_cond_broadcast(given)
        pthread_mutex_unlock(mutex)
    }

    /// Any thread.
    public func wait() -> hl_status {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let status { return status }
            pthread_cond_wait(given, mutex)
        }
    }
}
