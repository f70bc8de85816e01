internal import OTLP
internal import PluginSDK

/// The broker's metrics under the names that OpenTelemetry collectors know MQTT brokers by; all others keep theirs.
enum OTLPMapping {
    private struct Target {
        let name: String
        let unit: String
        /// From our unit to that one.
        var factor = 1.0

        init(_ name: String, _ unit: String, factor: Double = 1) {
            self.name = name
            self.unit = unit
            self.factor = factor
        }
    }

    /// By name in the exposition.
    private static let targets: [String: Target] = [
        "hookline_connections_accepted_total": Target("mqtt.connections.total", "{connection}"),
        "hookline_connections": Target("mqtt.connections.current", "{connection}"),
        "hookline_messages_received_total": Target("mqtt.messages.received.total", "{message}"),
        "hookline_messages_sent_total": Target("mqtt.messages.sent.total", "{message}"),
        "hookline_bytes_received_total": Target("mqtt.bytes.received.total", "By"),
        "hookline_bytes_sent_total": Target("mqtt.bytes.sent.total", "By"),
        "hookline_errors_total": Target("mqtt.errors.total", "{error}"),
        "hookline_subscriptions": Target("mqtt.subscriptions.active", "{subscription}"),
        "hookline_retained_messages": Target("mqtt.retained.messages", "{message}"),
        "hookline_message_size_bytes": Target("mqtt.message.size.bytes", "By"),
        "hookline_publish_duration_seconds": Target("mqtt.publish.duration.ms", "ms", factor: 1_000),
        "hookline_delivery_duration_seconds": Target("mqtt.delivery.duration.ms", "ms", factor: 1_000),
    ]

    static func metrics(of samples: [Sample]) -> [OTLPMetric] {
        MetricFamily.all(of: samples).map { family in
            let target = targets[family.sampleName] ?? Target(family.name, unit(of: family.name))
            return OTLPMetric(
                name: target.name, help: family.help, unit: target.unit, kind: kind(family.kind),
                points: family.samples.map { point($0, factor: target.factor) })
        }
    }

    private static func kind(_ kind: PluginHost.MetricKind) -> OTLPMetric.Kind {
        switch kind {
        case .counter: .sum
        case .gauge: .gauge
        case .histogram: .histogram
        }
    }

    private static func point(_ sample: Sample, factor: Double) -> OTLPMetric.Point {
        var point = OTLPMetric.Point(
            attributes: sample.labels.map { OTLPAttribute($0.name, $0.value) }, value: sample.value * factor)
        guard let buckets = sample.buckets else { return point }
        point.bounds = buckets.bounds.map { $0 * factor }
        var before: UInt64 = 0
        point.counts = buckets.counts.map { cumulated in
            defer { before = cumulated }
            return cumulated >= before ? cumulated - before : 0
        }
        point.exemplars = buckets.exemplars.map {
            OTLPMetric.Exemplar(
                value: $0.value * factor, time: UInt64(clamping: $0.time), trace: $0.trace, span: $0.span)
        }
        return point
    }

    /// By the suffix of the name.
    private static func unit(of name: String) -> String {
        if name.hasSuffix("_seconds") { return "s" }
        return name.hasSuffix("_bytes") ? "By" : ""
    }
}
