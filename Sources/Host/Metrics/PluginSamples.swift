import BrokerCore

/// The numbers of plugins as metrics.
enum PluginSamples {
    static func make(_ statuses: [PluginStatus], _ metrics: HostMetrics) -> [MetricSample] {
        info(statuses) + failures(statuses) + reloads(statuses) + hooks(metrics)
    }

    private static func info(_ statuses: [PluginStatus]) -> [MetricSample] {
        statuses.flatMap { status -> [MetricSample] in
            let label = (name: "plugin", value: status.id)
            return [
                .gauge(
                    "hookline_plugin_info", "A plugin that runs; always 1.", 1, label, ("version", status.version),
                    ("generation", "\(status.generation)"), ("state", status.health)),
                .gauge(
                    "hookline_plugin_pending_calls", "Hook calls that wait for the plugin's answer.", status.pending,
                    label),
                .counter(
                    "hookline_plugin_dropped_events_total", "Events the plugin was too slow for.",
                    status.droppedEvents, label),
            ]
        }
    }

    private static func failures(_ statuses: [PluginStatus]) -> [MetricSample] {
        let failures = statuses.flatMap { status in
            status.hookFailures.map { failure in
                MetricSample.counter(
                    "hookline_hook_failures_total", "Hook calls that ended in an error or too late.", failure.count,
                    ("plugin", status.id), ("hook", HookTable.name(of: failure.hook)), ("kind", failure.kind.word))
            }
        }
        let all = MetricSample.counter(
            "hookline_errors_total", "What went wrong, whoever caused it.", statuses.reduce(0) { $0 + $1.failures },
            ("kind", "plugin_failure"))
        return failures + [all]
    }

    private static func reloads(_ statuses: [PluginStatus]) -> [MetricSample] {
        let help = "Changes of a plugin's code or settings while the broker ran."
        return statuses.flatMap { status -> [MetricSample] in
            let label = (name: "plugin", value: status.id)
            let results = [
                ("succeeded", status.counts.reloads), ("refused", status.counts.refusals),
                ("rolled_back", status.counts.rollBacks),
            ]
            let changes = results.map { result, count in
                MetricSample.counter("hookline_plugin_reloads_total", help, count, label, ("result", result))
            }
            return changes + [
                .counter(
                    "hookline_plugin_breakers_opened_total", "Hooks left out because they did nothing but fail.",
                    status.counts.breakerOpenings, label),
                .counter(
                    "hookline_plugin_hangs_total", "Calls that held an event loop for too long.", status.counts.hangs,
                    label),
            ]
        }
    }

    private static func hooks(_ metrics: HostMetrics) -> [MetricSample] {
        metrics.hooks.map { key, measure in
            MetricSample.histogram(
                "hookline_hook_duration_seconds",
                "Time in the plugin of each call of a deciding hook, in a tenth of a second of every ten seconds.",
                places: measure.durations, sum: Double(measure.nanoseconds) / 1e9, from: 7, to: 33,
                bound: { Double(UInt64(1) << UInt64($0)) / 1e9 },
                [("plugin", key.plugin), ("hook", HookTable.name(of: key.hook))])
        }
    }
}
