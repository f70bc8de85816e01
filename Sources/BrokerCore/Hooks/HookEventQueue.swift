import Locking
import PluginABI
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
    }

    private struct State {
        var items: [Item] = []
        var next = 0
        var lost: UInt64 = 0
        var isScheduled = false
        var isClosed = false
    }

    private let state = Locked(State())
    private let capacity: Int
    private let ready: @Sendable () -> Void
    private let lostCount = Atomic<UInt64>(0)

    init(capacity: Int, ready: @escaping @Sendable () -> Void) {
        precondition(capacity > 0, "an event queue holds at least one event")
        self.capacity = capacity
        self.ready = ready
    }

    /// Events that were dropped because the queue was full, since the start.
    public var dropped: UInt64 { lostCount.load(ordering: .relaxed) }

    /// Calls notify hooks for at most `limit` events. [worker]; exactly one call for each `ready`, and one more for
    /// each time it returns true.
    /// - Returns: whether more events wait.
    public func run(limit: Int, now: Int64) -> Bool {
        let frame = HookCallFrame(pending: nil)
        for _ in 0..<limit {
            guard let (item, lost) = take() else { return false }
            guard let event = frame.beginEvent(item.input, hook: item.hook, shard: item.shard, lost: lost) else {
                continue
            }
            frame.call.pointee.`self` = item.slot.handle
            frame.call.pointee.now = now
            frame.call.pointee.deadline = Int64(HL_NEVER)
            HookCalls.setCurrent(frame.call)
            defer { HookCalls.setCurrent(nil) }
            // Notify hooks return nothing; what is in the result register is not looked at.
            _ = item.slot.function(item.slot.instance._withUnsafeGuaranteedRef { $0.state }, frame.call, event)
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
            state.isClosed = true
        }
    }

    func push(_ slot: HookSlot, hook: UInt32, shard: Int, input: HeldInput) {
        let becameReady = state.withLock { state in
            guard !state.isClosed else { return false }
            guard state.items.count - state.next < capacity else {
                state.lost &+= 1
                lostCount.wrappingAdd(1, ordering: .relaxed)
                return false
            }
            state.items.append(Item(slot: slot, hook: hook, shard: shard, input: input))
            if state.isScheduled { return false }
            state.isScheduled = true
            return true
        }
        if becameReady { ready() }
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
            if state.next >= 256, state.next * 2 >= state.items.count {
                state.items.removeFirst(state.next)
                state.next = 0
            }
            return (item, lost)
        }
    }
}
