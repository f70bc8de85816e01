import BrokerCore
import Configuration
import Glibc
import Reactor

/// A status request that waits for the shards.
struct StatusQuery {
    let answer: (JSONValue) -> Void
    /// Host clock, ns: a loop that does not answer by then is in trouble, and the request says so.
    let expires: Int64
    var snapshots: [ShardSnapshot] = []
}

extension Supervisor: ControlCommands {
    /// A loop answers within a turn; one that is this late is stuck.
    private static let queryTimeout: Int64 = 5_000_000_000

    func perform(_ request: ControlRequest, answer: @escaping (JSONValue) -> Void) {
        switch request {
        case .status: askShards(answer)
        case .health:
            answer(
                isStopping
                    ? ControlProtocol.failure(exit: ExitCode.failure, ["draining"])
                    : ControlProtocol.answer(["state": "ready"]))
        case .plugins: answer(ControlProtocol.answer(["plugins": pluginReports]))
        case .reload: answer(reload())
        case .stop:
            answer(ControlProtocol.answer(["state": "draining"]))
            requestStop()
        }
    }

    var pluginReports: JSONValue {
        .array(
            (service?.pluginStatuses ?? []).map { plugin in
                [
                    "id": .string(plugin.id), "plugin": .string(plugin.plugin), "version": .string(plugin.version),
                    "path": .string(plugin.path), "generation": .number(Int(plugin.generation)),
                    "health": .string(plugin.health), "health_text": .string(plugin.healthText),
                    "hooks": .array(plugin.hooks.map { .string($0) }),
                    "failures": .number(Int(clamping: plugin.failures)), "pending": .number(plugin.pending),
                    "dropped_events": .number(Int(clamping: plugin.droppedEvents)),
                ]
            })
    }

    private func askShards(_ answer: @escaping (JSONValue) -> Void) {
        guard let broker = service?.broker, let mailbox else { return answer(StatusReport(self, []).json) }
        lastQuery += 1
        let query = lastQuery
        queries[query] = StatusQuery(answer: answer, expires: loop.now + Self.queryTimeout)
        broker.postToAll(.snapshot { _ = mailbox.post(.snapshot(query: query, $0)) })
    }

    func take(_ message: ControlMessage) {
        switch message {
        case .snapshot(let query, let snapshot):
            queries[query]?.snapshots.append(snapshot)
            guard let complete = queries[query], complete.snapshots.count == service?.broker.shards.count else {
                return
            }
            queries[query] = nil
            complete.answer(ControlProtocol.answer(StatusReport(self, complete.snapshots).json))
        }
    }

    func expireQueries(now: Int64) {
        for (number, query) in queries where query.expires <= now {
            queries[number] = nil
            query.answer(
                ControlProtocol.failure(
                    exit: ExitCode.failure,
                    ["only \(query.snapshots.count) of \(service?.broker.shards.count ?? 0) loops answered in time"]))
        }
    }
}

/// What `hookline status` shows.
struct StatusReport {
    let json: JSONValue

    init(_ supervisor: Supervisor, _ snapshots: [ShardSnapshot]) {
        var dropped: [JSONValue.Member] = []
        for (number, reason) in DropReason.allCases.enumerated() {
            let count = snapshots.reduce(0) { $0 &+ $1.counters.dropped[number] }
            if count > 0 { dropped.append(.init(name: reason.word, value: .number(Int(clamping: count)))) }
        }
        func sum(_ count: (ShardSnapshot) -> Int) -> JSONValue { .number(snapshots.reduce(0) { $0 + count($1) }) }
        func total(_ count: (ShardCounters) -> UInt64) -> JSONValue {
            .number(Int(clamping: snapshots.reduce(0) { $0 &+ count($1.counters) }))
        }
        func perQoS(_ count: (ShardCounters) -> (UInt64, UInt64, UInt64)) -> JSONValue {
            [total { count($0).0 }, total { count($0).1 }, total { count($0).2 }]
        }
        json = [
            "version": .string(HooklineVersion.text), "pid": .number(Int(getpid())),
            "state": .string(supervisor.isStopping ? "draining" : "ready"),
            "uptime": .number(Int((MonotonicClock.now - supervisor.started) / 1_000_000_000)),
            "config": .string(supervisor.running.source.description), "loops": .number(snapshots.count),
            "listeners": .array(
                (supervisor.service?.listeners ?? []).map {
                    [
                        "name": .string($0.open.name), "url": .string($0.open.url), "host": .string($0.open.host),
                        "port": .number($0.open.port),
                    ]
                }),
            "connections": sum(\.connections), "sessions": sum(\.sessions), "subscriptions": sum(\.subscriptions),
            // One store for all shards: each reports the whole.
            "retained_messages": .number(snapshots.map(\.retained).max() ?? 0),
            "queued_messages": sum(\.queuedMessages),
            "messages_received": perQoS(\.messagesReceived), "messages_sent": perQoS(\.messagesSent),
            "messages_dropped": .object(dropped),
            "bytes_received": total(\.bytesReceived), "bytes_sent": total(\.bytesSent),
            "plugins": supervisor.pluginReports,
        ]
    }
}
