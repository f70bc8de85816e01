internal import CPostgres
internal import Glibc

/// One connection to PostgreSQL with one prepared query. Every call into libpq is in this file. One thread at a time,
/// which it never blocks beyond a deadline: a server that is stopped, or a cut cable, says nothing at all.
///
/// @unchecked Sendable: the pool hands it to one thread at a time.
final class PostgresConnection: @unchecked Sendable {
    /// For the log; holds neither password nor user name.
    struct Failure: Error {
        let reason: String
    }

    /// When to give up.
    struct Deadline {
        /// Monotonic nanoseconds.
        let time: Int64
        let clock: () -> Int64

        /// For `poll`.
        fileprivate var milliseconds: Int32 { Int32(clamping: max(time - clock(), 0) / 1_000_000) }
    }

    private let raw: UnsafeMutableRawPointer

    private static let statement = "look-up"

    /// Connects and prepares the query.
    /// - Parameter settings: as libpq takes them, "host=/run/postgresql dbname=mqtt".
    init(_ settings: String, query: String, _ deadline: Deadline) throws(Failure) {
        guard let raw = cpostgres_start(settings) else { throw Failure(reason: "libpq.so.5 is not installed") }
        do throws(Failure) {
            try Self.connect(raw, deadline)
            guard cpostgres_send_prepare(raw, Self.statement, query) == 1 else { throw Self.failure(raw) }
            if let result = try Self.result(raw, deadline) { cpostgres_clear(result) }
        } catch {
            cpostgres_close(raw)
            throw error
        }
        self.raw = raw
    }

    deinit { cpostgres_close(raw) }

    /// The columns of the first row; nil when there is none.
    func lookUp(_ user: String, _ deadline: Deadline) throws(Failure) -> [String?]? {
        guard cpostgres_send_look_up(raw, Self.statement, user) == 1 else { throw Self.failure(raw) }
        guard let result = try Self.result(raw, deadline) else { return nil }
        defer { cpostgres_clear(result) }
        guard cpostgres_rows(result) > 0 else { return nil }
        return (0..<cpostgres_columns(result)).map { column in
            cpostgres_field(result, column).map { String(cString: $0) }
        }
    }

    private static func connect(_ raw: UnsafeMutableRawPointer, _ deadline: Deadline) throws(Failure) {
        guard cpostgres_has_failed(raw) == 0 || cpostgres_socket(raw) >= 0 else { throw failure(raw) }
        var wanted = Int32(CPOSTGRES_WRITE)
        while wanted != Int32(CPOSTGRES_OPEN) {
            guard wanted != Int32(CPOSTGRES_FAILED) else { throw failure(raw) }
            let isWriting = wanted == Int32(CPOSTGRES_WRITE)
            try wait(raw, for: isWriting ? POLLOUT : POLLIN, deadline)
            wanted = cpostgres_connect_poll(raw)
        }
    }

    /// The first result of what was sent; those behind it are thrown away, so that the connection can be used again.
    private static func result(
        _ raw: UnsafeMutableRawPointer, _ deadline: Deadline
    ) throws(Failure) -> UnsafeMutableRawPointer? {
        var first: UnsafeMutableRawPointer?
        while true {
            do throws(Failure) {
                while cpostgres_is_busy(raw) == 1 {
                    try wait(raw, for: POLLIN, deadline)
                    guard cpostgres_consume(raw) == 1 else { throw failure(raw) }
                }
            } catch {
                if let first { cpostgres_clear(first) }
                throw error
            }
            guard let next = cpostgres_result(raw) else { break }
            if first == nil { first = next } else { cpostgres_clear(next) }
        }
        guard let first, cpostgres_is_good(first) == 1 else {
            let problem = failure(raw)
            if let first { cpostgres_clear(first) }
            throw problem
        }
        return first
    }

    private static func wait(_ raw: UnsafeMutableRawPointer, for events: Int32, _ deadline: Deadline) throws(Failure) {
        var descriptor = pollfd(fd: cpostgres_socket(raw), events: Int16(events), revents: 0)
        guard descriptor.fd >= 0 else { throw failure(raw) }
        while true {
            let ready = poll(&descriptor, 1, deadline.milliseconds)
            if ready > 0 { return }
            guard ready < 0, errno == EINTR else { throw Failure(reason: "no answer in time") }
        }
    }

    private static func failure(_ raw: UnsafeMutableRawPointer) -> Failure {
        let text = cpostgres_message(raw).map { String(cString: $0) } ?? ""
        // Such a message quotes the settings, and they hold a password.
        if text.contains("connection info string") || text.contains("connection option") {
            return Failure(reason: "the settings of the connection cannot be read")
        }
        return Failure(reason: text.split(separator: "\n").first.map(String.init) ?? "the connection has ended")
    }
}
