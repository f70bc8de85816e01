internal import Locking
internal import PasswordFile
internal import PluginSDK

/// A table of PostgreSQL as a source: a query with the user name as `$1` whose first column is the password's hash, in
/// any form a password file may have; a second one may hold groups, separated by blanks, a third the account. Blocks a
/// worker thread; connections are kept.
final class PostgresSource: LogInSource {
    /// Connections that nobody uses. @unchecked Sendable: each one is used by whoever has taken it out.
    private struct Pool: @unchecked Sendable {
        var idle: [PostgresConnection] = []
    }

    private let settings: String
    private let query: String
    private let host: PluginHost
    private let breaker: CircuitBreaker
    private let pool = Locked(Pool())

    let name = "postgres"

    init(settings: String, query: String, maximumConnections: Int, host: PluginHost) {
        self.settings = settings
        self.query = query
        self.host = host
        breaker = CircuitBreaker(maximumRunning: maximumConnections)
    }

    func follow() {}

    func check(_ attempt: borrowing Attempt) -> SourceAnswer {
        // A null character ends a text there, and would make one user of another.
        guard let bytes = attempt.user, !bytes.contains(0), let user = String(validating: bytes, as: UTF8.self) else {
            return .unknown
        }
        guard breaker.begins(host.monotonicTime) else {
            return .failed("the database is not asked: it is down or has too much to do")
        }
        do throws(PostgresConnection.Failure) {
            let row = try lookUp(user)
            breaker.ended(host.monotonicTime, hasFailed: false)
            guard let row else { return .unknown }
            return Self.verdict(row, attempt.password)
        } catch {
            breaker.ended(host.monotonicTime, hasFailed: true)
            return .failed("the database does not answer: \(error.reason)")
        }
    }

    private static func verdict(_ row: [String?], _ password: Span<UInt8>) -> SourceAnswer {
        let hash: PasswordHash
        do throws(PasswordHash.Fault) {
            hash = try PasswordHash((row.first ?? nil) ?? "")
        } catch {
            return .refused("the database's hash of the password: \(error)")
        }
        guard hash.matches(password.bytes) else { return .refused("wrong password") }
        var identity = Identity()
        if row.count > 1, let groups = row[1] {
            identity.groups = groups.split(separator: " ").prefix(256).map(String.init)
        }
        if row.count > 2, let account = row[2] { identity.account = account }
        return .accepted(identity)
    }

    /// A kept connection may have died; a new one is tried before the database counts as down.
    private func lookUp(_ user: String) throws(PostgresConnection.Failure) -> [String?]? {
        if let connection = pool.withLock({ $0.idle.popLast() }) {
            do throws(PostgresConnection.Failure) {
                let row = try connection.lookUp(user)
                pool.withLock { $0.idle.append(connection) }
                return row
            } catch {
                pool.withLock { $0.idle.removeAll() }
            }
        }
        let connection = try PostgresConnection(settings, query: query)
        let row = try connection.lookUp(user)
        pool.withLock { $0.idle.append(connection) }
        return row
    }
}
