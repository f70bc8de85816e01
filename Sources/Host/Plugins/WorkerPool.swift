import CContainment
import Glibc
import PluginABI
import Threading

/// The threads on which plugins may block: deferred hook calls, submitted work, timers, file changes, notify hooks.
/// Threads are made when work waits and none is idle, up to a bound; the queue has a bound as well.
final class WorkerPool: Sendable {
    private struct Job {
        let group: WorkGroup
        let body: @Sendable () -> Void
    }

    private struct State {
        var jobs = ArrivalQueue<Job>()
        var idle = 0
        var threads: [pthread_t] = []
        var isStopped = false
    }

    private let state = Monitor(State())
    private let maximumThreads: Int
    private let maximumJobs: Int

    init(maximumThreads: Int = 8, maximumJobs: Int = 4096) {
        self.maximumThreads = maximumThreads
        self.maximumJobs = maximumJobs
    }

    /// Runs `body` on a worker.
    /// - Parameter mustRun: accept it although the queue is full: for the host's own work, which is bounded elsewhere.
    /// - Returns: false when the queue is full, the group is closed or the pool has stopped.
    func submit(_ group: WorkGroup, mustRun: Bool = false, _ body: @escaping @Sendable () -> Void) -> Bool {
        guard group.enter() else { return false }
        let accepted = state.withLock { state in
            guard !state.isStopped, mustRun || state.jobs.count < maximumJobs else { return false }
            state.jobs.add(Job(group: group, body: body))
            if state.idle < state.jobs.count, state.threads.count < maximumThreads,
                let thread = HostThread.start("hl-worker", { [self] in work() })
            {
                state.threads.append(thread)
            }
            return true
        }
        if !accepted { group.leave() }
        return accepted
    }

    /// Ends the threads; what has not begun is dropped. Waits for what runs.
    func stop() {
        let threads = state.withLock { state in
            state.isStopped = true
            while let job = state.jobs.take() { job.group.leave() }
            defer { state.threads = [] }
            return state.threads
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    private func work() {
        while let job = nextJob() {
            // What was queued before its instance stopped is dropped: the plugin is gone.
            if !job.group.isClosed { job.group.blamed("work") { ThreadKind.with(.worker, job.body) } }
            job.group.leave()
        }
    }

    private func nextJob() -> Job? {
        var isCounted = false
        let job: Job?? = state.wait { state, _ -> Job?? in
            if isCounted { state.idle -= 1 }
            isCounted = false
            if let job = state.jobs.take() { return .some(job) }
            if state.isStopped { return .some(nil) }
            state.idle += 1
            isCounted = true
            return nil
        }
        return job ?? nil
    }
}

/// All work of one plugin instance, so that stopping it can wait for what runs and drop what does not yet.
///
/// @unchecked Sendable: `plugin` is set before anybody else knows the group, and only compared and read by crash
/// handlers; the rest is behind the monitor.
final class WorkGroup: @unchecked Sendable {
    /// Whose work it is; nil: the host's own.
    var plugin: UnsafePointer<hl_self>?

    private struct State {
        var jobs = 0
        var isClosed = false
    }

    private let state = Monitor(State())

    /// Runs `body` so that whoever looks at this thread, or finds it crashed, knows whose code it is in.
    func blamed<Result, Failure: Error>(
        _ step: StaticString, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let plugin else { return try body() }
        let outer = hc_enter(plugin, UnsafeRawPointer(step.utf8Start).assumingMemoryBound(to: CChar.self))
        defer { hc_leave(outer) }
        return try body()
    }

    fileprivate func enter() -> Bool {
        state.withLock { state in
            if !state.isClosed { state.jobs += 1 }
            return !state.isClosed
        }
    }

    fileprivate func leave() { state.withLock { $0.jobs -= 1 } }

    /// Keeps the group from closing until `letGo`; false when it is closed.
    func hold() -> Bool { enter() }

    func letGo() { leave() }

    /// Runs `body` here unless the group is closed; closing waits for it.
    func perform(_ body: () -> Void) {
        guard enter() else { return }
        body()
        leave()
    }

    var isClosed: Bool { state.read { $0.isClosed } }

    /// Takes no more work and waits until none is left.
    /// - Returns: false when work was still running at the deadline (monotonic nanoseconds).
    func close(deadline: Int64) -> Bool {
        state.withLock { $0.isClosed = true }
        return state.wait { state, wakeUp in
            if state.jobs == 0 { return true }
            if monotonicNow() >= deadline { return false }
            wakeUp = deadline
            return nil
        }
    }
}
