internal import PluginABI

/// The span a message is handled in, as W3C trace context has it.
public struct TraceContext: Sendable, Equatable {
    /// 16 bytes.
    public let traceID: [UInt8]
    /// 8 bytes.
    public let spanID: [UInt8]
    /// Spans of this trace are kept.
    public let isSampled: Bool

    init(_ raw: hl_trace_context) {
        traceID = withUnsafeBytes(of: raw.trace_id) { Array($0) }
        spanID = withUnsafeBytes(of: raw.span_id) { Array($0) }
        isSampled = raw.flags & HL_TRACE_SAMPLED != 0
    }

    var raw: hl_trace_context {
        var raw = hl_trace_context()
        withUnsafeMutableBytes(of: &raw.trace_id) { $0.copyBytes(from: traceID) }
        withUnsafeMutableBytes(of: &raw.span_id) { $0.copyBytes(from: spanID) }
        raw.flags = isSampled ? HL_TRACE_SAMPLED : 0
        return raw
    }
}

extension Message {
    /// Nil: nobody traces it.
    public var trace: TraceContext? { raw.pointee.trace.map { TraceContext($0.pointee) } }
}

extension PluginHost {
    /// Begins a span in a context, such as that of a message; one that is ignored when there is none, or it is not
    /// sampled.
    public func beginSpan(_ name: String, in context: TraceContext?) -> TraceSpan {
        guard let context, let begin = raw.pointee.trace?.pointee.begin_in else { return TraceSpan(id: 0) }
        var given = context.raw
        return TraceSpan(id: withView(name) { begin(raw, $0, &given) })
    }
}
