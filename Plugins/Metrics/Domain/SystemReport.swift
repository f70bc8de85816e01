internal import Glibc

/// `$SYS/broker/...` at one moment: mosquitto's topics with mosquitto's meanings (mosquitto(8), "BROKER STATUS").
struct SystemReport {
    /// What grows, as rates are made of it.
    struct Totals: Equatable {
        var connects = 0.0
        var sockets = 0.0
        var bytesReceived = 0.0
        var bytesSent = 0.0
        var messagesReceived = 0.0
        var messagesSent = 0.0
        var publishReceived = 0.0
        var publishSent = 0.0
        var publishDropped = 0.0

        init() {}

        init(_ reading: SampleReading) {
            connects = reading.sum("hookline_connects_total")
            sockets = reading.sum("hookline_connections_accepted_total")
            bytesReceived = reading.sum("hookline_bytes_received_total")
            bytesSent = reading.sum("hookline_bytes_sent_total")
            messagesReceived = reading.sum("hookline_packets_received_total")
            messagesSent = reading.sum("hookline_packets_sent_total")
            publishReceived = reading.sum("hookline_messages_received_total")
            publishSent = reading.sum("hookline_messages_sent_total")
            publishDropped = reading.sum("hookline_messages_dropped_total")
        }

        /// With the topics of their load averages.
        static let loads: [(topic: String, total: WritableKeyPath<Totals, Double> & Sendable)] = [
            ("connections", \.connects), ("sockets", \.sockets), ("bytes/received", \.bytesReceived),
            ("bytes/sent", \.bytesSent), ("messages/received", \.messagesReceived),
            ("messages/sent", \.messagesSent), ("publish/received", \.publishReceived),
            ("publish/sent", \.publishSent), ("publish/dropped", \.publishDropped),
        ]
    }

    /// Topic without `$SYS/broker/`, and payload.
    let values: [(topic: String, text: String)]

    init(_ reading: SampleReading, maximumClients: Double, load: SystemLoad) {
        let totals = Totals(reading)
        let connected = reading.sum("hookline_sessions", "state", "connected")
        let disconnected = reading.sum("hookline_sessions", "state", "disconnected")
        let (queued, retained) = (reading.sum("hookline_queued_messages"), reading.sum("hookline_retained_messages"))
        let inflight = reading.sum("hookline_inflight_messages")
        let numbers: [(String, Double)] = [
            ("bytes/received", totals.bytesReceived), ("bytes/sent", totals.bytesSent),
            // The names before and after mosquitto 1.4: exporters read either.
            ("clients/active", connected), ("clients/connected", connected), ("clients/inactive", disconnected),
            ("clients/disconnected", disconnected), ("clients/total", connected + disconnected),
            ("clients/maximum", maximumClients), ("clients/expired", reading.sum("hookline_sessions_expired_total")),
            ("messages/received", totals.messagesReceived), ("messages/sent", totals.messagesSent),
            ("messages/inflight", inflight), ("messages/stored", queued + inflight + retained),
            ("store/messages/count", queued + inflight + retained),
            (
                "store/messages/bytes",
                reading.sum("hookline_queued_bytes") + reading.sum("hookline_retained_bytes")
            ),
            ("publish/messages/received", totals.publishReceived), ("publish/messages/sent", totals.publishSent),
            ("publish/messages/dropped", totals.publishDropped),
            ("publish/bytes/received", reading.sum("hookline_payload_bytes_received_total")),
            ("publish/bytes/sent", reading.sum("hookline_payload_bytes_sent_total")),
            ("retained messages/count", retained), ("subscriptions/count", reading.sum("hookline_subscriptions")),
        ]
        let version = reading.label("hookline_build_info", "version") ?? "unknown"
        var values = [
            (topic: "version", text: "hookline version \(version)"),
            (topic: "uptime", text: "\(Self.whole(reading.sum("hookline_uptime_seconds").rounded(.down))) seconds"),
        ]
        values += numbers.map { (topic: $0.0, text: Self.whole($0.1)) }
        self.values = values + load.values
    }

    private static func whole(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 9e18 else { return "0" }
        return String(Int64(value.rounded()))
    }
}

/// Load averages: events per minute, smoothed over 1, 5 and 15 minutes as mosquitto does it.
struct SystemLoad: Equatable {
    /// Nil until there is something to compare with.
    private var last: SystemReport.Totals?
    /// Averages of each of `Totals.loads`, over each of `periods`.
    private var averages: [[Double]]

    /// Minutes.
    private static let periods = [1.0, 5.0, 15.0]

    init() {
        averages = SystemReport.Totals.loads.map { _ in Self.periods.map { _ in 0 } }
    }

    /// Goes on by `seconds`.
    mutating func update(_ totals: SystemReport.Totals, after seconds: Double) {
        defer { last = totals }
        guard let last, seconds > 0 else { return }
        for (place, load) in SystemReport.Totals.loads.enumerated() {
            let rate = (totals[keyPath: load.total] - last[keyPath: load.total]) * 60 / seconds
            for (column, minutes) in Self.periods.enumerated() {
                let weight = exp(-seconds / (60 * minutes))
                averages[place][column] = rate + weight * (averages[place][column] - rate)
            }
        }
    }

    var values: [(topic: String, text: String)] {
        zip(SystemReport.Totals.loads, averages).flatMap { load, row in
            zip(Self.periods, row).map { minutes, average in
                (topic: "load/\(load.topic)/\(Int(minutes))min", text: Self.hundredths(average))
            }
        }
    }

    /// `12.30`
    static func hundredths(_ value: Double) -> String {
        let hundredths = Int64((min(max(value, 0), 1e15) * 100).rounded())
        return "\(hundredths / 100).\(String(hundredths % 100 + 100).dropFirst())"
    }
}
