internal import Locking

/// Keeps log-ins from waiting for a service that is down: after some failures in a row nobody asks it for a while, then
/// one tries whether it is back. Bounds how many ask at once as well.
final class CircuitBreaker: Sendable {
    private struct State {
        var failures = 0
        var closedUntil: Int64 = .min
        var running = 0
    }

    private let state = Locked(State())
    private let maximumRunning: Int

    private static let maximumFailures = 5
    /// Nanoseconds.
    private static let pause: Int64 = 10_000_000_000

    init(maximumRunning: Int) {
        self.maximumRunning = maximumRunning
    }

    /// May this one ask now? If so, `ended` must follow.
    /// - Parameter now: monotonic nanoseconds.
    func begins(_ now: Int64) -> Bool {
        state.withLock { state in
            guard state.running < maximumRunning, now >= state.closedUntil else { return false }
            // Half open: one tries, and the others wait for what it finds.
            if state.failures >= Self.maximumFailures { state.closedUntil = now + Self.pause }
            state.running += 1
            return true
        }
    }

    func ended(_ now: Int64, hasFailed: Bool) {
        state.withLock { state in
            state.running -= 1
            guard hasFailed else {
                state.failures = 0
                state.closedUntil = .min
                return
            }
            state.failures += 1
            if state.failures >= Self.maximumFailures { state.closedUntil = now + Self.pause }
        }
    }
}
