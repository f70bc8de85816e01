// HOT PATH: one frame per dispatcher, reused for every call; fields are written in place, nothing is allocated.
import MQTTCodec
import PluginABI

/// The `hl_call` a plugin sees, and what its setters have said so far. One thread at a time.
final class HookCallFrame {
    /// What `pend` needs to know about the call that is being made.
    struct Opening {
        let compiled: CompiledHooks
        let progress: ChainProgress
        let slot: HookSlot
        let input: HeldInput
    }

    let call: UnsafeMutablePointer<hl_call>
    /// What plugins allocate and what setters copy; taken back with the next chain.
    let arena = HookArena(firstSize: 4096, wipes: false)
    /// The call that the setters are about: `call`, or one that was laid out beforehand.
    private(set) var current: UnsafeMutablePointer<hl_call>
    /// Where ``answer`` is.
    private let answerPlace: UnsafeMutablePointer<hl_answer>
    private let ownsAnswerPlace: Bool
    /// `answer.flags` says which fields are set.
    var answer: hl_answer {
        @inline(__always) get { answerPlace.pointee }
        @inline(__always) _modify { yield &answerPlace.pointee }
    }
    /// Set while a function runs that may pend.
    var opening: Opening?
    let pending: PendingHooks?
    /// msg.route: what the plugin at hand adds and removes.
    var targets = RouteTargets()
    /// msg.out: whom the setters are about.
    var selection = EditSelection()
    /// Number of the instance that pended this call.
    var owner: UInt64?

    /// - Parameters:
    ///   - pending: where calls pend and complete; nil for calls that neither do (notify hooks).
    ///   - answer: where ``answer`` shall be; outlives the frame.
    init(pending: PendingHooks?, answer: UnsafeMutablePointer<hl_answer>? = nil) {
        self.pending = pending
        answerPlace = answer ?? .allocate(capacity: 1)
        answerPlace.initialize(to: hl_answer())
        ownsAnswerPlace = answer == nil
        call = .allocate(capacity: 1)
        current = self.call
        var call = hl_call()
        call.struct_size = UInt32(MemoryLayout<hl_call>.size)
        call.api = HookCallTable.table
        self.call.initialize(to: call)
        self.call.pointee.host = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        call.deallocate()
        if ownsAnswerPlace { answerPlace.deallocate() }
    }

    /// The frame behind a call a plugin has given back.
    static func of(_ call: UnsafeMutablePointer<hl_call>?) -> HookCallFrame? {
        guard let call, let host = call.pointee.host else { return nil }
        let frame = Unmanaged<HookCallFrame>.fromOpaque(host).takeUnretainedValue()
        frame.current = call
        return frame
    }

    /// Makes the call ready for one event and returns its struct; nil when there is no memory.
    func beginEvent(_ input: HeldInput, hook: UInt32, shard: Int, lost: UInt64) -> UnsafeRawPointer? {
        arena.reset()
        var event = input.pointer.assumingMemoryBound(to: hl_event.self).pointee
        event.lost = lost
        guard let placed = arena.place(event) else { return nil }
        call.pointee.hook = hook
        call.pointee.shard = UInt32(shard)
        call.pointee.token = 0
        call.pointee.input = UnsafeRawPointer(placed)
        return UnsafeRawPointer(placed)
    }

    /// Which fields of an answer a hook has a use for.
    static func fields(of hook: UInt32) -> UInt32 { HookTraits.of(hook)?.fields ?? 0 }

    /// Sets one field if the hook has it and the copies it needs could be made.
    func set(_ field: UInt32, _ change: (HookCallFrame) -> Void) -> hl_status {
        guard HookCallFrame.fields(of: current.pointee.hook) & field != 0 else { return HL_NOT_ALLOWED }
        change(self)
        guard !arena.hasFailed else { return HL_NO_MEMORY }
        answer.flags |= field
        return HL_OK
    }

    /// Appends a user property, in wire form, to the properties of the message as edited so far.
    func addUserProperty(_ name: hl_view, _ value: hl_view) -> hl_status {
        guard name.len <= UInt16.max, value.len <= UInt16.max else { return HL_INVALID }
        return set(HL_ANSWER_PROPERTIES) { frame in
            let message = HookCalls.message(of: frame.current.pointee)
            let edited = frame.answer.flags & HL_ANSWER_PROPERTIES != 0
            let before = edited ? frame.answer.properties : message?.pointee.properties ?? hl_view()
            let size = before.bytes.count + 5 + name.bytes.count + value.bytes.count
            guard let place = frame.arena.allocate(size) else { return }
            let target = UnsafeMutableRawBufferPointer(start: place, count: size)
            target.copyMemory(from: before.bytes)
            var end = before.bytes.count
            target[end] = UInt8(HL_PROPERTY_USER)
            end += 1
            for part in [name.bytes, value.bytes] {
                target[end] = UInt8(truncatingIfNeeded: part.count >> 8)
                target[end + 1] = UInt8(truncatingIfNeeded: part.count)
                UnsafeMutableRawBufferPointer(rebasing: target[(end + 2)...]).copyMemory(from: part)
                end += 2 + part.count
            }
            frame.answer.properties = hl_view(UnsafeRawBufferPointer(target))
        }
    }

    /// Takes over the answer that came with a completion, as if the setters had been called.
    func adopt(_ given: hl_answer) {
        answer = given
        answer.flags &= HookCallFrame.fields(of: call.pointee.hook)
        if given.reason_code > 0xFF { answer.flags &= ~HL_ANSWER_REASON }
        if !PublishProperties.isForwardable(given.properties.bytes) { answer.flags &= ~HL_ANSWER_PROPERTIES }
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
        if !Shard.isMountPoint(Array(given.mount_point.bytes)) { answer.flags &= ~HL_ANSWER_MOUNT_POINT }
        answer.mount_point = arena.copy(given.mount_point)
    }
}
