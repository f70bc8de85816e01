/// Storage of subscriptions by 32-bit index: chunks that never move, so that an address holds until its subscription
/// is removed, and a free list through `nextOfFilter`.
struct UnsafeSubscriptionSlab: ~Copyable {
    private static let chunkShift = 8
    private static let chunkSize = 1 << chunkShift

    private var chunks = UnsafeScratch<UnsafeMutablePointer<Subscription>>()
    private var firstFree = Subscription.none
    private var used: UInt32 = 0
    private(set) var count = 0

    deinit {
        for index in 0..<chunks.count { chunks[index].deallocate() }
    }

    @inline(__always)
    subscript(index: UInt32) -> UnsafeMutablePointer<Subscription> {
        chunks[Int(index) >> Self.chunkShift] + Int(index) & (Self.chunkSize - 1)
    }

    mutating func insert(_ subscription: Subscription) -> UInt32 {
        let index: UInt32
        if firstFree != Subscription.none {
            index = firstFree
            firstFree = self[index].pointee.nextOfFilter
        } else {
            precondition(used < Subscription.none, "a shard holds fewer than 4,294,967,295 subscriptions")
            index = used
            used += 1
            if Int(index) >> Self.chunkShift == chunks.count { chunks.append(.allocate(capacity: Self.chunkSize)) }
        }
        self[index].initialize(to: subscription)
        count += 1
        return index
    }

    mutating func remove(_ index: UInt32) {
        self[index].pointee.nextOfFilter = firstFree
        firstFree = index
        count -= 1
    }
}
