import Synchronization

/// Batches on their way from one shard to one other: single producer, single consumer, bounded, no lock. Order per
/// publisher and topic holds because there is one ring per pair of shards.
///
/// @unchecked Sendable: a slot is written by the producer before it moves `tail` (release) and read by the consumer
/// after it has seen that (acquire); the consumer gives it back the same way through `head`.
final class HandoverRing: @unchecked Sendable {
    static let capacity = 256
    private let slots: UnsafeMutablePointer<Unmanaged<HandoverBatch>?>
    private let head = Atomic<Int>(0)
    private let tail = Atomic<Int>(0)

    init() {
        slots = .allocate(capacity: Self.capacity)
        slots.initialize(repeating: nil, count: Self.capacity)
    }

    deinit {
        while pop() != nil {}
        slots.deallocate()
    }

    /// [producer] False: full, the batch stays with the caller.
    func push(_ batch: HandoverBatch) -> Bool {
        let position = tail.load(ordering: .relaxed)
        guard position &- head.load(ordering: .acquiring) < Self.capacity else { return false }
        slots[position & (Self.capacity - 1)] = .passRetained(batch)
        tail.store(position &+ 1, ordering: .releasing)
        return true
    }

    /// [consumer] The oldest batch, or nil.
    func pop() -> HandoverBatch? {
        let position = head.load(ordering: .relaxed)
        guard position != tail.load(ordering: .acquiring) else { return nil }
        let slot = position & (Self.capacity - 1)
        let batch = slots[slot]?.takeRetainedValue()
        slots[slot] = nil
        head.store(position &+ 1, ordering: .releasing)
        return batch
    }
}

/// The producer's end: collects what a turn has for one other shard.
struct HandoverWriter {
    let ring: HandoverRing
    private let source: Int
    private(set) var batch: HandoverBatch?

    /// Bytes waiting above which publishers are held back.
    static let highWaterMark = 4 << 20

    init(ring: HandoverRing, source: Int) {
        self.ring = ring
        self.source = source
    }

    var isFull: Bool { (batch?.count ?? 0) > Self.highWaterMark }

    /// The batch being filled.
    mutating func current() -> HandoverBatch {
        if let batch { return batch }
        let made = HandoverBatch(source: source)
        batch = made
        return made
    }

    /// Hands over what was collected. True: something went, the other shard must be woken. When the ring is full the
    /// batch stays and grows until ``isFull``.
    mutating func flush() -> Bool {
        guard let batch, ring.push(batch) else { return false }
        self.batch = nil
        return true
    }
}
