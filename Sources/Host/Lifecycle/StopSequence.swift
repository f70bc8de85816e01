import Glibc

/// What a request to stop leads to: the first drains, a second signal ends the process at once.
///
/// Pure: time comes in by argument, the caller acts.
struct StopSequence {
    /// What is to be done now.
    enum Step: Equatable {
        /// Close the listeners, tell the clients, and wait for them until this time (host clock, ns).
        case drain(until: Int64)
        /// End the process at once with this exit code.
        case endNow(exitCode: Int32)
        /// Already draining; a repeated request over the control socket changes nothing.
        case nothing
    }

    /// Longest drain, in ns.
    let drain: Int64
    private(set) var isDraining = false

    init(drain: Int64) { self.drain = drain }

    /// SIGTERM or SIGINT arrived.
    mutating func signal(_ number: Int32, now: Int64) -> Step {
        guard !isDraining else { return .endNow(exitCode: 128 + number) }
        isDraining = true
        return .drain(until: now + drain)
    }

    /// `hookline stop`, or the parent is gone.
    mutating func request(now: Int64) -> Step {
        guard !isDraining else { return .nothing }
        isDraining = true
        return .drain(until: now + drain)
    }
}
