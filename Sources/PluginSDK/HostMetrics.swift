internal import PluginABI

/// One series of a metric. Changing it takes no lock; any thread, until the plugin is stopped.
public struct MetricSeries: @unchecked Sendable {
    // Sendable: the series belongs to the host and outlives the instance; its functions are tagged [any].
    private let table: UnsafePointer<hl_metrics_v1>
    private let series: OpaquePointer

    init(_ table: UnsafePointer<hl_metrics_v1>, _ series: OpaquePointer) {
        self.table = table
        self.series = series
    }

    /// Counter (what is not positive is ignored) or gauge.
    public func add(_ amount: Double = 1) { table.pointee.add?(series, amount) }
    /// Gauge.
    public func set(_ value: Double) { table.pointee.set?(series, value) }
    /// Histogram.
    public func observe(_ value: Double) { table.pointee.observe?(series, value) }
    /// Histogram; the span, which must be open, becomes the exemplar of the bucket.
    public func observe(_ value: Double, in span: TraceSpan, of host: PluginHost) {
        table.pointee.observe_in?(host.raw, series, value, span.id)
    }
}

/// A metric with labels; keep the series that are used often.
public struct Metric: @unchecked Sendable {
    // Sendable: as `MetricSeries`.
    private let table: UnsafePointer<hl_metrics_v1>
    private let metric: OpaquePointer

    init(_ table: UnsafePointer<hl_metrics_v1>, _ metric: OpaquePointer) {
        self.table = table
        self.metric = metric
    }

    /// The series of these label values, in the order of the labels. Beyond the limit of the metric all share one.
    public func series(_ values: String...) -> MetricSeries? {
        withViews(values) { views in
            table.pointee.series?(metric, views.baseAddress, UInt32(views.count)).map { MetricSeries(table, $0) }
        }
    }
}

extension PluginHost {
    /// What a metric counts.
    public enum MetricKind: UInt32, Sendable {
        case counter = 1
        case gauge = 2
        case histogram = 3
    }

    /// The metric `hookline_plugin_{name}` of this instance; `nil` when name or labels are not `[a-z][a-z0-9_]*`, it is
    /// there with another kind, or the service is not granted.
    public func metric(_ kind: MetricKind, _ name: String, help: String, labels: [String] = []) -> Metric? {
        guard let table = raw.pointee.metrics, let define = table.pointee.define else { return nil }
        var metric: OpaquePointer?
        let status = withView(name) { name in
            withView(help) { help in
                withViews(labels) { labels in
                    var spec = hl_metric_spec()
                    spec.struct_size = UInt32(MemoryLayout<hl_metric_spec>.size)
                    spec.kind = kind.rawValue
                    (spec.name, spec.help) = (name, help)
                    (spec.labels, spec.label_count) = (labels.baseAddress, UInt32(labels.count))
                    return define(raw, &spec, &metric)
                }
            }
        }
        guard status == HL_OK, let metric else { return nil }
        return Metric(table, metric)
    }
}
