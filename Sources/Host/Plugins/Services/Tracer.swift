/// trace/1: spans that are open, and those that have ended, on their way to the instances that export them.
/// [any thread]
final class Tracer: Sendable {
    /// Ids of W3C trace context.
    struct Context: Sendable, Equatable {
        var traceID: [UInt8]
        var spanID: [UInt8]
    }

    struct Span: Sendable {
        var context: Context
        var parentID: [UInt8]
        var instance: String
        var name: [UInt8]
        var began: Int64
        var ended: Int64 = 0
        var attributes: [(key: [UInt8], value: [UInt8])] = []
        var status: UInt32 = 0
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
    }

    private let state = Monitor(State())
    private static let maximumOpen = 8192
    private static let maximumWaiting = 8192
    private static let batch = 256
    private static let maximumAttributes = 32

    /// Begins a span; 0 when nobody exports spans, or too many are open.
    func begin(_ name: [UInt8], in parent: Context?, by owner: PluginInstance, now: Int64) -> UInt64 {
        state.withLock { state in
            guard !state.exports.isEmpty, state.open.count < Tracer.maximumOpen else { return 0 }
            return Tracer.insert(name, parent, owner, now, &state)
        }
    }

    /// Begins a child of an open span; 0 when that is none.
    func begin(_ name: [UInt8], childOf parent: UInt64, by owner: PluginInstance, now: Int64) -> UInt64 {
        state.withLock { state in
            guard let context = state.open[parent]?.span.context, state.open.count < Tracer.maximumOpen else {
                return 0
            }
            return Tracer.insert(name, context, owner, now, &state)
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
        let scheduled = state.withLock { state -> [PluginInstance] in
            guard var span = state.open.removeValue(forKey: id)?.span else { return [] }
            span.ended = now
            span.status = status
            var scheduled: [PluginInstance] = []
            for index in state.exports.indices {
                if state.exports[index].waiting.count < Tracer.maximumWaiting {
                    state.exports[index].waiting.append(span)
                } else {
                    state.exports[index].lost += 1
                }
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
        state.withLock { state in
            state.exports.removeAll { $0.owner === owner }
            state.exports.append(Export(owner: owner, send: send))
        }
    }

    func removeAll(of owner: PluginInstance) {
        state.withLock { state in
            state.exports.removeAll { $0.owner === owner }
            state.open = state.exports.isEmpty ? [:] : state.open.filter { $0.value.owner !== owner }
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
        _ name: [UInt8], _ parent: Context?, _ owner: PluginInstance, _ now: Int64, _ state: inout State
    ) -> UInt64 {
        let id = state.nextID
        state.nextID += 1
        let context = Context(traceID: parent?.traceID ?? randomBytes(16), spanID: randomBytes(8))
        let span = Span(
            context: context, parentID: parent?.spanID ?? [UInt8](repeating: 0, count: 8), instance: owner.id,
            name: name, began: now)
        state.open[id] = (span, owner)
        return id
    }

    /// Not all zero: that means "none".
    private static func randomBytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8.random(in: $0 == 0 ? 1...255 : 0...255) }
    }
}

extension Tracer.Context {
    /// Reads a W3C `traceparent`; nil when it is not valid.
    init?(traceparent text: [UInt8]) {
        let parts = text.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            .map { Array($0) }
        // Later versions may say more behind the flags.
        guard parts.count >= 4, parts[0].count == 2, parts[0] != Array("ff".utf8), parts[3].count == 2,
            parts[0] != Array("00".utf8) || parts.count == 4, let trace = Self.bytes(parts[1], 16),
            let span = Self.bytes(parts[2], 8), Self.bytes(parts[3], 1) != nil, Self.bytes(parts[0], 1) != nil,
            trace.contains(where: { $0 != 0 }), span.contains(where: { $0 != 0 })
        else { return nil }
        traceID = trace
        spanID = span
    }

    /// As W3C `traceparent`, sampled: 55 bytes.
    var traceparent: [UInt8] {
        Array("00-".utf8) + Self.hexadecimal(traceID) + Array("-".utf8) + Self.hexadecimal(spanID)
            + Array("-01".utf8)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    private static func bytes(_ text: [UInt8], _ count: Int) -> [UInt8]? {
        guard text.count == 2 * count else { return nil }
        let digits = text.map { digit -> UInt8? in
            switch digit {
            case 0x30...0x39: digit - 0x30
            case 0x61...0x66: digit - 0x61 + 10
            default: nil
            }
        }
        return (0..<count).reduce(into: [UInt8]?([])) { result, index in
            guard let high = digits[2 * index], let low = digits[2 * index + 1] else {
                result = nil
                return
            }
            result?.append(high << 4 | low)
        }
    }
}
