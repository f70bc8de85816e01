import BrokerCore

/// The broker's own numbers in the form of metrics, for whoever collects them.
enum BrokerSamples {
    static func make(_ snapshots: [ShardSnapshot]) -> [MetricSample] {
        func sum(_ value: (ShardSnapshot) -> Int) -> Double { Double(snapshots.reduce(0) { $0 + value($1) }) }
        func total(_ value: (ShardCounters) -> UInt64) -> Double {
            Double(snapshots.reduce(UInt64(0)) { $0 &+ value($1.counters) })
        }
        var samples = [
            gauge("hookline_connections", "Open connections.", sum(\.connections)),
            gauge("hookline_sessions", "Sessions, online and offline.", sum(\.sessions)),
            gauge("hookline_subscriptions", "Subscriptions of all sessions.", sum(\.subscriptions)),
            gauge(
                "hookline_retained_messages", "Retained messages.", Double(snapshots.map(\.retained).max() ?? 0)),
            gauge("hookline_queued_messages", "Messages that wait for sessions.", sum(\.queuedMessages)),
            counter("hookline_received_bytes_total", "Bytes from clients.", total(\.bytesReceived)),
            counter("hookline_sent_bytes_total", "Bytes to clients.", total(\.bytesSent)),
        ]
        let received: [(ShardCounters) -> UInt64] = [
            \.messagesReceived.0, \.messagesReceived.1, \.messagesReceived.2,
        ]
        let sent: [(ShardCounters) -> UInt64] = [\.messagesSent.0, \.messagesSent.1, \.messagesSent.2]
        for (qos, count) in received.enumerated() {
            samples.append(
                counter("hookline_messages_received_total", "PUBLISH from clients.", total(count), qos: qos))
        }
        for (qos, count) in sent.enumerated() {
            samples.append(counter("hookline_messages_sent_total", "PUBLISH to clients.", total(count), qos: qos))
        }
        for (number, reason) in DropReason.allCases.enumerated() {
            var sample = counter(
                "hookline_messages_dropped_total", "Messages that did not reach a receiver.",
                total { $0.dropped[number] })
            sample.labels = [("reason", Array(reason.word.utf8))]
            samples.append(sample)
        }
        return samples
    }

    private static func gauge(_ name: String, _ help: String, _ value: Double) -> MetricSample {
        MetricSample(kind: .gauge, name: name, help: help, value: value)
    }

    private static func counter(_ name: String, _ help: String, _ value: Double, qos: Int? = nil) -> MetricSample {
        MetricSample(
            kind: .counter, name: name, help: help, labels: qos.map { [("qos", Array("\($0)".utf8))] } ?? [],
            value: value)
    }
}

/// Collects the snapshots of all shards and says when they are complete. [any thread]
final class SnapshotCollector: Sendable {
    private let snapshots = Monitor<[ShardSnapshot]>([])

    /// Calls `body` on a shard's thread when every shard has answered.
    static func collect(_ broker: Broker, _ body: @escaping @Sendable ([ShardSnapshot]) -> Void) {
        let collector = SnapshotCollector()
        let count = broker.shards.count
        broker.postToAll(
            .snapshot { snapshot in
                let all = collector.snapshots.withLock { snapshots in
                    snapshots.append(snapshot)
                    return snapshots
                }
                if all.count == count { body(all.sorted { $0.shard < $1.shard }) }
            })
    }
}
