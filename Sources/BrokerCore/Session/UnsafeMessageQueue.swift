import Glibc

/// A message waiting to be sent to one session.
struct QueuedMessage {
    /// Owned.
    var message: MessageRef
    var subscriptionIDs: SubscriptionIDs
    /// Shared group it came from; 0 = none.
    var group: UInt64
    var qos: UInt8
    var retain: Bool
    /// Its place in the session's queue as the store knows it; 0 = it is not stored.
    var position: UInt64 = 0
}

/// First in, first out. Its bounds (messages and bytes) are checked by the caller before `append`: at the bound a named
/// rule acts (``QueueFullPolicy``). No memory while empty and never used.
struct MessageQueue {
    private var slots: UnsafeMutablePointer<QueuedMessage>?
    private var head = 0
    private var capacity = 0
    /// Messages waiting.
    private(set) var count = 0
    /// Heap bytes of the messages waiting (a message in several queues counts in each).
    private(set) var byteCount = 0

    /// Takes ownership of what `entry` holds.
    mutating func append(_ entry: QueuedMessage) {
        if count == capacity { grow() }
        (slots.unsafelyUnwrapped + ((head + count) & (capacity - 1))).initialize(to: entry)
        count += 1
        byteCount += entry.message.byteCount
    }

    /// Hands the oldest entry, with what it holds, to the caller.
    mutating func popFirst() -> QueuedMessage? {
        guard count > 0, let slots else { return nil }
        let entry = slots[head]
        head = (head + 1) & (capacity - 1)
        count -= 1
        byteCount -= entry.message.byteCount
        if count == 0 && capacity > 64 { releaseTable() }
        return entry
    }

    /// Calls `body` with every entry, oldest first.
    func forEach(_ body: (QueuedMessage) -> Void) {
        for index in 0..<count { body(slots.unsafelyUnwrapped[(head + index) & (capacity - 1)]) }
    }

    /// Releases everything.
    mutating func release() {
        while let entry = popFirst() {
            entry.message.release()
            entry.subscriptionIDs.release()
        }
        releaseTable()
    }

    private mutating func releaseTable() {
        free(slots)
        slots = nil
        head = 0
        capacity = 0
    }

    private mutating func grow() {
        let larger = max(8, capacity * 2)
        guard let memory = malloc(larger * MemoryLayout<QueuedMessage>.stride) else {
            fatalError("out of memory: queue of \(larger) messages")
        }
        let table = memory.bindMemory(to: QueuedMessage.self, capacity: larger)
        for index in 0..<count {
            (table + index).initialize(to: slots.unsafelyUnwrapped[(head + index) & (capacity - 1)])
        }
        free(slots)
        slots = table
        head = 0
        capacity = larger
    }
}
