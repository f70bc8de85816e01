internal import Locking
internal import PasswordFile
internal import PluginSDK

/// A table of PostgreSQL as a source: a query with the user name as `$1` whose first column is the password's hash, in
/// any form a password file may have; a second one may hold groups, separated by blanks, a third the account. It has as
/// many threads as connections, which are kept; the hash is computed where all hashes are.
final class PostgresSource: LogInSource {
    /// How the database is asked.
    struct Settings: Sendable {
        /// As libpq takes them.
        var connection: String
        var query: String
        var maximumConnections: Int
    }

    private let settings: Settings
    private let host: PluginHost
    private let breaker = CircuitBreaker()
    private let connections: LogInWorkers
    private let hashing: LogInWorkers
    private let idle = Locked<[PostgresConnection]>([])

    /// Nanoseconds for one look-up, connecting included.
    private static let longestLookUp: Int64 = 3_000_000_000
    private static let usualTime: Int64 = 5_000_000

    let name = "postgres"

    init(_ settings: Settings, hashing: LogInWorkers, limiter: FailureLimiter, host: PluginHost) {
        self.settings = settings
        self.host = host
        self.hashing = hashing
        connections = LogInWorkers(
            "hl-auth-sql", width: settings.maximumConnections, isIdle: false, usualTime: Self.usualTime,
            limiter: limiter
        ) { host.monotonicTime }
    }

    func check(_ attempt: Attempt, _ answer: @escaping Answer) {
        // A null character ends a text there, and would make one user of another.
        guard let bytes = attempt.user, !bytes.contains(0), let user = String(validating: bytes, as: UTF8.self) else {
            return answer(.unknown)
        }
        connections.submit(attempt, answer) { [self] in
            let found = ask(user)
            return { [self] in
                switch found {
                case .row(let row): verify(row, attempt, answer)
                case .none: answer(.unknown)
                case .failed(let reason): answer(.failed(reason))
                }
            }
        }
    }

    func forget(_ attempt: Attempt) { connections.forget(attempt) }

    func stop() {
        connections.stop()
        idle.withLock { $0 = [] }
    }

    private enum Found {
        case row([String?])
        case none
        case failed(String)
    }

    private func ask(_ user: String) -> Found {
        let now = host.monotonicTime
        guard breaker.begins(now) else { return .failed("the database is not asked: it is down") }
        let deadline = PostgresConnection.Deadline(time: now + Self.longestLookUp) { [host] in host.monotonicTime }
        do throws(PostgresConnection.Failure) {
            let row = try lookUp(user, deadline)
            breaker.ended(host.monotonicTime, hasFailed: false)
            return row.map(Found.row) ?? .none
        } catch {
            breaker.ended(host.monotonicTime, hasFailed: true)
            return .failed("the database does not answer: \(error.reason)")
        }
    }

    /// A kept connection may have died with its server; a new one is tried before the database counts as down.
    private func lookUp(
        _ user: String, _ deadline: PostgresConnection.Deadline
    ) throws(PostgresConnection.Failure) -> [String?]? {
        if let connection = idle.withLock({ $0.popLast() }) {
            do throws(PostgresConnection.Failure) {
                let row = try connection.lookUp(user, deadline)
                idle.withLock { $0.append(connection) }
                return row
            } catch {
                // What one has met the others are about to.
                idle.withLock { $0 = [] }
            }
        }
        let connection = try PostgresConnection(settings.connection, query: settings.query, deadline)
        let row = try connection.lookUp(user, deadline)
        idle.withLock { $0.append(connection) }
        return row
    }

    private func verify(_ row: [String?], _ attempt: Attempt, _ answer: @escaping Answer) {
        let hash: PasswordHash
        do throws(PasswordHash.Fault) {
            hash = try PasswordHash((row.first ?? nil) ?? "")
        } catch {
            return answer(.refused("the database's hash of the password: \(error)"))
        }
        var identity = Identity()
        if row.count > 1, let groups = row[1] {
            let names = groups.split(separator: " ").map(String.init).filter(Identity.isName)
            identity.groups = Array(names.prefix(Identity.maximumGroups))
        }
        if row.count > 2, let account = row[2], !account.isEmpty {
            guard Identity.isName(account) else { return answer(.failed("the database's account is not a name")) }
            identity.account = account
        }
        hashing.submit(attempt, answer) { [identity] in
            let isRight = attempt.password.read { hash.matches($0.bytes) }
            return { answer(isRight ? .accepted(identity) : .refused("wrong password")) }
        }
    }
}
