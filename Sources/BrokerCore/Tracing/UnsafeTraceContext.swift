public import PluginABI

/// As plugins see it.
extension TraceContext {
    /// The context of a plugin; nil when it names no trace or no span.
    public init?(_ raw: hl_trace_context) {
        let (trace, span) = (raw.trace_id, raw.span_id)
        let high = withUnsafeBytes(of: trace) { $0.loadUnaligned(as: UInt64.self) }
        let low = withUnsafeBytes(of: trace) { $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self) }
        let own = withUnsafeBytes(of: span) { $0.loadUnaligned(as: UInt64.self) }
        guard high | low != 0, own != 0 else { return nil }
        self.init(
            traceHigh: UInt64(bigEndian: high), traceLow: UInt64(bigEndian: low), spanID: UInt64(bigEndian: own),
            flags: raw.flags & HL_TRACE_SAMPLED != 0 ? 1 : 0)
    }

    /// For plugins.
    public var raw: hl_trace_context {
        var raw = hl_trace_context()
        withUnsafeMutableBytes(of: &raw.trace_id) { bytes in
            bytes.storeBytes(of: traceHigh.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: traceLow.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        withUnsafeMutableBytes(of: &raw.span_id) { $0.storeBytes(of: spanID.bigEndian, as: UInt64.self) }
        raw.flags = isSampled ? HL_TRACE_SAMPLED : 0
        return raw
    }
}
