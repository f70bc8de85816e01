import CSQLite
import PluginABI
import StoreEngine

/// Finds what can still be read behind a damaged page. A walk cannot step over one; a search that begins behind it can.
struct SQLiteIslands {
    /// Searches for one place; each is some page reads.
    private static let maximumProbes = 256

    private let connection: UnsafeConnection

    init(_ connection: UnsafeConnection) { self.connection = connection }

    /// The smallest key behind `after` that a search finds: by halving the distance between a place that cannot be read
    /// and one that can.
    func nextReadable(after: [UInt8], to: [UInt8]?) -> [UInt8]? {
        guard var high = lastReadable(after: after, to: to) else { return nil }
        var low = after
        for _ in 0..<Self.maximumProbes {
            guard let middle = Self.between(low, high) else { break }
            switch probe(middle, to: to) {
            case .found(let key) where key.lexicographicallyPrecedes(high): high = key
            case .found, .damaged: low = middle
            }
        }
        return high
    }

    private enum Probe { case found([UInt8]), damaged }

    /// The first key at or behind `place`.
    private func probe(_ place: [UInt8], to: [UInt8]?) -> Probe {
        guard let key = first("SELECT key FROM pairs WHERE key >= ?1 ORDER BY key LIMIT 1", place) else {
            return .damaged
        }
        return .found(key)
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

    /// A key about half way between two others, read as numbers of 256; nil when none is between them.
    static func between(_ low: [UInt8], _ high: [UInt8]) -> [UInt8]? {
        let length = max(low.count, high.count) + 1
        var sum = [Int](repeating: 0, count: length)
        for index in 0..<length {
            sum[index] = (index < low.count ? Int(low[index]) : 0) + (index < high.count ? Int(high[index]) : 0)
        }
        var middle: [UInt8] = []
        var rest = 0
        var carried = sum
        for index in stride(from: length - 1, to: 0, by: -1) where carried[index] > 255 {
            carried[index - 1] += carried[index] / 256
            carried[index] %= 256
        }
        for digit in carried {
            let value = rest * 256 + digit
            middle.append(UInt8(clamping: value / 2))
            rest = value % 2
        }
        let isBetween = low.lexicographicallyPrecedes(middle) && middle.lexicographicallyPrecedes(high)
        return isBetween && middle.count <= Int(HL_STORE_MAX_KEY) ? middle : nil
    }

    /// A key for people: hexadecimal, as `hookline store inspect` takes it.
    static func words(_ key: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        var text = ""
        for byte in key.prefix(64) {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return text.isEmpty ? "(the first)" : text + (key.count > 64 ? "..." : "")
    }
}
