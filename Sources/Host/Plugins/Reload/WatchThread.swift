import Glibc
import Reactor

/// Says when a file may have changed: watch/1, and the shared objects of the plugins themselves. One thread that waits,
/// workers that run; what counts as a change is `Reactor.FileWatcher`'s business.
///
/// @unchecked Sendable: the descriptors and `thread` are set in `init` and read afterwards; the rest is behind the
/// monitor.
final class WatchThread: @unchecked Sendable {
    private struct State {
        /// Nil when the system has no inotify instance left.
        var watcher: FileWatcher?
        var groups: [UInt64: WorkGroup] = [:]
        var isStopped = false
    }

    private let state: Monitor<State>
    private let pool: WorkerPool
    private let events: Int32
    /// A byte in the pipe ends the wait.
    private let wakeUp: (read: Int32, write: Int32)
    private var thread: pthread_t?

    private static let lookNanoseconds: Int64 = 30_000_000_000

    init(pool: WorkerPool) {
        self.pool = pool
        let watcher = try? FileWatcher(lookNanoseconds: Self.lookNanoseconds, now: monotonicNow())
        events = watcher?.descriptor ?? -1
        state = Monitor(State(watcher: watcher))
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        wakeUp = (ends[0], ends[1])
        guard watcher != nil else { return }
        thread = HostThread.start("hl-watch") { [unowned self] in run() }
    }

    deinit {
        for descriptor in [wakeUp.read, wakeUp.write] where descriptor >= 0 { close(descriptor) }
    }

    /// Watches a path, which need not exist yet; 0 when nobody can do it.
    /// - Parameter settle: how long it is left alone after a change, nanoseconds.
    func add(
        _ group: WorkGroup, path: String, settle: Int64 = 0, _ body: @escaping @Sendable () -> Void
    ) -> UInt64 {
        guard thread != nil else { return 0 }
        let pool = pool
        return state.withLock { state in
            let id =
                state.watcher?.add(path, settleNanoseconds: settle) { _ in
                    _ = pool.submit(group, mustRun: true, body)
                } ?? 0
            state.groups[id] = group
            return id
        }
    }

    /// Ends a watch of a group; false when it is not there (any more).
    @discardableResult
    func remove(_ id: UInt64, of group: WorkGroup) -> Bool {
        state.withLock { state in
            guard state.groups[id] === group else { return false }
            state.groups[id] = nil
            state.watcher?.remove(id)
            return true
        }
    }

    /// Watches of a group.
    func count(of group: WorkGroup) -> Int { state.read { $0.groups.values.count { $0 === group } } }

    /// Ends all watches of a group.
    func removeAll(of group: WorkGroup) {
        state.withLock { state in
            for id in state.groups.filter({ $0.value === group }).keys {
                state.groups[id] = nil
                state.watcher?.remove(id)
            }
        }
    }

    /// Ends the thread.
    func stop() {
        state.withLock { $0.isStopped = true }
        var byte: UInt8 = 1
        _ = write(wakeUp.write, &byte, 1)
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }

    private func run() {
        while let deadline = state.read({ $0.isStopped ? nil : $0.watcher?.nextDeadline ?? .max }) {
            let wait = max(0, min(deadline &- monotonicNow(), Self.lookNanoseconds))
            var descriptors = [
                pollfd(fd: events, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeUp.read, events: Int16(POLLIN), revents: 0),
            ]
            // Rounded up: a wait that ends too early would turn in a circle.
            poll(&descriptors, 2, Int32(truncatingIfNeeded: (wait + 999_999) / 1_000_000))
            let now = monotonicNow()
            state.withLock { state in
                guard let watcher = state.watcher else { return }
                watcher.ready(now: now)
                if let deadline = watcher.nextDeadline, deadline <= now { watcher.expire(now: now) }
            }
        }
    }
}
