import BrokerCore
public import Configuration
import Glibc
public import PluginABI

/// Loads plugins, starts their instances in the order of plugins.yaml, and gives the event loops the hook table that
/// follows from them. Enabling, disabling, ordering, swapping and changing settings are all one thing: a new list of
/// entries, which is taken wholly or not at all (``apply(_:paths:renewing:verify:)``).
///
/// Everything may be called on any thread; what changes the list runs on one thread of the host's own, on which the
/// plugins' [control] functions run, one change after the other.
public final class PluginHost: Sendable {
    struct State {
        var running: [RunningPlugin] = []
        var numbers: [String: UInt64] = [:]
        var generations: [String: UInt32] = [:]
        /// Loads of a file that stay mapped, by path.
        var mappings: [String: Int] = [:]
        /// What has happened to each instance, by id.
        var counts: [String: PluginCounts] = [:]
        /// Their code, as far as nobody calls it any more.
        var resting: [RestingCode] = []
        var tableGeneration: UInt32 = 0
        /// Instances that were stopped, or whose start failed: a stray thread of theirs may still call the host.
        var retired: [PluginInstance] = []
        var retiredHooks: [RunningPlugin] = []
        /// Generations that were replaced and stay warm while their successors are on trial, by id.
        var trials: [String: Trial] = [:]
        /// Why the newest file of an instance does not run, by id.
        var refusals: [String: Refusal] = [:]
        /// Watches of files, by id.
        var follows: [String: Follow] = [:]
        /// Watches of files that an edit names which was refused, by path.
        var awaited: [String: AwaitedFile] = [:]
        var watchdog: Watchdog?
        /// Ids of instances that the broker itself stands on (its store): they stay as long as it runs.
        var heldByBroker: Set<String> = []
        /// Numbers of instances of which a call does not return to its event loop.
        var stuck: Set<UInt64> = []
        /// Ids whose generation on trial was stuck.
        var stuckTrials: Set<String> = []
        /// Hooks that are left out because they did nothing but fail.
        var openBreakers: Set<Breaker> = []
        /// Hooks that are asked again after their breaker was open.
        var probedBreakers: Set<Breaker> = []
        /// Calls over budget by instance number as they were told last.
        var overrunsTold: [UInt64: UInt64] = [:]
        /// How the last generation that passed its trial behaved, by id.
        var conduct: [String: TrialRecord] = [:]
        /// When hooks were last wanted as metrics, monotonic ns; nil: nobody samples them.
        var samplesWanted: Int64?
        /// Who wants hooks to be measured.
        var measurers = 0
        /// Files that came through their rehearsal, with the settings they had.
        var rehearsed: Set<String> = []
        /// What the last change was made with.
        var lastContext: ApplyContext?
    }

    let context: PluginContext
    let search: PluginSearch
    let builtins: [String: hl_plugin_entry_fn]
    let state = Monitor(State())
    /// The thread of every change.
    let keeper = SerialThread("hl-plugins")
    /// Of the host's own watches of files.
    let followGroup = WorkGroup()

    /// How long a plugin may take to end what it is doing when it is stopped.
    private static let drainNanoseconds: Int64 = 5_000_000_000

    /// - Parameter builtins: entries of plugins that are linked into the executable (HL_STATIC_PLUGIN), by name; they
    ///   are configured as `plugin: builtin:name`.
    public init(_ environment: PluginEnvironment, builtins: [String: hl_plugin_entry_fn] = [:]) {
        context = PluginContext(environment)
        search = PluginSearch(pluginDirectories: environment.pluginDirectories)
        self.builtins = builtins
        startWatchdog()
        context.observation.withLock { observation in
            observation.statuses = { [weak self] in self?.statuses ?? [] }
            observation.wanted = { [weak self] in self?.sampleHooks() }
        }
        keeper.async { [weak self] in
            self?.tellOfCrash()
            self?.watchOverruns()
        }
    }

    /// All registrations of what runs now, in hook order.
    public var statuses: [PluginStatus] {
        let state = state.read { $0 }
        return state.running.map { running in
            let id = running.instance.id
            var status = PluginStatus(running, trial: state.trials[id], refusal: state.refusals[id])
            status.mapped = state.mappings[running.path] ?? 0
            status.counts = state.counts[id] ?? PluginCounts()
            status.isStuck = state.stuck.contains(running.instance.number)
            status.leftOut = state.openBreakers.filter { $0.number == running.instance.number }
                .map { HookTable.name(of: $0.hook) }.sorted()
            return status
        }
    }

    /// Starts all enabled entries and installs their hook table. When one fails, nothing has happened.
    public func start(_ entries: [PluginEntry], paths: PathBase) throws(ConfigurationErrors) {
        _ = try apply(entries, paths: paths)
    }

    /// Stops everything, in reverse order, and ends all threads. Nothing can be started afterwards.
    public func stop() {
        keeper.sync { [self] in
            let (running, trials) = state.withLock { state in
                defer { (state.running, state.trials) = ([], [:]) }
                return (state.running, state.trials)
            }
            guard !running.isEmpty else { return }
            install()
            ThreadKind.with(.control) {
                for plugin in running.reversed() { retire(plugin, isLast: true) }
                for trial in trials.values { retire(trial.old, isLast: true) }
            }
        }
        keeper.stop()
        state.read { $0.watchdog }?.stop()
        context.stop()
    }

    /// A service that a plugin offers, for the broker itself. Its plugin is not stopped before `release`. [any]
    func acquire(_ service: String) -> (offer: ProvidedServices.Offer, release: @Sendable () -> Void)? {
        context.provided.acquire(service, for: nil).map { offer, ticket in
            let id = offer.provider.id
            state.withLock { _ = $0.heldByBroker.insert(id) }
            return (
                offer,
                { [provided = context.provided, state] in
                    state.withLock { _ = $0.heldByBroker.remove(id) }
                    provided.release(ticket)
                }
            )
        }
    }

    func count(_ id: String, _ what: WritableKeyPath<PluginCounts, UInt64> & Sendable) {
        state.withLock { $0.counts[id, default: PluginCounts()][keyPath: what] += 1 }
    }

    // MARK: Hook tables

    /// Makes the table of what runs now, hands it out, and waits until nobody uses an older one.
    func install() {
        let isInUse = Monitor(false)
        install { isInUse.withLock { $0 = true } }
        _ = isInUse.wait { isDone, _ in isDone ? true : nil }
    }

    /// Makes the table of what runs now and hands it out.
    func install(then inUse: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.tableGeneration &+= 1
            let table = HookTable(
                generation: state.tableGeneration,
                entries: Self.shielded(
                    state.running.flatMap(\.entries), state,
                    breakerLimit: context.environment.containment.breakerFailures))
            // Under the lock, so that two tables cannot overtake each other.
            context.environment.install(table, inUse)
        }
    }

    /// Stops an instance that no hook table has any more. [control]
    /// - Parameter isLast: nobody waits for its answers, for the broker ends.
    func retire(_ running: RunningPlugin, isLast: Bool = false) {
        let deadline = monotonicNow() + PluginHost.drainNanoseconds
        let isGone = running.instance.stop(running, deadline: deadline, finishesCalls: !isLast)
        guard isGone, running.image.handle != nil else {
            state.withLock { state in
                state.retired.append(running.instance)
                state.retiredHooks.append(running)
            }
            return keepMapped(running.image)
        }
        // Its code is unmapped: no thread that could still call the host can be left.
        running.image.unload()
    }
}

extension PluginStatus {
    fileprivate init(_ running: RunningPlugin, trial: Trial?, refusal: Refusal?) {
        let instance = running.instance
        let health = instance.health
        let names = ["ready", "starting", "degraded", "failed"]
        self.init(
            id: instance.id, plugin: instance.description.id, version: instance.description.version,
            path: running.path, generation: instance.generation,
            health: Int(health.level) < names.count ? names[Int(health.level)] : "unknown", healthText: health.text,
            addresses: instance.state.withLock { $0.addresses },
            hooks: running.entries.map { HookTable.name(of: $0.hook) }, failures: running.hooks.failures,
            pending: running.hooks.pendingCalls, droppedEvents: running.hooks.events.dropped)
        number = instance.number
        hookFailures = running.hooks.failuresByHook
        accounts = instance.accounts(running.hooks)
        overruns = running.hooks.overruns
        sha256 = running.image.sha256
        trialEnds = trial?.ends
        refused = refusal?.reason
    }
}
