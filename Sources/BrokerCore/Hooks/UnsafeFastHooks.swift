// HOT PATH: what a call to the only plugin of a chain needs, at fixed addresses; no class field, no ARC.
import PluginABI

/// The short way of acl.publish and acl.deliver: one plugin is registered, for everything, and answers at once. Owned
/// by the dispatcher.
struct FastHooks {
    /// The only entry of the chain; nil: the long way.
    var publish: UnsafePointer<HookSlot>?
    var deliver: UnsafePointer<HookSlot>?
    /// Something of an earlier call is still held: clear it before the next.
    var isDirty = false
    var delivery = hl_delivery()
    /// What the plugin sets, for up to 64 receivers.
    var deny: UInt64 = 0
    var allow: UInt64 = 0

    /// Takes over the chains of a new table, which outlives its use here.
    mutating func use(_ compiled: CompiledHooks) {
        publish = FastHooks.only(compiled.chain(HL_HOOK_ACL_PUBLISH))
        deliver = FastHooks.only(compiled.chain(HL_HOOK_ACL_DELIVER))
        delivery.struct_size = UInt32(MemoryLayout<hl_delivery>.size)
        delivery.receiver_stride = UInt32(MemoryLayout<hl_receiver>.stride)
    }

    private static func only(_ chain: HookChain) -> UnsafePointer<HookSlot>? {
        guard chain.slots.count == 1, let slot = chain.slots.baseAddress, slot.pointee.restrictions.isEmpty,
            !slot.pointee.mayPend
        else { return nil }
        return UnsafePointer(slot)
    }
}

extension HookDispatcher {
    /// Calls the only entry of a chain. Its answer is in `frame.answer`.
    @inline(__always)
    func callAtOnce(
        _ slot: UnsafePointer<HookSlot>, _ hook: UInt32, _ input: UnsafeRawPointer, now: Int64
    ) -> hl_verdict {
        if fast.pointee.isDirty { clear() }
        let call = self.call
        call.pointee.flags = 0
        call.pointee.hook = hook
        call.pointee.now = now
        call.pointee.deadline = now &+ slot.pointee.allowance
        call.pointee.`self` = slot.pointee.handle
        call.pointee.input = input
        call.pointee.token = 0
        answer.pointee.flags = 0
        let verdict = slot.pointee.function(slot.pointee.state, call, input)
        call.pointee.input = nil
        return verdict
    }

    /// Whether the plugin has said "allow" and nothing else.
    @inline(__always)
    func isPlainAllow(_ verdict: hl_verdict) -> Bool { verdict == HL_ALLOW && answer.pointee.flags == 0 }
}
