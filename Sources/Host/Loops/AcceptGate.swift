import Locking
import Synchronization

/// Limits that hold over all loops, checked once per accepted connection and never per message: connections in total,
/// and new connections per address and second.
final class AcceptGate: Sendable {
    /// Why a connection was not accepted.
    enum Refusal: String, Sendable {
        case tooManyConnections = "too_many_connections"
        case tooFast = "connect_rate"
    }

    /// Addresses whose rate is remembered; a flood from more of them forgets the oldest half.
    static let maximumAddresses = 16_384

    private let open = Atomic(0)
    private let isAwaited = Atomic(false)
    private let maximumConnections: Int
    /// Nanoseconds between two connections at the allowed rate; 0 = no limit.
    private let spacing: Int64
    private let burst: Int64
    /// Token buckets: as many connections at once as the rate allows in one interval, refilled evenly. A bucket is
    /// the time when it would be full again, host clock ns; the past = full.
    private let buckets = Locked<[String: Int64]>([:])

    /// - Parameters:
    ///   - rate: connections of one address per `interval` ns; nil = unlimited.
    init(maximumConnections: Int, rate: Int?, interval: Int64) {
        self.maximumConnections = maximumConnections
        spacing = rate.map { max(1, interval / Int64(max(1, $0))) } ?? 0
        burst = interval
    }

    /// Connections that are open now.
    var count: Int { open.load(ordering: .sequentiallyConsistent) }

    /// Counts a new connection in; ``leave()`` counts it out. `address` is the peer's without its port, empty for a
    /// Unix socket, which has no rate.
    func enter(address: String, now: Int64) -> Refusal? {
        if open.wrappingAdd(1, ordering: .relaxed).newValue > maximumConnections {
            leave()
            return .tooManyConnections
        }
        guard spacing > 0, !address.isEmpty, !take(address, now: now) else { return nil }
        leave()
        return .tooFast
    }

    /// A connection that entered is gone. True when it was the last one and somebody waits for that.
    @discardableResult
    func leave() -> Bool {
        open.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0
            && isAwaited.load(ordering: .sequentiallyConsistent)
    }

    /// From now on ``leave()`` tells when the last connection is gone; look at ``count`` after this call.
    func awaitEmpty() { isAwaited.store(true, ordering: .sequentiallyConsistent) }

    private func take(_ address: String, now: Int64) -> Bool {
        buckets.withLock { buckets in
            let fullAt = max(buckets[address] ?? now, now) + spacing
            guard fullAt - now <= burst else { return false }
            if buckets.count >= Self.maximumAddresses { Self.shrink(&buckets, now: now) }
            buckets[address] = fullAt
            return true
        }
    }

    /// Forgets full buckets, which say nothing, and if that is not enough the fuller half of the rest.
    private static func shrink(_ buckets: inout [String: Int64], now: Int64) {
        buckets = buckets.filter { $0.value > now }
        guard buckets.count >= maximumAddresses else { return }
        let median = buckets.values.sorted()[buckets.count / 2]
        buckets = buckets.filter { $0.value > median }
    }
}
