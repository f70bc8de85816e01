import BrokerCore

extension MetricSample {
    /// A label with its value.
    typealias LabelText = (name: String, value: String)

    static func gauge(_ name: String, _ help: String, _ value: Double, _ labels: LabelText...) -> MetricSample {
        MetricSample(kind: .gauge, name: name, help: help, labels: bytes(labels), value: value)
    }

    static func gauge(_ name: String, _ help: String, _ value: Int, _ labels: LabelText...) -> MetricSample {
        MetricSample(kind: .gauge, name: name, help: help, labels: bytes(labels), value: Double(value))
    }

    static func counter(_ name: String, _ help: String, _ value: UInt64, _ labels: LabelText...) -> MetricSample {
        MetricSample(kind: .counter, name: name, help: help, labels: bytes(labels), value: Double(value))
    }

    /// Durations in seconds: one bucket for each doubling from `first` to `last`, as exponents of nanoseconds.
    static func durations(
        _ name: String, _ help: String, _ counts: DurationCounts, from first: Int = 10, to last: Int = 33,
        _ labels: LabelText...
    ) -> MetricSample {
        histogram(
            name, help, places: counts.places, sum: Double(counts.sum) / 1e9, from: first, to: last,
            bound: { Double(UInt64(1) << UInt64($0)) / 1e9 }, labels)
    }

    /// - Parameters:
    ///   - places: numbers of things below each bound; those from `last` on are beyond every bound.
    ///   - bound: the upper bound of a place.
    static func histogram(
        _ name: String, _ help: String, places: [UInt64], sum: Double, from first: Int, to last: Int,
        bound: (Int) -> Double, _ labels: [LabelText]
    ) -> MetricSample {
        var sample = MetricSample(kind: .histogram, name: name, help: help, labels: bytes(labels), value: sum)
        var total = places[..<first].reduce(0, &+)
        for place in first...last {
            total &+= places[place]
            sample.bounds.append(bound(place))
            sample.buckets.append(total)
        }
        total &+= places[(last + 1)...].reduce(0, &+)
        sample.buckets.append(total)
        sample.count = total
        return sample
    }

    private static func bytes(_ labels: [LabelText]) -> [(name: String, value: [UInt8])] {
        labels.map { ($0.name, Array($0.value.utf8)) }
    }
}
