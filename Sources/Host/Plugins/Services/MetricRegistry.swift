import Locking
import Synchronization

/// The span in which a value was observed.
struct MetricExemplar: Sendable {
    var value: Double
    /// Wall clock, nanoseconds since 1970.
    var time: Int64
    var context: Tracer.Context
}

/// One series of a metric: numbers that any thread changes without a lock.
final class MetricSeries: Sendable {
    /// A double, by its bits: counter and gauge; the sum of a histogram.
    private let bits = Atomic<UInt64>(0)
    private let observations = Atomic<UInt64>(0)
    private let buckets: [Bucket]
    private let metric: Metric
    let labels: [[UInt8]]

    private final class Bucket: Sendable {
        let count = Atomic<UInt64>(0)
        /// Touched only where spans are recorded, which they seldom are.
        let exemplar = Locked<MetricExemplar?>(nil)
    }

    fileprivate init(_ metric: Metric, _ labels: [[UInt8]]) {
        self.metric = metric
        self.labels = labels
        buckets = metric.kind == .histogram ? (0...metric.bounds.count).map { _ in Bucket() } : []
    }

    func add(_ amount: Double) {
        guard metric.kind != .histogram, amount > 0 || metric.kind == .gauge else { return }
        change { $0 + amount }
    }

    func set(_ value: Double) {
        guard metric.kind == .gauge else { return }
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    func observe(_ value: Double, in span: (context: Tracer.Context, now: Int64)? = nil) {
        guard metric.kind == .histogram, !value.isNaN else { return }
        let bucket = metric.bounds.firstIndex { value <= $0 } ?? metric.bounds.count
        buckets[bucket].count.wrappingAdd(1, ordering: .relaxed)
        if let span {
            let exemplar = MetricExemplar(value: value, time: span.now, context: span.context)
            buckets[bucket].exemplar.withLock { $0 = exemplar }
        }
        observations.wrappingAdd(1, ordering: .relaxed)
        change { $0 + value }
    }

    private func change(_ body: (Double) -> Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = body(Double(bitPattern: old)).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(
                expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }

    /// What it says now; the numbers of a histogram are cumulated.
    var sample: MetricSample {
        var total: UInt64 = 0
        let cumulated = buckets.map { bucket in
            total &+= bucket.count.load(ordering: .relaxed)
            return total
        }
        return MetricSample(
            kind: metric.kind, name: "hookline_plugin_" + metric.name, help: metric.help,
            labels: [("instance", Array(metric.instance.utf8))] + zip(metric.labelNames, labels).map { ($0, $1) },
            value: Double(bitPattern: bits.load(ordering: .relaxed)),
            count: observations.load(ordering: .relaxed), bounds: metric.bounds, buckets: cumulated,
            exemplars: buckets.enumerated().compactMap { index, bucket in
                bucket.exemplar.withLock { $0 }.map { (index, $0) }
            })
    }
}

/// One number on its way out.
struct MetricSample: Sendable {
    var kind: Metric.Kind
    var name: String
    var help: String
    var labels: [(name: String, value: [UInt8])] = []
    var value: Double
    var count: UInt64 = 0
    var bounds: [Double] = []
    var buckets: [UInt64] = []
    /// At most one for each bucket.
    var exemplars: [(bucket: Int, exemplar: MetricExemplar)] = []
}

/// A metric of one instance with its series. [any thread]
final class Metric: Sendable {
    enum Kind: UInt32 {
        case counter = 1
        case gauge = 2
        case histogram = 3
    }

    let instance: String
    let kind: Kind
    let name: String
    let help: String
    let labelNames: [String]
    let bounds: [Double]
    private let seriesLimit: Int
    private let series = Monitor<[[[UInt8]]: MetricSeries]>([:])

    static let defaultBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    private static let other = Array("other".utf8)

    init(
        instance: String, kind: Kind, name: String, help: String, labelNames: [String], bounds: [Double],
        seriesLimit: Int
    ) {
        self.instance = instance
        self.kind = kind
        self.name = name
        self.help = help
        self.labelNames = labelNames
        self.bounds = bounds
        self.seriesLimit = seriesLimit
    }

    func isSame(as other: Metric) -> Bool {
        kind == other.kind && labelNames == other.labelNames && bounds == other.bounds
    }

    /// The series of these label values; beyond the limit the one that collects the rest.
    func series(_ values: [[UInt8]]) -> MetricSeries {
        let wanted = labelNames.indices.map { $0 < values.count ? values[$0] : [] }
        return series.withLock { series in
            if let found = series[wanted] { return found }
            let rest = labelNames.map { _ in Metric.other }
            let labels = series.count < seriesLimit ? wanted : rest
            if let found = series[labels] { return found }
            let made = MetricSeries(self, labels)
            series[labels] = made
            return made
        }
    }

    var samples: [MetricSample] {
        series.read { $0.values.map(\.sample) }.sorted { left, right in
            left.labels.lexicographicallyPrecedes(right.labels) { $0.value.lexicographicallyPrecedes($1.value) }
        }
    }
}

/// metrics/1: the metrics of all instances. [any thread]
final class MetricRegistry: Sendable {
    private struct State {
        /// By the instance that owns them: a generation of a plugin, never its next one.
        var metrics: [ObjectIdentifier: [String: Metric]] = [:]
    }

    enum Failure: Error { case conflict, limit }

    private let state = Monitor(State())
    private static let maximumMetrics = 256

    /// The metric of this name, made when there is none.
    func define(_ metric: Metric, for instance: PluginInstance) -> Result<Metric, Failure> {
        state.withLock { state in
            let key = ObjectIdentifier(instance)
            if let known = state.metrics[key]?[metric.name] {
                return known.isSame(as: metric) ? .success(known) : .failure(.conflict)
            }
            guard state.metrics[key]?.count ?? 0 < MetricRegistry.maximumMetrics else { return .failure(.limit) }
            state.metrics[key, default: [:]][metric.name] = metric
            return .success(metric)
        }
    }

    func removeAll(of instance: PluginInstance) {
        state.withLock { $0.metrics[ObjectIdentifier(instance)] = nil }
    }

    /// Everything there is; the samples of one name stand together.
    var samples: [MetricSample] {
        let metrics = state.read { $0.metrics.values.flatMap(\.values) }
        return metrics.sorted { ($0.name, $0.instance) < ($1.name, $1.instance) }.flatMap(\.samples)
    }
}
