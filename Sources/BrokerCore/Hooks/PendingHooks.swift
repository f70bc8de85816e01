import Locking
public import PluginABI

/// One call that waits for a plugin, and everything the chain needs to go on from there.
///
/// @unchecked Sendable: all of it is constant but `verdict` and `answer`, which are written once, under the lock of
/// `PendingHooks`, before the record is handed to the event loop.
final class PendingRecord: @unchecked Sendable {
    let compiled: CompiledHooks
    let progress: ChainProgress
    let slot: HookSlot
    let input: HeldInput
    let instance: HookInstance
    let deadline: Int64
    fileprivate(set) var verdict: hl_verdict = HL_ERROR
    fileprivate(set) var answer = hl_answer()
    /// Owns what `answer` points to.
    private let arena = HookArena(firstSize: 512, wipes: false)

    fileprivate init(_ opening: HookCallFrame.Opening, deadline: Int64) {
        compiled = opening.compiled
        progress = opening.progress
        slot = opening.slot
        input = opening.input
        instance = opening.slot.instance.takeUnretainedValue()
        self.deadline = deadline
    }

    fileprivate func take(_ verdict: hl_verdict, _ given: hl_answer) {
        answer = given
        answer.rule = arena.copy(given.rule)
        answer.username = arena.copy(given.username)
        answer.account = arena.copy(given.account)
        answer.groups = arena.copy(given.groups, count: given.group_count)
        answer.topic = arena.copy(given.topic)
        answer.payload = arena.copy(given.payload)
        answer.properties = arena.copy(given.properties)
        if given.data.len > 0 || given.memo.len > 0 { arena.holdsSecrets = true }
        answer.data = arena.copy(given.data)
        answer.memo = arena.copy(given.memo)
        // An answer that could not be kept whole must not let anybody in.
        self.verdict = arena.hasFailed ? HL_ERROR : verdict
    }
}

/// The tokens of one shard: which hook calls wait for a plugin, and the mailbox their answers arrive in.
///
/// `complete` may come from any thread; everything else belongs to the shard's thread. A token is shard (8 bits), slot
/// (24 bits) and generation (32 bits): one that was used up never names another call.
public final class PendingHooks: Sendable {
    private enum Phase { case free, open, answered, expired, cancelled }

    private struct Slot {
        var generation: UInt32 = 0
        var phase = Phase.free
        /// Kept until the plugin has let go of the input, which may be after the end of the call.
        var record: PendingRecord?
    }

    private struct State {
        var slots: [Slot] = []
        /// Oldest first, so that a token stays recognisable as long as possible.
        var free: [Int] = []
        var nextFree = 0
        var mailbox: [UInt64] = []
    }

    /// Index of the event loop, 0...255.
    public let shard: Int
    /// Bound of calls that may wait for one plugin instance; beyond it `pend` answers "no".
    public let maximumPerInstance: Int
    private let state = Locked(State())
    private let wake: @Sendable () -> Void

    private static let maximumSlots = 1 << 24

    /// - Parameter wake: called when the mailbox was empty and is not any more; [any] thread, must not block.
    public init(shard: Int, maximumPerInstance: Int = 10_000, wake: @escaping @Sendable () -> Void) {
        precondition((0..<256).contains(shard), "a token has 8 bits for the shard")
        self.shard = shard
        self.maximumPerInstance = maximumPerInstance
        self.wake = wake
    }

    /// The shard a token belongs to: where `complete` has to be sent.
    public static func shard(of token: hl_token) -> Int { Int(token >> 56) }

    /// Answers a call that waits. [any] thread.
    /// - Parameters:
    ///   - answer: what the plugin says beside the verdict; nil: nothing.
    ///   - instance: number of the instance that answers; it can answer its own calls only.
    /// - Returns: HL_OK; HL_EXPIRED or HL_CANCELLED when it ended before; HL_STALE the second time.
    public func complete(
        _ token: hl_token, _ verdict: hl_verdict, _ answer: UnsafePointer<hl_answer>?, by instance: UInt64
    ) -> hl_status {
        var copied = hl_answer()
        if let answer {
            guard let read = readSized(answer, zero: copied) else { return HL_INVALID }
            copied = read
        }
        return complete(token, verdict, copied, by: instance)
    }

    func complete(
        _ token: hl_token, _ verdict: hl_verdict, _ answer: hl_answer, by instance: UInt64
    ) -> hl_status {
        // Nothing is freed under the lock: releasing a record wipes memory.
        var released: PendingRecord?
        let (status, wasEmpty) = state.withLock { state -> (hl_status, Bool) in
            guard let index = index(of: token, state), state.slots[index].record?.slot.number ?? instance == instance
            else { return (HL_STALE, false) }
            switch state.slots[index].phase {
            case .open:
                state.slots[index].record?.take(verdict, answer)
                state.slots[index].phase = .answered
                state.mailbox.append(token)
                return (HL_OK, state.mailbox.count == 1)
            case .expired:
                released = letGo(index, &state)
                return (HL_EXPIRED, false)
            case .cancelled:
                released = letGo(index, &state)
                return (HL_CANCELLED, false)
            case .answered, .free:
                return (HL_STALE, false)
            }
        }
        withExtendedLifetime(released) {}
        if wasEmpty { wake() }
        return status
    }

    /// Takes the tokens to `resume`, in the order their answers came; `most` of them, and the rest with the next calls,
    /// for which no further wake-up comes.
    public func takeCompletions(most: Int = .max) -> [hl_token] {
        state.withLock { state in
            guard !state.mailbox.isEmpty else { return [] }
            let taken = Array(state.mailbox.prefix(most))
            state.mailbox.removeFirst(taken.count)
            return taken
        }
    }

    /// Answers everything that waits for an instance with HL_ERROR and frees what it still holds: the instance is
    /// about to stop, and no function of it runs any more. [control]
    public func abandon(_ instance: HookInstance) {
        var released: [PendingRecord] = []
        let wasEmpty = state.withLock { state in
            let before = state.mailbox.count
            for index in state.slots.indices where state.slots[index].record?.instance === instance {
                switch state.slots[index].phase {
                case .open:
                    state.slots[index].record?.take(HL_ERROR, hl_answer())
                    state.slots[index].phase = .answered
                    state.mailbox.append(token(index, state.slots[index].generation))
                case .expired, .cancelled:
                    if let record = letGo(index, &state) { released.append(record) }
                case .answered, .free: break
                }
            }
            return before == 0 && !state.mailbox.isEmpty
        }
        withExtendedLifetime(released) {}
        if wasEmpty { wake() }
    }
}

// MARK: The dispatcher's side

extension PendingHooks {
    /// Gives out a token, or 0 when the instance or the shard has too many.
    func open(_ opening: HookCallFrame.Opening, deadline: Int64) -> hl_token {
        let record = PendingRecord(opening, deadline: deadline)
        guard record.instance.pendingCount.load(ordering: .relaxed) < maximumPerInstance else { return 0 }
        return state.withLock { state in
            guard let index = takeFree(&state) else { return 0 }
            // Generation 0 is never valid, so that no token is 0.
            let generation = max(state.slots[index].generation &+ 1, 1)
            state.slots[index] = Slot(generation: generation, phase: .open, record: record)
            record.instance.pendingCount.wrappingAdd(1, ordering: .relaxed)
            return token(index, generation)
        }
    }

    /// The record of a call whose answer has come; nil when it was cancelled or taken meanwhile.
    func takeAnswered(_ token: hl_token) -> PendingRecord? {
        state.withLock { state in
            guard let index = index(of: token, state), state.slots[index].phase == .answered else { return nil }
            return letGo(index, &state, phase: .free)
        }
    }

    /// How a call ended that nobody waits for any more.
    enum End { case expired, cancelled }

    /// Ends a call before its answer. The record stays until the plugin lets go of the input (`release`, `complete`).
    /// - Returns: the record; nil when an answer has come already, or the token is not known.
    func end(_ token: hl_token, _ end: End) -> PendingRecord? {
        state.withLock { state in
            guard let index = index(of: token, state), state.slots[index].phase == .open else { return nil }
            state.slots[index].phase = end == .expired ? .expired : .cancelled
            return state.slots[index].record
        }
    }

    /// The plugin does not look at the input of an ended call any more.
    func release(_ token: hl_token) {
        let released = state.withLock { state -> PendingRecord? in
            guard let index = index(of: token, state), state.slots[index].record != nil,
                state.slots[index].phase == .expired || state.slots[index].phase == .cancelled
            else { return nil }
            return letGo(index, &state, phase: state.slots[index].phase)
        }
        withExtendedLifetime(released) {}
    }

    /// Takes back a token whose hook did not keep its promise to return HL_PENDING.
    func withdraw(_ token: hl_token) {
        let released = state.withLock { state -> PendingRecord? in
            guard let index = index(of: token, state), state.slots[index].record != nil else { return nil }
            return letGo(index, &state)
        }
        withExtendedLifetime(released) {}
    }

    private func token(_ index: Int, _ generation: UInt32) -> hl_token {
        UInt64(shard) << 56 | UInt64(index) << 32 | UInt64(generation)
    }

    private func index(of token: hl_token, _ state: borrowing State) -> Int? {
        let index = Int(token >> 32 & 0xFF_FFFF)
        guard Int(token >> 56) == shard, index < state.slots.count,
            state.slots[index].generation == UInt32(truncatingIfNeeded: token)
        else { return nil }
        return index
    }

    /// Frees the slot; `phase` is what later completions of the same token are told.
    private func letGo(_ index: Int, _ state: inout State, phase: Phase = .free) -> PendingRecord? {
        let record = state.slots[index].record
        state.slots[index].phase = phase
        state.slots[index].record = nil
        if let record {
            let left = record.instance.pendingCount.wrappingSubtract(1, ordering: .relaxed).newValue
            if left == 0 { record.instance.idle.raise() }
            state.free.append(index)
        }
        return record
    }

    private func takeFree(_ state: inout State) -> Int? {
        if state.nextFree < state.free.count {
            let index = state.free[state.nextFree]
            state.nextFree += 1
            if state.nextFree >= 64, state.nextFree * 2 >= state.free.count {
                state.free.removeFirst(state.nextFree)
                state.nextFree = 0
            }
            return index
        }
        guard state.slots.count < PendingHooks.maximumSlots else { return nil }
        state.slots.append(Slot())
        return state.slots.count - 1
    }
}
