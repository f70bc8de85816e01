import Glibc
import Locking
import PluginABI
import Synchronization

/// A store that is open: one thread that takes what was submitted, commits it as one group and answers.
///
/// @unchecked Sendable: `engine`, `submissions`, `options` do not change; everything marked [store] is only touched by
/// the store's thread; the rest is atomic or behind a lock.
public final class UnsafeOpenStore: @unchecked Sendable {
    /// A group is cut here, so that the first of a long queue do not wait for the last.
    private static let groupBytes = 32 << 20
    private static let groupChanges = 131_072
    static let maximumSnapshots = 64

    let engine: any StorageEngine
    private let options: StoreOptions
    private let submissions = UnsafeSubmissions()
    private let statisticsBox = Locked(hl_store_statistics())
    private let pending = Atomic<Int>(0)
    private let openSnapshots = Atomic<Int>(0)
    private var thread: StoreThread?

    // [store]
    private var group = UnsafeChangeGroup(secret: UnsafeOpenStore.makeSecret())
    private var taken: [UnsafeSubmissions.Item] = []
    private var cancelled: [Bool] = []
    private var failedLanes: Set<UInt32> = []
    /// When what is written but not flushed must be, monotonic ns.
    private var flushDue: Int64?
    private var isFailing = false
    private var failedBatches = 0

    /// [worker] Starts the thread.
    public init(_ engine: any StorageEngine, _ options: StoreOptions) throws(StoreFailure) {
        self.engine = engine
        self.options = options
        publishSize()
        guard !options.isReadOnly else { return }
        thread = try StoreThread("store") { [unowned self] in run() }
    }

    private static func makeSecret() -> (UInt64, UInt64) {
        var random = SystemRandomNumberGenerator()
        return (random.next(), random.next() | 1)
    }

    // MARK: - any thread

    func submit(_ batch: hl_store_batch) -> hl_status {
        guard !options.isReadOnly else { return HL_NOT_ALLOWED }
        guard Self.isValid(batch) else { return HL_INVALID }
        pending.wrappingAdd(1, ordering: .relaxed)
        guard submissions.add(UnsafeSubmissions.Item(batch: batch)) else {
            pending.wrappingSubtract(1, ordering: .relaxed)
            return HL_NOT_ALLOWED
        }
        return HL_OK
    }

    private static func isValid(_ batch: hl_store_batch) -> Bool {
        guard batch.done != nil, batch.lane < HL_STORE_LANES, batch.change_count <= HL_STORE_MAX_CHANGES,
            batch.flags & ~HL_STORE_RESUME == 0, batch.change_count == 0 || batch.changes != nil
        else { return false }
        for index in 0..<Int(batch.change_count) {
            let change = batch.changes + index
            guard isValid(change.pointee) else { return false }
        }
        return true
    }

    private static func isValid(_ change: hl_store_change) -> Bool {
        guard change.key.len <= HL_STORE_MAX_KEY, change.key.ptr != nil || change.key.len == 0,
            change.value.ptr != nil || change.value.len == 0
        else { return false }
        switch change.kind {
        case HL_STORE_PUT:
            return change.key.len > 0 && change.value.len <= HL_STORE_MAX_VALUE && change.hints & ~HL_STORE_NEW == 0
        case HL_STORE_DELETE: return change.key.len > 0 && change.value.len == 0 && change.hints == 0
        case HL_STORE_DELETE_RANGE: return change.value.len <= HL_STORE_MAX_KEY && change.hints == 0
        default: return false
        }
    }

    /// [worker]
    func flush() -> hl_status {
        guard !options.isReadOnly else { return HL_OK }
        let request = FlushRequest()
        guard submissions.add(UnsafeSubmissions.Item(batch: hl_store_batch(), flush: request)) else {
            return HL_NOT_ALLOWED
        }
        return request.wait()
    }

    /// [worker]
    func snapshot() throws(StoreFailure) -> UnsafeOpenSnapshot {
        guard openSnapshots.wrappingAdd(1, ordering: .relaxed).newValue <= Self.maximumSnapshots else {
            openSnapshots.wrappingSubtract(1, ordering: .relaxed)
            throw StoreFailure(HL_LIMIT)
        }
        do throws(StoreFailure) {
            return UnsafeOpenSnapshot(self, try engine.snapshot())
        } catch {
            openSnapshots.wrappingSubtract(1, ordering: .relaxed)
            throw error
        }
    }

    func snapshotEnded() { openSnapshots.wrappingSubtract(1, ordering: .relaxed) }

    /// Counts and tells of damage.
    func noticed(_ failure: StoreFailure) {
        if failure.status == HL_DAMAGED { statisticsBox.withLock { $0.damaged += 1 } }
        if !failure.message.isEmpty { options.report(.error, failure.message) }
    }

    func statistics() -> hl_store_statistics {
        var result = statisticsBox.withLock { $0 }
        result.pending_batches = UInt64(max(pending.load(ordering: .relaxed), 0))
        return result
    }

    /// [worker] The last call.
    func close() -> hl_status {
        var status = HL_OK
        if let thread = thread.take() {
            status = flush()
            submissions.close()
            thread.join()
        }
        do throws(StoreFailure) {
            try engine.close()
        } catch {
            noticed(error)
            if status == HL_OK { status = error.status }
        }
        return status
    }

    // MARK: - the store's thread

    private func run() {
        while submissions.take(into: &taken, until: flushDue) {
            var next = 0
            while next < taken.count { next = commitGroup(from: next) }
            taken.removeAll(keepingCapacity: true)
            if let due = flushDue, Self.now() >= due { _ = flushNow() }
            engine.tidy()
        }
    }

    /// Commits what stands from `start` on as one group and answers it.
    /// - Returns: where the next group begins.
    private func commitGroup(from start: Int) -> Int {
        if let request = taken[start].flush {
            request.answer(flushNow())
            return start + 1
        }
        group.removeAll()
        cancelled.removeAll(keepingCapacity: true)
        var end = start
        while end < taken.count, taken[end].flush == nil, group.byteCount < Self.groupBytes,
            group.changeCount < Self.groupChanges
        {
            let batch = taken[end].batch
            if batch.flags & HL_STORE_RESUME != 0 { failedLanes.remove(batch.lane) }
            let isCancelled = failedLanes.contains(batch.lane)
            cancelled.append(isCancelled)
            if !isCancelled { group.add(batch.changes, count: Int(batch.change_count)) }
            end += 1
        }
        let status = commit()
        let answers = start..<end
        count(answers, status)
        for index in answers {
            let batch = taken[index].batch
            let isCancelled = cancelled[index - start]
            if status != HL_OK, !isCancelled { failedLanes.insert(batch.lane) }
            // Before its answer, which may be what somebody waits for to look at the numbers.
            pending.wrappingSubtract(1, ordering: .relaxed)
            batch.done(batch.user, isCancelled ? HL_CANCELLED : status)
        }
        return end
    }

    private func commit() -> hl_status {
        let began = Self.now()
        let flushed = options.sync == .always
        var didCommit = false
        do throws(StoreFailure) {
            try group.withChanges { changes throws(StoreFailure) in
                guard !changes.isEmpty else { return }
                try engine.commit(changes, flushed: flushed)
                didCommit = true
            }
        } catch {
            failed(error)
            return error.status == HL_OK ? HL_FAILED : error.status
        }
        guard didCommit else { return HL_OK }
        let duration = UInt64(max(Self.now() - began, 0))
        statisticsBox.withLock { statistics in
            statistics.commits += 1
            statistics.commit_ns += duration
            statistics.max_commit_ns = max(statistics.max_commit_ns, duration)
            if flushed { statistics.syncs += 1 }
        }
        if case .interval(let interval) = options.sync, flushDue == nil { flushDue = Self.now() + interval }
        if isFailing {
            isFailing = false
            options.report(.information, "the store commits again; \(failedBatches) batches had failed")
            failedBatches = 0
        }
        return HL_OK
    }

    /// Says so once, until a commit succeeds.
    private func failed(_ failure: StoreFailure) {
        if failure.status == HL_DAMAGED { statisticsBox.withLock { $0.damaged += 1 } }
        guard !isFailing else { return }
        isFailing = true
        options.report(.error, "the store cannot commit: \(failure.message)")
    }

    private func count(_ answers: Range<Int>, _ status: hl_status) {
        var succeeded = 0
        for index in answers where status == HL_OK && !cancelled[index - answers.lowerBound] { succeeded += 1 }
        let failures = answers.count - succeeded
        if status != HL_OK { failedBatches += failures }
        let size = engine.size()
        statisticsBox.withLock { statistics in
            statistics.batches += UInt64(succeeded)
            statistics.failed_batches += UInt64(failures)
            if status == HL_OK {
                statistics.changes += UInt64(group.changeCount)
                statistics.change_bytes += UInt64(group.byteCount)
            }
            (statistics.log_bytes, statistics.file_bytes) = (size.log, size.files)
        }
    }

    private func publishSize() {
        let size = engine.size()
        statisticsBox.withLock { ($0.log_bytes, $0.file_bytes) = (size.log, size.files) }
    }

    private func flushNow() -> hl_status {
        flushDue = nil
        do throws(StoreFailure) {
            try engine.flush()
        } catch {
            options.report(.error, "the store cannot flush: \(error.message)")
            // What is written may not be on the disk: try again.
            if case .interval(let interval) = options.sync { flushDue = Self.now() + interval }
            return error.status
        }
        statisticsBox.withLock { $0.syncs += 1 }
        return HL_OK
    }

    /// Monotonic nanoseconds.
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// A snapshot in use, which keeps its store from being over.
public final class UnsafeOpenSnapshot {
    let store: UnsafeOpenStore
    let snapshot: any StorageSnapshot

    init(_ store: UnsafeOpenStore, _ snapshot: any StorageSnapshot) {
        self.store = store
        self.snapshot = snapshot
    }

    func end() {
        snapshot.end()
        store.snapshotEnded()
    }
}

/// A walk in use.
final class UnsafeOpenCursor {
    let store: UnsafeOpenStore
    let cursor: any StorageCursor
    /// `next` has failed for good.
    var isOver = false

    init(_ store: UnsafeOpenStore, _ cursor: any StorageCursor) {
        self.store = store
        self.cursor = cursor
    }
}
