// HOT PATH: one plugin call per message and plugin, not per receiver; no allocation up to 512 receivers.
public import PluginABI

extension HookDispatcher {
    /// acl.deliver: which of the receivers may have the message. Never pends.
    /// - Parameters:
    ///   - receivers: those without a cached verdict; at most ``maximumBatch``.
    ///   - deny: one bit per receiver, cleared by the caller, `(count + 63) / 64` words; set for those who may not.
    ///   - abstainDenies: what holds for receivers nobody had an opinion about.
    ///   - topicEntry: not 0: the verdicts may be kept for `cachedDeliver`.
    public func aclDeliver(
        _ msg: UnsafePointer<hl_msg>, _ receivers: UnsafeBufferPointer<hl_receiver>,
        deny: UnsafeMutablePointer<UInt64>, abstainDenies: Bool, topicEntry: UInt64 = 0, mask: UInt64, now: Int64
    ) {
        precondition(receivers.count <= HookDispatcher.maximumBatch, "deliver in batches of maximumBatch receivers")
        if let slot = fast.pointee.deliver, msg.pointee.instance == 0, receivers.count <= 64 {
            fast.pointee.deny = 0
            fast.pointee.allow = 0
            let verdict = askAtOnce(slot, msg, receivers, now: now)
            if isPlainAllow(verdict) {
                deny[0] |= fast.pointee.deny
                return
            }
            conclude(
                verdict, slot, receivers, deny: deny, abstainDenies: abstainDenies, topicEntry: topicEntry, now: now)
            return
        }
        begin()
        let words = (receivers.count + 63) / 64
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(words * 3, 1)) { scratch in
            guard let allowed = scratch.baseAddress else { return }
            allowed.initialize(repeating: 0, count: words * 3)
            let bits = Bits(deny: deny, allowed: allowed, ownDeny: allowed + words, ownAllow: allowed + words * 2)
            let advice = ask(msg, receivers, bits, mask: mask, now: now)
            // Bits beyond the last receiver are meaningless and stay as the plugins left them.
            if abstainDenies { for word in 0..<words { deny[word] |= ~allowed[word] } }
            guard topicEntry != 0, let advice else { return }
            keep(advice, receivers, deny, topicEntry, now: now)
        }
    }

    @inline(__always)
    private func askAtOnce(
        _ slot: UnsafePointer<HookSlot>, _ msg: UnsafePointer<hl_msg>,
        _ receivers: UnsafeBufferPointer<hl_receiver>, now: Int64
    ) -> hl_verdict {
        let place = UnsafeMutableRawPointer(fast)
        let denyPlace = place.advanced(by: HookDispatcher.denyOffset).assumingMemoryBound(to: UInt64.self)
        let delivery = place.advanced(by: HookDispatcher.deliveryOffset).assumingMemoryBound(to: hl_delivery.self)
        delivery.pointee.msg = msg
        delivery.pointee.receivers = receivers.baseAddress
        delivery.pointee.receiver_count = UInt32(truncatingIfNeeded: receivers.count)
        delivery.pointee.deny = denyPlace
        delivery.pointee.allow = denyPlace + 1
        return callAtOnce(slot, HL_HOOK_ACL_DELIVER, UnsafeRawPointer(delivery), now: now)
    }

    private static let denyOffset = MemoryLayout<FastHooks>.offset(of: \.deny) ?? 0
    private static let deliveryOffset = MemoryLayout<FastHooks>.offset(of: \.delivery) ?? 0

    /// Acts on a verdict of the only entry that is more than "allow".
    @inline(never)
    private func conclude(
        _ verdict: hl_verdict, _ slot: UnsafePointer<HookSlot>, _ receivers: UnsafeBufferPointer<hl_receiver>,
        deny: UnsafeMutablePointer<UInt64>, abstainDenies: Bool, topicEntry: UInt64, now: Int64
    ) {
        fast.pointee.isDirty = true
        var advice = CacheAdvice()
        advice.add(frame.answer)
        advice.limit(to: compiled.chain(HL_HOOK_ACL_DELIVER).widestCache)
        var allowed = fast.pointee.allow
        deny[0] |= fast.pointee.deny
        switch verdict {
        case HL_ABSTAIN: break
        case HL_ALLOW: allowed = .max
        case HL_DENY: deny[0] |= ~allowed
        default:
            slot.pointee.instance._withUnsafeGuaranteedRef { $0.countFailure() }
            if slot.pointee.onFailure != HL_ABSTAIN { deny[0] = .max }
            if abstainDenies { deny[0] |= ~allowed }
            return
        }
        if abstainDenies { deny[0] |= ~allowed }
        if topicEntry != 0 { keep(advice, receivers, deny, topicEntry, now: now) }
    }

    /// Greatest number of receivers in one `aclDeliver`.
    public static var maximumBatch: Int { 512 }

    /// One bit per receiver. A plugin writes into arrays of its own, so that it cannot turn over what another denied.
    private struct Bits {
        let deny: UnsafeMutablePointer<UInt64>
        let allowed: UnsafeMutablePointer<UInt64>
        let ownDeny: UnsafeMutablePointer<UInt64>
        let ownAllow: UnsafeMutablePointer<UInt64>
    }

    /// Asks every plugin of the chain; nil when the verdicts must not be kept.
    private func ask(
        _ msg: UnsafePointer<hl_msg>, _ receivers: UnsafeBufferPointer<hl_receiver>, _ bits: Bits, mask: UInt64,
        now: Int64
    ) -> CacheAdvice? {
        let chain = compiled.chain(HL_HOOK_ACL_DELIVER)
        let words = (receivers.count + 63) / 64
        let facts = HookFacts(msg, mask: mask)
        var advice = CacheAdvice()
        var hasFailed = false
        var delivery = hl_delivery()
        delivery.struct_size = UInt32(MemoryLayout<hl_delivery>.size)
        delivery.msg = msg
        delivery.receivers = receivers.baseAddress
        delivery.receiver_count = UInt32(receivers.count)
        delivery.receiver_stride = UInt32(MemoryLayout<hl_receiver>.stride)
        delivery.deny = bits.ownDeny
        delivery.allow = bits.ownAllow
        HookCalls.setCurrent(frame.call)
        defer { endCalls() }
        for slot in chain.slots where slot.isInterested(facts) {
            bits.ownDeny.update(repeating: 0, count: words)
            bits.ownAllow.update(repeating: 0, count: words)
            let verdict = withUnsafePointer(to: delivery) { pointer in
                prepareCall(slot, HL_HOOK_ACL_DELIVER, UnsafeRawPointer(pointer), now: now)
                return slot.function(slot.state, frame.call, UnsafeRawPointer(pointer))
            }
            advice.add(frame.answer)
            for word in 0..<words { bits.deny[word] |= bits.ownDeny[word] }
            switch verdict {
            case HL_ABSTAIN: for word in 0..<words { bits.allowed[word] |= bits.ownAllow[word] }
            case HL_ALLOW: for word in 0..<words { bits.allowed[word] = .max }
            case HL_DENY:
                for word in 0..<words {
                    bits.allowed[word] |= bits.ownAllow[word]
                    bits.deny[word] |= ~bits.ownAllow[word]
                }
            default:
                hasFailed = true
                slot.instance._withUnsafeGuaranteedRef { $0.countFailure() }
                if slot.onFailure != HL_ABSTAIN { for word in 0..<words { bits.deny[word] = .max } }
            }
        }
        advice.limit(to: chain.widestCache)
        return hasFailed ? nil : advice
    }

    private func keep(
        _ advice: CacheAdvice, _ receivers: UnsafeBufferPointer<hl_receiver>, _ deny: UnsafeMutablePointer<UInt64>,
        _ topicEntry: UInt64, now: Int64
    ) {
        var progress = ChainProgress(HL_HOOK_ACL_DELIVER)
        progress.cache = advice
        progress.topicEntry = topicEntry
        for (index, receiver) in receivers.enumerated() {
            guard let client = receiver.client else { continue }
            progress.connection = client.pointee.connection
            let allows = deny[index / 64] & (1 << UInt64(index % 64)) == 0
            keepVerdict(progress, allows: allows, in: compiled, now: now)
        }
    }
}
