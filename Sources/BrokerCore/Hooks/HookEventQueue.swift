import Locking
public import PluginABI
import Synchronization

/// Events on their way from the event loops to the notify hooks of one instance: in order, bounded, drops counted.
/// The functions run one at a time on whatever worker calls `run`.
public final class HookEventQueue: Sendable {
    /// @unchecked Sendable: the input is immutable; the slot's pointers are only handed back to their plugin, which
    /// outlives the queue.
    private struct Item: @unchecked Sendable {
        let slot: HookSlot
        let hook: UInt32
        let shard: Int
        let input: HeldInput
        let meter: WorkerMeter?
        /// What it counts against the bound of bytes.
        let bytes: Int
    }

    private struct State {
        var items: [Item] = []
        var next = 0
        var bytes = 0
        var lost: UInt64 = 0
        var received: UInt64 = 0
        var isScheduled = false
        var isClosed = false
    }

    private let state = Locked(State())
    /// The bounds of a queue and what happens at them.
    public struct Bounds: Sendable {
        /// Events that wait; at least 1.
        public var events = 8192
        /// Bytes of topics, payloads and properties that wait; one event may be larger.
        public var bytes = 64 << 20
        /// The oldest event makes room for a new one; else the new one is dropped.
        public var dropsOldest = false

        /// What notify hooks have.
        public init() {}
    }

    private let bounds: Bounds
    private let ready: @Sendable () -> Void
    private let ranDry: @Sendable () -> Void
    private let lostCount = Atomic<UInt64>(0)

    /// - Parameter ranDry: called when the last event was taken and its function has returned.
    init(bounds: Bounds, ready: @escaping @Sendable () -> Void, ranDry: @escaping @Sendable () -> Void) {
        precondition(bounds.events > 0, "an event queue holds at least one event")
        self.bounds = bounds
        self.ready = ready
        self.ranDry = ranDry
    }

    /// What waits, and what came and was lost since the start.
    public var usage: (events: Int, bytes: Int, received: UInt64, lost: UInt64) {
        let (events, bytes, received) = state.withLock { ($0.items.count - $0.next, $0.bytes, $0.received) }
        return (events, bytes, received, dropped)
    }

    /// Events that were dropped because the queue was full, since the start.
    public var dropped: UInt64 { lostCount.load(ordering: .relaxed) }

    /// Calls notify hooks for at most `limit` events. [worker]; exactly one call for each `ready`, and one more for
    /// each time it returns true.
    /// - Returns: whether more events wait.
    public func run(limit: Int, now: Int64) -> Bool {
        let frame = HookCallFrame(pending: nil)
        for _ in 0..<limit {
            guard let (item, lost) = take() else {
                ranDry()
                return false
            }
            guard let event = frame.beginEvent(item.input, hook: item.hook, shard: item.shard, lost: lost) else {
                continue
            }
            frame.call.pointee.`self` = item.slot.handle
            frame.call.pointee.now = now
            frame.call.pointee.deadline = Int64(HL_NEVER)
            let state = item.slot.instance._withUnsafeGuaranteedRef { $0.state }
            // Notify hooks return nothing; what is in the result register is not looked at.
            _ = WorkerMeter.measuring(item.meter, item.slot, item.hook) {
                _ = HookCalls.running(frame.call) { item.slot.function(state, frame.call, event) }
                return nil
            }
        }
        let isMore = state.withLock { state in
            state.isScheduled = state.next < state.items.count
            return state.isScheduled
        }
        if !isMore { ranDry() }
        return isMore
    }

    /// Lends up to `limit` messages at once, for consumers. [worker]; called as ``run(limit:now:)`` is.
    /// - Parameter body: the messages, valid until it returns, and how many were lost before them. Not called when
    ///   there are none.
    /// - Returns: whether more wait.
    public func runBatch(limit: Int, _ body: (_ messages: [hl_msg], _ lost: UInt64) -> Void) -> Bool {
        // It stays scheduled meanwhile: nobody else runs.
        let (items, lost) = state.withLock { state in
            let end = min(state.items.count, state.next + limit)
            let items = Array(state.items[state.next..<end])
            state.next = end
            for item in items { state.bytes -= item.bytes }
            let lost = state.lost
            state.lost = 0
            if state.next == state.items.count {
                state.items.removeAll(keepingCapacity: true)
                state.next = 0
            }
            compact(&state)
            return (items, lost)
        }
        let messages = items.compactMap {
            $0.input.pointer.assumingMemoryBound(to: hl_event.self).pointee.msg?.pointee
        }
        if !messages.isEmpty {
            withExtendedLifetime(items) { HookCalls.withHops(of: messages) { body(messages, lost) } }
        }
        return state.withLock { state in
            state.isScheduled = state.next < state.items.count
            return state.isScheduled
        }
    }

    /// Drops what waits and takes nothing more: the instance is about to stop. [control]
    public func close() {
        state.withLock { state in
            state.items.removeAll()
            state.next = 0
            state.bytes = 0
            state.isClosed = true
        }
    }

    func push(_ slot: HookSlot, hook: UInt32, shard: Int, input: HeldInput, meter: WorkerMeter? = nil) {
        let item = Item(slot: slot, hook: hook, shard: shard, input: input, meter: meter, bytes: input.eventBytes)
        // Freed after the lock is given back.
        var displaced: [Item] = []
        let becameReady = state.withLock { state in
            guard !state.isClosed else { return false }
            state.received &+= 1
            while !fits(item, state) {
                guard bounds.dropsOldest, state.next < state.items.count else {
                    countLoss(&state)
                    return false
                }
                let oldest = state.items[state.next]
                state.next += 1
                state.bytes -= oldest.bytes
                displaced.append(oldest)
                countLoss(&state)
            }
            compact(&state)
            state.items.append(item)
            state.bytes += item.bytes
            if state.isScheduled { return false }
            state.isScheduled = true
            return true
        }
        if becameReady { ready() }
    }

    private func fits(_ item: Item, _ state: borrowing State) -> Bool {
        let waiting = state.items.count - state.next
        return waiting == 0 || (waiting < bounds.events && state.bytes + item.bytes <= bounds.bytes)
    }

    private func countLoss(_ state: inout State) {
        state.lost &+= 1
        lostCount.wrappingAdd(1, ordering: .relaxed)
    }

    private func compact(_ state: inout State) {
        guard state.next >= 256, state.next * 2 >= state.items.count else { return }
        state.items.removeFirst(state.next)
        state.next = 0
    }

    private func take() -> (Item, UInt64)? {
        state.withLock { state in
            guard state.next < state.items.count else {
                state.isScheduled = false
                state.items.removeAll(keepingCapacity: true)
                state.next = 0
                return nil
            }
            let item = state.items[state.next]
            let lost = state.lost
            state.lost = 0
            state.next += 1
            state.bytes -= item.bytes
            compact(&state)
            return (item, lost)
        }
    }
}
