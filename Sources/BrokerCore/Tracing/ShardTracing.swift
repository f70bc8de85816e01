/// Tracing on one shard, while it is on. Belongs to the shard's thread.
final class ShardTracing {
    let settings: TraceSettings
    /// The message at hand, when it is traced.
    var current: MessageTrace?
    private var random: ShardRandom
    /// Messages whose rows the store has not answered yet, oldest first.
    private var uncommitted: [(ticket: UInt64, span: MessageSpan)] = []

    /// Most messages whose commit is waited for; those beyond have no span of the store.
    private static let maximumUncommitted = 8192

    init(_ settings: TraceSettings, seed: UInt64) {
        self.settings = settings
        random = ShardRandom(seed: seed)
    }

    /// Wall clock, nanoseconds since 1970.
    var time: Int64 { settings.clock() }

    /// A number that is not 0.
    func makeID() -> UInt64 {
        let id = random.next()
        return id == 0 ? 1 : id
    }

    /// The trace of a message that has come in, or nil when it is not recorded. Gives the message its properties.
    /// - Parameters:
    ///   - attributes: what is known of the publisher; called when the message is recorded.
    func begin(_ message: PublishedRef, _ attributes: () -> [MessageSpan.Attribute]) -> MessageTrace? {
        let found = TraceProperties(message.pointee.properties)
        var (parent, correlation) = (found.context, Array(found.correlation.prefix(256)))
        if parent == nil, !settings.correlationField.isEmpty, message.pointee.isOfOldClient {
            correlation = PayloadCorrelation.find(settings.correlationField, in: message.pointee.payload) ?? []
            parent = correlation.withUnsafeBytes { TraceContext($0) }
        }
        guard let context = record(parent, correlation, isOfOldClient: message.pointee.isOfOldClient) else {
            return nil
        }
        var span = MessageSpan(
            context: context, parentID: parent?.spanID ?? 0, traceState: found.traceState, work: .publish, detail: "",
            began: time, ended: 0, attributes: attributes(), hasFailed: false)
        if !correlation.isEmpty { span.attributes.append(.init("messaging.message.conversation_id", correlation)) }
        let trace = MessageTrace(
            span, messageID: message.pointee.id,
            properties: TraceProperties.replacing(
                context, keepsState: found.context != nil, in: message.pointee.properties))
        trace.lend(to: message)
        return trace
    }

    /// The ids of our span; nil when the trace is not recorded: its parent's word, or the ratio where it begins here.
    private func record(_ parent: TraceContext?, _ correlation: [UInt8], isOfOldClient: Bool) -> TraceContext? {
        if let parent { return parent.isSampled ? parent.with(span: makeID()) : nil }
        let isNamed = isOfOldClient && !correlation.isEmpty
        let trace = isNamed ? PayloadCorrelation.trace(of: correlation) : (high: makeID(), low: makeID())
        guard TraceSettings.isRecorded(traceLow: trace.low, ratio: settings.ratio) else { return nil }
        // The second flag says that the id is random: that of a correlation id need not be.
        return TraceContext(traceHigh: trace.high, traceLow: trace.low, spanID: makeID(), flags: isNamed ? 1 : 3)
    }

    /// The trace of a message that was taken on another shard, or is sent from a queue; nil when it has none.
    func follow(_ message: PublishedMessage) -> MessageTrace? {
        guard message.properties.count > TraceContext.length else { return nil }
        let found = TraceProperties(message.properties)
        guard let context = found.context, context.isSampled else { return nil }
        return MessageTrace(context, traceState: found.traceState, messageID: message.id)
    }

    /// The message at hand was handled: its spans are on their way.
    func finish(_ trace: MessageTrace) {
        guard !trace.isHeld else { return }
        let spans = trace.finish(at: time)
        if !spans.isEmpty { settings.take(spans) }
    }

    /// Rows of the message at hand go to the store with `ticket`.
    func awaitCommit(_ ticket: UInt64, of trace: MessageTrace) {
        guard uncommitted.count < Self.maximumUncommitted else { return }
        let span = MessageSpan(
            context: trace.context.with(span: makeID()), parentID: trace.context.spanID, traceState: trace.traceState,
            work: .store, detail: "", began: time, ended: 0, attributes: [], hasFailed: false)
        uncommitted.append((ticket, span))
    }

    /// The store has answered.
    func stored(upTo ticket: UInt64, succeeded: Bool) {
        let count = uncommitted.prefix { $0.ticket <= ticket }.count
        guard count > 0 else { return }
        let now = time
        let spans = uncommitted[..<count].map { entry in
            var span = entry.span
            span.ended = now
            span.hasFailed = !succeeded
            return span
        }
        uncommitted.removeFirst(count)
        settings.take(spans)
    }
}

extension PublishedMessage {
    /// A client published it whose version has no properties.
    fileprivate var isOfOldClient: Bool { origin == .client && frameVersion == .v3_1_1 }
}
