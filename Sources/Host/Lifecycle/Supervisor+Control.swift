import BrokerCore
import Configuration
import Glibc
import Reactor

/// A status request that waits for the shards.
struct StatusQuery {
    let answer: (ControlAnswer) -> Void
    /// Host clock, ns: a loop that does not answer by then is in trouble, and the request says so.
    let expires: Int64
    var snapshots: [ShardSnapshot] = []
}

extension Supervisor: ControlCommands {
    /// A loop answers within a turn; one that is this late is stuck.
    private static let queryTimeout: Int64 = 5_000_000_000

    func perform(_ request: ControlRequest, answer: @escaping (ControlAnswer) -> Void) {
        do throws(UsageError) {
            switch request.command {
            case .status: askShards(answer)
            case .health: checkHealth(answer)
            case .ready: answer(readiness.answer)
            case .plugins: answer(.done([("plugins", pluginReports)]))
            case .top: measurePlugins(answer)
            case .listeners: answer(listenerReport)
            case .config: answer(.done(ConfigurationJSON.members(running, isKept: keepsOverlay)))
            case .clients, .sessions: try listSessions(request.parameters, answer)
            case .client, .session: try showSession(request.parameters, answer)
            case .subscriptions: try listSubscriptions(request.parameters, answer)
            case .topics: try listTopics(request.parameters, answer)
            case .topic: try showTopic(request.parameters, answer)
            case .retained: answer(try listRetained(request.parameters))
            case .retainedMessage: answer(try showRetained(request.parameters))
            default: try change(request, answer)
            }
        } catch {
            answer(.refused(error.description, .invalid))
        }
    }

    /// The commands after which something is another.
    private func change(
        _ request: ControlRequest, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        switch request.command {
        case .reload:
            if let name = request.name { reloadPlugin(name, answer: answer) } else { reload(answer: answer) }
        case .enable: try switchPlugin(request.parameters, on: true, answer)
        case .disable: try switchPlugin(request.parameters, on: false, answer)
        case .log: answer(try askLog(request.parameters))
        case .configSet: try setSetting(request.parameters, answer)
        case .configReset: try resetSetting(request.parameters, answer)
        case .disconnect: try disconnectClient(request.parameters, answer)
        case .deleteSession: try deleteSession(request.parameters, answer)
        case .deleteRetained: try deleteRetained(request.parameters, answer)
        case .testReset: resetForTest(answer)
        case .testSettle: settleForTest(answer)
        case .stop:
            answer(.done([("state", "draining")]))
            requestStop()
        default: throw UsageError("'\(request.command.rawValue)' changes nothing")
        }
    }

    /// `health`: every loop answers, whatever the broker is about to do.
    private func checkHealth(_ answer: @escaping (ControlAnswer) -> Void) {
        let state = readiness.report.status
        collect(answer) { broker, finish in
            PageWalk.everywhere(broker, { _ in }) { _ in
                finish { .done([("status", "ok"), ("state", .string(state))]) }
            }
        }
    }

    /// `listeners`
    private var listenerReport: ControlAnswer {
        let items = (service?.listeners ?? []).map { listener -> JSONText in
            [
                "name": .string(listener.open.name), "url": .string(listener.open.url),
                "host": .string(listener.open.host), "port": JSONText(listener.open.port),
                "tls": .boolean(listener.configuration.tls != nil),
                "allow_anonymous": .boolean(listener.configuration.allowsAnonymous),
            ]
        }
        return .done([("items", .array(items)), ("next_cursor", .null), ("total", JSONText(items.count))])
    }

    private func askShards(_ answer: @escaping (ControlAnswer) -> Void) {
        guard let broker = service?.broker, let mailbox else { return answer(.done(status(of: []))) }
        lastQuery += 1
        let query = lastQuery
        queries[query] = StatusQuery(answer: answer, expires: loop.now + Self.queryTimeout)
        broker.postToAll(.snapshot { _ = mailbox.post(.snapshot(query: query, $0)) })
    }

    func take(_ message: ControlMessage) {
        switch message {
        case .snapshot(let number, let snapshot):
            queries[number]?.snapshots.append(snapshot)
            guard let query = queries[number], query.snapshots.count == service?.broker.shards.count else { return }
            queries[number] = nil
            query.answer(.done(status(of: query.snapshots)))
        case .finished(let query, let make): waiting.removeValue(forKey: query)?.answer(make())
        case .applied(let number, let result): applications.removeValue(forKey: number)?(result)
        case .measured(let query, let measures): take(measures, of: query)
        case .administer(let request, let answer):
            let command: ControlRequest =
                switch request {
                case .status: ControlRequest(.status)
                case .reload(let name): ControlRequest(.reload, name: name)
                case .command(let command): command
                }
            perform(command) { said in
                answer(AdministrationAnswer(said))
            }
        }
    }

    func expireQueries(now: Int64) {
        for (number, query) in queries where query.expires <= now {
            queries[number] = nil
            let loops = service?.broker.shards.count ?? 0
            query.answer(
                .refused(
                    "only \(query.snapshots.count) of \(loops) loops answered in time", .unavailable))
        }
    }
}

/// What `hookline status` shows.
extension Supervisor {
    private func status(of snapshots: [ShardSnapshot]) -> [(key: String, value: JSONText)] {
        func sum(_ count: (ShardSnapshot) -> Int) -> JSONText { JSONText(snapshots.reduce(0) { $0 + count($1) }) }
        func total(_ count: (ShardCounters) -> UInt64) -> JSONText {
            JSONText(snapshots.reduce(0) { $0 &+ count($1.counters) })
        }
        func perQoS(_ count: (ShardCounters) -> (UInt64, UInt64, UInt64)) -> JSONText {
            [total { count($0).0 }, total { count($0).1 }, total { count($0).2 }]
        }
        let dropped = DropReason.allCases.enumerated().map { number, reason in
            (key: reason.word, value: total { $0.dropped[number] })
        }
        let tolerated = ToleratedFault.allCases.enumerated().map { number, fault in
            (key: fault.word, value: total { $0.tolerated[number] })
        }
        return [
            ("version", .string(HooklineVersion.text)), ("pid", JSONText(getpid())),
            ("test_mode", .boolean(options.isTestMode)),
            ("state", .string(readiness.report.status)),
            ("uptime", JSONText((MonotonicClock.now - started) / 1_000_000_000)),
            ("config", .string(running.source.description)), ("loops", JSONText(snapshots.count)),
            ("listeners", .object((service?.listeners ?? []).map { (key: $0.open.name, value: $0.open.json) })),
            ("connections", sum(\.connections)),
            ("connections_waiting", JSONText(service?.gateCounts.waiting ?? 0)),
            ("connections_delayed", JSONText(service?.gateCounts.delayed ?? 0)),
            ("connections_refused", JSONText(service?.gateCounts.refused ?? 0)), ("sessions", sum(\.sessions)),
            ("subscriptions", sum(\.subscriptions)),
            // One store for all shards: each reports the whole.
            ("retained_messages", JSONText(snapshots.map(\.retained).max() ?? 0)),
            ("queued_messages", sum(\.queuedMessages)),
            ("messages_received", perQoS(\.messagesReceived)), ("messages_sent", perQoS(\.messagesSent)),
            ("messages_dropped", .object(dropped.filter { $0.value != 0 })),
            ("faults_tolerated", .object(tolerated.filter { $0.value != 0 })),
            ("bytes_received", total(\.bytesReceived)), ("bytes_sent", total(\.bytesSent)),
            ("plugins", pluginReports),
        ]
    }
}
