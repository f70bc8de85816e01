import BrokerCore
import CContainment
import Configuration
import PluginABI
import PositionedYAML
import Reactor

/// The serving part of the process: the broker, its loops and its listeners. Used on the control thread.
final class BrokerService {
    /// Most loops the core allows.
    private static let maximumLoops = 64

    let broker: Broker
    /// Open listeners; empty once the broker drains.
    private(set) var listeners: [BoundListener]
    private let gate: AcceptGate
    let loops: LoopGroup
    /// For plugins that speak for clients of other protocols.
    let inside: InsideConnections
    let log: Log
    /// What is counted of the process beside its shards.
    let metrics: HostMetrics
    private let announcements: AnnouncementFiles
    /// Held as long as the broker runs; nil for an ephemeral one.
    private let runDirectory: ClaimedRunDirectory?
    private var staging: StagingDirectory?
    private(set) var plugins: PluginHost?
    /// What must survive the process, from the moment it is being read; nil: nothing does.
    var loading: StoreLoading?
    /// The entry of the plugin that keeps it.
    var storeEntry: PluginEntry?
    private let isChecking: Bool
    private let builtins: [String: hl_plugin_entry_fn]
    private let administer: Administer
    let readiness: Readiness

    /// How plugins ask for what an operator can ask for; see ``BrokerPort``.
    typealias Administer =
        @Sendable (AdministrationRequest, @escaping @Sendable (AdministrationAnswer) -> Void) -> Bool

    /// Makes broker and loops; nobody is served before ``start()``.
    init(
        configuration: ServerConfiguration, listeners: [BoundListener], log: Log, control: EventLoop,
        announcements: AnnouncementFiles, runDirectory: ClaimedRunDirectory?, isChecking: Bool = false,
        builtins: [String: hl_plugin_entry_fn] = [:], administer: @escaping Administer = { _, _ in false },
        readiness: Readiness = Readiness()
    ) throws(SystemError) {
        let threads = configuration.broker.threads > 0 ? configuration.broker.threads : AvailableCPUs.count()
        let limits = configuration.broker.limits
        var entropy = SystemRandomNumberGenerator()
        broker = Broker(
            settings: BrokerSettings(configuration.broker),
            listeners: configuration.listeners.map { ListenerSettings($0, configuration.broker.mqtt) },
            shardCount: min(Self.maximumLoops, threads), seed: entropy.next())
        gate = AcceptGate(
            maximumConnections: min(limits.maxConnections, DescriptorLimit.connections),
            pace: limits.connectRatePerIP.map { rate in
                .init(
                    count: rate.count, interval: rate.interval.nanoseconds, queueCapacity: limits.connectQueue,
                    longestWait: limits.connectQueueTimeout.nanoseconds)
            })
        metrics = HostMetrics(
            listeners: configuration.listeners.map { listener in
                let isWebSocket = [.ws, .wss].contains(listener.url.scheme)
                return HostMetrics.Listener(name: listener.name, transport: isWebSocket ? "ws" : "mqtt")
            })
        let outlet = EventOutlet(log: log, listeners: configuration.listeners, control: control)
        loops = try LoopGroup(broker: broker, gate: gate, outlet: outlet, metrics: metrics)
        inside = loops.inside(gate, listeners: configuration.listeners.map(\.name))
        self.listeners = listeners
        self.log = log
        self.announcements = announcements
        self.runDirectory = runDirectory
        self.isChecking = isChecking
        self.builtins = builtins
        self.administer = administer
        self.readiness = readiness
    }

    /// Connections that are open now.
    var connections: Int { gate.count }

    /// What happened at the gate.
    var gateCounts: AcceptGate.Counts { gate.counts }

    /// The process uses more memory than it may, or no longer does.
    func setShortOfMemory(_ isShort: Bool) {
        gate.setShortOfMemory(isShort)
        broker.postToAll(.shortOfMemory(isShort))
    }

    /// Runs the loops; nobody is served before ``accept()``.
    func start() throws(SystemError) { try loops.start() }

    /// Starts the plugins in the order of the configuration. Returns when every loop calls them.
    func startPlugins(_ loaded: LoadedConfiguration) throws(ConfigurationErrors) {
        guard loaded.configuration.plugins.contains(where: \.isEnabled) else { return }
        var context = Self.context(loaded, exposing: loaded.configuration)
        // Nothing runs that new code could harm; what changes later is tried first.
        context.preflight = Self.preflight(loaded)
        context.isFirst = true
        _ = try pluginHost(loaded).apply(loaded.configuration.plugins, renewing: [], context)
    }

    /// Makes the plugins of a configuration what runs, in its order: all of them or, when something is wrong with one,
    /// nothing of it. New code is tried in a process of its own first.
    /// - Parameters:
    ///   - renewing: plugins whose code is loaded again although their entries are unchanged.
    ///   - running: says which listeners there are: those of a changed file may be others.
    ///   - then: called on another thread when it is done or refused.
    func applyPlugins(
        _ loaded: LoadedConfiguration, renewing: Set<String> = [], exposing running: ServerConfiguration,
        then: @escaping @Sendable (Result<PluginChanges, ConfigurationErrors>) -> Void
    ) {
        guard plugins != nil || loaded.configuration.plugins.contains(where: \.isEnabled) else {
            return then(.success(.init()))
        }
        var context = Self.context(loaded, exposing: running)
        context.byHand = renewing
        context.preflight = Self.preflight(loaded)
        do throws(ConfigurationErrors) {
            try checkStore(loaded, renewing: renewing)
            try pluginHost(loaded).applyLater(loaded.configuration.plugins, renewing: renewing, context, then: then)
        } catch {
            then(.failure(error))
        }
    }

    private static func preflight(_ loaded: LoadedConfiguration) -> Preflight {
        Preflight(
            arguments: Array(CommandLine.arguments.dropFirst()), configuration: loaded.text, overlay: loaded.overlay)
    }

    private static func context(_ loaded: LoadedConfiguration, exposing running: ServerConfiguration) -> ApplyContext {
        var exposing = running
        exposing.plugins = loaded.configuration.plugins
        let known = exposing
        var context = ApplyContext(paths: loaded.paths)
        context.verify = { (outlook) throws(ConfigurationErrors) in
            // The configuration was checked with what the file tells; now the hooks are known.
            let authenticating = Set(outlook.filter { $0.hooks.contains("auth.connect") }.map(\.id))
            let exposed = known.exposedListeners { authenticating.contains($0.id) }
            guard exposed.isEmpty else { throw ConfigurationErrors(exposed) }
        }
        return context
    }

    private func pluginHost(_ loaded: LoadedConfiguration) throws(ConfigurationErrors) -> PluginHost {
        if let plugins { return plugins }
        do throws(OperationError) {
            let staging = try StagingDirectory(in: runDirectory?.path)
            var environment = PluginEnvironment(
                broker, log: log, configuration: loaded.configuration.broker, staging: staging,
                isEphemeral: loaded.configuration.isEphemeral, isChecking: isChecking, paths: loaded.paths,
                administer: administer)
            environment.metrics = metrics
            environment.broker.connect = { [inside] in inside.open(listener: $0, address: $1) }
            environment.retryConfiguration = { [administer] in _ = administer(.reload(nil)) { _ in } }
            let containment = loaded.configuration.broker.containment
            environment.ledger = runDirectory.map { directory in
                CrashLedger(
                    folder: directory.path, limit: containment.crashes, window: containment.crashWindow.wholeSeconds)
            }
            // Without a run directory nothing is kept, but stacks are asked for all the same.
            if runDirectory == nil { hc_install(nil) }
            // From here on loops run plugins, and somebody looks at them.
            broker.postToAll(.administer { shard in hc_join(shard.runningCall) })
            let plugins = PluginHost(environment, builtins: builtins)
            self.staging = staging
            self.plugins = plugins
            readiness.follow(plugins)
            return plugins
        } catch {
            throw ConfigurationErrors([
                ConfigurationError(.conflict("plugins: \(error)"), at: SourcePosition(source: "plugins"))
            ])
        }
    }

    /// State of the plugins that run.
    var pluginStatuses: [PluginStatus] { plugins?.statuses ?? [] }

    /// See ``PluginHost/measure(for:then:)``.
    func measurePlugins(for length: Int64, then: @escaping @Sendable ([HookMeasure]) -> Void) {
        guard let plugins else { return then([]) }
        plugins.measure(for: length, then: then)
    }

    /// Begins to accept connections.
    func accept() { loops.accept(listeners) }

    /// Closes the listeners and says good-bye to each client when it has what is on its way to it. The control loop is
    /// woken when the last one is gone.
    func drain() {
        loops.close(listeners)
        for listener in listeners {
            log.write(.listenerClosed) { [.init("listener", listener.configuration.name)] }
        }
        listeners = []
        gate.awaitEmpty()
        broker.postToAll(.drain)
    }

    /// Says good-bye to those who are left.
    func disconnectAll() { broker.postToAll(.disconnectAll) }

    /// Ends the plugins and the loops, cuts what is still open, and removes the files that say this broker runs.
    func stop() {
        let begun = MonotonicClock.now
        leaveNothingBehind()
        let cut = gate.count
        closeStore()
        // While the loops run: a plugin is stopped when no loop calls it any more.
        plugins?.stop()
        if plugins != nil { endWatch() }
        loops.stop()
        log.write(.brokerStopped) { [.init("took", .duration(MonotonicClock.now - begun)), .init("cut", cut)] }
    }

    /// Nobody looks at the loops any more: what they would be looked at by is about to go. A loop that does not answer
    /// is not waited for.
    private func endWatch() {
        let left = Monitor(broker.shards.count)
        broker.postToAll(
            .administer { _ in
                hc_part()
                left.withLock { $0 -= 1 }
            })
        let deadline = MonotonicClock.now + 1_000_000_000
        left.wait { left, wakeUp -> Void? in
            if left <= 0 || MonotonicClock.now >= deadline { return () }
            wakeUp = deadline
            return nil
        }
    }

    /// Removes the files that say this broker is running.
    func leaveNothingBehind() {
        announcements.remove()
        staging?.remove()
    }
}
