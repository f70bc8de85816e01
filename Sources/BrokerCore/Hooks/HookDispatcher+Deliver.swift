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
        var first = FirstAnswer.none
        if let chain = fast.pointee.chains.deliver, receivers.count <= FastHooks.maximumReceivers {
            openShortWays(now: now)
            var delivery = fast.pointee.delivery
            delivery.msg = msg
            delivery.receivers = receivers.baseAddress
            delivery.receiver_count = UInt32(truncatingIfNeeded: receivers.count)
            first = fast.ask(chain, &delivery)
        }
        aclDeliver(
            msg, receivers, after: first, deny: deny, abstainDenies: abstainDenies, topicEntry: topicEntry, mask: mask,
            now: now)
    }

    /// Goes on from what the short way came to about the same receivers.
    func aclDeliver(
        _ msg: UnsafePointer<hl_msg>, _ receivers: UnsafeBufferPointer<hl_receiver>, after first: FirstAnswer,
        deny: UnsafeMutablePointer<UInt64>, abstainDenies: Bool, topicEntry: UInt64, mask: UInt64, now: Int64
    ) {
        precondition(receivers.count <= HookDispatcher.maximumBatch, "deliver in batches of maximumBatch receivers")
        switch first {
        case .goOn: return
        case .none: begin()
        case .other: break
        }
        let words = (receivers.count + 63) / 64
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(words * 3, 1)) { scratch in
            guard let allowed = scratch.baseAddress else { return }
            allowed.initialize(repeating: 0, count: words * 3)
            let bits = Bits(deny: deny, allowed: allowed, ownDeny: allowed + words, ownAllow: allowed + words * 2)
            let advice = ask(msg, receivers, bits, after: first, mask: mask, now: now)
            // Bits beyond the last receiver are meaningless and stay as the plugins left them.
            if abstainDenies { for word in 0..<words { deny[word] |= ~allowed[word] } }
            guard topicEntry != 0, let advice else { return }
            keep(advice, receivers, deny, topicEntry, now: now)
        }
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

    /// Asks every plugin of the chain that has not been asked yet; nil when the verdicts must not be kept.
    private func ask(
        _ msg: UnsafePointer<hl_msg>, _ receivers: UnsafeBufferPointer<hl_receiver>, _ bits: Bits,
        after first: FirstAnswer, mask: UInt64, now: Int64
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
        beginCalls()
        defer { endCalls() }
        var verdict = HL_ALLOW
        var next = 0
        if case .other(let said, let index) = first {
            // Those before it allow everybody, and say nothing about keeping that.
            if index > 0 { advice.add(hl_answer()) }
            if index > 0 { for word in 0..<words { bits.allowed[word] = .max } }
            verdict = said
            next = index
            bits.ownDeny[0] = fast.pointee.deny
            bits.ownAllow[0] = fast.pointee.allow
            fast.pointee.deny = 0
            fast.pointee.allow = 0
        }
        while next < chain.slots.count {
            let slot = chain.slots[next]
            let isAnswered = first == .other(verdict, index: next)
            next &+= 1
            if !isAnswered {
                guard slot.isInterested(facts) else { continue }
                bits.ownDeny.update(repeating: 0, count: words)
                bits.ownAllow.update(repeating: 0, count: words)
                verdict = withUnsafePointer(to: delivery) { pointer in
                    prepareCall(slot, HL_HOOK_ACL_DELIVER, UnsafeRawPointer(pointer), now: now)
                    return slot.function(slot.state, frame.call, UnsafeRawPointer(pointer))
                }
            }
            advice.add(frame.answer)
            if !merge(verdict, slot, bits, words) { hasFailed = true }
        }
        advice.limit(to: chain.widestCache)
        return hasFailed ? nil : advice
    }

    /// Takes in what one plugin has said. False: it has failed.
    private func merge(_ verdict: hl_verdict, _ slot: HookSlot, _ bits: Bits, _ words: Int) -> Bool {
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
            slot.instance._withUnsafeGuaranteedRef { $0.countFailure(of: HL_HOOK_ACL_DELIVER) }
            if slot.onFailure != HL_ABSTAIN { for word in 0..<words { bits.deny[word] = .max } }
            return false
        }
        return true
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
