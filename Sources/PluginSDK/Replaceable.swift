// HOT PATH: a read is two uncontended atomic additions; it takes no lock and counts no reference.
internal import Locking
internal import Synchronization

/// An object that hooks on all event loops read without a lock, while a worker replaces it, such as a compiled rule
/// file.
///
/// Each event loop counts its reads in a cache line of its own. An object that was replaced is let go once every loop
/// has been seen outside a read after that; until then it waits in a list, so neither side ever waits for the other.
public final class Replaceable<Value: AnyObject & Sendable>: Sendable {
    /// Reads in progress on one event loop, alone in its cache line.
    private struct Readers: ~Copyable {
        let count = Atomic<Int>(0)
        private let padding: (Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0)
    }

    private struct Retired: Sendable {
        let value: Value
        /// Event loops that may still read it.
        var shards: [Int]
    }

    private let current: Atomic<Unmanaged<Value>>
    // Safe: the pointer never changes, and what it points to are atomics.
    private nonisolated(unsafe) let readers: UnsafeMutablePointer<Readers>
    private let shardCount: Int
    private let retired = Locked<[Retired]>([])

    /// - Parameter shards: number of event loops, `PluginHost.shardCount`.
    public init(_ value: Value, shards: Int) {
        shardCount = max(shards, 1)
        readers = .allocate(capacity: shardCount)
        for shard in 0..<shardCount { (readers + shard).initialize(to: Readers()) }
        current = Atomic(Unmanaged.passRetained(value))
    }

    deinit {
        current.load(ordering: .acquiring).release()
        for shard in 0..<shardCount { (readers + shard).deinitialize(count: 1) }
        readers.deallocate()
    }

    /// Reads the object on any thread. It stays valid until `body` returns, whoever replaces it meanwhile.
    /// - Parameter shard: the event loop of the call; a wrong one is slower, not unsafe.
    public func read<Result>(shard: Int, _ body: (Value) -> Result) -> Result {
        let slot = readers + Int(UInt(bitPattern: shard) % UInt(shardCount))
        // Sequentially consistent with `replace`: either this read sees the new object, or the count is seen there.
        slot.pointee.count.wrappingAdd(1, ordering: .sequentiallyConsistent)
        defer { slot.pointee.count.wrappingSubtract(1, ordering: .releasing) }
        return current.load(ordering: .sequentiallyConsistent)._withUnsafeGuaranteedRef(body)
    }

    /// Takes a new object into use: every read that begins after this has returned sees it.
    public func replace(with value: Value) {
        let old = current.exchange(Unmanaged.passRetained(value), ordering: .sequentiallyConsistent)
        let unused: [Retired] = retired.withLock { list in
            list.append(Retired(value: old.takeRetainedValue(), shards: Array(0..<shardCount)))
            for index in list.indices {
                list[index].shards.removeAll {
                    (readers + $0).pointee.count.load(ordering: .sequentiallyConsistent) == 0
                }
            }
            let unused = list.filter { $0.shards.isEmpty }
            list.removeAll { $0.shards.isEmpty }
            return unused
        }
        _ = unused  // Let go outside the lock.
    }

    /// Objects that were replaced and may still be read.
    var retiredCount: Int { retired.withLock { $0.count } }
}
