internal import Locking
internal import OTLP
internal import PluginSDK

/// Sends the metrics to an OpenTelemetry collector, every now and then.
final class OTLPExport: Sendable {
    private let host: PluginHost
    private let interval: Int64
    private let attributes: [OTLPAttribute]
    private let sender: OTLPSender

    /// Sums and histograms are cumulative: what is older than the last few requests is not worth waiting for.
    private static let maximumQueued = 8

    /// - Parameter interval: nanoseconds, above 0.
    init(_ host: PluginHost, to endpoint: OTLPEndpoint, interval: Int64, attributes: [OTLPAttribute]) {
        self.host = host
        self.interval = interval
        self.attributes = attributes
        let reporter = DeliveryReporter(host)
        sender = OTLPSender(endpoint, maximumQueued: Self.maximumQueued) { reporter.report($0) }
    }

    func start() {
        host.startTimer(after: interval, every: interval) { [self] in
            host.collectMetrics { [self] samples in send(samples) }
        }
    }

    func stop() { sender.stop() }

    private func send(_ samples: [Sample]) {
        let reading = SampleReading(samples)
        let now = UInt64(clamping: host.wallTime)
        let began = UInt64(max(0, reading.sum("process_start_time_seconds")) * 1e9)
        let resource = OTLPResource(
            version: reading.label("hookline_build_info", "version") ?? "unknown", instance: host.name,
            scope: "hookline/metrics", attributes: attributes)
        sender.send(
            OTLPMetric.request(OTLPMapping.metrics(of: samples), of: resource, began: min(began, now), now: now))
    }
}

/// Tells of a collector that cannot be reached, once, and of its return.
final class DeliveryReporter: Sendable {
    private let host: PluginHost
    private let isFailing = Locked(false)

    init(_ host: PluginHost) {
        self.host = host
    }

    func report(_ outcome: OTLPOutcome) {
        let fails = outcome != .delivered
        let wasFailing = isFailing.withLock { isFailing in
            defer { isFailing = fails }
            return isFailing
        }
        switch outcome {
        case .delivered where wasFailing:
            host.setHealth(.ready)
            host.log(.info, "otlp.recovered", "the collector takes metrics again")
        case .delayed(let reason) where !wasFailing:
            host.setHealth(.degraded, "metrics wait for the collector: \(reason)")
            host.log(.warning, "otlp.delayed", "metrics wait for the collector", ["reason": reason])
        case .lost(let reason):
            host.setHealth(.degraded, "metrics do not reach the collector: \(reason)")
            if !wasFailing { host.log(.error, "otlp.lost", "metrics do not reach it", ["reason": reason]) }
        default: break
        }
    }
}
