internal import Locking

/// Log-ins that wait for something that can do a few at once: a core to hash on, a connection to a database, a slot at
/// a web service. Bounded; addresses take turns. Who cannot have an answer in time is told so at once, and a place that
/// nobody wants any more costs nothing.
final class LogInQueue: Sendable {
    /// One step of a log-in.
    struct Step: Sendable {
        let attempt: Attempt
        let answer: LogInSource.Answer
        let run: ComputingThread.Body
    }

    private struct State {
        var queue: FairQueue<Step>
        /// Of all attempts that wait.
        var bytes = 0
        /// Nanoseconds that a step has taken lately.
        var usualTime: Int64
        var isClosed = false
    }

    /// Places altogether, and of one address.
    static let maximumCount = 4_096
    static let maximumPerAddress = 512
    /// Names and passwords that wait, altogether: each may have 65,535 bytes.
    static let maximumBytes = 16 << 20

    private let state: Locked<State>
    private let limiter: FailureLimiter
    private let width: Int64
    private let clock: @Sendable () -> Int64

    /// Beyond it a time tells of a machine that slept.
    private static let longestTime: Int64 = 1_000_000_000

    /// - Parameters:
    ///   - width: how many steps are done at once.
    ///   - usualTime: nanoseconds of one step, until it is known.
    ///   - clock: monotonic nanoseconds.
    init(
        width: Int, usualTime: Int64, limiter: FailureLimiter, clock: @escaping @Sendable () -> Int64
    ) {
        self.width = Int64(max(width, 1))
        self.limiter = limiter
        self.clock = clock
        state = Locked(
            State(
                queue: FairQueue(maximumCount: Self.maximumCount, maximumPerLane: Self.maximumPerAddress),
                usualTime: min(usualTime, Self.longestTime)))
    }

    /// Adds a step, or answers "busy" when its turn would come too late.
    /// - Returns: whether it waits now.
    func add(_ step: Step) -> Bool {
        let now = clock()
        let isAdded = state.withLock { state in
            guard !state.isClosed else { return false }
            let ahead = Int64(state.queue.ahead(lane: step.attempt.network))
            // Without anybody ahead it is tried in any case: only what is done tells how long it takes.
            let wait = ahead == 0 ? 0 : (ahead / width + 1) * state.usualTime
            guard now + wait <= step.attempt.deadline, state.bytes + step.attempt.byteCount <= Self.maximumBytes,
                state.queue.add(step, lane: step.attempt.network)
            else { return false }
            state.bytes += step.attempt.byteCount
            return true
        }
        if !isAdded { step.answer(.failed("too many log-ins at once")) }
        return isAdded
    }

    /// The next step that is worth doing; those that are not are answered. The caller runs it, and then says `done`.
    func next() -> Step? {
        while let step = take() {
            if step.attempt.isOver {
                step.answer(.abandoned)
            } else if case .wait = limiter.permission(
                address: step.attempt.address, user: step.attempt.user ?? [], now: clock(), tells: false)
            {
                // It has failed at others since this one was queued.
                step.answer(.waits)
            } else if clock() + usualTime > step.attempt.deadline {
                step.answer(.failed("too many log-ins at once"))
            } else {
                return step
            }
        }
        return nil
    }

    private var usualTime: Int64 { state.withLock { $0.usualTime } }

    private func take() -> Step? {
        state.withLock { state in
            let step = state.queue.take()
            state.bytes -= step?.attempt.byteCount ?? 0
            return step
        }
    }

    /// - Parameter time: nanoseconds the step took.
    func done(_ time: Int64) {
        state.withLock { state in
            let time = min(max(time, 0), Self.longestTime)
            state.usualTime += (time - state.usualTime) / 8
        }
    }

    /// Takes the steps of an attempt out.
    func forget(_ attempt: Attempt) {
        state.withLock { state in
            let removed = state.queue.remove(lane: attempt.network) { $0.attempt === attempt }
            state.bytes -= removed.count * attempt.byteCount
        }
    }

    /// Drops everything, and takes nothing more.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.queue.removeAll()
            state.bytes = 0
        }
    }

    var count: Int { state.withLock { $0.queue.count } }
}
