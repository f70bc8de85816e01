import Glibc
import Threading

/// One thread for everything that is done to the list of plugins: their [control] steps run here, one after the other,
/// while the control socket goes on answering.
///
/// @unchecked Sendable: `thread` is set in `init` and read in `stop` only; the rest is behind the monitor.
final class SerialThread: @unchecked Sendable {
    private struct State {
        var jobs = ArrivalQueue<@Sendable () -> Void>()
        var timed: [(due: Int64, body: @Sendable () -> Void)] = []
        var isStopped = false
        var worker: pthread_t?
    }

    private let state = Monitor(State())
    private var thread: pthread_t?

    init(_ name: String) {
        thread = HostThread.start(name) { [state] in SerialThread.run(state) }
    }

    /// Runs `body` after everything that was asked for before; false when the thread has ended.
    @discardableResult
    func async(_ body: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard !state.isStopped else { return false }
            state.jobs.add(body)
            return true
        }
    }

    /// Runs `body` at a time (monotonic nanoseconds) or soon after.
    func async(at due: Int64, _ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.timed.append((due, body)) }
    }

    /// Runs `body` and waits for its result. On the thread itself it runs at once.
    func sync<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
        guard !isCurrent else { return body() }
        let result = Monitor<Result?>(nil)
        // Without a thread (none could be made, or it has ended) the caller is the only one left.
        guard thread != nil,
            async({
                let value = body(); result.withLock { $0 = value }
            })
        else { return body() }
        return result.wait { value, _ in value }
    }

    private var isCurrent: Bool {
        state.read { state in state.worker.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    /// Ends the thread after what was asked for; what has a time is dropped.
    func stop() {
        state.withLock { $0.isStopped = true }
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }

    private static func run(_ state: Monitor<State>) {
        state.withLock { $0.worker = pthread_self() }
        while true {
            let next: (@Sendable () -> Void)?? = state.wait { state, wakeUp in
                if let job = state.jobs.take() { return .some(job) }
                if state.isStopped { return .some(nil) }
                let now = monotonicNow()
                if let index = state.timed.firstIndex(where: { $0.due <= now }) {
                    return .some(state.timed.remove(at: index).body)
                }
                wakeUp = state.timed.map(\.due).min() ?? .max
                return nil
            }
            guard let next = next ?? nil else { return }
            next()
        }
    }
}
