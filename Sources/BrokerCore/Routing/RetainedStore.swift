import Locking
import Synchronization

/// The retained messages of the whole broker, callable on any thread. Only retained PUBLISH and SUBSCRIBE come here.
///
/// Order: a retained PUBLISH updates the store before it is handed out; a SUBSCRIBE enters the tree before it reads
/// the store. Locks: one per stripe of first levels, held for bounded work.
final class RetainedStore: Sendable {
    enum Outcome: Equatable {
        case stored
        case replaced
        /// The bound of messages is reached; an older message of the topic stays.
        case refusedMessages
        /// The bound of bytes is reached, or nothing may grow; an older message of the topic stays.
        case refusedBytes
    }

    private static let stripeCount = 64

    let hash: TopicHash
    private let stripes: [RetainedStripe]
    private let usage: RetainedUsage
    /// Topics whose message expires: when somebody looks whether it has. Taken before the lock of a stripe.
    private let watches = Locked<[[UInt8]: Int64]>([:])

    /// - Parameters:
    ///   - maximumMessages: bound of messages.
    ///   - maximumBytes: bound of the sum of topics, payloads and properties.
    init(hash: TopicHash, maximumMessages: Int, maximumBytes: Int) {
        self.hash = hash
        let usage = RetainedUsage(maximumMessages: maximumMessages, maximumBytes: maximumBytes)
        self.usage = usage
        stripes = (0..<Self.stripeCount).map { _ in RetainedStripe(hash: hash, usage: usage) }
    }

    /// Number of messages, expired ones included until they are met.
    var count: Int { usage.messages }
    /// Bytes of topics, payloads and properties.
    var bytes: Int { usage.bytes }

    /// Stores the message of a topic, replacing an older one [MQTT-3.3.1-5]. An empty payload must `clear` instead.
    /// - Parameters:
    ///   - mayGrow: false while memory is short: only what takes no more room than the older message is stored.
    ///   - stamp: gets the place of this change among all changes to the topic; not when it is refused.
    func set(_ message: RetainedMessage, mayGrow: Bool = true, stamp: (UInt64) -> Void = { _ in }) -> Outcome {
        message.topic.withUnsafeBytes { stripes[stripeIndex(of: $0)].set(message, $0, mayGrow: mayGrow, stamp) }
    }

    /// Clears a topic [MQTT-3.3.1-6].
    /// - Parameter stamp: as of `set`; not when there was no message.
    /// - Returns: whether there was a message.
    @discardableResult
    func clear(_ topic: UnsafeRawBufferPointer, stamp: (UInt64) -> Void = { _ in }) -> Bool {
        stripes[stripeIndex(of: topic)].clear(topic, stamp)
    }

    /// Stamps are above `order` from now on: those of an earlier run count no more.
    func beginOrders(after order: UInt64) { usage.beginOrders(after: order) }

    /// The message of a topic, nil also when it has expired by `now`.
    func get(_ topic: UnsafeRawBufferPointer, now: Int64) -> RetainedMessage? {
        stripes[stripeIndex(of: topic)].get(topic, now: now)
    }

    /// A walk over the messages that match a valid filter (without `$share/` prefix); `$`-topics as in
    /// [MQTT-4.7.2-1].
    func cursor(_ filter: UnsafeRawBufferPointer) -> RetainedCursor {
        let pattern = RetainedPattern(filter, hash: hash)
        guard let first = pattern.levels.first, !first.isPlus else {
            return RetainedCursor(stripes[...], pattern)
        }
        let index = stripeIndex(firstLevelHash: first.hash)
        return RetainedCursor(stripes[index...index], pattern)
    }

    /// A walk over all messages, those of `$`-topics included.
    func cursorOverAll() -> RetainedCursor { RetainedCursor(stripes[...], .everything) }

    /// Has the expiry of a topic's message looked after: one timer per topic, however often its message changes.
    /// - Parameter deadline: ns of the broker's clock.
    /// - Returns: true when the caller has to call ``expire(_:watchedUntil:now:stamp:)`` at that time; false: somebody
    ///   looks before.
    func watch(_ topic: [UInt8], until deadline: Int64) -> Bool {
        watches.withLock { watches in
            if let known = watches[topic], known <= deadline { return false }
            watches[topic] = deadline
            return true
        }
    }

    /// What there is to do at the time of a watch.
    enum Expiry: Equatable {
        /// Nothing: somebody else looks after it, or its message does not expire any more.
        case settled
        /// There is no message, or there is none any more.
        case gone
        /// The message of the topic expires at this time; to be watched anew.
        case later(Int64)
    }

    /// Removes the message of a topic if its time has passed.
    /// - Parameters:
    ///   - deadline: as given to ``watch(_:until:)``.
    ///   - stamp: as of `set`; also when there was no message.
    func expire(_ topic: [UInt8], watchedUntil deadline: Int64, now: Int64, stamp: (UInt64) -> Void) -> Expiry {
        watches.withLock { watches in
            guard watches[topic] == deadline else { return .settled }
            watches[topic] = nil
            return topic.withUnsafeBytes { stripes[stripeIndex(of: $0)].expire($0, now: now, stamp) }
        }
    }

    /// Forgets everything.
    func removeAll() {
        for stripe in stripes { stripe.removeAll() }
    }

    private func stripeIndex(of topic: UnsafeRawBufferPointer) -> Int {
        guard let bytes = topic.baseAddress else { return 0 }
        let end = TopicLevels.end(bytes, from: 0, count: topic.count)
        return stripeIndex(firstLevelHash: hash.hash(bytes, end))
    }

    private func stripeIndex(firstLevelHash: UInt64) -> Int {
        Int(truncatingIfNeeded: firstLevelHash >> 32) & (Self.stripeCount - 1)
    }
}

/// What the store holds in all, against its bounds.
final class RetainedUsage: Sendable {
    let maximumMessages: Int
    let maximumBytes: Int
    private let messageCount = Atomic<Int>(0)
    private let byteCount = Atomic<Int>(0)
    private let lastOrder = Atomic<UInt64>(0)

    init(maximumMessages: Int, maximumBytes: Int) {
        self.maximumMessages = maximumMessages
        self.maximumBytes = maximumBytes
    }

    var messages: Int { messageCount.load(ordering: .relaxed) }
    var bytes: Int { byteCount.load(ordering: .relaxed) }

    /// The place of a change among all changes. Under the lock of its stripe, so that it is right for each topic.
    func makeOrder() -> UInt64 { lastOrder.add(1, ordering: .relaxed).newValue }

    func beginOrders(after order: UInt64) { lastOrder.store(order, ordering: .relaxed) }

    /// Reserves the room to put `new` in place of `old`, or says why there is none.
    func replace(
        _ old: RetainedMessage?, by new: RetainedMessage, mayGrow: Bool
    ) -> RetainedStore.Outcome {
        let growth = new.storedBytes - (old?.storedBytes ?? 0)
        guard mayGrow || growth <= 0 else { return .refusedBytes }
        if old == nil, messageCount.add(1, ordering: .relaxed).newValue > maximumMessages {
            messageCount.subtract(1, ordering: .relaxed)
            return .refusedMessages
        }
        if byteCount.add(growth, ordering: .relaxed).newValue > maximumBytes, growth > 0 {
            byteCount.subtract(growth, ordering: .relaxed)
            if old == nil { messageCount.subtract(1, ordering: .relaxed) }
            return .refusedBytes
        }
        return old == nil ? .stored : .replaced
    }

    /// Gives the room of a removed message back.
    func release(_ message: RetainedMessage) {
        messageCount.subtract(1, ordering: .relaxed)
        byteCount.subtract(message.storedBytes, ordering: .relaxed)
    }
}
