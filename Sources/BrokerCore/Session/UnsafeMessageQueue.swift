import Glibc
import StoreFormat

/// A message waiting to be sent to one session. Its fields are in the order that makes it smallest, 56 bytes: there may
/// be millions.
struct QueuedMessage {
    /// Owned. Nil: the message is in the store alone, until its turn comes near.
    var message: MessageRef?
    var subscriptionIDs: SubscriptionIDs
    /// Shared group it came from; 0 = none.
    var group: UInt64
    /// Its place in the session's queue as the store knows it; 0 = it is not stored.
    var position: UInt64 = 0
    /// The row of the message in the store; 0 = it has none.
    var storeID: UInt64 = 0
    /// Host clock ns; 0 = never.
    let expiresAt: Int64
    /// Heap bytes of the message, wherever it is.
    var byteCount: Int32
    var qos: UInt8
    var retain: Bool

    init(
        message: MessageRef, subscriptionIDs: SubscriptionIDs, group: UInt64, qos: UInt8, retain: Bool
    ) {
        self.message = message
        self.subscriptionIDs = subscriptionIDs
        self.group = group
        self.qos = qos
        self.retain = retain
        expiresAt = message.pointee.expiresAt
        byteCount = Int32(clamping: message.byteCount)
    }

    /// A message that is in the store, as a restart finds it.
    init(stored delivery: StoredDelivery) {
        subscriptionIDs = delivery.identifiers.withUnsafeBufferPointer { SubscriptionIDs(copying: $0) }
        group = delivery.group
        qos = delivery.qos
        retain = delivery.retain
        position = delivery.position
        storeID = delivery.message
        expiresAt = delivery.expiresAt
        byteCount = Int32(clamping: delivery.size)
    }

    /// Frees what it holds.
    func release() {
        message?.release()
        subscriptionIDs.release()
    }
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
    /// How many of them, the last ones, are in the store alone.
    private(set) var storedCount = 0

    /// Takes ownership of what `entry` holds.
    mutating func append(_ entry: QueuedMessage) {
        if count == capacity { grow() }
        (slots.unsafelyUnwrapped + ((head + count) & (capacity - 1))).initialize(to: entry)
        count += 1
        byteCount += Int(entry.byteCount)
        if entry.message == nil { storedCount += 1 }
    }

    /// Messages at the front that are in memory.
    var loadedCount: Int { count - storedCount }

    /// Rows of the next messages that are in the store alone, at most `maximum`.
    func nextStored(_ maximum: Int) -> [UInt64] {
        (loadedCount..<min(count, loadedCount + maximum)).map { slot($0).pointee.storeID }
    }

    /// Puts the next message that is in the store alone into memory; the queue owns it. False: it is another one.
    mutating func load(_ message: MessageRef, storeID: UInt64) -> Bool {
        guard storedCount > 0, slot(loadedCount).pointee.storeID == storeID else { return false }
        slot(loadedCount).pointee.message = message
        storedCount -= 1
        return true
    }

    private func slot(_ index: Int) -> UnsafeMutablePointer<QueuedMessage> {
        slots.unsafelyUnwrapped + ((head + index) & (capacity - 1))
    }

    /// When the oldest entry expires, host clock ns; nil: never, or there is none.
    var firstExpiry: Int64? {
        guard count > 0, slot(0).pointee.expiresAt != 0 else { return nil }
        return slot(0).pointee.expiresAt
    }

    /// As ``popFirst()``, if the oldest entry has expired.
    mutating func popExpired(_ now: Int64) -> QueuedMessage? {
        guard let expiry = firstExpiry, expiry <= now else { return nil }
        return popFirst()
    }

    /// Hands the oldest entry, with what it holds, to the caller.
    mutating func popFirst() -> QueuedMessage? {
        guard count > 0, let slots else { return nil }
        let entry = slots[head]
        head = (head + 1) & (capacity - 1)
        count -= 1
        byteCount -= Int(entry.byteCount)
        if entry.message == nil { storedCount -= 1 }
        if count == 0 && capacity > 64 { releaseTable() }
        return entry
    }

    /// Calls `body` with every entry, oldest first.
    func forEach(_ body: (QueuedMessage) -> Void) {
        for index in 0..<count { body(slots.unsafelyUnwrapped[(head + index) & (capacity - 1)]) }
    }

    /// Releases everything.
    mutating func release() {
        while let entry = popFirst() { entry.release() }
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
