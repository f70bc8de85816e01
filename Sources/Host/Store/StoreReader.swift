import Glibc
import PluginABI
import StoreFormat
import Threading

/// Reads queues from the store, on a thread of its own: a loop never waits for the disk. The thread begins with the
/// first queue that is longer than memory.
final class StoreReader: Sendable {
    private struct Job: Sendable {
        let ids: [UInt64]
        let answer: @Sendable ([(id: UInt64, message: StoredMessage?)]) -> Void
    }

    private struct State {
        var waiting = ArrivalQueue<Job>()
        var thread: pthread_t?
        var isOver = false
    }

    private let store: OpenStore
    private let jobs = Monitor(State())

    init(_ store: OpenStore) { self.store = store }

    /// Reads messages; answers on the reader's thread, or not at all after ``stop()``. [any]
    func read(
        _ ids: [UInt64], answer: @escaping @Sendable ([(id: UInt64, message: StoredMessage?)]) -> Void
    ) {
        jobs.withLock { state in
            guard !state.isOver else { return }
            state.waiting.add(Job(ids: ids, answer: answer))
            if state.thread == nil { state.thread = HostThread.start("hl-store-read") { [self] in work() } }
        }
    }

    private func work() {
        while true {
            let job = jobs.wait { state, _ -> Job?? in
                if state.isOver { return .some(nil) }
                return state.waiting.take().map { .some($0) }
            }
            guard let job else { return }
            job.answer(store.messages(job.ids, clock: StoreClock(host: monotonicNow(), wall: wallNow())))
        }
    }

    /// Ends the thread; what waits is not read any more. Not on it.
    func stop() {
        let thread = jobs.withLock { state in
            state.isOver = true
            return state.thread
        }
        if let thread { pthread_join(thread, nil) }
    }
}
