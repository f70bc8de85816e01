internal import CPostgres

/// One connection to PostgreSQL with one prepared query. Every call into libpq is in this file. One thread at a time.
final class PostgresConnection {
    /// For the log; holds neither password nor user name.
    struct Failure: Error {
        let reason: String
    }

    private let raw: UnsafeMutableRawPointer

    /// Blocks while it connects.
    /// - Parameter settings: as libpq takes them, "host=/run/postgresql dbname=mqtt".
    init(_ settings: String, query: String) throws(Failure) {
        guard let raw = cpostgres_open(settings) else { throw Failure(reason: "libpq.so.5 is not installed") }
        guard cpostgres_is_open(raw) != 0, cpostgres_prepare(raw, "look-up", query) == 1 else {
            let reason = Self.message(of: raw)
            cpostgres_close(raw)
            throw Failure(reason: reason)
        }
        self.raw = raw
    }

    deinit { cpostgres_close(raw) }

    /// The columns of the first row; nil when there is none.
    func lookUp(_ user: String) throws(Failure) -> [String?]? {
        guard let result = cpostgres_look_up(raw, "look-up", user) else {
            throw Failure(reason: Self.message(of: raw))
        }
        defer { cpostgres_clear(result) }
        guard cpostgres_rows(result) > 0 else { return nil }
        return (0..<cpostgres_columns(result)).map { column in
            cpostgres_field(result, column).map { String(cString: $0) }
        }
    }

    private static func message(of raw: UnsafeMutableRawPointer) -> String {
        let text = cpostgres_message(raw).map { String(cString: $0) } ?? ""
        return text.split(separator: "\n").first.map(String.init) ?? "unknown failure"
    }
}
