internal import Locking
internal import OTLP
internal import PluginSDK

/// Tells operators whether the collector takes what it is sent: once when that changes, not for every request.
final class DeliveryReports: Sendable {
    private enum State { case unknown, delivering, failing }

    private let host: PluginHost
    private let url: String
    private let state = Locked(State.unknown)

    init(host: PluginHost, url: String) {
        self.host = host
        self.url = url
    }

    /// What became of a request.
    func note(_ outcome: OTLPOutcome) {
        switch outcome {
        case .delivered:
            let before = exchange(.delivering)
            if before == .failing {
                host.log(.info, "traces.delivering", "the collector takes spans again", ["url": url])
                host.setHealth(.ready)
            }
        case .delayed(let reason), .lost(let reason):
            guard exchange(.failing) != .failing else { return }
            host.log(.warning, "traces.not_delivered", "", ["url": url, "reason": reason])
            host.setHealth(.degraded, "the collector does not take spans: \(reason)")
        }
    }

    /// Spans that had no room on their way here.
    func lose(_ count: UInt64) {
        host.log(.warning, "traces.lost", "spans end faster than they are taken", ["spans": "\(count)"])
    }

    private func exchange(_ next: State) -> State {
        state.withLock { state in
            defer { state = next }
            return state
        }
    }
}
