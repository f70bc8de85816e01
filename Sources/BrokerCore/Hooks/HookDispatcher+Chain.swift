// HOT PATH: the loop over a chain; see HookDispatcher.swift for the budget.
import PluginABI

extension HookDispatcher {
    /// Asks the entries of a chain from `progress.next` on, until one decides or promises to.
    func run(
        _ start: ChainProgress, _ first: UnsafeRawPointer, on compiled: CompiledHooks, now: Int64
    ) -> HookOutcome {
        var progress = start
        var input = first
        let chain = compiled.chain(progress.hook)
        var facts = self.facts(progress, input)
        beginCalls()
        defer { endCalls() }
        while progress.next < chain.slots.count {
            let slot = chain.slots[progress.next]
            progress.next &+= 1
            guard slot.isInterested(facts), progress.only == 0 || slot.number == progress.only else { continue }
            let verdict: hl_verdict
            if slot.mayPend {
                verdict = callThatMayPend(slot, &input, progress, compiled, now: now)
                if verdict == HL_PENDING {
                    return .pending(token: frame.call.pointee.token, deadline: frame.call.pointee.deadline)
                }
            } else {
                prepareCall(slot, progress.hook, input, now: now)
                verdict = slot.function(slot.state, frame.call, input)
            }
            let before = input
            if let outcome = settle(verdict, slot, &progress, &input, in: compiled, now: now) { return outcome }
            if before != input { facts = self.facts(progress, input) }
        }
        return finish(progress, input, compiled, now: now)
    }

    /// Goes on where the short way has stopped: with the verdict of entry `index`.
    @inline(never)
    func conclude(
        _ verdict: hl_verdict, of index: Int, _ start: ChainProgress, _ first: UnsafeRawPointer, now: Int64
    ) -> HookOutcome {
        var progress = start
        var input = first
        if index > 0 {
            // Those before it have said what lets the message go on, and nothing about keeping that.
            progress.hasAllowed = progress.rule == .allMustAllow
            progress.cache.add(hl_answer())
        }
        progress.next = index + 1
        let slot = compiled.chain(progress.hook).slots[index]
        return settle(verdict, slot, &progress, &input, in: compiled, now: now)
            ?? run(progress, input, on: compiled, now: now)
    }

    /// Acts on the verdict of one entry: an outcome when it ends the chain, nil to go on.
    func settle(
        _ verdict: hl_verdict, _ slot: HookSlot, _ progress: inout ChainProgress, _ input: inout UnsafeRawPointer,
        in compiled: CompiledHooks, now: Int64
    ) -> HookOutcome? {
        let edits = progress.rule == .edits
        switch verdict {
        case HL_ABSTAIN:
            progress.cache.add(frame.answer)
            return nil
        case HL_ALLOW where !edits:
            progress.cache.add(frame.answer)
            if let outcome = allow(slot, &progress, &input) { return outcome }
            return slot.decidesAlone ? finish(progress, input, compiled, now: now) : nil
        case HL_CONTINUE where progress.hook == HL_HOOK_AUTH_EXCHANGE:
            lastResult.decider = slot.instance
            takeAuthenticationData()
            return .challenge
        case HL_DENY:
            return deny(slot, &progress, in: compiled, hasFailed: false, now: now)
        case HL_REPLACE where edits:
            applyEdits(&input, &progress, in: compiled, now: now)
            return nil
        case HL_DROP where progress.hook == HL_HOOK_MSG_IN:
            lastResult.rule = frame.answer.flags & HL_ANSWER_RULE != 0 ? frame.answer.rule : hl_view()
            lastResult.decider = slot.instance
            return .drop
        default:
            return fail(slot, &progress, in: compiled, now: now)
        }
    }

    // MARK: One call

    /// Functions of plugins run from here on.
    func beginCalls() {
        HookCalls.bind(fast.running)
        fast.pointee.running = frame.call
    }

    /// No function of a plugin runs any more.
    @inline(__always)
    func endCalls() { fast.pointee.running = nil }

    @inline(__always)
    func prepareCall(_ slot: HookSlot, _ hook: UInt32, _ input: UnsafeRawPointer, now: Int64) {
        let call = frame.call
        call.pointee.flags = 0
        call.pointee.hook = hook
        call.pointee.now = now
        call.pointee.deadline = now &+ slot.allowance
        call.pointee.`self` = slot.handle
        call.pointee.input = input
        call.pointee.token = 0
        frame.answer.flags = 0
    }

    /// Calls with an input that outlives the call. HL_PENDING only when a token is really open.
    private func callThatMayPend(
        _ slot: HookSlot, _ input: inout UnsafeRawPointer, _ progress: ChainProgress, _ compiled: CompiledHooks,
        now: Int64
    ) -> hl_verdict {
        if held?.pointer != input {
            guard let copy = HeldInput(copying: input, of: progress.hook) else { return HL_ERROR }
            // An edited message may point into the arena and, through it, into the copy before this one: both live
            // until the next call of the dispatcher.
            held = copy
            input = copy.pointer
        }
        guard let held else { return HL_ERROR }
        prepareCall(slot, progress.hook, input, now: now)
        frame.call.pointee.flags = HL_CALL_MAY_PEND
        frame.opening = .init(compiled: compiled, progress: progress, slot: slot, input: held)
        defer { frame.opening = nil }
        let verdict: hl_verdict
        if slot.blocks {
            verdict = DeferredCall.start(blocking: slot.function, from: frame)
        } else {
            verdict = slot.function(slot.state, frame.call, input)
        }
        let token = frame.call.pointee.token
        if token != 0, verdict != HL_PENDING {
            pending.withdraw(token)
            return HL_ERROR
        }
        return verdict == HL_PENDING && token == 0 ? HL_ERROR : verdict
    }

    /// What interest is matched against.
    @inline(__always)
    private func facts(_ progress: ChainProgress, _ input: UnsafeRawPointer) -> HookFacts {
        switch progress.hook {
        case HL_HOOK_AUTH_CONNECT:
            HookFacts(client: input.assumingMemoryBound(to: hl_connect.self).pointee.client)
        case HL_HOOK_AUTH_EXCHANGE:
            HookFacts(client: input.assumingMemoryBound(to: hl_exchange.self).pointee.client)
        case HL_HOOK_SESSION_OPEN:
            HookFacts(client: input.assumingMemoryBound(to: hl_session.self).pointee.client)
        case HL_HOOK_TLS_PEER:
            HookFacts(client: input.assumingMemoryBound(to: hl_peer.self).pointee.client)
        case HL_HOOK_CONN_ACCEPT:
            HookFacts(listener: input.assumingMemoryBound(to: hl_accept.self).pointee.listener)
        case HL_HOOK_TLS_PSK:
            HookFacts(listener: input.assumingMemoryBound(to: hl_psk.self).pointee.listener)
        case HL_HOOK_RETAIN_GET:
            HookFacts(input.assumingMemoryBound(to: hl_retained.self).pointee.msg, mask: progress.mask)
        case HL_HOOK_ACL_SUBSCRIBE:
            HookFacts(client: input.assumingMemoryBound(to: hl_subscribe.self).pointee.client)
        default:
            HookFacts(input.assumingMemoryBound(to: hl_msg.self), mask: progress.mask)
        }
    }

    // MARK: Verdicts

    private func takeAuthenticationData() {
        if frame.answer.flags & HL_ANSWER_DATA != 0 { lastResult.data = frame.answer.data }
        if frame.answer.flags & HL_ANSWER_MEMO != 0 { lastResult.memo = frame.answer.memo }
    }

    /// auth: the first allow decides. acl.subscribe: lowers the QoS, rewrites the filter, goes on.
    private func allow(
        _ slot: HookSlot, _ progress: inout ChainProgress, _ input: inout UnsafeRawPointer
    ) -> HookOutcome? {
        progress.hasAllowed = true
        let answer = frame.answer
        if progress.rule == .firstDecides {
            lastResult.decider = slot.instance
            if answer.flags & HL_ANSWER_RULE != 0 { lastResult.rule = answer.rule }
            if answer.flags & HL_ANSWER_EXPIRES_AT != 0 { lastResult.expiresAt = answer.expires_at }
            takeAuthenticationData()
            if answer.flags & HL_ANSWER_IDENTITY != 0 {
                lastResult.hasIdentity = true
                lastResult.username = answer.username
                lastResult.account = answer.account
                lastResult.groups = answer.groups
                lastResult.groupCount = answer.groups == nil ? 0 : answer.group_count
            }
            return .allow
        }
        progress.limits.lower(by: answer)
        if answer.flags & HL_ANSWER_QOS != 0 { progress.grantedQoS = min(progress.grantedQoS, answer.qos) }
        if answer.flags & HL_ANSWER_TOPIC != 0 {
            let edited = input.assumingMemoryBound(to: hl_subscribe.self).pointee
            editedSubscribe.pointee = edited
            editedSubscribe.pointee.filter = answer.topic
            input = UnsafeRawPointer(editedSubscribe)
            progress.hasRewrittenFilter = true
        }
        return nil
    }

    func deny(
        _ slot: HookSlot, _ progress: inout ChainProgress, in compiled: CompiledHooks, hasFailed: Bool, now: Int64
    ) -> HookOutcome {
        let answer = frame.answer
        lastResult.decider = slot.instance
        lastResult.hasFailed = hasFailed
        if answer.flags & HL_ANSWER_REASON != 0 { lastResult.reasonCode = answer.reason_code }
        if answer.flags & HL_ANSWER_RULE != 0 { lastResult.rule = answer.rule }
        lastResult.disconnects = answer.flags & HL_ANSWER_DISCONNECT != 0
        if progress.hook == HL_HOOK_ACL_PUBLISH, !hasFailed, !lastResult.disconnects {
            progress.cache.replace(by: answer)
            keepVerdict(progress, allows: false, in: compiled, now: now)
        }
        if progress.hook == HL_HOOK_ACL_SUBSCRIBE, !hasFailed {
            progress.cache.replace(by: answer)
            adviseFilterCache(progress, compiled, now: now)
        }
        return .deny
    }

    /// The plugin has no valid answer: its failure verdict, counted.
    private func fail(
        _ slot: HookSlot, _ progress: inout ChainProgress, in compiled: CompiledHooks, now: Int64
    ) -> HookOutcome? {
        let (hook, isLate) = (progress.hook, self.isLate)
        slot.instance._withUnsafeGuaranteedRef { $0.countFailure(of: hook, isLate: isLate) }
        frame.answer.flags = 0
        if slot.onFailure == HL_ABSTAIN {
            progress.cache.add(frame.answer)
            return nil
        }
        return deny(slot, &progress, in: compiled, hasFailed: true, now: now)
    }

    private func finish(
        _ progress: ChainProgress, _ input: UnsafeRawPointer, _ compiled: CompiledHooks, now: Int64
    ) -> HookOutcome {
        if progress.isEdited {
            lastResult.message =
                progress.hook == HL_HOOK_RETAIN_GET
                ? input.assumingMemoryBound(to: hl_retained.self).pointee.msg
                : input.assumingMemoryBound(to: hl_msg.self)
            return .replaced
        }
        guard progress.hasAllowed else { return .abstain }
        lastResult.grantedQoS = progress.grantedQoS
        lastResult.limits = progress.limits
        if progress.hasRewrittenFilter {
            lastResult.filter = input.assumingMemoryBound(to: hl_subscribe.self).pointee.filter
        }
        if progress.hook == HL_HOOK_ACL_PUBLISH { keepVerdict(progress, allows: true, in: compiled, now: now) }
        if progress.hook == HL_HOOK_ACL_SUBSCRIBE { adviseFilterCache(progress, compiled, now: now) }
        return .allow
    }

    /// A plugin lets the core keep a verdict about a filter: `lastResult.filterVerdictExpires`.
    private func adviseFilterCache(_ progress: ChainProgress, _ compiled: CompiledHooks, now: Int64) {
        // What is kept under an older table must not outlive it.
        guard compiled === self.compiled, progress.cache.scope >= HL_CACHE_CLIENT_FILTER else { return }
        lastResult.filterVerdictExpires = progress.cache.expiry(now: now) ?? 0
    }

    // MARK: Edits

    /// Puts the edits of one plugin into the copy that the next one sees.
    private func applyEdits(
        _ input: inout UnsafeRawPointer, _ progress: inout ChainProgress, in compiled: CompiledHooks, now: Int64
    ) {
        let answer = frame.answer
        let isRetained = progress.hook == HL_HOOK_RETAIN_GET
        let message =
            isRetained
            ? input.assumingMemoryBound(to: hl_retained.self).pointee.msg
            : input.assumingMemoryBound(to: hl_msg.self)
        guard let message else { return }
        editedMessage.pointee = message.pointee
        if answer.flags & HL_ANSWER_PAYLOAD != 0 { editedMessage.pointee.payload = answer.payload }
        if answer.flags & HL_ANSWER_PROPERTIES != 0 { editedMessage.pointee.properties = answer.properties }
        if answer.flags & HL_ANSWER_RETAIN != 0 {
            editedMessage.pointee.flags &= ~HL_MSG_RETAIN
            if answer.retain != 0 { editedMessage.pointee.flags |= HL_MSG_RETAIN }
        }
        if answer.flags & HL_ANSWER_EXPIRY != 0 {
            let seconds = Int64(answer.expiry)
            editedMessage.pointee.expires = answer.expiry == .max ? .max : now &+ seconds &* 1_000_000_000
        }
        if answer.flags & HL_ANSWER_TOPIC != 0 {
            editedMessage.pointee.topic = answer.topic
            progress.mask = compiled.interestMask(topic: answer.topic.bytes)
        }
        progress.isEdited = true
        guard isRetained else {
            input = UnsafeRawPointer(editedMessage)
            return
        }
        editedRetained.pointee = input.assumingMemoryBound(to: hl_retained.self).pointee
        editedRetained.pointee.msg = UnsafePointer(editedMessage)
        input = UnsafeRawPointer(editedRetained)
    }
}
