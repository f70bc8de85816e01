import BrokerCore
public import Configuration
import Glibc
public import PluginABI

/// Loads plugins, starts their instances in the order of plugins.yaml, and gives the event loops the hook table that
/// follows from them. Enabling, disabling, ordering, swapping and changing settings are all one thing: a new list of
/// entries, which is taken wholly or not at all (``apply(_:paths:renewing:verify:)``).
///
/// `apply` and `stop` are for one thread (the one that the plugins' [control] functions run on) and block; everything
/// else may be called on any thread.
public final class PluginHost: Sendable {
    struct State {
        var running: [RunningPlugin] = []
        var numbers: [String: UInt64] = [:]
        var generations: [String: UInt32] = [:]
        var tableGeneration: UInt32 = 0
        /// Instances that were stopped, or whose start failed: a stray thread of theirs may still call the host.
        var retired: [PluginInstance] = []
        var retiredHooks: [RunningPlugin] = []
    }

    let context: PluginContext
    let search: PluginSearch
    let builtins: [String: hl_plugin_entry_fn]
    let state = Monitor(State())

    /// How long a plugin may take to end what it is doing when it is stopped.
    private static let drainNanoseconds: Int64 = 5_000_000_000

    /// - Parameter builtins: entries of plugins that are linked into the executable (HL_STATIC_PLUGIN), by name; they
    ///   are configured as `plugin: builtin:name`.
    public init(_ environment: PluginEnvironment, builtins: [String: hl_plugin_entry_fn] = [:]) {
        context = PluginContext(environment)
        search = PluginSearch(pluginDirectories: environment.pluginDirectories)
        self.builtins = builtins
    }

    /// All registrations of what runs now, in hook order.
    public var statuses: [PluginStatus] { state.read { $0.running.map(PluginStatus.init) } }

    /// Checks all entries without starting anything: files, versions, settings. Runs the entry function of each plugin
    /// and nothing else of it.
    /// - Throws: everything that is wrong, in one go.
    public func check(_ entries: [PluginEntry], paths: PathBase) throws(ConfigurationErrors) {
        _ = try loadAll(entries, paths: paths)
    }

    /// Starts all enabled entries and installs their hook table. When one fails, nothing has happened.
    public func start(_ entries: [PluginEntry], paths: PathBase) throws(ConfigurationErrors) {
        _ = try apply(entries, paths: paths)
    }

    /// Stops everything, in reverse order, and ends all threads. Nothing can be started afterwards.
    public func stop() {
        let running = state.withLock { state in
            defer { state.running = [] }
            return state.running
        }
        if !running.isEmpty {
            install()
            ThreadKind.with(.control) { for plugin in running.reversed() { retire(plugin) } }
        }
        context.stop()
    }

    /// A service that a plugin offers, for the broker itself. Its plugin is not stopped before `release`. [any]
    func acquire(_ service: String) -> (offer: ProvidedServices.Offer, release: @Sendable () -> Void)? {
        context.provided.acquire(service, for: nil).map { offer, ticket in
            (offer, { [provided = context.provided] in provided.release(ticket) })
        }
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
            let table = HookTable(generation: state.tableGeneration, entries: state.running.flatMap(\.entries))
            // Under the lock, so that two tables cannot overtake each other.
            context.environment.install(table, inUse)
        }
    }

    /// Stops an instance that no hook table has any more. [control]
    func retire(_ running: RunningPlugin) {
        running.instance.stop(running, deadline: monotonicNow() + PluginHost.drainNanoseconds)
        state.withLock { state in
            state.retired.append(running.instance)
            state.retiredHooks.append(running)
        }
    }
}

extension PluginStatus {
    fileprivate init(_ running: RunningPlugin) {
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
    }
}
