import BrokerCore
import Configuration

/// What `hookline plugins` shows.
extension Supervisor {
    /// How long hooks are measured, nanoseconds.
    private static let measuringTime: Int64 = 1_000_000_000

    /// The plugins in the order in which they are asked, each with its hooks, its state and what it holds.
    var pluginReports: JSONText {
        .array((service?.pluginStatuses ?? []).map(Self.report))
    }

    /// Measures for a while, then answers with what every hook of every plugin did and cost meanwhile.
    func measurePlugins(_ answer: @escaping (ControlAnswer) -> Void) {
        guard let service, let mailbox else { return answer(.done([("plugins", [])])) }
        lastQuery += 1
        let query = lastQuery
        measurements[query] = answer
        service.measurePlugins(for: Self.measuringTime) { _ = mailbox.post(.measured(query, $0)) }
    }

    /// The measuring is over.
    func take(_ measures: [HookMeasure], of query: UInt64) {
        guard let answer = measurements.removeValue(forKey: query) else { return }
        let seconds = Double(Self.measuringTime) / 1e9
        let statuses = service?.pluginStatuses ?? []
        let hooks = measures.compactMap { measure -> JSONText? in
            guard let status = statuses.first(where: { $0.number == measure.instance }) else { return nil }
            return Self.report(measure, of: status, seconds)
        }
        answer(.done([("seconds", .number(seconds)), ("hooks", .array(hooks)), ("plugins", pluginReports)]))
    }

    private static func report(_ measure: HookMeasure, of status: PluginStatus, _ seconds: Double) -> JSONText {
        func microseconds(_ nanoseconds: Int64?) -> JSONText {
            nanoseconds.map { .number(Double($0) / 1000) } ?? .null
        }
        let mean = measure.calls == 0 ? nil : Int64(measure.nanoseconds / measure.calls)
        return [
            "id": .string(status.id), "generation": JSONText(measure.generation),
            "hook": .string(HookTable.name(of: measure.hook)), "on": measure.isOnWorkers ? "worker" : "loop",
            "calls": JSONText(measure.calls),
            "calls_per_second": .number(Double(measure.calls) / seconds), "denied": JSONText(measure.denied),
            "failed": JSONText(measure.failed), "pended": JSONText(measure.pended), "mean_us": microseconds(mean),
            "p50_us": microseconds(measure.quantile(0.5)), "p99_us": microseconds(measure.quantile(0.99)),
        ]
    }

    private static func report(_ plugin: PluginStatus) -> JSONText {
        let accounts = plugin.accounts
        return [
            "id": .string(plugin.id), "plugin": .string(plugin.plugin), "version": .string(plugin.version),
            "path": .string(plugin.path), "generation": JSONText(plugin.generation), "sha256": .string(plugin.sha256),
            "health": .string(plugin.health), "health_text": .string(plugin.healthText),
            "on_trial": .boolean(plugin.trialEnds != nil), "refused": plugin.refused.map { .string($0) } ?? .null,
            "stuck": .boolean(plugin.isStuck), "left_out": .array(plugin.leftOut.map { .string($0) }),
            "addresses": .object(plugin.addresses.map { (key: $0.name, value: .string($0.url)) }),
            "hooks": .array(plugin.hooks.map { .string($0) }), "failures": JSONText(plugin.failures),
            "over_budget": JSONText(plugin.overruns),
            "pending": JSONText(plugin.pending), "dropped_events": JSONText(plugin.droppedEvents),
            "mapped": JSONText(plugin.mapped),
            "counts": [
                "reloads": JSONText(plugin.counts.reloads), "refusals": JSONText(plugin.counts.refusals),
                "roll_backs": JSONText(plugin.counts.rollBacks),
                "breaker_openings": JSONText(plugin.counts.breakerOpenings), "hangs": JSONText(plugin.counts.hangs),
            ],
            "accounts": [
                "memory": JSONText(accounts.memory), "timers": JSONText(accounts.timers),
                "watches": JSONText(accounts.watches), "descriptors": JSONText(accounts.descriptors),
                "threads": JSONText(accounts.threads), "events": JSONText(accounts.events),
                "retained": JSONText(accounts.retained),
                "services": JSONText(accounts.services), "consumers": JSONText(accounts.consumers),
            ],
        ]
    }
}
