import CSQLite
import Glibc
import Locking
import PluginABI
import StoreEngine

/// Keys and values in one table of one SQLite database in WAL mode: `store.db` and its log beside it.
///
/// One connection writes, on the store's thread; readers have connections of their own, and see the database as it was
/// when they began; the log is worked into the database on a third thread (``Checkpointer``).
///
/// @unchecked Sendable: `folder`, `options`, `path` do not change; what is marked [store] is touched by the store's
/// thread only; `readers` and `checkpointer` have their own locks.
final class UnsafeSQLiteEngine: StorageEngine, @unchecked Sendable {
    static let format = 1
    /// "HKLN": what `file store.db` shows.
    static let applicationID = 0x484b_4c4e
    static let pairs = "CREATE TABLE pairs (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"

    private let folder: StoreFolder
    private let options: StoreOptions
    private let path: String
    private let tuning: Tuning
    private let readers = Locked<[UnsafeConnection]>([])
    private var checkpointer: Checkpointer?

    // [store]
    private var writer: UnsafeConnection?
    private var statements: Statements?

    private struct Statements {
        let begin, commit, rollback, put, delete, deleteRange, deleteToEnd: OpaquePointer

        init(_ connection: UnsafeConnection) throws(StoreFailure) {
            begin = try connection.statement("BEGIN IMMEDIATE")
            commit = try connection.statement("COMMIT")
            rollback = try connection.statement("ROLLBACK")
            put = try connection.statement("REPLACE INTO pairs VALUES (?1, ?2)")
            delete = try connection.statement("DELETE FROM pairs WHERE key = ?1")
            deleteRange = try connection.statement("DELETE FROM pairs WHERE key >= ?1 AND key < ?2")
            deleteToEnd = try connection.statement("DELETE FROM pairs WHERE key >= ?1")
        }

        var all: [OpaquePointer] { [begin, commit, rollback, put, delete, deleteRange, deleteToEnd] }
    }

    /// [worker] Opens `store.db` in the folder or makes it.
    init(_ options: StoreOptions, _ tuning: Tuning) throws(StoreFailure) {
        self.options = options
        self.tuning = tuning
        path = options.folder + "/store.db"
        folder = try StoreFolder(options, engine: "sqlite", format: Self.format)
        if options.isReadOnly {
            guard access(path, F_OK) == 0 else {
                throw StoreFailure(HL_NOT_FOUND, "there is no store in \(options.folder)")
            }
            try checkFormat(try reader())
            return
        }
        let connection = try UnsafeConnection(path, isReadOnly: false, create: true)
        try prepare(connection)
        statements = try Statements(connection)
        writer = connection
        checkpointer = try Checkpointer(path, options, limit: tuning.logBytes)
    }

    private func prepare(_ connection: UnsafeConnection) throws(StoreFailure) {
        let isNew = try connection.texts("PRAGMA application_id; ").first == "0"
        if isNew { try connection.execute("PRAGMA page_size = \(tuning.pageBytes)") }
        guard try connection.texts("PRAGMA journal_mode = WAL") == ["wal"] else {
            throw StoreFailure(HL_IO_ERROR, "\(path): the file system cannot share memory, which the log needs")
        }
        // FULL flushes the log in each commit, NORMAL only before the log is worked into the database.
        try connection.execute("PRAGMA synchronous = \(options.sync == .always ? "FULL" : "NORMAL")")
        try connection.execute("PRAGMA wal_autocheckpoint = 0")
        try connection.execute("PRAGMA temp_store = MEMORY")
        try tune(connection)
        if isNew {
            let isEmpty = try connection.texts("SELECT name FROM sqlite_schema").isEmpty
            guard isEmpty else { throw StoreFailure(HL_REFUSED, "\(path) is a database of something else") }
            try connection.execute(
                "BEGIN IMMEDIATE; \(Self.pairs); PRAGMA application_id = \(Self.applicationID); "
                    + "PRAGMA user_version = \(Self.format); COMMIT")
            try StoreFolder.sync(options.folder)
        }
        try checkFormat(connection)
    }

    private func tune(_ connection: UnsafeConnection) throws(StoreFailure) {
        try connection.execute("PRAGMA cache_size = -\(tuning.cacheBytes / 1024)")
        try connection.execute("PRAGMA mmap_size = \(tuning.mappedBytes)")
    }

    private func checkFormat(_ connection: UnsafeConnection) throws(StoreFailure) {
        guard try connection.texts("PRAGMA application_id").first == "\(Self.applicationID)" else {
            throw StoreFailure(HL_REFUSED, "\(path) is a database of something else")
        }
        let found = Int(try connection.texts("PRAGMA user_version").first ?? "") ?? 0
        guard found <= Self.format else {
            throw StoreFailure(
                HL_REFUSED,
                "\(path) has format \(found), this version reads \(Self.format) at most; use a newer hookline")
        }
    }

    // MARK: - the store's thread

    func commit(
        _ changes: UnsafeBufferPointer<UnsafePointer<hl_store_change>>, flushed: Bool
    ) throws(StoreFailure) {
        guard let writer, let statements else { throw StoreFailure(HL_FAILED, "the store is closed") }
        do throws(StoreFailure) {
            try writer.run(statements.begin, "begin")
            for change in changes { try apply(change.pointee, writer, statements) }
            try writer.run(statements.commit, "commit")
        } catch {
            // Some failures have rolled back already.
            if sqlite3_get_autocommit(writer.handle) == 0 {
                sqlite3_step(statements.rollback)
                sqlite3_reset(statements.rollback)
            }
            throw error
        }
    }

    @inline(__always)
    private func apply(
        _ change: hl_store_change, _ writer: UnsafeConnection, _ statements: Statements
    ) throws(StoreFailure) {
        switch change.kind {
        case HL_STORE_PUT:
            statements.put.bind(1, change.key)
            statements.put.bind(2, change.value)
            try writer.run(statements.put, "put")
        case HL_STORE_DELETE:
            statements.delete.bind(1, change.key)
            try writer.run(statements.delete, "delete")
        default:
            let isBounded = change.value.len > 0
            let statement = isBounded ? statements.deleteRange : statements.deleteToEnd
            statement.bind(1, change.key)
            if isBounded { statement.bind(2, change.value) }
            try writer.run(statement, "delete a range")
        }
    }

    func flush() throws(StoreFailure) {
        guard let writer else { return }
        var file: UnsafeMutablePointer<sqlite3_file>?
        let code = sqlite3_file_control(writer.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
        guard code == SQLITE_OK, let file, let methods = file.pointee.pMethods else { return }
        guard let sync = methods.pointee.xSync else { return }
        guard sync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK else {
            throw StoreFolder.failure("cannot flush \(path)-wal")
        }
    }

    func tidy() {
        guard let writer, let checkpointer else { return }
        switch checkpointer.next(logBytes: size().log) {
        case .nothing: return
        case .finish:
            // What is left of it is small: when it is done, the next commit begins the log anew.
            sqlite3_wal_checkpoint_v2(writer.handle, "main", SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        }
    }

    func size() -> (log: UInt64, files: UInt64) {
        let log = Self.bytes(of: path + "-wal")
        return (log, log + Self.bytes(of: path))
    }

    private static func bytes(of path: String) -> UInt64 {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(clamping: status.st_size) : 0
    }

    // MARK: - other threads

    func snapshot() throws(StoreFailure) -> any StorageSnapshot {
        let pooled = readers.withLock { $0.popLast() }
        let connection = if let pooled { pooled } else { try reader() }
        return try UnsafeSQLiteSnapshot(connection, path) { [self] connection in
            readers.withLock { if $0.count < 8 { $0.append(connection) } }
        }
    }

    private func reader() throws(StoreFailure) -> UnsafeConnection {
        let connection = try UnsafeConnection(path, isReadOnly: true)
        try connection.execute("PRAGMA query_only = ON")
        try connection.execute("PRAGMA cache_size = -\(min(tuning.cacheBytes, 4 << 20) / 1024)")
        try connection.execute("PRAGMA mmap_size = \(tuning.mappedBytes)")
        return connection
    }

    func verify() throws(StoreFailure) {
        let found = try reader().texts("PRAGMA integrity_check(1000)")
        guard found != ["ok"] else { return }
        for line in found.joined(separator: "\n").split(separator: "\n") { options.report(.error, "\(path): \(line)") }
        throw StoreFailure(HL_DAMAGED)
    }

    func close() throws(StoreFailure) {
        checkpointer?.stop()
        readers.withLock { $0 = [] }
        if let writer, let statements {
            for statement in statements.all { sqlite3_finalize(statement) }
            // Works the whole log into the database, so that the next start has nothing to repair.
            let code = sqlite3_wal_checkpoint_v2(writer.handle, "main", SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
            let failure = writer.failure("close")
            (self.statements, self.writer) = (nil, nil)
            if code != SQLITE_OK && code & 0xff != SQLITE_BUSY { throw failure }
        }
    }
}

/// Settings of the engine.
struct Tuning: Sendable {
    /// Of a new database. Large pages, since values of several hundred bytes are the rule.
    var pageBytes = 16384
    /// Pages that the writer keeps in memory.
    var cacheBytes = 32 << 20
    /// Database pages read through mapped memory; 0: read with system calls.
    var mappedBytes = 0
    /// The log is worked into the database when it is longer.
    var logBytes = 32 << 20
}
