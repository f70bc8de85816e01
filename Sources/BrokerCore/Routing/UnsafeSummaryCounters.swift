import Synchronization

/// A fixed array of atomic counters picked by the leading bits of a hash.
///
/// `@unchecked Sendable`: the pointer never changes, it points to atomics, and both live as long as the object.
final class SummaryCounters: @unchecked Sendable {
    private let counters: UnsafeMutablePointer<Atomic<UInt32>>
    private let shift: UInt64
    private let count: Int

    /// - Parameter bits: how many leading hash bits pick a counter, 0 to 24; 2^bits counters of 4 bytes.
    init(bits: Int) {
        precondition(bits >= 0 && bits <= 24, "a summary has at most 2^24 counters")
        count = 1 << bits
        shift = UInt64(64 - bits)
        counters = .allocate(capacity: count)
        for index in 0..<count { (counters + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counters.deinitialize(count: count)
        counters.deallocate()
    }

    @inline(__always)
    func isPositive(_ hash: UInt64) -> Bool { counters[index(hash)].load(ordering: .acquiring) > 0 }

    /// Returns whether the counter was 0 before.
    func increment(_ hash: UInt64) -> Bool {
        counters[index(hash)].add(1, ordering: .acquiringAndReleasing).oldValue == 0
    }

    /// Returns whether the counter is 0 now.
    func decrement(_ hash: UInt64) -> Bool {
        counters[index(hash)].subtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }

    @inline(__always)
    private func index(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> shift) }
}
