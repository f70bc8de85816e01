/// Budgets: who takes longer on an event loop than its hooks may is named in the log.
extension PluginHost {
    /// Nanoseconds between two lines about one instance, at least.
    private static let overrunInterval: Int64 = 10_000_000_000

    /// Begins to compare. On the keeper's thread.
    func watchOverruns() {
        keeper.async(at: monotonicNow() &+ Self.overrunInterval) { [weak self] in
            self?.tellOverruns()
            self?.watchOverruns()
        }
    }

    private func tellOverruns() {
        let told = state.withLock { state in
            var told: [(RunningPlugin, UInt64)] = []
            for running in state.running {
                let (number, count) = (running.instance.number, running.hooks.overruns)
                let before = state.overrunsTold[number] ?? 0
                // A new generation counts from zero.
                if count > before { told.append((running, count - before)) }
                state.overrunsTold[number] = count
            }
            return told
        }
        for (running, count) in told {
            context.log(
                .warn, running.instance.id, "plugin.over_budget",
                "calls on event loops took longer than the hook's deadline; plugins top shows which",
                [(key: "calls", value: "\(count)")])
        }
    }
}
