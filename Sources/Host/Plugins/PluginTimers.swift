import Glibc
import PluginABI

/// timer/1: one thread that waits, workers that run. Times are monotonic nanoseconds.
///
/// @unchecked Sendable: `thread` is set in `init` and read in `stop` only; the rest is behind the monitor.
final class PluginTimers: @unchecked Sendable {
    private struct Entry {
        let group: WorkGroup
        let body: @Sendable () -> Void
        let period: Int64
        var due: Int64
        /// Queued or running: it is not started again meanwhile.
        var isBusy = false
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var nextID: UInt64 = 1
        /// Groups whose timers stand still.
        var paused: [ObjectIdentifier] = []
        var isStopped = false

        func runs(_ entry: Entry) -> Bool { !entry.isBusy && !paused.contains(ObjectIdentifier(entry.group)) }
    }

    private let state = Monitor(State())
    private let pool: WorkerPool
    private var thread: pthread_t?

    init(pool: WorkerPool) {
        self.pool = pool
        thread = HostThread.start("hl-timer") { [state, pool] in PluginTimers.run(state, pool) }
    }

    /// Starts a timer; 0 when there is no thread to wait.
    func start(
        _ group: WorkGroup, delay: Int64, period: Int64, _ body: @escaping @Sendable () -> Void
    ) -> UInt64 {
        guard thread != nil else { return 0 }
        return state.withLock { state in
            let id = state.nextID
            state.nextID += 1
            let (due, overflow) = monotonicNow().addingReportingOverflow(max(delay, 0))
            state.entries[id] = Entry(
                group: group, body: body, period: max(period, 0), due: overflow ? .max : due)
            return id
        }
    }

    /// Ends a timer of a group; false when it is not there (any more).
    func cancel(_ id: UInt64, of group: WorkGroup) -> Bool {
        state.withLock { state in
            guard state.entries[id]?.group === group else { return false }
            state.entries[id] = nil
            return true
        }
    }

    /// Ends all timers of a group.
    func cancelAll(of group: WorkGroup) {
        state.withLock { state in
            state.entries = state.entries.filter { $0.value.group !== group }
            state.paused.removeAll { $0 == ObjectIdentifier(group) }
        }
    }

    /// Lets the timers of a group stand still. What falls due meanwhile comes with ``resume(_:)``.
    func pause(_ group: WorkGroup) { state.withLock { $0.paused.append(ObjectIdentifier(group)) } }

    /// Ends what ``pause(_:)`` began.
    func resume(_ group: WorkGroup) {
        state.withLock { state in state.paused.removeAll { $0 == ObjectIdentifier(group) } }
    }

    /// Timers of a group.
    func count(of group: WorkGroup) -> Int {
        state.read { state in state.entries.values.count { $0.group === group } }
    }

    /// Ends the thread.
    func stop() {
        state.withLock { $0.isStopped = true }
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }

    private static func run(_ state: Monitor<State>, _ pool: WorkerPool) {
        while true {
            let due: [(UInt64, Entry)]? = state.wait { state, wakeUp in
                if state.isStopped { return .some(nil) }
                let now = monotonicNow()
                let ready = state.entries.filter { state.runs($0.value) && $0.value.due <= now }
                for id in ready.keys { state.entries[id]?.isBusy = true }
                if !ready.isEmpty {
                    return .some(ready.sorted { $0.value.due < $1.value.due }.map { ($0.key, $0.value) })
                }
                wakeUp = state.entries.values.filter { state.runs($0) }.map(\.due).min() ?? .max
                return nil
            }
            guard let due else { return }
            for (id, entry) in due {
                let queued = pool.submit(entry.group, mustRun: true) {
                    // Stopped between falling due and now: it must not begin any more.
                    if state.read({ $0.entries[id] != nil }) { entry.body() }
                    rearm(id, state)
                }
                if !queued { rearm(id, state) }
            }
        }
    }

    private static func rearm(_ id: UInt64, _ state: Monitor<State>) {
        state.withLock { state in
            guard var entry = state.entries[id] else { return }
            guard entry.period > 0 else {
                state.entries[id] = nil
                return
            }
            let now = monotonicNow()
            // Missed periods are skipped, the rhythm is kept.
            let missed = max(0, (now - entry.due) / entry.period)
            entry.due += (missed + 1) * entry.period
            entry.isBusy = false
            state.entries[id] = entry
        }
    }
}
