import BrokerCore
import PluginABI

/// trace/1
extension ServiceTables {
    static func makeTrace() -> hl_trace_v1 {
        var table = hl_trace_v1()
        table.struct_size = UInt32(MemoryLayout<hl_trace_v1>.size)
        table.begin = { handle, name, traceparent in
            guard let instance = PluginInstance.of(handle), instance.phase < .stopped else { return 0 }
            return instance.context.tracer.begin(
                Array(name.bytes), in: Tracer.Context(traceparent: Array(traceparent.bytes)), by: instance,
                now: wallNow())
        }
        table.child = { handle, name, parent in
            guard let instance = PluginInstance.of(handle), instance.phase < .stopped else { return 0 }
            return instance.context.tracer.begin(
                Array(name.bytes), childOf: parent, by: instance, now: wallNow())
        }
        table.begin_in = { handle, name, context in
            guard let instance = PluginInstance.of(handle), instance.phase < .stopped,
                let parent = context.flatMap({ Tracer.Context($0.pointee) })
            else { return 0 }
            return instance.context.tracer.begin(Array(name.bytes), in: parent, by: instance, now: wallNow())
        }
        table.attribute = { handle, span, key, value in
            guard span != 0 else { return }
            PluginInstance.of(handle)?.context.tracer.add(Array(key.bytes), Array(value.bytes), to: span)
        }
        table.traceparent = { handle, span, text in
            guard let instance = PluginInstance.of(handle), let text else { return HL_INVALID }
            guard let context = instance.context.tracer.context(of: span) else { return HL_NOT_FOUND }
            context.traceparent.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { text.copyMemory(from: base, byteCount: bytes.count) }
            }
            return HL_OK
        }
        table.end = { handle, span, status in
            guard span != 0 else { return }
            PluginInstance.of(handle)?.context.tracer.end(span, status: status, now: wallNow())
        }
        table.export_spans = { handle, function, user in
            guard let instance = PluginInstance.of(handle), let function else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            let exporter = SpanExporter(function: function, user: user)
            instance.context.tracer.export(to: instance) { [unowned instance] spans, lost in
                exporter.send(spans, lost, to: instance)
            }
            return HL_OK
        }
        table.configure = { handle, options in
            guard let instance = PluginInstance.of(handle), let options else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            guard let sampling = Tracer.Sampling(options) else { return HL_INVALID }
            instance.context.tracer.setSampling(sampling, by: instance)
            return HL_OK
        }
        return table
    }
}

extension Tracer.Sampling {
    /// Nil: a number that is no share, or a name no member has.
    fileprivate init?(_ options: UnsafePointer<hl_trace_options>) {
        let size = Int(options.pointee.struct_size)
        guard size >= MemoryLayout<hl_trace_options>.size, (0...1).contains(options.pointee.ratio),
            options.pointee.correlation_field.len <= 128
        else { return nil }
        self.init(
            ratio: options.pointee.ratio, correlationField: Array(options.pointee.correlation_field.bytes))
    }
}

extension Tracer.Span {
    /// A span of the broker itself.
    init(_ span: MessageSpan) {
        self.init(
            context: span.context, parentID: span.parentID, traceState: span.traceState, instance: "",
            name: Array(span.name.utf8), kind: span.work.kind, began: span.began, ended: span.ended,
            attributes: span.attributes.map { (Array($0.key.utf8), $0.value) },
            status: span.hasFailed ? HL_FAILED : HL_OK)
    }
}

extension MessageSpan.Work {
    fileprivate var kind: UInt32 {
        switch self {
        case .publish: HL_SPAN_SERVER
        case .deliver: HL_SPAN_PRODUCER
        case .hook, .queue, .store: HL_SPAN_INTERNAL
        }
    }
}

/// Where spans go.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
private struct SpanExporter: @unchecked Sendable {
    let function: hl_export_spans_fn
    let user: UnsafeMutableRawPointer?

    func send(_ spans: [Tracer.Span], _ lost: UInt64, to instance: PluginInstance) {
        let memory = LentMemory()
        var list = hl_span_list()
        list.struct_size = UInt32(MemoryLayout<hl_span_list>.size)
        list.spans = memory.array(spans.map { data($0, memory) })
        list.count = list.spans == nil ? 0 : UInt32(spans.count)
        list.stride = UInt32(MemoryLayout<hl_span_data>.stride)
        list.lost = lost
        withExtendedLifetime(memory) { function(instance.pluginState, user, &list) }
    }

    private func data(_ span: Tracer.Span, _ memory: LentMemory) -> hl_span_data {
        var data = hl_span_data()
        data.struct_size = UInt32(MemoryLayout<hl_span_data>.size)
        withUnsafeMutableBytes(of: &data.trace_id) { $0.copyBytes(from: span.context.traceID) }
        withUnsafeMutableBytes(of: &data.span_id) { $0.copyBytes(from: span.context.spanIDBytes) }
        withUnsafeMutableBytes(of: &data.parent_id) { $0.copyBytes(from: Tracer.Context.bytes(span.parentID)) }
        data.flags = span.kind
        data.trace_state = memory.view(span.traceState)
        data.instance = memory.view(span.instance)
        data.name = memory.view(span.name)
        data.began = span.began
        data.ended = span.ended
        data.attributes = memory.array(
            span.attributes.map { hl_field(key: memory.view($0.key), value: memory.view($0.value)) })
        data.attribute_count = data.attributes == nil ? 0 : UInt32(span.attributes.count)
        data.status = span.status
        return data
    }
}
