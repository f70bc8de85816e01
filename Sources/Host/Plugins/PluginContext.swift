public import BrokerCore
public import Configuration
import Locking

/// What a plugin host needs from the rest of the broker.
public struct PluginEnvironment: Sendable {
    /// Folders in which plugins without a `path` are looked for, in order; absolute.
    public var pluginDirectories: [String]
    /// A folder that only this user may write to; shared objects are copied there for as long as it takes to map them.
    public var stagingDirectory: String
    /// The tokens of each event loop, in order.
    public var pending: [PendingHooks]
    /// What plugins may ask of the broker.
    public var broker: BrokerPort
    /// Where they log to.
    public var log: PluginLog
    /// Where plugins keep what outlives the process; nil: nothing does.
    public var dataDirectory: String?
    /// How files that change are taken up, where an entry does not say otherwise.
    public var reload = BrokerConfiguration.Reload()
    /// When a plugin is in trouble, and what follows.
    public var containment = BrokerConfiguration.Containment()
    /// What is counted of the process.
    var metrics = HostMetrics()
    /// What is remembered of crashes; nil: nothing.
    var ledger: CrashLedger?
    /// Whose files may be loaded.
    var trust = TrustPolicy.none
    /// The broker keeps nothing and takes no port of its configuration.
    public var isEphemeral = false
    /// A plugin that breaks the rules about threads ends the process.
    public var isChecking = false
    /// Begins (true) or ends (false) measuring on every event loop, or only reads (nil); then tells what was measured.
    public var measure: @Sendable (_ isOn: Bool?, _ then: @escaping @Sendable ([HookMeasure]) -> Void) -> Void = {
        $1([])
    }
    /// Something that kept an edit of the configuration from being applied has changed: it may be in order now. [any]
    /// thread.
    public var retryConfiguration: @Sendable () -> Void = {}
    /// Makes every event loop trace messages; nil: none does. [any] thread.
    public var trace: @Sendable (TraceSettings?) -> Void = { _ in }
    /// Hands a hook table to every event loop (``HookDispatcher/table``). Returns at once; calls `whenInUse` when no
    /// loop runs a call on an older table any more. [any] thread.
    public var install: @Sendable (_ table: HookTable, _ whenInUse: @escaping @Sendable () -> Void) -> Void

    /// An environment with its parts.
    public init(
        pluginDirectories: [String], stagingDirectory: String, pending: [PendingHooks], broker: BrokerPort,
        log: PluginLog,
        install: @escaping @Sendable (_ table: HookTable, _ whenInUse: @escaping @Sendable () -> Void) -> Void
    ) {
        self.pluginDirectories = pluginDirectories
        self.stagingDirectory = stagingDirectory
        self.pending = pending
        self.broker = broker
        self.log = log
        self.install = install
    }
}

/// What the plugin host knows of all plugins, for metrics.
struct PluginObservation: Sendable {
    var statuses: @Sendable () -> [PluginStatus] = { [] }
    /// Somebody collects metrics.
    var wanted: @Sendable () -> Void = {}
}

/// What all instances share: the environment and the threads they work on.
final class PluginContext: Sendable {
    let environment: PluginEnvironment
    let pool = WorkerPool()
    /// Threads of their own: a changed access rule must not wait behind a flood of passwords to hash.
    private let filePool = WorkerPool(maximumThreads: 4)
    let timers: PluginTimers
    let watcher: WatchThread
    let reactor: DescriptorReactor
    let keyValues: KeyValueStores
    let http = HTTPExchange()
    let metrics = MetricRegistry()
    let tracer: Tracer
    let provided = ProvidedServices()
    /// For whoever collects metrics.
    let observation = Locked(PluginObservation())

    init(_ environment: PluginEnvironment) {
        self.environment = environment
        tracer = Tracer { sampling, tracer in environment.trace(sampling.map { TraceSettings($0, tracer) }) }
        timers = PluginTimers(pool: pool)
        watcher = WatchThread(pool: filePool)
        reactor = DescriptorReactor(pool: pool)
        keyValues = KeyValueStores(dataDirectory: environment.dataDirectory)
    }

    /// Takes back everything that could call into an instance; what it holds is kept until destroy.
    func silence(_ instance: PluginInstance) {
        timers.cancelAll(of: instance.group)
        watcher.removeAll(of: instance.group)
        reactor.removeAll(of: instance.group)
        http.drop(instance)
        tracer.removeAll(of: instance)
        provided.withdrawOffers(of: instance)
        instance.closeConsumers()
    }

    /// Frees what an instance could look at until it was destroyed.
    func forget(_ instance: PluginInstance) {
        metrics.removeAll(of: instance)
        provided.releaseAll(by: instance)
    }

    var log: PluginLog { environment.log }

    /// Ends all threads. No instance may be left.
    func stop() {
        timers.stop()
        watcher.stop()
        reactor.stop()
        filePool.stop()
        pool.stop()
        keyValues.stop()
    }
}
