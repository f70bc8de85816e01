internal import CSystem
import Glibc
import Synchronization

/// Wakes a loop from any thread. While the loop is awake that is one atomic exchange; only the first call that finds
/// it asleep makes a system call.
final class Wakeup: Sendable {
    private enum State {
        static let awake: UInt8 = 0
        static let asleep: UInt8 = 1
        static let notified: UInt8 = 2
    }

    /// Registered edge-triggered: every write is an event, so the counter is never read back.
    let descriptor: Int32
    private let state = Atomic<UInt8>(State.awake)

    init() throws(SystemError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else { throw .last("eventfd") }
    }

    deinit {
        _ = close(descriptor)
    }

    /// Any thread. What the caller wrote before is visible to the loop when it handles the notification.
    func notify() {
        let before = state.exchange(State.notified, ordering: .acquiringAndReleasing)
        guard before == State.asleep else { return }
        var one: UInt64 = 1
        // The one failure there is, EAGAIN, means the counter is full, which is an event all the same.
        _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Loop thread, before it sleeps; false when there was a notification, and then it must not sleep.
    func fallAsleep() -> Bool {
        state.compareExchange(expected: State.awake, desired: State.asleep, ordering: .acquiringAndReleasing).exchanged
    }

    /// Loop thread, after it slept; answers whether there was a notification, and takes it.
    func awake() -> Bool {
        state.exchange(State.awake, ordering: .acquiringAndReleasing) == State.notified
    }
}
