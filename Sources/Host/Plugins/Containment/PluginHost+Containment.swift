import BrokerCore
import CContainment
import Configuration
import Glibc
import PluginABI

/// What happens when a plugin hangs, fails again and again, or has crashed the broker before.
extension PluginHost {
    /// Hooks that decide who gets in and who may what: without them nobody may.
    static let guards: Set<UInt32> = [
        HL_HOOK_AUTH_CONNECT, HL_HOOK_AUTH_EXCHANGE, HL_HOOK_ACL_PUBLISH, HL_HOOK_ACL_SUBSCRIBE, HL_HOOK_ACL_DELIVER,
    ]

    /// Begins to look at the threads.
    func startWatchdog() {
        let thresholds = HangTracker.Thresholds(context.environment.containment)
        let watchdog = Watchdog(thresholds) { [weak self] in self?.act($0) }
        state.withLock { $0.watchdog = watchdog }
    }

    /// Hooks as they are to be called: those of plugins that are stuck, and those whose breaker is open, come to their
    /// failure verdict at once. Under the lock of `state`.
    static func shielded(_ entries: [HookEntry], _ state: State, breakerLimit: Int) -> [HookEntry] {
        entries.compactMap { entry in
            let breaker = Breaker(number: entry.instance.number, hook: entry.hook)
            guard state.stuck.contains(entry.instance.number) || state.openBreakers.contains(breaker) else {
                var entry = entry
                entry.breaker = Self.breaker(of: breaker, state, limit: breakerLimit)
                return entry
            }
            // Events nobody takes are dropped.
            return entry.hook < 64 ? entry.leftOut : nil
        }
    }

    // MARK: Hangs

    /// On the watchdog's thread, which must not wait for a loop: one of them may be what hangs.
    private func act(_ verdict: HangTracker.Verdict) {
        switch verdict {
        case .report(let call, let took):
            tell(call, .warn, "plugin.hang", took, [(key: "stack", value: Watchdog.stack(of: call.thread))])
        case .stuck(let call, let took):
            tell(call, .error, "plugin.hang_stuck", took, [])
            setStuck(call, true)
        case .over(let call, let took, let wasStuck):
            if wasStuck { setStuck(call, false) }
            tell(call, .warn, "plugin.hang_over", took, [])
        case .abort(let call, let took):
            tell(call, .error, "plugin.hang_abort", took, [])
            let (id, generation) = owner(of: call).map { ($0.id, $0.generation) } ?? ("unknown", 0)
            // The log is another thread's: it is to say this before the process ends.
            context.log.close()
            Watchdog.abort(call, plugin: id, generation: generation)
        }
    }

    private func setStuck(_ call: WatchedCall, _ isStuck: Bool) {
        guard let instance = owner(of: call) else { return }
        let number = instance.number
        if isStuck { count(instance.id, \.hangs) }
        state.withLock { state in
            if isStuck { state.stuck.insert(number) } else { state.stuck.remove(number) }
            if isStuck, let trial = state.trials[instance.id], trial.new.instance === instance {
                state.stuckTrials.insert(instance.id)
            }
        }
        install {}
    }

    private func owner(of call: WatchedCall) -> PluginInstance? {
        state.read { state in
            (state.running + state.trials.values.map(\.old) + state.retiredHooks).map(\.instance)
                .first { UInt(bitPattern: $0.handle) == call.plugin }
                ?? state.retired.first { UInt(bitPattern: $0.handle) == call.plugin }
        }
    }

    private func tell(
        _ call: WatchedCall, _ level: PluginLogLevel, _ event: String, _ took: Int64,
        _ more: [(key: String, value: String)]
    ) {
        let instance = owner(of: call)
        context.log(
            level, instance?.id ?? "unknown", event, "",
            [
                (key: "in", value: call.step ?? "hook \(HookTable.name(of: call.hook))"),
                (key: "generation", value: "\(instance?.generation ?? 0)"),
                (key: "took", value: "\(took / 1_000_000)ms"),
                (key: "holds", value: call.isLoop ? "an event loop" : "a worker"),
            ] + more)
    }

    // MARK: Crashes

    /// Tells of the crash before this start. On the keeper's thread, before anything is loaded.
    func tellOfCrash() {
        guard let crash = context.environment.ledger?.latest else { return }
        context.log(
            .error, crash.plugin, "plugin.crashed", crash.words, [(key: "sha256", value: crash.sha256)])
    }

    /// Writes down what runs now.
    func noteRunning() {
        guard let ledger = context.environment.ledger else { return }
        ledger.note(
            state.read { state in
                (state.running + state.trials.values.map(\.old)).map { running in
                    (
                        running.instance.id, running.instance.generation, running.image.sha256,
                        Array(Set(running.entries.map(\.hook))).sorted()
                    )
                }
            })
    }

    /// What is loaded in the place of a file that has crashed the broker too often; nil: it has not.
    func standIn(_ entry: PluginEntry, _ file: StagedFile, _ context: ApplyContext) -> PluginImage? {
        guard let ledger = self.context.environment.ledger else { return nil }
        if context.byHand.contains(entry.id) { ledger.forgive(entry.id) }
        guard let crashes = ledger.verdict(entry.id, file.sha256) else { return nil }
        let hooks = Set(crashes.flatMap(\.hooks))
        // Who is not known to be harmless is taken for a guard.
        let isGuard = hooks.isEmpty || !hooks.isDisjoint(with: Self.guards)
        let entryPoint: hl_plugin_entry_fn = isGuard ? hc_quarantine_closed : hc_quarantine_open
        guard var image = try? PluginImage.describe(entryPoint, path: file.source) else { return nil }
        image.sha256 = file.sha256
        image.standsIn = true
        let words = crashes.last?.words ?? ""
        self.context.log(
            .error, entry.id, "plugin.quarantined",
            "\(file.source) has crashed the broker \(crashes.count) times, last: \(words); "
                + (isGuard ? "everything it would decide is refused" : "it is left out")
                + "; change the file, or insist with 'hookline plugins reload \(entry.id)'")
        return image
    }
}

/// One hook of one instance.
struct Breaker: Hashable, Sendable {
    var number: UInt64
    var hook: UInt32
}
