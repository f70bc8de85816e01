import BrokerCore
import Locking

/// Runs the notify hooks of one instance on the workers, one batch after the other.
final class EventQueueBox: Sendable {
    /// Events per turn of a worker, so that one busy plugin does not keep a thread for itself.
    private static let batch = 256

    private let queue = Locked<HookEventQueue?>(nil)

    func set(_ queue: HookEventQueue) { self.queue.withLock { $0 = queue } }

    func run(on pool: WorkerPool, _ group: WorkGroup) {
        // Refused only when the instance is stopping: its events are dropped anyway.
        _ = pool.submit(group, mustRun: true) { [self] in
            guard let events = queue.withLock({ $0 }) else { return }
            if events.run(limit: EventQueueBox.batch, now: monotonicNow()) { run(on: pool, group) }
        }
    }
}
