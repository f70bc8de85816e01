import Testing

@testable import MetricsPlugin
@testable import PluginSDK

@Suite struct SystemReportTests {
    private static func reading(_ values: [(String, Double, [(String, String)])]) -> SampleReading {
        SampleReading(
            values.map { name, value, labels in
                Sample(
                    name: name, help: "", kind: .gauge,
                    labels: labels.map { Sample.Label(name: $0.0, value: $0.1) }, value: value)
            })
    }

    @Test("numbers stand under mosquitto's topics")
    func topics() {
        let reading = Self.reading([
            ("hookline_sessions", 3, [("state", "connected")]), ("hookline_sessions", 2, [("state", "disconnected")]),
            ("hookline_messages_received_total", 5, [("qos", "0")]),
            ("hookline_messages_received_total", 6, [("qos", "1")]), ("hookline_uptime_seconds", 61.9, []),
            ("hookline_build_info", 1, [("version", "9.8.7")]), ("hookline_retained_messages", 4, []),
            ("hookline_queued_messages", 2, []), ("hookline_bytes_received_total", 1e12, []),
        ])
        let report = SystemReport(reading, maximumClients: 7, load: SystemLoad())
        let values = Dictionary(report.values.map { ($0.topic, $0.text) }) { $1 }
        #expect(values["clients/connected"] == "3" && values["clients/active"] == "3")
        #expect(values["clients/disconnected"] == "2" && values["clients/inactive"] == "2")
        #expect(values["clients/total"] == "5" && values["clients/maximum"] == "7")
        #expect(values["publish/messages/received"] == "11" && values["uptime"] == "61 seconds")
        #expect(values["version"] == "hookline version 9.8.7" && values["retained messages/count"] == "4")
        #expect(values["messages/stored"] == "6" && values["bytes/received"] == "1000000000000")
        #expect(values.count == report.values.count, "no topic twice")
        #expect(values.count == 24 + 27)
    }

    @Test("load averages go towards the rate per minute")
    func load() {
        var load = SystemLoad()
        var totals = SystemReport.Totals()
        load.update(totals, after: 0)
        // Ten a second for a long time: 600 a minute.
        for _ in 0..<1_000 {
            totals.publishReceived += 100
            load.update(totals, after: 10)
        }
        let values = Dictionary(load.values.map { ($0.topic, $0.text) }) { $1 }
        #expect(values["load/publish/received/1min"] == "600.00")
        #expect(values["load/publish/sent/15min"] == "0.00")
        var once = SystemLoad()
        totals = SystemReport.Totals()
        once.update(totals, after: 0)
        totals.sockets = 60
        once.update(totals, after: 60)
        let first = Dictionary(once.values.map { ($0.topic, $0.text) }) { $1 }
        // 60 * (1 - 1/e), and the longer averages follow more slowly.
        #expect(first["load/sockets/1min"] == "37.93" && first["load/sockets/5min"] == "10.88")
    }

    @Test("numbers of the collector before the broker are not a rate")
    func start() {
        var load = SystemLoad()
        var totals = SystemReport.Totals()
        totals.bytesSent = 1e9
        load.update(totals, after: 10)
        #expect(load.values.allSatisfy { $0.text == "0.00" })
    }
}
