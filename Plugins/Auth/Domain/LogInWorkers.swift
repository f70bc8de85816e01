internal import Locking

/// Threads of this plugin that do what takes long, apart from those of the host: a flood of log-ins delays log-ins, and
/// nothing else. Threads are made when there is work, and ended by `stop`.
///
/// Where passwords are hashed, each thread leaves the computing to a partner that takes what nobody else wants of the
/// cores. On a machine whose event loops are busy all the time such a partner gets nothing, and without log-ins a
/// broker would not recover from a restart; so when it takes too long, a second partner of a better priority does it.
final class LogInWorkers: Sendable {
    private struct State {
        var threads: [WorkerThread] = []
        var isStopped = false
    }

    private let queue: LogInQueue
    private let waiting = Semaphore()
    private let state = Locked(State())
    private let name: String
    private let width: Int
    private let isIdle: Bool
    private let patience: Int
    private let clock: @Sendable () -> Int64

    /// Nanoseconds before the deadline at which an answer can still be told.
    private static let margin: Int64 = 250_000_000

    /// - Parameters:
    ///   - name: of the threads.
    ///   - width: number of threads.
    ///   - isIdle: computing waits for everybody else who wants a core.
    ///   - usualTime: nanoseconds of one step, until it is known.
    ///   - patience: milliseconds for a partner that takes what nobody wants.
    ///   - clock: monotonic nanoseconds.
    init(
        _ name: String, width: Int, isIdle: Bool, usualTime: Int64, limiter: FailureLimiter, patience: Int = 500,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.name = name
        self.width = width
        self.isIdle = isIdle
        self.patience = patience
        self.clock = clock
        queue = LogInQueue(width: width, usualTime: usualTime, limiter: limiter, clock: clock)
    }

    /// Computes `body` on one of the threads, and then runs what it answers; or answers that there are too many. Any
    /// thread; returns at once.
    /// - Parameter body: without effects and locks, for it may be computed by two.
    func submit(_ attempt: Attempt, _ answer: @escaping LogInSource.Answer, _ body: @escaping ComputingThread.Body) {
        guard queue.add(LogInQueue.Step(attempt: attempt, answer: answer, run: body)) else { return }
        state.withLock { state in
            guard !state.isStopped, state.threads.count < width else { return }
            let thread = WorkerThread(name, .normal) { [self] in work() }
            if let thread { state.threads.append(thread) }
        }
        waiting.signal()
    }

    func forget(_ attempt: Attempt) { queue.forget(attempt) }

    /// Waits for what runs; what waits is dropped.
    func stop() {
        queue.close()
        let threads = state.withLock { state in
            state.isStopped = true
            defer { state.threads = [] }
            return state.threads
        }
        for _ in threads { waiting.signal() }
        for thread in threads { thread.join() }
    }

    private func work() {
        let idle = ComputingThread(name + "-i", .idle)
        let helper = ComputingThread(name + "-h", .low)
        defer {
            idle.stop()
            helper.stop()
        }
        while true {
            waiting.wait()
            guard !state.withLock({ $0.isStopped }) else { return }
            guard let step = queue.next() else { continue }
            let start = clock()
            let conclude = isIdle ? compute(step, idle, helper) : step.run()
            queue.done(clock() - start)
            conclude()
        }
    }

    /// Whoever waits for the answer is told "busy" when there is none in time.
    private func compute(
        _ step: LogInQueue.Step, _ idle: ComputingThread, _ helper: ComputingThread
    ) -> @Sendable () -> Void {
        let clock = clock
        let milliseconds = { Int(max(step.attempt.deadline - Self.margin - clock(), 0) / 1_000_000) }
        if idle.isFree(milliseconds: 0),
            let conclude = idle.compute(step.run, milliseconds: min(patience, milliseconds()))
        {
            return conclude
        }
        if helper.isFree(milliseconds: milliseconds()),
            let conclude = helper.compute(step.run, milliseconds: milliseconds())
        {
            return conclude
        }
        return { step.answer(.failed("too many log-ins at once")) }
    }
}
