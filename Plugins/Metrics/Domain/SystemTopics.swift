internal import Locking
internal import PluginSDK

/// Publishes `$SYS/broker/...`: retained, what has changed since the last time, in the interval of the settings.
final class SystemTopics: Sendable {
    private struct State {
        var published: [String: String] = [:]
        var load = SystemLoad()
        var maximumClients = 0.0
        /// Monotonic ns of the last time.
        var last: Int64
    }

    private let host: PluginHost
    private let interval: Int64
    private let state: Locked<State>

    private static let prefix = "$SYS/broker/"
    /// As mosquitto: the subscription decides what a subscriber gets.
    private static let qos = 2
    /// The first values come soon after the start.
    private static let firstDelay: Int64 = 100_000_000

    /// - Parameter interval: nanoseconds, above 0.
    init(_ host: PluginHost, interval: Int64) {
        self.host = host
        self.interval = interval
        state = Locked(State(last: host.monotonicTime))
    }

    func start() {
        host.startTimer(after: min(Self.firstDelay, interval), every: interval) { [self] in
            host.collectMetrics { [self] samples in publish(SampleReading(samples)) }
        }
    }

    private func publish(_ reading: SampleReading) {
        let now = host.monotonicTime
        let changed = state.withLock { state in
            state.load.update(SystemReport.Totals(reading), after: Double(now - state.last) / 1e9)
            state.last = now
            state.maximumClients = max(state.maximumClients, reading.sum("hookline_sessions"))
            let report = SystemReport(reading, maximumClients: state.maximumClients, load: state.load)
            return report.values.filter { state.published[$0.topic] != $0.text }
        }
        for value in changed {
            // What the queue did not take is tried again the next time.
            guard host.publish(Self.prefix + value.topic, value.text, qos: Self.qos, retain: true) else { return }
            state.withLock { $0.published[value.topic] = value.text }
        }
    }
}
