// HOT PATH: what a call of plugins that answer at once needs, at fixed addresses and laid out beforehand; no class
// field, no ARC. A call costs the broker about 15 instructions.
import PluginABI

/// The short way of acl.publish, msg.in and acl.deliver: everybody in the chain is registered for everything and
/// answers at once. Owned by the dispatcher; its thread only.
///
/// A way is open (its pointer set) only while nothing is left of an earlier call and no verdict is kept: then there is
/// nothing to clear before the call and nothing to look up. Whatever leaves something behind closes it
/// (``HookDispatcher/begin()``), and the next call of the long way, or the next turn, opens it again.
struct FastHooks {
    /// The open chains; nil: the long way.
    var publish: UnsafePointer<FastSlot>?
    /// `publish`, where it has the only say about a PUBLISH: there is no msg.in to be asked after it.
    var publishAlone: UnsafePointer<FastSlot>?
    var deliver: UnsafePointer<FastSlot>?
    var messageIn: UnsafePointer<FastSlot>?
    /// The call that runs, of whichever way; nil when no function of a plugin runs.
    var running: UnsafeMutablePointer<hl_call>?
    /// What acl.deliver is called with, and what the plugin sets, for up to ``maximumReceivers``. Between two calls it
    /// is about one receiver, and no bit is set.
    var delivery = hl_delivery()
    var deny: UInt64 = 0
    var allow: UInt64 = 0
    let receivers: UnsafeMutablePointer<hl_receiver>
    /// What the setters have said; `flags` is 0 before every call of the short way.
    var answer = hl_answer()
    /// Messages that acl.publish has let through the short way: counted here, where it costs one instruction.
    var publishesAllowed: UInt64 = 0
    /// Receivers that acl.deliver has let through the short way.
    var deliveriesAllowed: UInt64 = 0
    /// Something of an earlier call is still held.
    var isDirty = false
    /// The chains that have a short way.
    private(set) var chains = FastChains()

    /// Most receivers of a message that are asked about the short way: a bit each in one word.
    static var maximumReceivers: Int { 64 }

    init() {
        receivers = .allocate(capacity: Self.maximumReceivers)
        receivers.initialize(repeating: hl_receiver(), count: Self.maximumReceivers)
    }

    /// Lays out the chains of a new table, which outlives its use here.
    /// - Parameter model: the call of the dispatcher's frame.
    mutating func use(_ compiled: CompiledHooks, model: hl_call) {
        close()
        chains.release()
        chains = FastChains(compiled, model: model)
        for hook in FastChains.hooks where compiled.chain(hook).slots.contains(where: { $0.streak.pointee != 0 }) {
            chains.hold(hook)
        }
    }

    /// Takes the short way from a hook until ``letGo(_:)``: every one of its answers is to be seen.
    mutating func hold(_ hook: UInt32) {
        close()
        chains.hold(hook)
    }

    /// Ends what ``hold(_:)`` began.
    mutating func letGo(_ hook: UInt32) {
        close()
        chains.letGo(hook)
    }

    /// Opens every way that a table has. Only after what an earlier call has left is cleared.
    mutating func open(keepsPublishVerdicts: Bool, keepsDeliverVerdicts: Bool) {
        publish = keepsPublishVerdicts ? nil : UnsafePointer(chains.publish)
        publishAlone = chains.isMessageEdited ? nil : publish
        deliver = keepsDeliverVerdicts || chains.isDeliveryEdited ? nil : UnsafePointer(chains.deliver)
        messageIn = UnsafePointer(chains.messageIn)
    }

    /// Leaves the long way alone.
    @inline(__always)
    mutating func close() {
        publish = nil
        publishAlone = nil
        deliver = nil
        messageIn = nil
    }

    mutating func release() {
        chains.release()
        receivers.deallocate()
    }
}

/// One entry of a chain on the short way: everything of its call but time and input is written beforehand.
struct FastSlot {
    let function: HookFunction
    let state: UnsafeMutableRawPointer?
    let call: UnsafeMutablePointer<hl_call>
    let isLast: Bool
}

/// What came of asking a chain the short way.
enum FirstAnswer: Equatable {
    /// Everybody has said what lets the message go on, and nothing else.
    case goOn
    /// Nobody was asked: take the long way.
    case none
    /// Entry `index` has said something else, or more; all before it had nothing against it.
    case other(hl_verdict, index: Int)
}

/// The memory of all short ways of one table.
struct FastChains {
    private(set) var publish: UnsafeMutablePointer<FastSlot>?
    private(set) var deliver: UnsafeMutablePointer<FastSlot>?
    private(set) var messageIn: UnsafeMutablePointer<FastSlot>?
    /// The first slot of each of ``hooks`` that has a short way, whether it may be taken now or not.
    private var all = Ways()
    /// msg.out or msg.route: there is more to delivering than acl.deliver.
    private(set) var isDeliveryEdited = false
    /// msg.in: there is more to publishing than acl.publish.
    private(set) var isMessageEdited = false
    private struct Ways {
        var publish: UnsafeMutablePointer<FastSlot>?
        var deliver: UnsafeMutablePointer<FastSlot>?
        var messageIn: UnsafeMutablePointer<FastSlot>?
    }

    private var slots: UnsafeMutablePointer<FastSlot>?
    private var calls: UnsafeMutablePointer<hl_call>?
    /// Nanoseconds each call may take.
    private var allowances: [Int64] = []

    init() {}

    init(_ compiled: CompiledHooks, model: hl_call) {
        let hooks = Self.hooks.filter { hook in
            let chain = compiled.chain(hook).slots
            return !chain.isEmpty && chain.allSatisfy { $0.restrictions.isEmpty && !$0.mayPend }
                // The short way asks everybody: nobody's allow ends it.
                && !chain.dropLast().contains(where: \.decidesAlone)
        }
        isDeliveryEdited = compiled.table.hasMsgOut || compiled.table.hasMsgRoute
        isMessageEdited = compiled.table.hasMsgIn
        let count = hooks.reduce(0) { $0 + compiled.chain($1).slots.count }
        guard count > 0 else { return }
        let slots = UnsafeMutablePointer<FastSlot>.allocate(capacity: count)
        let calls = UnsafeMutablePointer<hl_call>.allocate(capacity: count)
        self.slots = slots
        self.calls = calls
        for hook in hooks {
            let first = slots + allowances.count
            let chain = compiled.chain(hook).slots
            for (index, slot) in chain.enumerated() {
                let call = calls + allowances.count
                call.initialize(to: model)
                call.pointee.hook = hook
                call.pointee.`self` = slot.handle
                (first + index).initialize(
                    to: FastSlot(
                        function: slot.function, state: slot.state, call: call, isLast: index == chain.count - 1))
                allowances.append(slot.allowance)
            }
            switch hook {
            case HL_HOOK_ACL_PUBLISH: publish = first
            case HL_HOOK_ACL_DELIVER: deliver = first
            default: messageIn = first
            }
        }
        all = Ways(publish: publish, deliver: deliver, messageIn: messageIn)
    }

    /// Hooks that have a short way.
    static var hooks: [UInt32] { [HL_HOOK_ACL_PUBLISH, HL_HOOK_ACL_DELIVER, HL_HOOK_MSG_IN] }

    mutating func hold(_ hook: UInt32) {
        switch hook {
        case HL_HOOK_ACL_PUBLISH: publish = nil
        case HL_HOOK_ACL_DELIVER: deliver = nil
        case HL_HOOK_MSG_IN: messageIn = nil
        default: break
        }
    }

    mutating func letGo(_ hook: UInt32) {
        switch hook {
        case HL_HOOK_ACL_PUBLISH: publish = all.publish
        case HL_HOOK_ACL_DELIVER: deliver = all.deliver
        case HL_HOOK_MSG_IN: messageIn = all.messageIn
        default: break
        }
    }

    /// Sets the time of the calls of a turn.
    @inline(__always)
    func setTime(_ now: Int64) {
        guard let calls else { return }
        for index in 0..<allowances.count {
            calls[index].now = now
            calls[index].deadline = now &+ allowances[index]
        }
    }

    mutating func release() {
        slots?.deallocate()
        calls?.deallocate()
        self = FastChains()
    }
}

extension UnsafeMutablePointer where Pointee == FastHooks {
    /// Asks a chain of acl.publish or msg.in.
    /// - Parameters:
    ///   - plain: the verdict that lets the message go on.
    ///   - counts: whether that is counted in `publishesAllowed`; a constant, so that it costs nothing where it is not.
    @inline(__always)
    func ask(
        _ chain: UnsafePointer<FastSlot>, _ input: UnsafeRawPointer, plain: hl_verdict, counts: Bool = false
    ) -> FirstAnswer {
        var slot = chain
        while true {
            let verdict = call(slot, input)
            // Two comparisons in one.
            if (verdict ^ plain) | pointee.answer.flags != 0 { return stopped(verdict, slot, chain) }
            if slot.pointee.isLast {
                if counts { pointee.publishesAllowed &+= 1 }
                return .goOn
            }
            slot += 1
        }
    }

    /// Asks a chain of acl.deliver. Goes on when every receiver may have the message; else the bits that the plugin has
    /// set are in `deny` and `allow`, and whoever takes them clears them.
    /// - Parameter counted: what is added to `deliveriesAllowed` then.
    @inline(__always)
    func ask(
        _ chain: UnsafePointer<FastSlot>, _ delivery: UnsafePointer<hl_delivery>, counted: UInt64 = 0
    ) -> FirstAnswer {
        var slot = chain
        while true {
            let verdict = call(slot, UnsafeRawPointer(delivery))
            if UInt64((verdict ^ HL_ALLOW) | pointee.answer.flags) | pointee.deny | pointee.allow != 0 {
                return stopped(verdict, slot, chain)
            }
            if slot.pointee.isLast {
                pointee.deliveriesAllowed &+= counted
                return .goOn
            }
            slot += 1
        }
    }

    @inline(__always)
    private func call(_ slot: UnsafePointer<FastSlot>, _ input: UnsafeRawPointer) -> hl_verdict {
        // Read before the writes, which might be to the same memory for all the compiler knows.
        let call = slot.pointee.call
        let state = slot.pointee.state
        let function = slot.pointee.function
        call.pointee.input = input
        pointee.running = call
        let verdict = function(state, call, input)
        pointee.running = nil
        return verdict
    }

    @inline(never)
    private func stopped(
        _ verdict: hl_verdict, _ slot: UnsafePointer<FastSlot>, _ chain: UnsafePointer<FastSlot>
    ) -> FirstAnswer {
        pointee.close()
        pointee.isDirty = true
        return .other(verdict, index: slot - chain)
    }

    /// Where `delivery` is.
    @inline(__always)
    var delivery: UnsafeMutablePointer<hl_delivery> {
        (UnsafeMutableRawPointer(self) + Self.deliveryOffset).assumingMemoryBound(to: hl_delivery.self)
    }

    /// Where `answer` is.
    var answer: UnsafeMutablePointer<hl_answer> {
        (UnsafeMutableRawPointer(self) + (MemoryLayout<FastHooks>.offset(of: \.answer) ?? 0))
            .assumingMemoryBound(to: hl_answer.self)
    }

    /// Where `running` is.
    var running: UnsafeMutablePointer<UnsafeMutablePointer<hl_call>?> {
        (UnsafeMutableRawPointer(self) + (MemoryLayout<FastHooks>.offset(of: \.running) ?? 0))
            .assumingMemoryBound(to: UnsafeMutablePointer<hl_call>?.self)
    }

    /// Where the words that a plugin sets are: deny, then allow.
    var words: UnsafeMutablePointer<UInt64> {
        (UnsafeMutableRawPointer(self) + (MemoryLayout<FastHooks>.offset(of: \.deny) ?? 0))
            .assumingMemoryBound(to: UInt64.self)
    }

    @inline(__always)
    private static var deliveryOffset: Int { MemoryLayout<FastHooks>.offset(of: \.delivery) ?? 0 }
}
