import BrokerCore

/// trace/1: spans that are open, and those that have ended, on their way to the instances that export them.
/// [any thread]
final class Tracer: Sendable {
    typealias Context = TraceContext

    struct Span: Sendable {
        var context: Context
        /// 0: none.
        var parentID: UInt64
        var traceState: [UInt8] = []
        /// Who began it; empty: the broker.
        var instance: String
        var name: [UInt8]
        /// `HL_SPAN_*`
        var kind: UInt32 = 0
        var began: Int64
        var ended: Int64 = 0
        var attributes: [(key: [UInt8], value: [UInt8])] = []
        var status: UInt32 = 0
    }

    /// What an exporter wants to have.
    struct Sampling: Sendable, Equatable {
        /// Share of the traces that begin here, 0 ... 1.
        var ratio = 1.0
        /// See ``TraceSettings/correlationField``.
        var correlationField: [UInt8] = []
    }

    /// Takes batches of spans and how many were lost before them.
    typealias Exporter = @Sendable ([Span], UInt64) -> Void

    private struct Export {
        let owner: PluginInstance
        let send: Exporter
        var waiting: [Span] = []
        var lost: UInt64 = 0
        var isScheduled = false
    }

    private struct State {
        var open: [UInt64: (span: Span, owner: PluginInstance)] = [:]
        var nextID: UInt64 = 1
        var exports: [Export] = []
        var sampling: [(owner: PluginInstance, sampling: Sampling)] = []
        /// What the event loops were told last; nil: nothing is traced.
        var inForce: Sampling?

        /// Of two generations of one instance the newer one exports; the older, warm as long as the newer is on
        /// probation, goes on when that is taken back.
        func isInForce(_ index: Int) -> Bool {
            exports.lastIndex { $0.owner.id == exports[index].owner.id } == index
        }
    }

    private let state = Monitor(State())
    private let apply: @Sendable (Sampling?, Tracer) -> Void
    private static let maximumOpen = 8192
    private static let maximumWaiting = 8192
    private static let batch = 256
    private static let maximumAttributes = 32

    /// - Parameter apply: makes the event loops trace messages, or, with nil, stop. Called in order, under a lock.
    init(apply: @escaping @Sendable (Sampling?, Tracer) -> Void = { _, _ in }) { self.apply = apply }

    /// Begins a span; 0 when nobody exports spans, too many are open, or the trace is not recorded: its parent says so,
    /// or the ratio where it begins here.
    func begin(_ name: [UInt8], in parent: Context?, by owner: PluginInstance, now: Int64) -> UInt64 {
        state.withLock { state in
            guard let sampling = state.inForce, state.open.count < Tracer.maximumOpen else { return 0 }
            if let parent {
                guard parent.isSampled else { return 0 }
                return Tracer.insert(name, parent, parentID: parent.spanID, owner, now, &state)
            }
            let trace = Context(traceHigh: Tracer.randomID(), traceLow: Tracer.randomID(), spanID: 1, flags: 3)
            guard TraceSettings.isRecorded(traceLow: trace.traceLow, ratio: sampling.ratio) else { return 0 }
            return Tracer.insert(name, trace, parentID: 0, owner, now, &state)
        }
    }

    /// Begins a child of an open span; 0 when that is none.
    func begin(_ name: [UInt8], childOf parent: UInt64, by owner: PluginInstance, now: Int64) -> UInt64 {
        state.withLock { state in
            guard let context = state.open[parent]?.span.context, state.open.count < Tracer.maximumOpen else {
                return 0
            }
            return Tracer.insert(name, context, parentID: context.spanID, owner, now, &state)
        }
    }

    func add(_ key: [UInt8], _ value: [UInt8], to span: UInt64) {
        state.withLock { state in
            guard let count = state.open[span]?.span.attributes.count, count < Tracer.maximumAttributes else { return }
            state.open[span]?.span.attributes.append((key, value))
        }
    }

    func context(of span: UInt64) -> Context? { state.read { $0.open[span]?.span.context } }

    func end(_ id: UInt64, status: UInt32, now: Int64) {
        let span = state.withLock { state in state.open.removeValue(forKey: id)?.span }
        guard var span else { return }
        span.ended = now
        span.status = status
        record([span])
    }

    /// Takes spans that have ended.
    func record(_ spans: [Span]) {
        let scheduled = state.withLock { state -> [PluginInstance] in
            var scheduled: [PluginInstance] = []
            for index in state.exports.indices where state.isInForce(index) {
                let room = max(0, Tracer.maximumWaiting - state.exports[index].waiting.count)
                state.exports[index].waiting.append(contentsOf: spans.prefix(room))
                state.exports[index].lost += UInt64(max(0, spans.count - room))
                if !state.exports[index].isScheduled {
                    state.exports[index].isScheduled = true
                    scheduled.append(state.exports[index].owner)
                }
            }
            return scheduled
        }
        for owner in scheduled { schedule(owner) }
    }

    /// From now on the instance takes all spans that end.
    func export(to owner: PluginInstance, _ send: @escaping Exporter) {
        change { state in
            state.exports.removeAll { $0.owner === owner }
            state.exports.append(Export(owner: owner, send: send))
        }
    }

    /// What an instance that exports spans wants to have; the last one that says so is heard.
    func setSampling(_ sampling: Sampling, by owner: PluginInstance) {
        change { state in
            state.sampling.removeAll { $0.owner === owner }
            state.sampling.append((owner, sampling))
        }
    }

    func removeAll(of owner: PluginInstance) {
        change { state in
            state.exports.removeAll { $0.owner === owner }
            state.sampling.removeAll { $0.owner === owner }
            state.open = state.exports.isEmpty ? [:] : state.open.filter { $0.value.owner !== owner }
        }
    }

    /// Changes who exports what, and tells the event loops when that makes a difference to them.
    private func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            body(&state)
            let wanted = state.exports.isEmpty ? nil : state.sampling.last?.sampling ?? Sampling()
            guard wanted != state.inForce else { return }
            state.inForce = wanted
            apply(wanted, self)
        }
    }

    private func schedule(_ owner: PluginInstance) {
        owner.onWorker { [self] in
            let (send, spans, lost) = state.withLock { state -> (Exporter?, [Span], UInt64) in
                guard let index = state.exports.firstIndex(where: { $0.owner === owner }) else { return (nil, [], 0) }
                let spans = Array(state.exports[index].waiting.prefix(Tracer.batch))
                state.exports[index].waiting.removeFirst(spans.count)
                defer { state.exports[index].lost = 0 }
                return (state.exports[index].send, spans, state.exports[index].lost)
            }
            if let send, !spans.isEmpty { send(spans, lost) }
            let goesOn = state.withLock { state in
                guard let index = state.exports.firstIndex(where: { $0.owner === owner }) else { return false }
                state.exports[index].isScheduled = !state.exports[index].waiting.isEmpty
                return state.exports[index].isScheduled
            }
            if goesOn { schedule(owner) }
        }
    }

    private static func insert(
        _ name: [UInt8], _ trace: Context, parentID: UInt64, _ owner: PluginInstance, _ now: Int64, _ state: inout State
    ) -> UInt64 {
        let id = state.nextID
        state.nextID += 1
        let span = Span(
            context: trace.with(span: randomID()), parentID: parentID, instance: owner.id, name: name, began: now)
        state.open[id] = (span, owner)
        return id
    }

    /// Not 0: that means "none".
    private static func randomID() -> UInt64 { .random(in: 1 ... .max) }
}

extension Tracer.Context {
    /// Reads a W3C `traceparent`; nil when it is not valid.
    init?(traceparent text: [UInt8]) {
        guard let context = text.withUnsafeBytes({ TraceContext($0) }) else { return nil }
        self = context
    }

    /// 16 bytes.
    var traceID: [UInt8] { Self.bytes(traceHigh) + Self.bytes(traceLow) }

    /// 8 bytes.
    var spanIDBytes: [UInt8] { Self.bytes(spanID) }

    static func bytes(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}

extension TraceSettings {
    /// Event loops that hand their spans to `tracer`.
    init(_ sampling: Tracer.Sampling, _ tracer: Tracer) {
        self.init(
            ratio: sampling.ratio, correlationField: sampling.correlationField, clock: { wallNow() },
            take: { [weak tracer] spans in tracer?.record(spans.map { Tracer.Span($0) }) })
    }
}
