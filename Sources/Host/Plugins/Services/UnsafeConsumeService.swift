import BrokerCore
import PluginABI

/// A subscriber inside the broker: an entry for notify.published with a queue of its own, read in batches.
///
/// @unchecked Sendable: the pointers are the plugin's and only handed back to it; what changes is behind `state`.
final class Consumer: @unchecked Sendable {
    private struct State {
        var interest: HookInterest
        var isPaused: Bool
        /// The queue said that it has something, and nobody has run since.
        var hasWork = false
        var isClosed = false
    }

    let id: hl_consumer
    let queue: HookInstance
    /// Filters whose retained messages it wants first; empty when it does not.
    let retainedFilters: [[UInt8]]
    private unowned let instance: PluginInstance
    private let function: hl_batch_fn
    private let user: UnsafeMutableRawPointer?
    private let batchLimit: Int
    private let state: Monitor<State>

    /// What a plugin asked for, checked.
    struct Options {
        var interest = HookInterest()
        var bounds = HookEventQueue.Bounds()
        var batchLimit = 64
        var wantsRetained = false
    }

    init(
        _ id: hl_consumer, _ options: Options, of instance: PluginInstance, _ function: @escaping hl_batch_fn,
        _ user: UnsafeMutableRawPointer?
    ) {
        self.id = id
        self.instance = instance
        self.function = function
        self.user = user
        batchLimit = options.batchLimit
        retainedFilters = options.wantsRetained ? options.interest.filters : []
        // With retained messages to come it begins paused: they are first.
        state = Monitor(State(interest: options.interest, isPaused: options.wantsRetained))
        let ready = ReadySignal()
        queue = HookInstance(
            number: instance.number, name: instance.id, generation: instance.generation, handle: instance.handle,
            state: nil, onCancel: nil, submit: { _ in false }, events: options.bounds,
            eventsReady: { ready.consumer?.becameReady() })
        ready.consumer = self
    }

    /// What makes the event loops fill its queue.
    var entry: HookEntry {
        HookEntry(
            hook: HL_HOOK_NOTIFY_PUBLISHED, function: Consumer.neverCalled, instance: queue,
            interest: state.read { $0.interest })
    }

    /// The queue is read by `runBatch` alone.
    private static let neverCalled: hl_hook_fn = {}

    func update(filters: [[UInt8]]) { state.withLock { $0.interest.filters = filters } }

    func setPaused(_ isPaused: Bool) {
        let runs = state.withLock { state in
            state.isPaused = isPaused
            return !isPaused && state.hasWork
        }
        if runs { run() }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        queue.events.close()
    }

    private func becameReady() {
        let runs = state.withLock { state in
            state.hasWork = true
            return !state.isPaused
        }
        if runs { run() }
    }

    /// One batch on a worker; the queue says "ready" again only after a run that left it empty.
    private func run() {
        let mayRun = state.withLock { state in
            defer { state.hasWork = false }
            return state.hasWork && !state.isClosed
        }
        guard mayRun else { return }
        instance.onWorker { [self] in
            let more = queue.events.runBatch(limit: batchLimit) { deliver($0, lost: $1) }
            if more { becameReady() }
        }
    }

    private func deliver(_ messages: [hl_msg], lost: UInt64) {
        guard !state.read({ $0.isClosed }) else { return }
        Consumer.lend(messages, flags: 0, lost: lost, HL_OK) { function(instance.pluginState, user, $0) }
    }

    /// Gives the retained messages, then begins with the new ones. [worker]
    func deliverRetained() {
        for filter in retainedFilters {
            instance.walkRetained(filter, flags: HL_BATCH_RETAINED) { batch in
                guard batch.pointee.count > 0, !state.read({ $0.isClosed }) else { return }
                function(instance.pluginState, user, batch)
            }
        }
        setPaused(false)
    }

    /// Lends messages as a batch.
    static func lend(
        _ messages: [hl_msg], flags: UInt32, lost: UInt64, _ status: hl_status,
        _ body: (UnsafePointer<hl_batch>) -> Void
    ) {
        messages.withUnsafeBufferPointer { messages in
            var batch = hl_batch()
            batch.struct_size = UInt32(MemoryLayout<hl_batch>.size)
            batch.flags = flags
            batch.msgs = messages.baseAddress
            batch.count = UInt32(messages.count)
            batch.stride = UInt32(MemoryLayout<hl_msg>.stride)
            batch.lost = lost
            batch.status = status
            body(&batch)
        }
    }
}

/// Lets the queue of a consumer find it.
///
/// @unchecked Sendable: set once, before the queue is seen by anybody else.
private final class ReadySignal: @unchecked Sendable {
    weak var consumer: Consumer?
}

extension PluginInstance {
    private static let maximumConsumers = 64

    fileprivate func openConsumer(
        _ options: Consumer.Options, _ function: @escaping hl_batch_fn, _ user: UnsafeMutableRawPointer?
    ) -> (hl_status, hl_consumer) {
        let (status, consumer, isStarted) = state.withLock { state -> (hl_status, Consumer?, Bool) in
            guard state.phase == .starting || state.phase == .started else { return (HL_NOT_ALLOWED, nil, false) }
            guard state.consumers.count < PluginInstance.maximumConsumers else { return (HL_LIMIT, nil, false) }
            let consumer = Consumer(state.nextRegistration, options, of: self, function, user)
            state.nextRegistration += 1
            state.consumers.append(consumer)
            return (HL_OK, consumer, state.phase == .started)
        }
        guard let consumer else { return (status, 0) }
        // One that is opened in start begins when the hook table is in use.
        if isStarted { registrationsChanged { [weak self] in self?.begin([consumer]) } }
        return (HL_OK, consumer.id)
    }

    /// The event loops know of them: those that want retained messages get them now.
    func beginConsumers() { begin(state.withLock { $0.consumers }) }

    private func begin(_ consumers: [Consumer]) {
        for consumer in consumers where !consumer.retainedFilters.isEmpty {
            onWorker { consumer.deliverRetained() }
        }
    }

    fileprivate func consumer(_ id: hl_consumer) -> Consumer? {
        state.withLock { state in state.consumers.first { $0.id == id } }
    }

    fileprivate func closeConsumer(_ id: hl_consumer) -> hl_status {
        let closed = state.withLock { state -> Consumer? in
            guard let index = state.consumers.firstIndex(where: { $0.id == id }) else { return nil }
            return state.consumers.remove(at: index)
        }
        guard let closed else { return HL_NOT_FOUND }
        closed.close()
        registrationsChanged {}
        return HL_OK
    }

    func closeConsumers() {
        let consumers = state.withLock { state in
            defer { state.consumers = [] }
            return state.consumers
        }
        for consumer in consumers { consumer.close() }
    }
}

extension Consumer.Options {
    private static let maximumFilters: UInt32 = 1024
    private static let maximumEvents: UInt32 = 1_000_000

    /// Reads and checks what a plugin asks for; nil when it breaks a rule.
    fileprivate init?(_ pointer: UnsafePointer<hl_consumer_options>) {
        guard let given = readStruct(pointer, atLeast: MemoryLayout<hl_consumer_options>.size),
            let filters = Self.filters(given.filters, given.filter_count),
            given.overflow <= HL_OVERFLOW_DROP_OLDEST, given.queue_limit <= Self.maximumEvents
        else { return nil }
        interest.filters = filters
        interest.origins = given.origins
        interest.qosMask = given.qos_mask
        interest.includesOwnPublishes = given.flags & HL_CONSUME_OWN_PUBLISHES != 0
        wantsRetained = given.flags & HL_CONSUME_RETAINED != 0
        if given.queue_limit > 0 { bounds.events = Int(given.queue_limit) }
        if given.queue_bytes > 0 { bounds.bytes = Int(clamping: given.queue_bytes) }
        bounds.dropsOldest = given.overflow == HL_OVERFLOW_DROP_OLDEST
        if given.batch_limit > 0 { batchLimit = Int(min(given.batch_limit, 4096)) }
    }

    /// At least one valid topic filter.
    fileprivate static func filters(_ views: UnsafePointer<hl_view>?, _ count: UInt32) -> [[UInt8]]? {
        guard let views, (1...maximumFilters).contains(count) else { return nil }
        var filters: [[UInt8]] = []
        for index in 0..<Int(count) {
            guard views[index].len <= 65_535,
                TopicFilter.validate(views[index].bytes, maximumLevels: 65_535) == nil
            else { return nil }
            filters.append(Array(views[index].bytes))
        }
        return filters
    }
}

extension ServiceTables {
    static func makeConsume() -> hl_consume_v1 {
        var table = hl_consume_v1()
        table.struct_size = UInt32(MemoryLayout<hl_consume_v1>.size)
        table.open = { handle, options, function, user, out in
            guard let instance = PluginInstance.of(handle), let options, let function,
                let wanted = Consumer.Options(options)
            else { return HL_INVALID }
            let (status, consumer) = instance.openConsumer(wanted, function, user)
            out?.pointee = consumer
            return status
        }
        table.update = { handle, id, views, count in
            guard let instance = PluginInstance.of(handle), let filters = Consumer.Options.filters(views, count) else {
                return HL_INVALID
            }
            guard let consumer = instance.consumer(id) else { return HL_NOT_FOUND }
            consumer.update(filters: filters)
            instance.registrationsChanged {}
            return HL_OK
        }
        table.pause = { handle, id, isPaused in
            guard let consumer = PluginInstance.of(handle)?.consumer(id) else { return HL_NOT_FOUND }
            consumer.setPaused(isPaused != 0)
            return HL_OK
        }
        table.close = { handle, id in PluginInstance.of(handle)?.closeConsumer(id) ?? HL_INVALID }
        table.stats = { handle, id, out in
            guard let out, UnsafeRawPointer(out).load(as: UInt32.self) >= MemoryLayout<hl_consumer_stats>.size else {
                return HL_INVALID
            }
            guard let consumer = PluginInstance.of(handle)?.consumer(id) else { return HL_NOT_FOUND }
            let usage = consumer.queue.events.usage
            out.pointee.queued = UInt64(usage.events)
            out.pointee.queued_bytes = UInt64(usage.bytes)
            out.pointee.received = usage.received
            out.pointee.lost = usage.lost
            return HL_OK
        }
        return table
    }
}
