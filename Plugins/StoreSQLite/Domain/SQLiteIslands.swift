import CSQLite
import PluginABI
import StoreEngine

/// What can still be read behind a damaged page.
struct SQLiteIslands {
    private let connection: UnsafeConnection

    init(_ connection: UnsafeConnection) { self.connection = connection }

    /// The smallest key behind `after` that a search finds; nil: none can be read.
    func nextReadable(after: [UInt8], to: [UInt8]?) -> [UInt8]? {
        guard let last = lastReadable(after: after, to: to) else { return nil }
        return DamageSearch.nextReadable(after: after, last: last) { place in
            first("SELECT key FROM pairs WHERE key >= ?1 ORDER BY key LIMIT 1", place)
        }.key
    }

    /// Where a walk from the other end comes to.
    private func lastReadable(after: [UInt8], to: [UInt8]?) -> [UInt8]? {
        let text =
            to == nil
            ? "SELECT key FROM pairs WHERE key > ?1 ORDER BY key DESC"
            : "SELECT key FROM pairs WHERE key > ?1 AND key < ?2 ORDER BY key DESC"
        guard let statement = try? connection.statement(text) else { return nil }
        defer { connection.putBack(statement, text) }
        bind(statement, 1, after)
        if let to { bind(statement, 2, to) }
        var last: [UInt8]?
        while sqlite3_step(statement) == SQLITE_ROW { last = Array(statement.column(0)) }
        return last
    }

    private func first(_ text: String, _ place: [UInt8]) -> [UInt8]? {
        guard let statement = try? connection.statement(text) else { return nil }
        defer { connection.putBack(statement, text) }
        bind(statement, 1, place)
        return sqlite3_step(statement) == SQLITE_ROW ? Array(statement.column(0)) : nil
    }

    private func bind(_ statement: OpaquePointer, _ index: Int32, _ bytes: [UInt8]) {
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        if bytes.isEmpty {
            sqlite3_bind_zeroblob(statement, index, 0)
        } else {
            _ = bytes.withUnsafeBytes {
                sqlite3_bind_blob(statement, index, $0.baseAddress, Int32($0.count), transient)
            }
        }
    }
}
