internal import Locking
internal import NIOCore

/// Log-ins that are kept for the next request with the same credentials, so that a password is not hashed for each one.
///
/// A log-in ends with its MQTT connection: when the broker disconnects it, the next request logs in anew. It also ends
/// when it was not used for a while, and after a few minutes in any case, so that a changed password counts soon.
final class LogInPool: Sendable {
    private struct Entry {
        let task: Task<Result<LogIn, Problem>, Never>
        let number: UInt64
        let began: NIODeadline
        var used: NIODeadline
    }

    private struct State {
        var entries: [Credentials: Entry] = [:]
        var anonymous: Entry?
        var next: UInt64 = 1
        var isClosed = false

        subscript(credentials: Credentials?) -> Entry? {
            get { credentials.map { entries[$0] } ?? anonymous }
            set { if let credentials { entries[credentials] = newValue } else { anonymous = newValue } }
        }
    }

    private let door: LogInDoor
    private let state = Locked(State())
    private static let idle = TimeAmount.seconds(30)
    private static let life = TimeAmount.minutes(5)
    /// Beyond that a log-in serves one request only.
    private static let capacity = 256

    init(_ door: LogInDoor) {
        self.door = door
    }

    /// The log-in with these credentials; nil: anonymous. Several requests share one.
    func logIn(_ credentials: Credentials?, peer: String) async throws(Problem) -> LogIn {
        let (task, number) = state.withLock { state -> (Task<Result<LogIn, Problem>, Never>, UInt64?) in
            let now = NIODeadline.now()
            if var entry = state[credentials], now - entry.began < Self.life {
                entry.used = now
                state[credentials] = entry
                return (entry.task, nil)
            }
            let task = Task { [door] in await LogInPool.open(door, credentials, peer) }
            let number = state.next
            state.next += 1
            state[credentials] = Entry(task: task, number: number, began: now, used: now)
            return (task, number)
        }
        let result = await task.value
        if let number { keep(result, credentials, number) }
        return try result.get()
    }

    /// A log-in of one's own, that the caller closes.
    func ownLogIn(_ credentials: Credentials?, peer: String) async throws(Problem) -> LogIn {
        try await LogInPool.open(door, credentials, peer).get()
    }

    private static func open(
        _ door: LogInDoor, _ credentials: Credentials?, _ peer: String
    ) async -> Result<LogIn, Problem> {
        do throws(Problem) {
            guard case .client(let user, let password) = credentials else {
                return .success(try await door.open(user: nil, password: nil, peer: peer))
            }
            return .success(try await door.open(user: user, password: password, peer: peer))
        } catch {
            return .failure(error)
        }
    }

    private func keep(_ result: Result<LogIn, Problem>, _ credentials: Credentials?, _ number: UInt64) {
        guard case .success(let logIn) = result else { return forget(credentials, number) }
        logIn.link.whenClosed { [weak self] _ in self?.forget(credentials, number) }
        let isCrowded = state.withLock { $0.isClosed || $0.entries.count > Self.capacity }
        if isCrowded { return end(credentials, number, logIn, after: .seconds(1)) }
        end(credentials, number, logIn, after: Self.idle)
    }

    /// Looks after a while whether the log-in is still used.
    private func end(_ credentials: Credentials?, _ number: UInt64, _ logIn: LogIn, after delay: TimeAmount) {
        door.loop.scheduleTask(in: delay) { [weak self] in
            guard let self else { return logIn.link.close() }
            let isUsed = state.withLock { state -> Bool in
                guard let entry = state[credentials], entry.number == number else { return false }
                let now = NIODeadline.now()
                if now - entry.used < delay, now - entry.began < Self.life { return true }
                state[credentials] = nil
                return false
            }
            // Whoever has begun to use it has half a minute to end.
            if isUsed {
                end(credentials, number, logIn, after: delay)
            } else {
                door.loop.scheduleTask(in: Self.idle) { logIn.link.close() }
            }
        }
    }

    private func forget(_ credentials: Credentials?, _ number: UInt64) {
        state.withLock { if $0[credentials]?.number == number { $0[credentials] = nil } }
    }

    /// Ends every log-in.
    func close() async {
        let tasks = state.withLock { state -> [Task<Result<LogIn, Problem>, Never>] in
            state.isClosed = true
            let tasks = state.entries.values.map(\.task) + [state.anonymous?.task].compactMap { $0 }
            state.entries = [:]
            state.anonymous = nil
            return tasks
        }
        for task in tasks { if case .success(let logIn) = await task.value { logIn.link.close() } }
    }
}
