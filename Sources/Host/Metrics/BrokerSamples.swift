import BrokerCore
import MQTTCodec

/// The broker's own numbers in the form of metrics, for whoever collects them (docs/metrics.md).
struct BrokerSamples {
    private let snapshots: [ShardSnapshot]
    private let metrics: HostMetrics

    static func make(_ snapshots: [ShardSnapshot], _ metrics: HostMetrics) -> [MetricSample] {
        let samples = BrokerSamples(snapshots: snapshots, metrics: metrics)
        return samples.state + samples.traffic + samples.drops + samples.decisions + samples.durations
    }

    private func sum(_ value: (ShardSnapshot) -> Int) -> Int { snapshots.reduce(0) { $0 + value($1) } }

    private func total(_ value: (ShardCounters) -> UInt64) -> UInt64 {
        snapshots.reduce(0) { $0 &+ value($1.counters) }
    }

    private func total(_ value: (ShardCounters) -> DurationCounts) -> DurationCounts {
        snapshots.reduce(into: DurationCounts()) { $0.add(value($1.counters)) }
    }

    // MARK: What there is

    private var state: [MetricSample] {
        let (sessions, online) = (sum(\.sessions), sum(\.onlineSessions))
        let own: [MetricSample] = [
            .gauge("hookline_sessions", "Sessions.", online, ("state", "connected")),
            .gauge("hookline_sessions", "Sessions.", sessions - online, ("state", "disconnected")),
            .gauge("hookline_subscriptions", "Subscriptions of all sessions.", sum(\.subscriptions)),
            // One store for all shards: each reports the whole.
            .gauge("hookline_retained_messages", "Retained messages.", snapshots.map(\.retained).max() ?? 0),
            .gauge(
                "hookline_retained_bytes", "Bytes of the retained messages.",
                snapshots.map(\.retainedBytes).max() ?? 0),
            .gauge("hookline_queued_messages", "Messages that wait for sessions.", sum(\.queuedMessages)),
            .gauge(
                "hookline_queued_bytes", "Bytes of the messages that wait for sessions.", sum(\.queuedBytes)),
            .gauge(
                "hookline_inflight_messages", "QoS 1 and 2 messages sent and not acknowledged.",
                sum(\.inflightMessages)),
        ]
        return connections + own
    }

    private var connections: [MetricSample] {
        let help = "Open network connections."
        guard !metrics.listeners.isEmpty else {
            return [.gauge("hookline_connections", help, sum(\.connections))]
        }
        return metrics.listeners.enumerated().map { number, listener in
            MetricSample.gauge(
                "hookline_connections", help,
                sum { number < $0.connectionsByListener.count ? $0.connectionsByListener[number] : 0 },
                ("protocol", listener.transport), ("listener", listener.name))
        }
    }

    // MARK: What came and went

    private var traffic: [MetricSample] {
        let received: [(ShardCounters) -> UInt64] = [
            \.messagesReceived.0, \.messagesReceived.1, \.messagesReceived.2,
        ]
        let sent: [(ShardCounters) -> UInt64] = [\.messagesSent.0, \.messagesSent.1, \.messagesSent.2]
        var samples: [MetricSample] = []
        for (qos, count) in received.enumerated() {
            samples.append(
                .counter(
                    "hookline_messages_received_total", "PUBLISH packets accepted from clients.", total(count),
                    ("qos", "\(qos)")))
        }
        for (qos, count) in sent.enumerated() {
            samples.append(
                .counter(
                    "hookline_messages_sent_total", "PUBLISH packets to clients.", total(count), ("qos", "\(qos)")))
        }
        let packetsSent: UInt64 = total {
            $0.otherPacketsSent &+ $0.messagesSent.0 &+ $0.messagesSent.1 &+ $0.messagesSent.2
        }
        samples += [
            .counter(
                "hookline_packets_received_total", "Control packets of any type from clients.",
                total(\.packetsReceived)),
            .counter("hookline_packets_sent_total", "Control packets of any type to clients.", packetsSent),
            .counter("hookline_bytes_received_total", "Bytes from clients.", total(\.bytesReceived)),
            .counter("hookline_bytes_sent_total", "Bytes to clients.", total(\.bytesSent)),
            .counter(
                "hookline_payload_bytes_received_total", "Application payload accepted from clients.",
                total(\.payloadBytesReceived)),
            .counter(
                "hookline_payload_bytes_sent_total", "Application payload to clients.", total(\.payloadBytesSent)),
            .counter("hookline_handovers_total", "Messages handed from one shard to another.", total(\.handedOver)),
        ]
        return samples
    }

    private var drops: [MetricSample] {
        let dropped = DropReason.allCases.enumerated().map { number, reason in
            MetricSample.counter(
                "hookline_messages_dropped_total", "Messages that did not reach a receiver.",
                total { $0.dropped[number] }, ("reason", reason.word))
        }
        let tolerated = ToleratedFault.allCases.enumerated().map { number, fault in
            MetricSample.counter(
                "hookline_faults_tolerated_total", "Faults that lenient listeners have forgiven.",
                total { $0.tolerated[number] }, ("fault", fault.word))
        }
        let ended = DisconnectCause.words.enumerated().map { number, word in
            MetricSample.counter(
                "hookline_disconnects_total", "Connected clients that are gone.", total { $0.disconnects[number] },
                ("reason", word))
        }
        let others: [MetricSample] = [
            .counter(
                "hookline_unexpected_acks_total", "Acknowledgements for packet identifiers that are not under way.",
                total(\.unexpectedAcks)),
            .counter(
                "hookline_sessions_expired_total", "Sessions whose expiry interval has passed.",
                total(\.sessionsExpired)),
        ]
        return dropped + tolerated + ended + others
    }

    // MARK: What was decided

    private var decisions: [MetricSample] {
        var samples: [MetricSample] = [
            .counter(
                "hookline_connections_accepted_total", "Network connections accepted.", total(\.connectionsAccepted)),
            .counter("hookline_connects_total", "CONNECT packets.", total(\.connectsReceived)),
        ]
        samples += logIns
        samples += access("publish", \.publishAccess)
        samples += access("subscribe", \.subscribeAccess)
        samples += access("deliver", \.deliverAccess)
        return samples + errors
    }

    /// A series for each reason there was: a few of at most 256.
    private var logIns: [MetricSample] {
        (0..<256).compactMap { code -> MetricSample? in
            let reason = ReasonCode(rawValue: UInt8(code))
            let count: UInt64 = total { $0.connectAnswers[code] }
            guard count > 0 || reason == .success else { return nil }
            return MetricSample.counter(
                "hookline_auth_attempts_total", "CONNECT packets that were answered.", count,
                ("result", reason.isError ? "refused" : "accepted"), ("reason", Self.word(reason)))
        }
    }

    private func access(_ action: String, _ counts: (ShardCounters) -> AccessCounts) -> [MetricSample] {
        let (name, help) = ("hookline_acl_decisions_total", "What access rules have decided.")
        return [
            .counter(name, help, total { counts($0).allowed }, ("action", action), ("result", "allowed")),
            .counter(name, help, total { counts($0).denied }, ("action", action), ("result", "denied")),
        ]
    }

    private var errors: [MetricSample] {
        let (name, help) = ("hookline_errors_total", "What went wrong, whoever caused it.")
        return [
            .counter(name, help, total(\.connectionsRefused), ("kind", "connection_refused")),
            .counter(name, help, total(\.protocolErrors), ("kind", "protocol_error")),
            .counter(name, help, metrics.commits?.failures ?? 0, ("kind", "store_failure")),
        ]
    }

    // MARK: How long it took

    private var durations: [MetricSample] {
        var sizes = snapshots.reduce(into: [UInt64](repeating: 0, count: 64)) { sum, snapshot in
            for (place, count) in snapshot.messageSizes.enumerated() { sum[place] &+= count }
        }
        // What is empty is the smallest.
        sizes[0] &+= sizes[63]
        sizes[63] = 0
        var samples: [MetricSample] = [
            .histogram(
                "hookline_message_size_bytes", "Application payload of messages from clients.", places: sizes,
                sum: Double(total(\.payloadBytesReceived)), from: 3, to: 27,
                bound: { Double(UInt64(2) << UInt64($0)) }, []),
            .durations(
                "hookline_publish_duration_seconds",
                "From reading a PUBLISH until it is handed out, of one turn in 16.", total(\.publishes), from: 8, to: 30
            ),
            .durations(
                "hookline_delivery_duration_seconds",
                "From reading a PUBLISH until it is written to its receivers, of one turn in 16.",
                total(\.deliveries), from: 10, to: 33),
            .durations(
                "hookline_loop_lag_seconds", "How long a turn of an event loop took, of one in 16.", total(\.turns),
                from: 10, to: 33),
        ]
        if let commits = metrics.commits {
            samples.append(
                .durations(
                    "hookline_store_commit_duration_seconds", "From handing a batch to the store until it is durable.",
                    commits.durations, from: 13, to: 35))
        }
        return samples
    }

    /// `bad_user_name_or_password`
    private static func word(_ reason: ReasonCode) -> String {
        String(reason.name.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" })
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
