internal import PluginABI

/// One number on its way out. A copy.
public struct Sample: Sendable, Equatable {
    /// Counts and borders of a histogram.
    public struct Buckets: Sendable, Equatable {
        /// Upper bounds, growing.
        public var bounds: [Double]
        /// Observations up to each bound, and one more: all of them.
        public var counts: [UInt64]
        /// Observations.
        public var count: UInt64
        /// At most one for each bucket.
        public var exemplars: [Exemplar] = []
    }

    /// The span in which the latest value of a bucket was observed.
    public struct Exemplar: Sendable, Equatable {
        /// Index into `Buckets.counts`.
        public var bucket: Int
        /// What was observed.
        public var value: Double
        /// Wall clock, nanoseconds since 1970.
        public var time: Int64
        /// 16 bytes.
        public var trace: [UInt8]
        /// 8 bytes.
        public var span: [UInt8]
    }

    /// A label and its value.
    public struct Label: Sendable, Equatable {
        /// `[a-z][a-z0-9_]*`
        public var name: String
        /// Any text.
        public var value: String
    }

    /// The whole name: `hookline_plugin_rules_matched`.
    public var name: String
    /// One sentence.
    public var help: String
    /// What it counts.
    public var kind: PluginHost.MetricKind
    /// In the order of the metric.
    public var labels: [Label]
    /// Of a histogram: the sum.
    public var value: Double
    /// Of a histogram.
    public var buckets: Buckets?
}

/// A span that has ended. A copy.
public struct SpanRecord: Sendable, Equatable {
    /// 16 bytes.
    public var trace: [UInt8]
    /// 8 bytes.
    public var span: [UInt8]
    /// 8 bytes; all zero: none.
    public var parent: [UInt8]
    /// W3C `tracestate` as it came; empty without one.
    public var traceState: String
    /// What it is.
    public var kind: Kind
    /// Who began it; empty: the broker.
    public var instance: String
    /// What was done.
    public var name: String
    /// Wall clock, nanoseconds since 1970.
    public var began, ended: Int64
    /// In the order in which they were given.
    public var attributes: [Sample.Label]
    /// It ended well.
    public var isOK: Bool

    /// What a span is, as in OpenTelemetry.
    public enum Kind: UInt32, Sendable {
        /// Work within.
        case work = 0
        /// Something was taken from a client.
        case server = 1
        /// Somebody else was asked.
        case client = 2
        /// A message was handed on.
        case producer = 3
        /// A message was taken.
        case consumer = 4
    }
}

/// A span that has begun; ends with `PluginHost.end`.
public struct TraceSpan: Sendable {
    let id: UInt64
    /// Nobody exports spans: everything about it does nothing.
    public var isIgnored: Bool { id == 0 }
}

extension PluginHost {
    /// All metrics of all instances and the broker's own, those of one name together; on a worker thread.
    /// - Returns: false when the service is not granted.
    @discardableResult
    public func collectMetrics(_ body: @escaping @Sendable ([Sample]) -> Void) -> Bool {
        ask(SamplesBox(host: self, body: body)) { raw.pointee.metrics?.pointee.collect?(raw, SamplesBox.run, $0) }
    }

    /// Takes the spans of all instances from now on, in batches on a worker thread, until the plugin stops.
    /// - Parameter body: the spans, and how many were lost before them.
    /// - Returns: false when the service is not granted.
    @discardableResult
    public func exportSpans(_ body: @escaping @Sendable ([SpanRecord], _ lost: UInt64) -> Void) -> Bool {
        let user = callbacks.add(SpansBox(body: body))
        let status = raw.pointee.trace?.pointee.export_spans?(raw, SpansBox.run, user)
        if status != HL_OK { callbacks.remove(user) }
        return status == HL_OK
    }

    /// Which traces a plugin wants that exports spans; all of them until it says so.
    /// - Parameters:
    ///   - ratio: 0 ... 1, share of the traces that begin here. One that began elsewhere is recorded when its
    ///     `traceparent` says so.
    ///   - correlationField: name of the JSON member that holds a correlation id in payloads of 3.1.1 clients; empty:
    ///     payloads are not looked at.
    /// - Returns: false when the service is not granted, or a value is not valid.
    @discardableResult
    public func configureTracing(ratio: Double, correlationField: String = "") -> Bool {
        withView(correlationField) { field in
            var options = hl_trace_options()
            options.struct_size = UInt32(MemoryLayout<hl_trace_options>.size)
            options.ratio = ratio
            options.correlation_field = field
            return raw.pointee.trace?.pointee.configure?(raw, &options) == HL_OK
        }
    }

    /// Begins a span; costs nothing while nobody exports spans.
    /// - Parameter traceparent: the W3C header or user property of that name; empty or not valid: a new trace.
    public func beginSpan(_ name: String, traceparent: String = "") -> TraceSpan {
        let id = withView(name) { name in
            withView(traceparent) { raw.pointee.trace?.pointee.begin?(raw, name, $0) }
        }
        return TraceSpan(id: id ?? 0)
    }

    /// Begins a child of a span.
    public func beginSpan(_ name: String, in parent: TraceSpan) -> TraceSpan {
        TraceSpan(id: withView(name) { raw.pointee.trace?.pointee.child?(raw, $0, parent.id) } ?? 0)
    }

    /// Says more about a span.
    public func setAttribute(_ key: String, _ value: String, of span: TraceSpan) {
        guard !span.isIgnored else { return }
        withView(key) { key in withView(value) { raw.pointee.trace?.pointee.attribute?(raw, span.id, key, $0) } }
    }

    /// The W3C trace context to be passed on; `nil` for a span that has ended or is ignored.
    public func traceparent(of span: TraceSpan) -> String? {
        guard !span.isIgnored, let write = raw.pointee.trace?.pointee.traceparent else { return nil }
        var status = HL_NOT_FOUND
        let text = [UInt8](unsafeUninitializedCapacity: Int(HL_TRACEPARENT_SIZE)) { room, count in
            status = write(raw, span.id, room.baseAddress)
            count = status == HL_OK ? Int(HL_TRACEPARENT_SIZE) : 0
        }
        return status == HL_OK ? String(decoding: text, as: UTF8.self) : nil
    }

    /// Ends a span, once.
    public func end(_ span: TraceSpan, isOK: Bool = true) {
        guard !span.isIgnored else { return }
        raw.pointee.trace?.pointee.end?(raw, span.id, isOK ? HL_OK : HL_FAILED)
    }
}

private struct SamplesBox: Sendable {
    let host: PluginHost
    let body: @Sendable ([Sample]) -> Void

    static let run: hl_collect_fn = { _, user, list in
        guard let box = Callback<SamplesBox>.of(user)?.body, let list = list?.pointee else { return }
        box.body(
            (0..<Int(list.count)).map { index in
                let place = UnsafeRawPointer(list.samples) + index * Int(list.stride)
                return Sample(place.assumingMemoryBound(to: hl_sample.self).pointee)
            })
        box.host.callbacks.remove(user)
    }
}

private struct SpansBox: Sendable {
    let body: @Sendable ([SpanRecord], UInt64) -> Void

    static let run: hl_export_spans_fn = { _, user, list in
        guard let box = Callback<SpansBox>.of(user)?.body, let list = list?.pointee else { return }
        let spans = (0..<Int(list.count)).map { index in
            let place = UnsafeRawPointer(list.spans) + index * Int(list.stride)
            return SpanRecord(place.assumingMemoryBound(to: hl_span_data.self).pointee)
        }
        box.body(spans, list.lost)
    }
}

extension Sample {
    fileprivate init(_ raw: hl_sample) {
        name = raw.name.string
        help = raw.help.string
        kind = PluginHost.MetricKind(rawValue: raw.kind) ?? .gauge
        labels = Label.list(raw.labels, raw.label_count)
        value = raw.value
        guard raw.kind == HL_HISTOGRAM else { return }
        let bounds = UnsafeBufferPointer(start: raw.bounds, count: raw.bounds == nil ? 0 : Int(raw.bound_count))
        let counts = UnsafeBufferPointer(start: raw.buckets, count: raw.buckets == nil ? 0 : Int(raw.bound_count) + 1)
        buckets = Buckets(bounds: Array(bounds), counts: Array(counts), count: raw.count)
        for index in 0..<Int(raw.exemplars == nil ? 0 : raw.exemplar_count) {
            let place = UnsafeRawPointer(raw.exemplars) + index * Int(raw.exemplar_stride)
            let given = place.assumingMemoryBound(to: hl_exemplar.self).pointee
            buckets?.exemplars.append(
                Exemplar(
                    bucket: Int(given.bucket), value: given.value, time: given.time,
                    trace: withUnsafeBytes(of: given.trace_id) { Array($0) },
                    span: withUnsafeBytes(of: given.span_id) { Array($0) }))
        }
    }
}

extension Sample.Label {
    fileprivate static func list(_ fields: UnsafePointer<hl_field>?, _ count: UInt32) -> [Sample.Label] {
        UnsafeBufferPointer(start: fields, count: fields == nil ? 0 : Int(count)).map {
            Sample.Label(name: $0.key.string, value: $0.value.string)
        }
    }
}

extension SpanRecord {
    fileprivate init(_ raw: hl_span_data) {
        trace = withUnsafeBytes(of: raw.trace_id) { Array($0) }
        span = withUnsafeBytes(of: raw.span_id) { Array($0) }
        parent = withUnsafeBytes(of: raw.parent_id) { Array($0) }
        traceState = raw.trace_state.string
        kind = Kind(rawValue: raw.flags & HL_SPAN_KIND) ?? .work
        instance = raw.instance.string
        name = raw.name.string
        began = raw.began
        ended = raw.ended
        attributes = Sample.Label.list(raw.attributes, raw.attribute_count)
        isOK = raw.status == HL_OK
    }
}
