internal import Locking

/// Keeps log-ins from waiting for a service that is down: after some failures in a row nobody asks it for a while, then
/// one tries whether it is back.
final class CircuitBreaker: Sendable {
    private struct State {
        var failures = 0
        var closedUntil: Int64 = .min
    }

    private let state = Locked(State())

    private static let maximumFailures = 5
    /// Nanoseconds.
    private static let pause: Int64 = 10_000_000_000

    /// May this one ask now? If so, `ended` follows.
    /// - Parameter now: monotonic nanoseconds.
    func begins(_ now: Int64) -> Bool {
        state.withLock { state in
            guard now >= state.closedUntil else { return false }
            // Half open: one tries, and the others wait for what it finds.
            if state.failures >= Self.maximumFailures { state.closedUntil = now + Self.pause }
            return true
        }
    }

    func ended(_ now: Int64, hasFailed: Bool) {
        state.withLock { state in
            guard hasFailed else {
                state.failures = 0
                state.closedUntil = .min
                return
            }
            state.failures = min(state.failures + 1, Self.maximumFailures)
            if state.failures >= Self.maximumFailures { state.closedUntil = now + Self.pause }
        }
    }
}
