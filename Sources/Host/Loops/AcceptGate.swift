internal import Locking
import Synchronization

/// Limits that hold over all loops, checked once per accepted connection and never per message: connections in total,
/// the memory of the process, and new connections per address and second.
final class AcceptGate: Sendable {
    /// Why a connection was not accepted.
    enum Refusal: String, Sendable {
        case tooManyConnections = "too_many_connections"
        case tooFast = "connect_rate"
        case outOfMemory = "max_memory"
    }

    /// What a new connection may do.
    enum Admission: Equatable, Sendable {
        case now
        /// It waits until this time (host clock, ns) and is then admitted without another question.
        case at(Int64)
        case refused(Refusal)
    }

    /// New connections of one address, and what happens to those that come faster.
    struct Pace: Sendable {
        /// Connections per `interval`; 1 or more.
        var count: Int
        /// In ns.
        var interval: Int64
        /// Connections that may wait at one time, all addresses together.
        var queueCapacity = 0
        /// Longest wait in ns. Who would wait longer is refused at once instead of hanging.
        var longestWait: Int64 = 0
    }

    /// What the gate has done since the start.
    struct Counts: Sendable, Equatable {
        /// Connections that had to wait, and of those: how many wait now.
        var delayed = 0
        var waiting = 0
        var refused = 0
    }

    /// Addresses whose rate is remembered; a flood from more of them forgets the oldest half.
    static let maximumAddresses = 16_384

    private struct State {
        /// Token buckets: as many connections at once as the rate allows in one interval, refilled evenly. A bucket is
        /// the time when it would be full again, host clock ns; the past = full.
        var buckets: [String: Int64] = [:]
        var counts = Counts()
    }

    private let open = Atomic(0)
    private let isAwaited = Atomic(false)
    private let isShortOfMemory = Atomic(false)
    private let maximumConnections: Int
    private let pace: Pace?
    /// Nanoseconds between two connections at the allowed rate.
    private let spacing: Int64
    private let state = Locked(State())

    /// - Parameter pace: nil = unlimited.
    init(maximumConnections: Int, pace: Pace?) {
        self.maximumConnections = maximumConnections
        self.pace = pace
        spacing = pace.map { max(1, $0.interval / Int64(max(1, $0.count))) } ?? 0
    }

    /// Connections that are open now, those that wait included.
    var count: Int { open.load(ordering: .sequentiallyConsistent) }

    /// What was counted so far.
    var counts: Counts { state.withLock { $0.counts } }

    /// Counts a new connection in; ``leave()`` counts it out, whether it waited or not. `address` is the peer's without
    /// its port, empty for a Unix socket, which has no rate.
    func enter(address: String, now: Int64) -> Admission {
        let total = open.wrappingAdd(1, ordering: .relaxed).newValue
        if isShortOfMemory.load(ordering: .relaxed) { return refuse(.outOfMemory) }
        if total > maximumConnections { return refuse(.tooManyConnections) }
        guard let pace, !address.isEmpty else { return .now }
        let admission = state.withLock { state in take(&state, address, pace, now: now) }
        return admission == .refused(.tooFast) ? refuse(.tooFast) : admission
    }

    /// A connection that waited is admitted or gone.
    func stopWaiting() { state.withLock { $0.counts.waiting -= 1 } }

    /// A connection that entered is gone. True when it was the last one and somebody waits for that.
    @discardableResult
    func leave() -> Bool {
        open.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0
            && isAwaited.load(ordering: .sequentiallyConsistent)
    }

    /// From now on ``leave()`` tells when the last connection is gone; look at ``count`` after this call.
    func awaitEmpty() { isAwaited.store(true, ordering: .sequentiallyConsistent) }

    /// While true nobody new is let in.
    func setShortOfMemory(_ isShort: Bool) { isShortOfMemory.store(isShort, ordering: .relaxed) }

    private func refuse(_ refusal: Refusal) -> Admission {
        leave()
        state.withLock { $0.counts.refused += 1 }
        return .refused(refusal)
    }

    private func take(_ state: inout State, _ address: String, _ pace: Pace, now: Int64) -> Admission {
        let fullAt = max(state.buckets[address] ?? now, now) + spacing
        let wait = fullAt - now - pace.interval
        if wait > 0 {
            guard wait <= pace.longestWait, state.counts.waiting < pace.queueCapacity else {
                return .refused(.tooFast)
            }
            state.counts.waiting += 1
            state.counts.delayed += 1
        }
        if state.buckets.count >= Self.maximumAddresses { Self.shrink(&state.buckets, now: now) }
        state.buckets[address] = fullAt
        return wait > 0 ? .at(now + wait) : .now
    }

    /// Forgets full buckets, which say nothing, and if that is not enough the fuller half of the rest.
    private static func shrink(_ buckets: inout [String: Int64], now: Int64) {
        buckets = buckets.filter { $0.value > now }
        guard buckets.count >= maximumAddresses else { return }
        let median = buckets.values.sorted()[buckets.count / 2]
        buckets = buckets.filter { $0.value > median }
    }
}
