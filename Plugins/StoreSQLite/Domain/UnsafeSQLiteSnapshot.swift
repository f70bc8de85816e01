import CSQLite
import Glibc
import PluginABI
import StoreEngine

/// A read transaction on a connection of its own.
final class UnsafeSQLiteSnapshot: StorageSnapshot {
    private let connection: UnsafeConnection
    private let path: String
    private let giveBack: (UnsafeConnection) -> Void
    private static let one = "SELECT value FROM pairs WHERE key = ?1"

    init(
        _ connection: UnsafeConnection, _ path: String, giveBack: @escaping (UnsafeConnection) -> Void
    ) throws(StoreFailure) {
        self.connection = connection
        self.path = path
        self.giveBack = giveBack
        try connection.execute("BEGIN")
        do throws(StoreFailure) {
            // The transaction sees what is there at its first read, not at BEGIN.
            _ = try connection.texts("PRAGMA user_version")
            _ = try connection.texts("SELECT 1 FROM pairs LIMIT 1")
        } catch {
            // Damage at this place is no reason to see nothing of the rest: the read itself has begun.
            guard error.status == HL_DAMAGED else { throw error }
        }
    }

    func get(_ key: hl_view, _ body: (hl_view) -> Void) throws(StoreFailure) -> Bool {
        let statement = try connection.statement(Self.one)
        defer { connection.putBack(statement, Self.one) }
        statement.bind(1, key)
        switch sqlite3_step(statement) {
        case SQLITE_ROW:
            let value = statement.column(0)
            body(hl_view(ptr: value.baseAddress?.assumingMemoryBound(to: UInt8.self), len: UInt64(value.count)))
            return true
        case SQLITE_DONE: return false
        default: throw connection.failure("get")
        }
    }

    func scan(from: hl_view, to: hl_view, flags: UInt32) throws(StoreFailure) -> any StorageCursor {
        UnsafeSQLiteCursor(
            connection, path, from: Self.copy(from), to: to.len == 0 ? nil : Self.copy(to),
            keysOnly: flags & HL_STORE_KEYS_ONLY != 0, reverse: flags & HL_STORE_REVERSE != 0)
    }

    private static func copy(_ view: hl_view) -> [UInt8] {
        Array(UnsafeBufferPointer(start: view.ptr, count: view.ptr == nil ? 0 : Int(view.len)))
    }

    func end() {
        // A connection that does not come out of its transaction is not used again.
        if (try? connection.execute("COMMIT")) != nil { giveBack(connection) }
    }
}

/// A walk. Pairs are copied into one block, which is used again by the next call.
final class UnsafeSQLiteCursor: StorageCursor {
    private static let blockBytes = 256 << 10

    private let connection: UnsafeConnection
    private let path: String
    private let keysOnly: Bool
    private let reverse: Bool
    /// What is left of the range: `from` inclusive unless `isAfterFrom`, `to` exclusive, nil = to the end.
    private var from: [UInt8]
    private var to: [UInt8]?
    private var isAfterFrom = false
    /// The pair at `from` is read from behind: the way to it from the front leads over the page that is damaged.
    private var isLanding = false

    private var statement: OpaquePointer?
    private var text = ""
    /// The statement stands on a row that did not fit any more.
    private var hasRow = false
    private var isAtEnd = false
    private var block: UnsafeMutableRawBufferPointer
    private var used = 0

    init(
        _ connection: UnsafeConnection, _ path: String, from: [UInt8], to: [UInt8]?, keysOnly: Bool, reverse: Bool
    ) {
        self.connection = connection
        self.path = path
        self.from = from
        self.to = to
        self.keysOnly = keysOnly
        self.reverse = reverse
        block = .allocate(byteCount: Self.blockBytes, alignment: 8)
    }

    deinit { block.deallocate() }

    func end() { leaveStatement() }

    func next(_ pairs: UnsafeMutableBufferPointer<hl_store_pair>, _ count: inout Int) throws(StoreFailure) {
        used = 0
        while count < pairs.count {
            guard try step() else { return }
            guard let pair = copyRow(isFirst: count == 0) else { return }
            pairs[count] = pair
            count += 1
        }
        // The place is kept by the statement: nothing to do until the next call, which may come never.
    }

    /// Stands on the next row; false at the end.
    private func step() throws(StoreFailure) -> Bool {
        if hasRow { return true }
        guard !isAtEnd else { return false }
        let statement = try current()
        switch sqlite3_step(statement) & 0xff {
        case SQLITE_ROW:
            hasRow = true
            return true
        case SQLITE_DONE where isLanding:
            leaveStatement()
            (isLanding, isAfterFrom) = (false, true)
            return try step()
        case SQLITE_DONE:
            isAtEnd = true
            return false
        case SQLITE_CORRUPT, SQLITE_NOTADB: throw skipDamage()
        default: throw connection.failure("scan")
        }
    }

    /// Nil: it does not fit beside those that are there.
    private func copyRow(isFirst: Bool) -> hl_store_pair? {
        guard let statement else { return nil }
        let key = statement.column(0)
        let value = keysOnly ? UnsafeRawBufferPointer(start: nil, count: 0) : statement.column(1)
        if used + key.count + value.count > block.count {
            guard isFirst else { return nil }
            block.deallocate()
            block = .allocate(byteCount: key.count + value.count, alignment: 8)
        }
        let pair = hl_store_pair(key: append(key), value: append(value))
        lastKey.removeAll(keepingCapacity: true)
        lastKey.append(contentsOf: key)
        hasRow = false
        return pair
    }

    /// The key that was given out last, to go on behind it after damage.
    private var lastKey: [UInt8] = []

    private func append(_ bytes: UnsafeRawBufferPointer) -> hl_view {
        let place = UnsafeMutableRawBufferPointer(rebasing: block[used..<(used + bytes.count)])
        place.copyMemory(from: bytes)
        used += bytes.count
        return hl_view(ptr: place.baseAddress?.assumingMemoryBound(to: UInt8.self), len: UInt64(bytes.count))
    }

    // MARK: - the statement

    private func current() throws(StoreFailure) -> OpaquePointer {
        if let statement { return statement }
        text = "SELECT key\(keysOnly ? "" : ", value") FROM pairs WHERE key "
        text += isLanding ? "<= ?1" : (isAfterFrom ? "> ?1" : ">= ?1")
        if to != nil { text += " AND key < ?2" }
        text += reverse || isLanding ? " ORDER BY key DESC" : " ORDER BY key"
        if isLanding { text += " LIMIT 1" }
        let made = try connection.statement(text)
        bind(made, 1, from)
        if let to { bind(made, 2, to) }
        statement = made
        return made
    }

    /// With a copy made by SQLite: the walk is longer than this call.
    private func bind(_ statement: OpaquePointer, _ index: Int32, _ bytes: [UInt8]) {
        if bytes.isEmpty {
            sqlite3_bind_zeroblob(statement, index, 0)
            return
        }
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        _ = bytes.withUnsafeBytes { sqlite3_bind_blob(statement, index, $0.baseAddress, Int32($0.count), transient) }
    }

    private func leaveStatement() {
        if let statement { connection.putBack(statement, text) }
        statement = nil
        hasRow = false
    }

    // MARK: - damage

    /// Moves the range behind the damaged place, and says what is lost.
    private func skipDamage() -> StoreFailure {
        let what = connection.failure("scan").message
        leaveStatement()
        // Never a place twice: each one is behind the last.
        let before =
            reverse ? (lastKey.isEmpty ? to : lastKey) : (lastKey.lexicographicallyPrecedes(from) ? from : lastKey)
        let found = reverse ? nil : SQLiteIslands(connection).nextReadable(after: before ?? [], to: to)
        let beginning = before.map { DamageSearch.words($0) } ?? "the end"
        guard let found else {
            isAtEnd = true
            return StoreFailure(HL_DAMAGED, "\(what): pairs beyond key \(beginning) cannot be read")
        }
        (from, isLanding) = (found, true)
        return StoreFailure(
            HL_DAMAGED, "\(what): pairs between keys \(beginning) and \(DamageSearch.words(found)) cannot be read")
    }
}
