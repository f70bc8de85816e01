internal import PluginSDK

/// The samples of one moment, to be asked by name.
struct SampleReading {
    private let samples: [String: [Sample]]

    init(_ samples: [Sample]) {
        self.samples = Dictionary(grouping: samples, by: \.name)
    }

    /// The sum of all series of a metric that have a label; 0 when there are none.
    func sum(_ name: String, _ label: String? = nil, _ value: String? = nil) -> Double {
        (samples[name] ?? []).reduce(0) { sum, sample in
            guard let label else { return sum + sample.value }
            return sample.labels.contains { $0.name == label && $0.value == value } ? sum + sample.value : sum
        }
    }

    /// Value of a label of the first series.
    func label(_ name: String, _ label: String) -> String? {
        samples[name]?.first?.labels.first { $0.name == label }?.value
    }
}
