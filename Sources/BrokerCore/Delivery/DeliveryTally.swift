import Locking

/// What became of one message at those it was meant for. A shared group is one receiver.
public struct DeliveryCounts: Sendable, Equatable {
    /// Sent to clients that are online.
    public var sent: UInt64 = 0
    /// Kept in the queue of a session, or of a shared group, because nobody can take it now.
    public var queued: UInt64 = 0
    /// Kept from receivers by acl.deliver.
    public var denied: UInt64 = 0
    /// Lost to receivers by a bound or a rule (``DropReason``), counted there as well.
    public var dropped: UInt64 = 0

    /// Nobody.
    public init() {}

    /// Receivers it was meant for.
    public var matched: UInt64 { sent + queued + denied + dropped }

    mutating func add(_ other: DeliveryCounts) {
        sent &+= other.sent
        queued &+= other.queued
        denied &+= other.denied
        dropped &+= other.dropped
    }

    func subtracting(_ other: DeliveryCounts) -> DeliveryCounts {
        var result = self
        result.sent &-= other.sent
        result.queued &-= other.queued
        result.denied &-= other.denied
        result.dropped &-= other.dropped
        return result
    }
}

/// Adds up what becomes of one message on every shard that gets it, and tells when the last one is done with it.
final class DeliveryTally: Sendable {
    private struct State {
        /// Shards, and commits of the store, that have not answered yet.
        var open = 1
        var counts = DeliveryCounts()
        var succeeded = true
    }

    private let state = Locked(State())
    private let done: @Sendable (_ counts: DeliveryCounts, _ succeeded: Bool) -> Void

    /// Begins with one part, that of the shard which makes it.
    /// - Parameter done: called once, on the thread of the shard that is last.
    init(done: @escaping @Sendable (_ counts: DeliveryCounts, _ succeeded: Bool) -> Void) { self.done = done }

    /// One answer more is to come.
    func begin() { state.withLock { $0.open += 1 } }

    /// One answer has come.
    func end(_ counts: DeliveryCounts = DeliveryCounts(), succeeded: Bool = true) {
        let last = state.withLock { state -> State? in
            state.open -= 1
            state.counts.add(counts)
            if !succeeded { state.succeeded = false }
            return state.open == 0 ? state : nil
        }
        if let last { done(last.counts, last.succeeded) }
    }
}

extension Shard {
    /// Publishes a message and tells `tally` what became of it: on this shard at once, on others later, and with a
    /// store when what has to be durable is. As with an acknowledgement, that the message is kept is told only when it
    /// is.
    func publishCounted(
        _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>, _ tally: DeliveryTally
    ) -> Bool {
        let serial = state.pointee.isStoreEnabled ? keepTally(tally) : 0
        if serial != 0 { deliveryGate = DeliveryGate(owner: .tally(serial)) }
        beginCounting(for: tally)
        let isMatched = publish(message, entry)
        // A part of its own for the gate: it is ended when the gate opens.
        if serial != 0 {
            let gate = deliveryGate?.gate
            deliveryGate = nil
            waitForCommit(of: tally, serial, gate)
        }
        // Not even handed out: it was refused as a whole, and that is nobody's loss.
        endCounting(isMatched: isMatched)
        return isMatched
    }

    private func keepTally(_ tally: DeliveryTally) -> UInt64 {
        nextTally += 1
        tallies[nextTally] = tally
        return nextTally
    }

    /// The tally ends when other shards have made durable what `gate` stands for, and this one its own rows.
    private func waitForCommit(of tally: DeliveryTally, _ serial: UInt64, _ gate: UInt64?) {
        retryLostRows()
        let ticket = hasRows ? gates.openTicket(hasRows: true) : nil
        guard gate != nil || ticket != nil else {
            tallies[serial] = nil
            return
        }
        tally.begin()
        let waiting = gate ?? gates.make(parts: 0, owner: .tally(serial))
        if let ticket { gates.addCommit(ticket, to: waiting) }
    }

    /// The gate of a tally has opened.
    func tallyGateDone(_ serial: UInt64, succeeded: Bool) {
        tallies.removeValue(forKey: serial)?.end(succeeded: succeeded)
    }

    /// What is handed out from here on is counted.
    func beginCounting(for tally: DeliveryTally) {
        self.tally = tally
        countedBefore = handedOut
    }

    func endCounting(isMatched: Bool = true) {
        let ended = tally
        tally = nil
        ended?.end(isMatched ? handedOut.subtracting(countedBefore) : DeliveryCounts())
    }

    /// What this shard has handed out since it began.
    private var handedOut: DeliveryCounts {
        let counters = state.pointee.counters
        var counts = DeliveryCounts()
        counts.sent = counters.messagesSent.0 &+ counters.messagesSent.1 &+ counters.messagesSent.2
        counts.queued = counters.messagesQueued
        counts.denied = counters.dropped[Int(DropReason.deliverDenied.rawValue)]
        // That the store of retained messages is full is no receiver's loss.
        let others = counters.dropped.indices.filter {
            $0 != Int(DropReason.deliverDenied.rawValue) && $0 != Int(DropReason.retainedLimit.rawValue)
        }
        for reason in others { counts.dropped &+= counters.dropped[reason] }
        return counts
    }
}
