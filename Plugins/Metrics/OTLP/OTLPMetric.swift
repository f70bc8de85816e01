/// A metric with its points, as OTLP has it (opentelemetry/proto/metrics/v1/metrics.proto). Sums and histograms are
/// cumulative.
public struct OTLPMetric: Sendable, Equatable {
    /// What kind of numbers the points are.
    public enum Kind: Sendable, Equatable {
        /// Only grows.
        case sum
        case gauge
        case histogram
    }

    /// One series at one moment.
    public struct Point: Sendable, Equatable {
        /// Labels.
        public var attributes: [OTLPAttribute]
        /// Of a histogram: the sum.
        public var value: Double
        /// Of a histogram: upper bounds, growing.
        public var bounds: [Double] = []
        /// Of a histogram: observations in each bucket, not cumulated, one more than bounds.
        public var counts: [UInt64] = []
        /// Of a histogram.
        public var exemplars: [Exemplar] = []

        /// A number.
        public init(attributes: [OTLPAttribute], value: Double) {
            self.attributes = attributes
            self.value = value
        }
    }

    /// An observation and the span it was made in.
    public struct Exemplar: Sendable, Equatable {
        /// What was observed.
        public var value: Double
        /// Nanoseconds since 1970.
        public var time: UInt64
        /// 16 bytes.
        public var trace: [UInt8]
        /// 8 bytes.
        public var span: [UInt8]

        /// All of it.
        public init(value: Double, time: UInt64, trace: [UInt8], span: [UInt8]) {
            self.value = value
            self.time = time
            self.trace = trace
            self.span = span
        }
    }

    /// Such as `mqtt.messages.received.total`.
    public var name: String
    /// A sentence.
    public var help: String
    /// UCUM: `By`, `ms`, `s`, `{message}`; empty: none.
    public var unit: String
    /// What the points are.
    public var kind: Kind
    /// All series.
    public var points: [Point]

    /// A metric without points.
    public init(name: String, help: String, unit: String, kind: Kind, points: [Point] = []) {
        self.name = name
        self.help = help
        self.unit = unit
        self.kind = kind
        self.points = points
    }

    private static let cumulative: UInt64 = 2

    /// An export request (`ExportMetricsServiceRequest`).
    /// - Parameters:
    ///   - began: since when sums and histograms have counted, nanoseconds since 1970.
    ///   - now: when they were read.
    public static func request(_ metrics: [OTLPMetric], of resource: OTLPResource, began: UInt64, now: UInt64)
        -> [UInt8]
    {
        resource.request { scope in
            for metric in metrics { scope.message(2) { metric.write(to: &$0, began: began, now: now) } }
        }
    }

    private func write(to writer: inout ProtobufWriter, began: UInt64, now: UInt64) {
        writer.text(1, name)
        writer.text(2, help)
        writer.text(3, unit)
        switch kind {
        case .gauge:
            writer.message(5) { data in
                for point in points { data.message(1) { point.writeNumber(to: &$0, began: 0, now: now) } }
            }
        case .sum:
            writer.message(7) { data in
                for point in points { data.message(1) { point.writeNumber(to: &$0, began: began, now: now) } }
                data.unsigned(2, Self.cumulative)
                data.boolean(3, true)
            }
        case .histogram:
            writer.message(9) { data in
                for point in points { data.message(1) { point.writeHistogram(to: &$0, began: began, now: now) } }
                data.unsigned(2, Self.cumulative)
            }
        }
    }
}

extension OTLPMetric.Point {
    /// `NumberDataPoint`
    fileprivate func writeNumber(to writer: inout ProtobufWriter, began: UInt64, now: UInt64) {
        writer.fixed64(2, began)
        writer.fixed64(3, now)
        writer.optionalDouble(4, value)
        for attribute in attributes { attribute.write(7, to: &writer) }
    }

    /// `HistogramDataPoint`
    fileprivate func writeHistogram(to writer: inout ProtobufWriter, began: UInt64, now: UInt64) {
        writer.fixed64(2, began)
        writer.fixed64(3, now)
        writer.fixed64(4, counts.reduce(0, &+))
        writer.optionalDouble(5, value)
        writer.packedFixed64(6, counts)
        writer.packedDouble(7, bounds)
        for exemplar in exemplars {
            writer.message(8) { inner in
                inner.fixed64(2, exemplar.time)
                inner.optionalDouble(3, exemplar.value)
                inner.data(4, exemplar.span)
                inner.data(5, exemplar.trace)
            }
        }
        for attribute in attributes { attribute.write(9, to: &writer) }
    }
}
