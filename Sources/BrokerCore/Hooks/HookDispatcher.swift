// HOT PATH: nobody registered = one branch in the core; a cached verdict = 5 ns; a call the short way (UnsafeFastHooks)
// = 5 ns and the plugin's own time; no allocation and no ARC unless the entry may pend.
public import PluginABI

/// Runs the chains of hooks for one shard. Single-threaded: everything here belongs to the shard's event loop.
///
/// - The input of a call needs to live only until the method returns: what may be answered later is copied here.
/// - ``lastResult`` belongs to the last call, its views too.
/// - Order is that of plugins.yaml. Deny is terminal everywhere; auth.connect ends with the first allow; acl needs
///   everybody who has an opinion to allow; an error is the failure verdict of the entry.
/// - `.abstain` means that nobody had an opinion: the configured default holds.
public final class HookDispatcher {
    /// Index of the event loop.
    public let shard: Int
    /// What the hooks said beside the verdict of the last call.
    public internal(set) var lastResult = HookResult()

    let pending: PendingHooks
    let frame: HookCallFrame
    /// The plugin at hand has missed its deadline.
    private(set) var isLate = false
    let fast: UnsafeMutablePointer<FastHooks>
    /// Where whoever watches this thread finds the call it is in.
    var runningCall: UnsafePointer<UnsafeMutablePointer<hl_call>?> { UnsafePointer(fast.running) }
    private(set) var compiled: CompiledHooks
    private(set) var hasTable = false
    /// Every call is measured because somebody asked for it, or those of this turn to find out who is over budget; and
    /// when that begins or ends.
    var isMeasured = false
    var isSampled = false
    var nextSample: Int64 = 0
    /// Where spans of calls go, while messages are traced; see ``setTracing(_:)``.
    var tracing: ShardTracing?
    /// Edited copies of the input, on which later plugins of the chain are called.
    let editedMessage: UnsafeMutablePointer<hl_msg>
    let editedRetained: UnsafeMutablePointer<hl_retained>
    let editedSubscribe: UnsafeMutablePointer<hl_subscribe>
    /// The copy of the input that entries which may pend are called with; kept until the next call, because
    /// `lastResult` may point into it.
    var held: HeldInput?
    /// The record `resume` or `expire` went on from; keeps what `lastResult` names.
    private var lastRecord: PendingRecord?
    private let publishVerdicts: VerdictCache
    private let deliverVerdicts: VerdictCache

    /// - Parameters:
    ///   - pending: the tokens of the same shard.
    ///   - cacheBits: 2^bits verdicts are kept, for publish and for deliver each (32 bytes a piece, allocated late).
    public init(pending: PendingHooks, table: HookTable = .empty, cacheBits: Int = 12) {
        shard = pending.shard
        self.pending = pending
        fast = .allocate(capacity: 1)
        fast.initialize(to: FastHooks())
        frame = HookCallFrame(pending: pending, answer: fast.answer)
        frame.call.pointee.shard = UInt32(pending.shard)
        compiled = CompiledHooks(table, shard: pending.shard)
        fast.pointee.use(compiled, model: frame.call.pointee)
        fast.pointee.delivery.struct_size = UInt32(MemoryLayout<hl_delivery>.size)
        fast.pointee.delivery.receiver_stride = UInt32(MemoryLayout<hl_receiver>.stride)
        fast.pointee.delivery.receivers = UnsafePointer(fast.pointee.receivers)
        fast.pointee.delivery.receiver_count = 1
        fast.pointee.delivery.deny = fast.words
        fast.pointee.delivery.allow = fast.words + 1
        editedMessage = .allocate(capacity: 1)
        editedMessage.initialize(to: hl_msg())
        editedRetained = .allocate(capacity: 1)
        editedRetained.initialize(to: hl_retained())
        editedSubscribe = .allocate(capacity: 1)
        editedSubscribe.initialize(to: hl_subscribe())
        publishVerdicts = VerdictCache(bits: cacheBits)
        deliverVerdicts = VerdictCache(bits: cacheBits)
        let flags = UnsafeMutableRawPointer(fast.answer) + (MemoryLayout<hl_answer>.offset(of: \.flags) ?? 0)
        frame.arena.use = flags.assumingMemoryBound(to: UInt32.self)
    }

    deinit {
        HookCalls.unbind(fast.running)
        editedMessage.deallocate()
        frame.arena.use = nil
        fast.pointee.release()
        fast.deallocate()
        editedRetained.deallocate()
        editedSubscribe.deallocate()
        publishVerdicts.destroy()
        deliverVerdicts.destroy()
    }

    /// The hook table in use. Setting it, between two turns of the loop, drops every cached verdict; pending calls end
    /// on the table they began with.
    public var table: HookTable {
        get { compiled.table }
        set {
            compiled = CompiledHooks(newValue, shard: shard)
            fast.pointee.use(compiled, model: modelCall)
            hasTable = newValue.generation != 0
            revokeVerdicts(connection: 0)
        }
    }

    /// Slots of the table in use were changed in place.
    func slotsChanged() { fast.pointee.use(compiled, model: modelCall) }

    /// Which of the entries that look at topics are interested in this one: compute once per topic and table
    /// generation, pass with every call about the topic.
    public func interestMask(topic: UnsafeRawBufferPointer) -> UInt64 { compiled.interestMask(topic: topic) }

    // MARK: Cached verdicts

    /// An earlier verdict of acl.publish. Ids of connections and topic entries must never be reused.
    @inline(__always)
    public func cachedPublish(connection: UInt64, topicEntry: UInt64, now: Int64) -> CachedVerdict {
        publishVerdicts.find(connection: connection, topic: topicEntry, now: now)
    }

    /// An earlier verdict of acl.deliver about this receiver.
    @inline(__always)
    public func cachedDeliver(connection: UInt64, topicEntry: UInt64, now: Int64) -> CachedVerdict {
        deliverVerdicts.find(connection: connection, topic: topicEntry, now: now)
    }

    /// Whether a verdict of acl.deliver may be kept.
    var keepsDeliverVerdicts: Bool { deliverVerdicts.isUsed }

    /// MQTT reason code of the last cached `.deny` of acl.publish; 0: none given.
    public var cachedReason: UInt8 { publishVerdicts.lastReason }

    /// Grows with every revocation: what was kept elsewhere under an older one is void.
    private(set) var verdictEpoch: UInt64 = 0

    /// Forgets the verdicts about one connection, or with 0 about all.
    public func revokeVerdicts(connection: UInt64) {
        verdictEpoch += 1
        if connection == 0 {
            publishVerdicts.revokeAll()
            deliverVerdicts.revokeAll()
        } else {
            publishVerdicts.revoke(connection: connection)
            deliverVerdicts.revoke(connection: connection)
        }
    }

    // MARK: Hooks that decide

    /// auth.connect. Allow: see `lastResult` for the identity.
    public func authConnect(_ connect: UnsafePointer<hl_connect>, now: Int64) -> HookOutcome {
        begin()
        return run(ChainProgress(HL_HOOK_AUTH_CONNECT), UnsafeRawPointer(connect), now: now)
    }

    /// auth.exchange: `.challenge`, `.allow`, `.deny`, `.abstain` (nobody knows the method) or `.pending`.
    /// - Parameter instance: number of the instance that has the exchange, which is asked alone; 0: everybody.
    public func authExchange(
        _ exchange: UnsafePointer<hl_exchange>, only instance: UInt64 = 0, now: Int64
    ) -> HookOutcome {
        begin()
        var progress = ChainProgress(HL_HOOK_AUTH_EXCHANGE)
        progress.only = instance
        return run(progress, UnsafeRawPointer(exchange), now: now)
    }

    /// acl.publish; the publisher must be set. With a topic entry (not 0) the verdict may be kept for `cachedPublish`.
    public func aclPublish(
        _ msg: UnsafePointer<hl_msg>, topicEntry: UInt64 = 0, mask: UInt64, now: Int64
    ) -> HookOutcome {
        var first = FirstAnswer.none
        if let chain = fast.pointee.chains.publish {
            openShortWays(now: now)
            first = fast.ask(chain, UnsafeRawPointer(msg), plain: HL_ALLOW)
        }
        return aclPublish(msg, after: first, topicEntry: topicEntry, mask: mask, now: now)
    }

    /// Goes on from what the short way came to.
    func aclPublish(
        _ msg: UnsafePointer<hl_msg>, after first: FirstAnswer, topicEntry: UInt64, mask: UInt64, now: Int64
    ) -> HookOutcome {
        var progress = ChainProgress(HL_HOOK_ACL_PUBLISH)
        progress.mask = mask
        progress.topicEntry = topicEntry
        progress.connection = msg.pointee.publisher?.pointee.connection ?? 0
        return proceed(progress, UnsafeRawPointer(msg), after: first, goesOn: .allow, now: now)
    }

    private func proceed(
        _ progress: ChainProgress, _ input: UnsafeRawPointer, after first: FirstAnswer, goesOn: HookOutcome, now: Int64
    ) -> HookOutcome {
        switch first {
        case .goOn: return goesOn
        case .other(let verdict, let index): return conclude(verdict, of: index, progress, input, now: now)
        case .none:
            begin()
            return run(progress, input, now: now)
        }
    }

    /// acl.subscribe, once per filter. Allow: see `lastResult` for granted QoS and a rewritten filter, which the core
    /// has to check.
    public func aclSubscribe(_ subscribe: UnsafePointer<hl_subscribe>, now: Int64) -> HookOutcome {
        begin()
        return run(ChainProgress(HL_HOOK_ACL_SUBSCRIBE), UnsafeRawPointer(subscribe), now: now)
    }

    /// msg.in: `.abstain` (go on), `.replaced`, `.drop`, `.deny` (reject) or `.pending`.
    public func msgIn(_ msg: UnsafePointer<hl_msg>, mask: UInt64, now: Int64) -> HookOutcome {
        var first = FirstAnswer.none
        // A plugin does not see its own messages here, which only the long way knows.
        if let chain = fast.pointee.chains.messageIn, msg.pointee.instance == 0 {
            openShortWays(now: now)
            first = fast.ask(chain, UnsafeRawPointer(msg), plain: HL_ABSTAIN)
        }
        return msgIn(msg, after: first, mask: mask, now: now)
    }

    /// Goes on from what the short way came to.
    func msgIn(
        _ msg: UnsafePointer<hl_msg>, after first: FirstAnswer, mask: UInt64, now: Int64
    ) -> HookOutcome {
        var progress = ChainProgress(HL_HOOK_MSG_IN)
        progress.mask = mask
        return proceed(progress, UnsafeRawPointer(msg), after: first, goesOn: .abstain, now: now)
    }

    /// A turn of the loop, or the bytes of one connection: from here on the calls of this dispatcher are those of the
    /// thread, at the time `now`.
    @inline(__always)
    func beginTurn(now: Int64) {
        if hasTable { openShortWays(now: now) }
    }

    /// Forgets the last call, so that the next one of a simple chain needs no preparation.
    @inline(never)
    func openShortWays(now: Int64) {
        HookCalls.bind(fast.running)
        if fast.pointee.isDirty { clear() }
        fast.pointee.chains.setTime(now)
        fast.pointee.open(
            keepsPublishVerdicts: publishVerdicts.isUsed, keepsDeliverVerdicts: deliverVerdicts.isUsed)
    }

    /// What every call laid out beforehand begins as.
    private var modelCall: hl_call {
        var call = frame.call.pointee
        call.flags = 0
        call.token = 0
        call.input = nil
        return call
    }

    // MARK: Pending calls

    /// Goes on with a chain whose answer has come out of the mailbox. Nil when nobody waits for it any more.
    public func resume(_ token: hl_token, now: Int64) -> HookOutcome? {
        begin()
        guard let record = pending.takeAnswered(token) else { return nil }
        prepare(record)
        frame.adopt(record.answer)
        return proceed(record, record.verdict, now: now)
    }

    /// The deadline of a token has passed: the failure verdict of the entry holds. Nil when its answer is in the
    /// mailbox already, or nobody waits for it.
    public func expire(_ token: hl_token, now: Int64) -> HookOutcome? {
        begin()
        guard let record = pending.end(token, .expired) else { return nil }
        tellCancelled(record, token)
        prepare(record)
        isLate = true
        defer { isLate = false }
        return proceed(record, HL_ERROR, now: now)
    }

    /// The client of a token went away: nobody wants the verdict any more.
    public func cancel(_ token: hl_token) {
        begin()
        if let record = pending.end(token, .cancelled) {
            tellCancelled(record, token)
        } else {
            // The answer is in the mailbox; `resume` must not find it.
            _ = pending.takeAnswered(token)
        }
    }

    private func tellCancelled(_ record: PendingRecord, _ token: hl_token) {
        guard let onCancel = record.instance.onCancel else { return }
        if onCancel(record.instance.state, token) == HL_OK { pending.release(token) }
    }

    private func prepare(_ record: PendingRecord) {
        lastRecord = record
        held = record.input
        frame.call.pointee.hook = record.progress.hook
        frame.call.pointee.input = record.input.pointer
        frame.answer.flags = 0
    }

    private func proceed(_ record: PendingRecord, _ verdict: hl_verdict, now: Int64) -> HookOutcome {
        var progress = record.progress
        var input = record.input.pointer
        // A verdict the frame could not hold (out of memory) must not let anybody in.
        let whole = frame.arena.hasFailed ? HL_ERROR : verdict
        if let outcome = settle(whole, record.slot, &progress, &input, in: record.compiled, now: now) {
            return outcome
        }
        guard record.compiled !== compiled else { return run(progress, input, on: compiled, now: now) }
        // The plugins behind it may have been replaced, and stopped, while it waited: those that run now are asked.
        progress.next = compiled.chain(progress.hook).position(behind: record.slot.number) ?? 0
        // What was said under the older table is not kept.
        progress.topicEntry = 0
        progress.cache.add(hl_answer())
        if let topic = HookCalls.message(of: frame.call.pointee)?.pointee.topic {
            progress.mask = compiled.interestMask(topic: topic.bytes)
        }
        return run(progress, input, on: compiled, now: now)
    }

    func begin() {
        clear()
        // Whatever runs now leaves something behind.
        fast.pointee.isDirty = true
        fast.pointee.close()
    }

    /// Lets go of what belongs to the last call.
    @inline(never)
    func clear() {
        fast.pointee.isDirty = false
        frame.arena.reset()
        frame.answer.flags = 0
        if held != nil { held = nil }
        if lastRecord != nil { lastRecord = nil }
        lastResult = HookResult()
    }

    func run(_ progress: ChainProgress, _ input: UnsafeRawPointer, now: Int64) -> HookOutcome {
        run(progress, input, on: compiled, now: now)
    }

    func keepVerdict(_ progress: ChainProgress, allows: Bool, in compiled: CompiledHooks, now: Int64) {
        // A verdict of an older table must not outlive it.
        guard progress.topicEntry != 0, compiled === self.compiled else { return }
        var advice = progress.cache
        advice.limit(to: compiled.chain(progress.hook).widestCache)
        guard let expires = advice.expiry(now: now) else { return }
        let topic = advice.scope == HL_CACHE_CLIENT ? VerdictCache.everyTopic : progress.topicEntry
        let cache = progress.hook == HL_HOOK_ACL_PUBLISH ? publishVerdicts : deliverVerdicts
        cache.store(
            connection: progress.connection, topic: topic, allows: allows, reason: lastResult.reasonCode,
            expires: expires)
    }
}
