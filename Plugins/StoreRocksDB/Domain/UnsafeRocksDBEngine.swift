import CRocksDB
import Glibc
import Locking
import PluginABI
import StoreEngine

/// Keys and values in a RocksDB database, in the folder `rocksdb` of the store.
///
/// RocksDB does not go on after its log could not be written, and cannot be closed then: commits fail until the broker
/// is started again, reading goes on.
///
/// @unchecked Sendable: `shared` has its lock; `batch`, `isBroken` and `measured` are touched by the store's thread
/// only, and by `close` after its end; the rest does not change.
final class UnsafeRocksDBEngine: StorageEngine, @unchecked Sendable {
    static let format = 1

    private let folder: StoreFolder
    private let options: StoreOptions
    private let path: String
    private let settings: OpaquePointer
    private let flushedWrite = UnsafeRocksDBEngine.writeOptions(flushed: true)
    private let plainWrite = UnsafeRocksDBEngine.writeOptions(flushed: false)
    private let shared = Locked(Database(pointer: nil))

    // [store]
    private let batch = rocksdb_writebatch_create()
    private var isBroken = false
    private var measured: (at: Int, log: UInt64, files: UInt64) = (0, 0, 0)

    /// [worker] Opens the database in the folder or makes it.
    init(_ options: StoreOptions, writeBuffer: Int) throws(StoreFailure) {
        self.options = options
        path = options.folder + "/rocksdb"
        folder = try StoreFolder(options, engine: "rocksdb", format: Self.format)
        guard let settings = rocksdb_options_create() else { throw StoreFailure(HL_NO_MEMORY, "no memory") }
        self.settings = settings
        rocksdb_options_set_create_if_missing(settings, 1)
        rocksdb_options_set_write_buffer_size(settings, writeBuffer)
        rocksdb_options_set_max_total_wal_size(settings, UInt64(writeBuffer) * 2)
        rocksdb_options_set_keep_log_file_num(settings, 2)
        rocksdb_options_set_info_log_level(settings, 2)
        rocksdb_options_set_paranoid_checks(settings, 1)
        let database = try open(isReadOnly: options.isReadOnly)
        shared.withLock { $0 = database }
    }

    /// A pointer on its way out of a lock.
    ///
    /// @unchecked Sendable: RocksDB may be used on any thread.
    private struct Database: @unchecked Sendable { let pointer: OpaquePointer? }

    deinit {
        rocksdb_writebatch_destroy(batch)
        rocksdb_writeoptions_destroy(flushedWrite)
        rocksdb_writeoptions_destroy(plainWrite)
        rocksdb_options_destroy(settings)
    }

    private static func writeOptions(flushed: Bool) -> OpaquePointer? {
        let options = rocksdb_writeoptions_create()
        rocksdb_writeoptions_set_sync(options, flushed ? 1 : 0)
        return options
    }

    private func open(isReadOnly: Bool) throws(StoreFailure) -> Database {
        // Its threads inherit the mask: signals belong to the thread of the broker that waits for them.
        var (everySignal, before) = (sigset_t(), sigset_t())
        sigfillset(&everySignal)
        pthread_sigmask(SIG_SETMASK, &everySignal, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var message: UnsafeMutablePointer<CChar>?
        let opened =
            isReadOnly
            ? rocksdb_open_for_read_only(settings, path, 0, &message) : rocksdb_open(settings, path, &message)
        if let failure = Self.failure(message, path) { throw failure }
        return Database(pointer: opened)
    }

    /// What RocksDB says, as a status and a sentence; nil when it says nothing.
    static func failure(_ message: UnsafeMutablePointer<CChar>?, _ path: String) -> StoreFailure? {
        guard let message else { return nil }
        defer { rocksdb_free(message) }
        let text = String(cString: message)
        let status: hl_status =
            if text.contains("No space left") || text.contains("Disk quota") {
                HL_NO_SPACE
            } else if text.hasPrefix("Corruption") {
                HL_DAMAGED
            } else if text.hasPrefix("IO error") {
                HL_IO_ERROR
            } else {
                HL_FAILED
            }
        return StoreFailure(status, "\(path): \(text)")
    }

    private var database: OpaquePointer? { shared.withLock { $0 }.pointer }

    // MARK: - the store's thread

    func commit(
        _ changes: UnsafeBufferPointer<UnsafePointer<hl_store_change>>, flushed: Bool
    ) throws(StoreFailure) {
        guard !isBroken else {
            throw StoreFailure(HL_IO_ERROR, "\(path): its log could not be written; start the broker again")
        }
        try reserve(changes)
        guard let database else { throw StoreFailure(HL_FAILED, "the store is closed") }
        rocksdb_writebatch_clear(batch)
        for change in changes { add(change.pointee) }
        var message: UnsafeMutablePointer<CChar>?
        rocksdb_write(database, flushed ? flushedWrite : plainWrite, batch, &message)
        if let failure = Self.failure(message, path) {
            isBroken = true
            throw failure
        }
    }

    private func add(_ change: hl_store_change) {
        let key = Self.characters(change.key), length = Int(change.key.len)
        switch change.kind {
        case HL_STORE_PUT:
            rocksdb_writebatch_put(batch, key, length, Self.characters(change.value), Int(change.value.len))
        case HL_STORE_DELETE: rocksdb_writebatch_delete(batch, key, length)
        default: addRange(change)
        }
    }

    private func addRange(_ change: hl_store_change) {
        guard change.value.len == 0 else {
            guard Self.isBefore(change.key, change.value) else { return }
            rocksdb_writebatch_delete_range(
                batch, Self.characters(change.key), Int(change.key.len), Self.characters(change.value),
                Int(change.value.len))
            return
        }
        Self.behindEverything.withUnsafeBufferPointer { end in
            end.withMemoryRebound(to: CChar.self) { end in
                rocksdb_writebatch_delete_range(
                    batch, Self.characters(change.key), Int(change.key.len), end.baseAddress, end.count)
            }
        }
    }

    /// Longer than a key may be, so greater than every key.
    private static let behindEverything = [UInt8](repeating: 255, count: Int(HL_STORE_MAX_KEY) + 1)

    private static func isBefore(_ first: hl_view, _ second: hl_view) -> Bool {
        UnsafeBufferPointer(start: first.ptr, count: Int(first.len)).lexicographicallyPrecedes(
            UnsafeBufferPointer(start: second.ptr, count: Int(second.len)))
    }

    /// Never null: RocksDB makes a string of it.
    static func characters(_ view: hl_view) -> UnsafePointer<CChar> {
        guard let bytes = view.ptr else { return nothing }
        return UnsafeRawPointer(bytes).assumingMemoryBound(to: CChar.self)
    }

    /// nonisolated(unsafe): written once and never read beyond its length of 0.
    nonisolated(unsafe) private static let nothing: UnsafePointer<CChar> = {
        let byte = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        byte.initialize(to: 0)
        return UnsafePointer(byte)
    }()

    /// RocksDB does not survive a full disk, so it must not meet one: a commit needs space for its log, for the file
    /// that its changes become, and for the merging of files.
    private func reserve(_ changes: UnsafeBufferPointer<UnsafePointer<hl_store_change>>) throws(StoreFailure) {
        var bytes = Self.reserve
        for change in changes { bytes += 4 * (change.pointee.key.len + change.pointee.value.len) }
        var space = statvfs()
        guard statvfs(options.folder, &space) == 0 else { return }
        guard UInt64(space.f_bavail) * UInt64(space.f_frsize) >= bytes else {
            throw StoreFailure(
                HL_NO_SPACE, "\(path): No space left on device (\(Self.reserve >> 20) MiB are kept free)")
        }
    }

    private static let reserve: UInt64 = 64 << 20

    func flush() throws(StoreFailure) {
        guard let database, !isBroken else { return }
        var message: UnsafeMutablePointer<CChar>?
        rocksdb_flush_wal(database, 1, &message)
        if let failure = Self.failure(message, path) {
            isBroken = true
            throw failure
        }
    }

    func tidy() {}

    /// Looks at the folder once a second at most.
    func size() -> (log: UInt64, files: UInt64) {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        if measured.at != time.tv_sec { measured = Self.measure(path, at: time.tv_sec) }
        return (measured.log, measured.files)
    }

    private static func measure(_ path: String, at second: Int) -> (at: Int, log: UInt64, files: UInt64) {
        var (log, files): (UInt64, UInt64) = (0, 0)
        guard let directory = opendir(path) else { return (second, 0, 0) }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var status = stat()
            guard stat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            let bytes = UInt64(clamping: status.st_size)
            files += bytes
            if name.hasSuffix(".log") { log += bytes }
        }
        return (second, log, files)
    }

    // MARK: - other threads

    func snapshot() throws(StoreFailure) -> any StorageSnapshot {
        guard let database else { throw StoreFailure(HL_FAILED, "the store is closed") }
        return UnsafeRocksDBSnapshot(database, path)
    }

    /// Every block has a checksum, which reading checks.
    func verify() throws(StoreFailure) {
        let view = try snapshot()
        defer { view.end() }
        let cursor = try view.scan(from: hl_view(), to: hl_view(), flags: 0)
        defer { cursor.end() }
        let pairs = UnsafeMutableBufferPointer<hl_store_pair>.allocate(capacity: 1024)
        defer { pairs.deallocate() }
        while true {
            var count = 0
            try cursor.next(pairs, &count)
            if count == 0 { return }
        }
    }

    func close() throws(StoreFailure) {
        let database = shared.withLock { shared in
            defer { shared = Database(pointer: nil) }
            return shared
        }
        if let pointer = database.pointer, !isBroken { rocksdb_close(pointer) }
    }
}
