internal import Locking
internal import OTLP
internal import PluginSDK

/// Spans on their way into requests: a request holds what has ended within an interval, 512 spans at most.
final class SpanBatches: Sendable {
    private struct State {
        var waiting: [OTLPSpan] = []
        var isTimed = false
    }

    /// Spans of one request.
    static let largest = 512

    private let resource: OTLPResource
    private let interval: Int64
    private let after: @Sendable (Int64, @escaping @Sendable () -> Void) -> Bool
    private let send: @Sendable ([UInt8]) -> Void
    private let lost: @Sendable (UInt64) -> Void
    private let state = Locked(State())

    /// - Parameters:
    ///   - interval: nanoseconds.
    ///   - after: runs something when that time has passed; false when it cannot.
    ///   - send: takes a request; any thread.
    ///   - lost: takes the number of spans the host could not keep.
    init(
        resource: OTLPResource, interval: Int64,
        after: @escaping @Sendable (Int64, @escaping @Sendable () -> Void) -> Bool,
        send: @escaping @Sendable ([UInt8]) -> Void, lost: @escaping @Sendable (UInt64) -> Void
    ) {
        self.resource = resource
        self.interval = interval
        self.after = after
        self.send = send
        self.lost = lost
    }

    /// Takes spans; on a worker thread.
    func add(_ spans: [SpanRecord], lost count: UInt64) {
        if count > 0 { lost(count) }
        let (isFull, needsTimer) = state.withLock { state in
            state.waiting += spans.map { OTLPSpan($0) }
            let isFull = state.waiting.count >= Self.largest
            let needsTimer = !isFull && !state.isTimed && !state.waiting.isEmpty
            if needsTimer { state.isTimed = true }
            return (isFull, needsTimer)
        }
        if isFull { flush() }
        if needsTimer, !after(interval, { [self] in timeIsUp() }) { timeIsUp() }
    }

    private func timeIsUp() {
        state.withLock { $0.isTimed = false }
        flush()
    }

    /// Sends what waits.
    func flush() {
        let spans = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        var rest = spans[...]
        while !rest.isEmpty {
            send(OTLPSpan.request(Array(rest.prefix(Self.largest)), of: resource))
            rest = rest.dropFirst(Self.largest)
        }
    }
}

extension OTLPSpan {
    /// A span as the host gives it.
    init(_ span: SpanRecord) {
        self.init(
            trace: span.trace, span: span.span, parent: span.parent.allSatisfy { $0 == 0 } ? [] : span.parent,
            traceState: span.traceState, name: span.name, kind: Kind(span.kind), began: UInt64(clamping: span.began),
            ended: UInt64(clamping: span.ended),
            attributes: span.attributes.map { OTLPAttribute($0.name, $0.value) }
                + (span.instance.isEmpty ? [] : [OTLPAttribute("hookline.plugin", span.instance)]),
            isOK: span.isOK)
    }
}

extension OTLPSpan.Kind {
    init(_ kind: SpanRecord.Kind) {
        switch kind {
        case .work: self = .work
        case .server: self = .server
        case .client: self = .client
        case .producer: self = .producer
        case .consumer: self = .consumer
        }
    }
}
