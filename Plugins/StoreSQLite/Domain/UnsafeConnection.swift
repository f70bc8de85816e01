import CSQLite
import Glibc
import PluginABI
import StoreEngine

/// One connection to the database and its prepared statements, for one thread at a time.
///
/// @unchecked Sendable: opened without SQLite's own locks; whoever holds it is the only one who uses it.
final class UnsafeConnection: @unchecked Sendable {
    let handle: OpaquePointer
    private let path: String
    /// Statements that nobody uses now, by their text.
    private var idle: [String: [OpaquePointer]] = [:]

    /// Opens the file; makes it if `create`.
    init(_ path: String, isReadOnly: Bool, create: Bool = false) throws(StoreFailure) {
        var flags = SQLITE_OPEN_NOMUTEX | (isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE)
        if create { flags |= SQLITE_OPEN_CREATE }
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened else { throw StoreFailure(HL_NO_MEMORY, "no memory to open \(path)") }
        handle = opened
        self.path = path
        guard code == SQLITE_OK else { throw failure("open") }
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 10_000)
    }

    deinit {
        for statement in idle.values.joined() { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    /// Runs statements that answer nothing that matters.
    func execute(_ text: String) throws(StoreFailure) {
        guard sqlite3_exec(handle, text, nil, nil, nil) == SQLITE_OK else { throw failure(text) }
    }

    /// The first column of each row.
    func texts(_ query: String) throws(StoreFailure) -> [String] {
        let statement = try statement(query)
        defer { putBack(statement, query) }
        var rows: [String] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: rows.append(sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "")
            case SQLITE_DONE: return rows
            default: throw failure(query)
            }
        }
    }

    /// A prepared statement; give it to ``putBack(_:_:)`` afterwards.
    func statement(_ text: String) throws(StoreFailure) -> OpaquePointer {
        if let statement = idle[text]?.popLast() { return statement }
        var prepared: OpaquePointer?
        guard
            sqlite3_prepare_v3(handle, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil) == SQLITE_OK,
            let prepared
        else { throw failure(text) }
        return prepared
    }

    func putBack(_ statement: OpaquePointer, _ text: String) {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
        idle[text, default: []].append(statement)
    }

    /// Runs a statement that answers nothing, and leaves it ready for the next run.
    @inline(__always)
    func run(_ statement: OpaquePointer, _ what: StaticString) throws(StoreFailure) {
        let code = sqlite3_step(statement)
        guard code == SQLITE_DONE || code == SQLITE_ROW else {
            let failure = failure("\(what)")
            sqlite3_reset(statement)
            throw failure
        }
        sqlite3_reset(statement)
    }

    /// What the last call said, as a status of store/1 and a sentence.
    func failure(_ what: String) -> StoreFailure {
        let code = sqlite3_extended_errcode(handle)
        let reason = String(cString: sqlite3_errmsg(handle))
        let system = sqlite3_system_errno(handle)
        let because = system == 0 ? reason : "\(reason): \(String(cString: strerror(system)))"
        return StoreFailure(Self.status(code, system: system), "\(path): \(because) (\(what))")
    }

    static func status(_ code: Int32, system: Int32) -> hl_status {
        switch code & 0xff {
        case SQLITE_FULL: return HL_NO_SPACE
        case SQLITE_IOERR:
            return system == ENOSPC || system == EDQUOT ? HL_NO_SPACE : HL_IO_ERROR
        case SQLITE_CORRUPT, SQLITE_NOTADB: return HL_DAMAGED
        case SQLITE_NOMEM: return HL_NO_MEMORY
        case SQLITE_BUSY, SQLITE_LOCKED: return HL_CONFLICT
        case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY: return HL_IO_ERROR
        default: return HL_FAILED
        }
    }
}

extension OpaquePointer {
    /// Binds bytes that stay where they are until the statement has run. A null pointer would bind NULL.
    @inline(__always)
    func bind(_ index: Int32, _ view: hl_view) {
        guard let bytes = view.ptr, view.len > 0 else {
            sqlite3_bind_zeroblob(self, index, 0)
            return
        }
        sqlite3_bind_blob64(self, index, bytes, view.len, nil)
    }

    /// The bytes of a column, valid until the next step.
    @inline(__always)
    func column(_ index: Int32) -> UnsafeRawBufferPointer {
        // The order of the two calls is SQLite's rule.
        let bytes = sqlite3_column_blob(self, index)
        return UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : Int(sqlite3_column_bytes(self, index)))
    }
}
