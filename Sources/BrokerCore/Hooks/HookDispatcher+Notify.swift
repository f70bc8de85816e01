public import PluginABI

extension HookDispatcher {
    /// notify.*: tells those who asked for `event.hook` (not below 64). Copied and queued: never waits, never fails;
    /// what does not fit into an instance's queue is dropped and counted there. Check `table.notifyMask` first.
    /// - Parameters:
    ///   - mask: interest of the event's topic, see ``interestMask(topic:)``; all bits when it has none.
    ///   - old: only instances that were not registered for the hook in this table; nil: all.
    public func notify(_ event: UnsafePointer<hl_event>, mask: UInt64 = .max, newSince old: HookTable? = nil) {
        let hook = event.pointee.hook
        guard hook < HL_HOOK_ID_LIMIT else { return }
        var copy: HeldInput?
        let chain = compiled.chain(hook)
        for slot in chain.slots where slot.isInterested(facts(event, mask)) {
            if let old, old.hasInstance(slot.instance, for: hook) { continue }
            if slot.sampling > 1 {
                slot.sampleCounter.pointee = (slot.sampleCounter.pointee &+ 1) % slot.sampling
                guard slot.sampleCounter.pointee == 0 else { continue }
            }
            if copy == nil {
                copy = HeldInput(
                    copying: UnsafeRawPointer(event), of: hook, withPayload: chain.needsPayload,
                    withProperties: chain.needsProperties)
            }
            guard let copy else { return }
            slot.instance._withUnsafeGuaranteedRef { instance in
                instance.events.push(
                    slot, hook: hook, shard: shard, input: copy, meter: compiled.meters?.countingWorkers)
            }
        }
    }

    private func facts(_ event: UnsafePointer<hl_event>, _ mask: UInt64) -> HookFacts {
        if let msg = event.pointee.msg { return HookFacts(msg, mask: mask) }
        var facts = HookFacts(client: event.pointee.client)
        facts.topic = event.pointee.topic
        facts.mask = mask
        facts.qos = event.pointee.qos
        return facts
    }
}
