import BrokerCore

/// Circuit breakers: a hook that does nothing but fail is left out for a while. What runs well pays nothing for this:
/// the failures of an instance are counted anyway, and only where they grow are the calls looked at one by one.
extension PluginHost {
    /// How long calls are looked at, and how often failures are compared.
    private static let breakerInterval: Int64 = 100_000_000

    /// Begins to look. On the keeper's thread.
    func watchFailures() {
        guard context.environment.containment.breakerFailures > 0 else { return }
        keeper.async(at: monotonicNow() + Self.breakerInterval) { [weak self] in self?.compareFailures() }
    }

    private func compareFailures() {
        let limit = UInt64(context.environment.containment.breakerFailures)
        let (now, before, isProbing) = state.read { state in
            let now = state.running.map { (Breaker(number: $0.instance.number, hook: 0), $0.hooks.failures) }
            return (Dictionary(now) { $1 }, state.failuresSeen, !state.probedBreakers.isEmpty)
        }
        state.withLock { $0.failuresSeen = now }
        tellOverruns()
        let grows = now.contains { breaker, failures in failures >= (before[breaker] ?? 0) &+ limit }
        guard grows || isProbing else { return watchFailures() }
        beginMeasuring()
        keeper.async(at: monotonicNow() + Self.breakerInterval) { [weak self] in
            guard let host = self else { return }
            host.endMeasuring { measures in
                host.keeper.async {
                    host.judge(PluginHost.merged(measures), limit)
                    host.watchFailures()
                }
            }
        }
    }

    /// Says who takes longer on an event loop than it may, with a line per instance in ten seconds at most.
    private func tellOverruns() {
        let time = monotonicNow()
        let told = state.withLock { state in
            guard time >= state.overrunsToldAt &+ 10_000_000_000 else { return [(RunningPlugin, UInt64)]() }
            var told: [(RunningPlugin, UInt64)] = []
            for running in state.running {
                let (number, count) = (running.instance.number, running.hooks.overruns)
                let before = state.overrunsTold[number] ?? 0
                // A new generation counts from zero.
                if count > before { told.append((running, count - before)) }
                state.overrunsTold[number] = count
            }
            state.overrunsToldAt = time
            return told
        }
        for (running, count) in told {
            context.log(
                .warn, running.instance.id, "plugin.over_budget",
                "calls on event loops took longer than the hook's deadline; plugins top shows which",
                [(key: "calls", value: "\(count)")])
        }
    }

    private func judge(_ measures: [HookMeasure], _ limit: UInt64) {
        for measure in measures where measure.calls > 0 {
            let breaker = Breaker(number: measure.instance, hook: measure.hook)
            let isProbed = state.read { $0.probedBreakers.contains(breaker) }
            // On probation one failure is enough.
            if measure.failed > 0, isProbed || measure.failed == measure.calls && measure.failed >= limit {
                open(breaker, measure.failed)
            } else if isProbed, measure.failed == 0 {
                state.withLock { _ = $0.probedBreakers.remove(breaker) }
                tell(.info, "plugin.breaker_closed", breaker, [])
            }
        }
    }

    private func open(_ breaker: Breaker, _ failures: UInt64) {
        state.withLock { state in
            state.openBreakers.insert(breaker)
            state.probedBreakers.remove(breaker)
        }
        install {}
        tell(.warn, "plugin.breaker_open", breaker, [(key: "failures", value: "\(failures)")])
        let pause = context.environment.containment.breakerPause.nanoseconds
        keeper.async(at: monotonicNow() &+ pause) { [weak self] in
            guard let host = self else { return }
            host.state.withLock { state in
                state.openBreakers.remove(breaker)
                state.probedBreakers.insert(breaker)
            }
            host.install {}
        }
    }

    private func tell(
        _ level: PluginLogLevel, _ event: String, _ breaker: Breaker, _ more: [(key: String, value: String)]
    ) {
        let id = state.read { state in state.running.first { $0.instance.number == breaker.number }?.instance.id }
        context.log(
            level, id ?? "unknown", event, "", [(key: "hook", value: HookTable.name(of: breaker.hook))] + more)
    }
}
