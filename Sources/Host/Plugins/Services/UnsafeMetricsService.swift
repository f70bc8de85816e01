import BrokerCore
import PluginABI

/// metrics/1
extension ServiceTables {
    static func makeMetrics() -> hl_metrics_v1 {
        var table = hl_metrics_v1()
        table.struct_size = UInt32(MemoryLayout<hl_metrics_v1>.size)
        table.define = { handle, spec, out in
            guard let instance = PluginInstance.of(handle), let out,
                let given = spec.flatMap({ readStruct($0, atLeast: MemoryLayout<hl_metric_spec>.size) }),
                let wanted = Metric(given, instance: instance.id)
            else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            switch instance.context.metrics.define(wanted, for: instance) {
            case .success(let metric):
                // The registry holds it as long as the instance lives.
                out.pointee = OpaquePointer(Unmanaged.passUnretained(metric).toOpaque())
                return HL_OK
            case .failure(.conflict): return HL_CONFLICT
            case .failure(.limit): return HL_LIMIT
            }
        }
        table.series = { metric, values, count in
            guard let metric else { return nil }
            let found = Unmanaged<Metric>.fromOpaque(UnsafeRawPointer(metric)).takeUnretainedValue()
            let labels = (0..<Int(values == nil ? 0 : count)).compactMap { index in
                values.map { Array($0[index].bytes) }
            }
            return OpaquePointer(Unmanaged.passUnretained(found.series(labels)).toOpaque())
        }
        table.add = { series, amount in ServiceTables.with(series) { $0.add(amount) } }
        table.set = { series, value in ServiceTables.with(series) { $0.set(value) } }
        table.observe = { series, value in ServiceTables.with(series) { $0.observe(value) } }
        table.observe_in = { handle, series, value, span in
            let tracer = PluginInstance.of(handle)?.context.tracer
            let context = span == 0 ? nil : tracer?.context(of: span)
            ServiceTables.with(series) { $0.observe(value, in: context.map { ($0, wallNow()) }) }
        }
        table.collect = { handle, function, user in
            guard let instance = PluginInstance.of(handle), let function else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            let answer = SampleAnswer(instance: instance, function: function, user: user)
            if let broker = instance.context.environment.broker.broker {
                let tell = instance.context.observation.withLock { $0.wanted }
                tell()
                SnapshotCollector.collect(broker) { answer.send($0) }
            } else {
                answer.send([])
            }
            return HL_OK
        }
        return table
    }

    private static func with(_ series: OpaquePointer?, _ body: (MetricSeries) -> Void) {
        guard let series else { return }
        Unmanaged<MetricSeries>.fromOpaque(UnsafeRawPointer(series))._withUnsafeGuaranteedRef(body)
    }
}

extension Metric {
    private static let maximumLabels: UInt32 = 8
    private static let maximumBounds: UInt32 = 64
    private static let defaultSeries: UInt32 = 1000
    private static let maximumSeries: UInt32 = 100_000

    /// Reads and checks what a plugin describes; nil when it breaks a rule.
    fileprivate convenience init?(_ given: hl_metric_spec, instance: String) {
        guard let kind = Kind(rawValue: given.kind), Self.isName(given.name),
            given.label_count <= Self.maximumLabels, given.bound_count <= Self.maximumBounds
        else { return nil }
        var labels: [String] = []
        for index in 0..<Int(given.labels == nil ? 0 : given.label_count) {
            guard let label = given.labels?[index], Self.isName(label), label.text != "instance" else { return nil }
            labels.append(label.text)
        }
        var bounds = kind == .histogram ? Self.defaultBounds : []
        if kind == .histogram, let first = given.bounds, given.bound_count > 0 {
            bounds = (0..<Int(given.bound_count)).map { first[$0] }
            guard zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }), bounds.allSatisfy(\.isFinite) else {
                return nil
            }
        }
        let limit = given.series_limit == 0 ? Self.defaultSeries : min(given.series_limit, Self.maximumSeries)
        self.init(
            instance: instance, kind: kind, name: given.name.text, help: given.help.text, labelNames: labels,
            bounds: bounds, seriesLimit: Int(limit))
    }

    private static func isName(_ view: hl_view) -> Bool {
        let bytes = view.bytes
        guard (1...128).contains(bytes.count), let first = bytes.first, (0x61...0x7A).contains(first) else {
            return false
        }
        return bytes.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }
}

/// Where samples go.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
private struct SampleAnswer: @unchecked Sendable {
    let instance: PluginInstance
    let function: hl_collect_fn
    let user: UnsafeMutableRawPointer?

    /// The rest is made of the numbers on a worker: the loops have other things to do.
    func send(_ snapshots: [ShardSnapshot]) {
        instance.onWorker { [self] in
            let samples = allSamples(snapshots)
            let memory = LentMemory()
            var list = hl_sample_list()
            list.struct_size = UInt32(MemoryLayout<hl_sample_list>.size)
            list.samples = memory.array(samples.map { sample($0, memory) })
            list.count = list.samples == nil ? 0 : UInt32(samples.count)
            list.stride = UInt32(MemoryLayout<hl_sample>.stride)
            withExtendedLifetime(memory) { function(instance.pluginState, user, &list) }
        }
    }

    private func allSamples(_ snapshots: [ShardSnapshot]) -> [MetricSample] {
        let (context, metrics) = (instance.context, instance.context.environment.metrics)
        let look = context.observation.withLock { $0.statuses }
        let broker = snapshots.isEmpty ? [] : BrokerSamples.make(snapshots, metrics)
        return broker + PluginSamples.make(look(), metrics) + ProcessSamples.make(metrics) + context.metrics.samples
    }

    private func sample(_ given: MetricSample, _ memory: LentMemory) -> hl_sample {
        var sample = hl_sample()
        sample.struct_size = UInt32(MemoryLayout<hl_sample>.size)
        sample.kind = given.kind.rawValue
        sample.name = memory.view(given.name)
        sample.help = memory.view(given.help)
        sample.labels = memory.array(
            given.labels.map { hl_field(key: memory.view($0.name), value: memory.view($0.value)) })
        sample.label_count = sample.labels == nil ? 0 : UInt32(given.labels.count)
        sample.value = given.value
        sample.count = given.count
        sample.bounds = memory.array(given.bounds)
        sample.buckets = memory.array(given.buckets)
        sample.bound_count = sample.bounds == nil ? 0 : UInt32(given.bounds.count)
        sample.exemplars = memory.array(given.exemplars.map { exemplar($0.exemplar, bucket: $0.bucket) })
        sample.exemplar_count = sample.exemplars == nil ? 0 : UInt32(given.exemplars.count)
        sample.exemplar_stride = UInt32(MemoryLayout<hl_exemplar>.stride)
        return sample
    }

    private func exemplar(_ given: MetricExemplar, bucket: Int) -> hl_exemplar {
        var exemplar = hl_exemplar()
        exemplar.struct_size = UInt32(MemoryLayout<hl_exemplar>.size)
        exemplar.bucket = UInt32(bucket)
        exemplar.value = given.value
        exemplar.time = given.time
        withUnsafeMutableBytes(of: &exemplar.trace_id) { $0.copyBytes(from: given.context.traceID.prefix($0.count)) }
        withUnsafeMutableBytes(of: &exemplar.span_id) { $0.copyBytes(from: given.context.spanIDBytes.prefix($0.count)) }
        return exemplar
    }
}
