import MQTTCodec
import PluginABI

/// A message that is being traced, and the spans it has led to so far. Belongs to the shard's thread.
final class MessageTrace {
    /// The broker's span of this message: the parent of hooks, deliveries, and of what receivers do.
    let context: TraceContext
    /// `tracestate` as it came.
    let traceState: [UInt8]
    /// The message: while another one is handled inside of this one, spans of that one are none of this.
    let messageID: UInt64
    /// What receivers are told: the properties with our `traceparent`; nil for a message that has it already.
    private let properties: UnsafeMutableRawBufferPointer?
    /// The span that ends with the handling of the message; nil on shards the message was handed to.
    private var publish: MessageSpan?
    /// What plugins are lent with the message.
    private let lent: UnsafeMutablePointer<hl_trace_context>
    private var spans: [MessageSpan] = []
    /// The message waits for a plugin: its span goes on until the plugin has answered.
    var isHeld = false
    /// Why the receiver at hand did not get the message.
    var dropped: DropReason?

    /// Most spans of one message and shard; further receivers have none.
    private static let maximumSpans = 1024

    /// A message that is taken here.
    init(
        _ publish: MessageSpan, messageID: UInt64, properties: UnsafeMutableRawBufferPointer
    ) {
        context = publish.context
        traceState = publish.traceState
        self.messageID = messageID
        self.publish = publish
        self.properties = properties
        lent = Self.makeLent(publish.context)
    }

    /// A message that another shard, or an earlier run of this one, has taken.
    init(_ context: TraceContext, traceState: [UInt8], messageID: UInt64) {
        self.context = context
        self.traceState = traceState
        self.messageID = messageID
        properties = nil
        lent = Self.makeLent(context)
    }

    deinit {
        properties?.deallocate()
        lent.deallocate()
    }

    private static func makeLent(_ context: TraceContext) -> UnsafeMutablePointer<hl_trace_context> {
        let lent = UnsafeMutablePointer<hl_trace_context>.allocate(capacity: 1)
        lent.initialize(to: context.raw)
        return lent
    }

    /// Gives the message the properties that name our span, and plugins its context. Borrowed: the trace outlives the
    /// handling of the message.
    func lend(to message: PublishedRef) {
        lendContext(to: message)
        guard let properties else { return }
        message.pointee.properties = UnsafeRawBufferPointer(properties)
        // What came in says something else.
        message.pointee.frame = nil
    }

    /// Gives plugins the context, and leaves the properties as they are: a plugin may have edited them.
    func lendContext(to message: PublishedRef) { message.pointee.view.trace = UnsafePointer(lent) }

    /// Adds a span whose parent is the broker's span of the message.
    func add(
        _ work: MessageSpan.Work, _ detail: String = "", spanID: UInt64, from began: Int64, to ended: Int64,
        _ attributes: [MessageSpan.Attribute], hasFailed: Bool = false
    ) {
        guard spans.count < Self.maximumSpans else { return }
        spans.append(
            MessageSpan(
                context: context.with(span: spanID), parentID: context.spanID, traceState: traceState, work: work,
                detail: detail, began: began, ended: ended, attributes: attributes, hasFailed: hasFailed))
    }

    /// The message is not handed out, or its sender is told that something is wrong.
    func fail(_ word: String) {
        guard publish?.hasFailed == false else { return }
        publish?.hasFailed = true
        publish?.attributes.append(.init("error.type", word))
    }

    /// All spans; the one of the message ends now.
    func finish(at now: Int64) -> [MessageSpan] {
        if var publish {
            publish.ended = now
            spans.append(publish)
        }
        publish = nil
        defer { spans = [] }
        return spans
    }
}
