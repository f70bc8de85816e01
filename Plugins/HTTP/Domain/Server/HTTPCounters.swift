internal import PluginSDK

/// What the plugin counts; nil where the broker does not want to know.
struct HTTPCounters: Sendable {
    /// Subscriptions of server-sent events now.
    let subscribers: MetricSeries?
    /// Subscribers dropped because they took nothing.
    let slowSubscribers: MetricSeries?
    private let requests: Metric?

    init(_ host: PluginHost) {
        subscribers = host.metric(.gauge, "http_subscribers", help: "Readers of GET /subscribe.")?.series()
        slowSubscribers = host.metric(
            .counter, "http_slow_subscribers_total", help: "Readers dropped because they took nothing.")?.series()
        requests = host.metric(.counter, "http_requests_total", help: "Answers.", labels: ["code"])
    }

    /// Counts an answer.
    func count(status: Int) { requests?.series(String(status))?.add() }
}
