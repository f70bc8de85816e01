// HOT PATH: one slot is read per plugin and hook call; plain data, no ARC.
import PluginABI

/// Every deciding hook has this shape: state, call, the struct of the hook.
typealias HookFunction =
    @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<hl_call>?, UnsafeRawPointer?) -> hl_verdict

/// One entry of a chain, ready to be called on one shard. The `CompiledHooks` it is in keeps everything alive.
struct HookSlot {
    struct Restrictions: OptionSet {
        let rawValue: UInt32
        static let topics = Restrictions(rawValue: 1)
        static let listeners = Restrictions(rawValue: 2)
        static let origins = Restrictions(rawValue: 4)
        static let qos = Restrictions(rawValue: 8)
    }

    /// The plugin's, or a meter before it.
    var function: HookFunction
    var state: UnsafeMutableRawPointer?
    let handle: UnsafeMutablePointer<hl_self>
    let instance: Unmanaged<HookInstance>
    let rules: Unmanaged<HookRules>
    let number: UInt64
    /// Its bit of the interest mask; 0 with `.topics`: match at every call.
    let maskBit: UInt64
    /// Nanoseconds.
    let allowance: Int64
    let onFailure: UInt32
    let decidesAlone: Bool
    let restrictions: Restrictions
    let origins: UInt32
    let qosMask: UInt32
    let mayPend: Bool
    let blocks: Bool
    let includesOwnPublishes: Bool
    let sampling: UInt32
    let sampleCounter: UnsafeMutablePointer<UInt32>
    /// Failures in a row; see `HookDispatcher.countFailure`.
    let streak: UnsafeMutablePointer<UInt32>
    /// How many are enough to be told; 0: it is not counted.
    let failureLimit: UInt32

    /// Whether the plugin wants to be called for this.
    @inline(__always)
    func isInterested(_ facts: HookFacts) -> Bool {
        if facts.instance != 0, facts.instance == number, !includesOwnPublishes { return false }
        return restrictions.isEmpty || passes(facts)
    }

    private func passes(_ facts: HookFacts) -> Bool {
        if restrictions.contains(.topics) {
            if maskBit != 0 {
                if facts.mask & maskBit == 0 { return false }
            } else if !rules._withUnsafeGuaranteedRef({ $0.interest.matches(topic: facts.topic.bytes) }) {
                return false
            }
        }
        if restrictions.contains(.origins), origins & (1 << (facts.origin & 31)) == 0 { return false }
        if restrictions.contains(.qos), qosMask & (1 << (facts.qos & 31)) == 0 { return false }
        if restrictions.contains(.listeners) {
            return rules._withUnsafeGuaranteedRef { $0.hasListener(facts.listener) }
        }
        return true
    }
}

/// What interest is matched against. Borrows from the input of the call.
struct HookFacts {
    var topic = hl_view()
    var listener = hl_view()
    var mask = UInt64.max
    var instance: UInt64 = 0
    var origin: UInt32 = 0
    var qos: UInt32 = 0

    /// The facts of a connection before anything is known of it.
    init(listener: hl_view) { self.listener = listener }

    /// The facts of a client's own doing: connect, subscribe.
    init(client: UnsafePointer<hl_client>?) {
        if let client { listener = client.pointee.listener }
    }

    /// The facts of a message.
    @inline(__always)
    init(_ msg: UnsafePointer<hl_msg>, mask: UInt64) {
        topic = msg.pointee.topic
        self.mask = mask
        instance = msg.pointee.instance
        origin = msg.pointee.origin
        qos = msg.pointee.qos
        if let publisher = msg.pointee.publisher { listener = publisher.pointee.listener }
    }
}

/// The entries of one hook, in order.
struct HookChain {
    let slots: UnsafeMutableBufferPointer<HookSlot>
    /// How wide the scope of a cached verdict may be at most, given what the entries are interested in.
    let widestCache: UInt32
    /// Whether one of the entries looks at payloads, at properties.
    let needsPayload, needsProperties: Bool
}

/// A hook table made ready for one shard: flat arrays of what is called with what. Immutable but for the sample
/// counters; a pending call keeps the one it began on.
final class CompiledHooks {
    let table: HookTable
    private let chains: UnsafeMutablePointer<HookChain>
    private let counters: UnsafeMutablePointer<UInt32>
    /// Owners of what the slots point to.
    private let rules: [HookRules]
    /// Set while the hooks are measured.
    var meters: HookMeters?

    init(_ table: HookTable, shard: Int) {
        self.table = table
        let entryCount = table.chains.reduce(0) { $0 + $1.count }
        chains = UnsafeMutablePointer<HookChain>.allocate(capacity: table.chains.count)
        // One to sample with and one for failures in a row, for each entry.
        counters = UnsafeMutablePointer<UInt32>.allocate(capacity: max(entryCount * 2, 1))
        counters.initialize(repeating: 0, count: max(entryCount * 2, 1))
        var rules: [HookRules] = []
        for (hook, entries) in table.chains.enumerated() {
            let slots = UnsafeMutableBufferPointer<HookSlot>.allocate(capacity: entries.count)
            for (index, entry) in entries.enumerated() {
                let rule = HookRules(entry.interest)
                slots.initializeElement(
                    at: index, to: HookSlot(entry, shard: shard, rules: rule, counters: counters + rules.count * 2))
                rules.append(rule)
            }
            (chains + hook).initialize(
                to: HookChain(
                    slots: slots, widestCache: HookChain.widestCache(entries, hook: UInt32(hook)),
                    needsPayload: entries.contains { $0.interest.needsPayload },
                    needsProperties: entries.contains { $0.interest.needsProperties }))
        }
        self.rules = rules
    }

    deinit {
        for hook in table.chains.indices { chains[hook].slots.deallocate() }
        chains.deallocate()
        counters.deallocate()
    }

    /// See `HookDispatcher.interestMask`.
    func interestMask(topic: UnsafeRawBufferPointer) -> UInt64 {
        table.topics.match(topic)
    }

    /// The chain of a hook; `hook` is below `HL_HOOK_ID_LIMIT`.
    @inline(__always)
    func chain(_ hook: UInt32) -> HookChain { chains[Int(hook)] }
}

extension HookChain {
    /// Where a chain goes on that an older table began: behind the instance that answered, whichever generation of it
    /// stands here. Nil when it is here no more.
    func position(behind number: UInt64) -> Int? {
        slots.lastIndex { $0.number == number }.map { $0 + 1 }
    }

    fileprivate static func widestCache(_ entries: [HookEntry], hook: UInt32) -> UInt32 {
        var widest = HL_CACHE_CLIENT
        for interest in entries.map(\.interest) {
            if interest.origins != 0 || interest.qosMask != 0 { return HL_CACHE_NONE }
            // Of a delivery it is the publisher's listener, which is not part of what a verdict is kept for.
            if hook == HL_HOOK_ACL_DELIVER, !interest.listeners.isEmpty { return HL_CACHE_NONE }
            if !interest.filters.isEmpty { widest = HL_CACHE_CLIENT_TOPIC }
        }
        return widest
    }
}

extension HookSlot {
    fileprivate init(_ entry: HookEntry, shard: Int, rules: HookRules, counters: UnsafeMutablePointer<UInt32>) {
        if entry.breaker.isOnProbation, entry.breaker.limit > 0 { counters[1] = HookSlot.probation }
        let interest = entry.interest
        // msg.store may block by its nature: it makes things durable.
        let blocks = entry.blocks || entry.hook == HL_HOOK_MSG_STORE
        var restrictions: Restrictions = []
        if !interest.filters.isEmpty { restrictions.insert(.topics) }
        if !interest.listeners.isEmpty { restrictions.insert(.listeners) }
        if interest.origins != 0 { restrictions.insert(.origins) }
        if interest.qosMask != 0 { restrictions.insert(.qos) }
        // Where nobody's opinion is a deny, leaving somebody out would be one.
        let asksAboutAll = entry.hook == HL_HOOK_ACL_PUBLISH || entry.hook == HL_HOOK_ACL_DELIVER
        self.init(
            function: unsafeBitCast(entry.function, to: HookFunction.self),
            state: shard < entry.shardStates.count ? entry.shardStates[shard] : entry.instance.state,
            handle: entry.instance.handle, instance: .passUnretained(entry.instance),
            rules: .passUnretained(rules), number: entry.instance.number, maskBit: entry.maskBit,
            allowance: interest.deadline > 0 ? interest.deadline : HookTraits.of(entry.hook)?.allowance ?? 0,
            onFailure: entry.onFailure, decidesAlone: entry.decidesAlone, restrictions: restrictions,
            origins: interest.origins, qosMask: interest.qosMask, mayPend: interest.mayPend || blocks, blocks: blocks,
            includesOwnPublishes: interest.includesOwnPublishes || asksAboutAll, sampling: max(interest.sampling, 1),
            sampleCounter: counters, streak: counters + 1, failureLimit: entry.breaker.limit)
    }
}
