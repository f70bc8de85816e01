import BrokerCore
import Configuration
import PluginABI

/// New code on trial, and the way back.
extension PluginHost {
    /// How often a trial is looked at.
    private static let trialInterval: Int64 = 100_000_000

    /// An instance was taken out of the hook table: it is retired, or kept warm while its successor is on trial.
    /// [control]
    func replaced(_ old: RunningPlugin, by successor: RunningPlugin?) {
        let id = old.instance.id
        let earlier = state.withLock { $0.trials.removeValue(forKey: id) }
        if let earlier { retire(earlier.old) }
        state.withLock { $0.refusals[id] = nil }
        guard let successor else { return retire(old) }
        let length = successor.entry.reload.merged(with: context.environment.reload).probation.nanoseconds
        // Only code is on trial: who gives other settings means them.
        guard length > 0, !old.image.sha256.isEmpty, old.image.sha256 != successor.image.sha256 else {
            sayReloaded(old, successor)
            return retire(old)
        }
        context.timers.pause(old.instance.group)
        let conduct = state.read { $0.conduct[id] }
        let trial = Trial(old: old, new: successor, ends: monotonicNow() &+ length, baseline: conduct ?? TrialRecord())
        state.withLock { $0.trials[id] = trial }
        beginMeasuring()
        watchTrial(id, successor.instance.generation)
        sayReloaded(old, successor)
    }

    private func sayReloaded(_ old: RunningPlugin, _ successor: RunningPlugin) {
        count(old.instance.id, \.reloads)
        context.log(
            .info, old.instance.id, "plugin.reloaded", "",
            [
                (key: "generation", value: "\(successor.instance.generation)"),
                (key: "replaced", value: "\(old.instance.generation)"), (key: "file", value: successor.path),
            ])
    }

    private func watchTrial(_ id: String, _ generation: UInt32) {
        keeper.async(at: monotonicNow() + Self.trialInterval) { [weak self] in
            guard let host = self else { return }
            // A table that came meanwhile is not measured before somebody says so.
            host.context.environment.measure(true) { measures in
                host.keeper.async { host.lookAtTrial(id, generation, measures) }
            }
        }
    }

    /// On the keeper's thread.
    private func lookAtTrial(_ id: String, _ generation: UInt32, _ measures: [HookMeasure]) {
        guard let trial = state.read({ $0.trials[id] }), trial.new.instance.generation == generation else {
            return endMeasuring()
        }
        var record = Self.record(measures, of: trial.new)
        record.isStuck = state.withLock { $0.stuckTrials.remove(id) != nil }
        if let reason = TrialJudge.breach(of: record, against: trial.baseline) {
            endMeasuring()
            rollBack(id, reason)
            return
        }
        guard monotonicNow() >= trial.ends else { return watchTrial(id, generation) }
        endMeasuring()
        let settled = record
        state.withLock { state in
            state.trials[id] = nil
            state.conduct[id] = settled
        }
        context.log(.info, id, "plugin.trial_passed", "", [(key: "generation", value: "\(generation)")])
        ThreadKind.with(.control) { retire(trial.old) }
    }

    /// Puts the generation before the newest one back. On the keeper's thread.
    /// - Returns: false when there is none that is warm.
    @discardableResult
    func rollBack(_ id: String, _ reason: String) -> Bool {
        let trial = state.withLock { state -> Trial? in
            guard let trial = state.trials.removeValue(forKey: id),
                let place = state.running.firstIndex(where: { $0.instance === trial.new.instance })
            else { return nil }
            state.running[place] = trial.old
            PluginHost.forgetBreakers(of: trial.old.instance.number, &state)
            state.refusals[id] = Refusal(
                reason: "taken back after it ran: \(reason)", sha256: trial.new.image.sha256, isQuarantined: true)
            return trial
        }
        guard let trial else { return false }
        count(id, \.rollBacks)
        context.timers.resume(trial.old.instance.group)
        install()
        context.log(
            .error, id, "plugin.rolled_back", "",
            [
                (key: "from", value: "\(trial.new.instance.generation)"),
                (key: "to", value: "\(trial.old.instance.generation)"), (key: "reason", value: reason),
                (key: "file", value: trial.new.path),
            ])
        noteRunning()
        ThreadKind.with(.control) { retire(trial.new) }
        return true
    }
}
