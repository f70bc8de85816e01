import BrokerCore
import Configuration
import Glibc
import Locking
import PluginABI

/// One configured use of a plugin: what the host keeps for it, from create to destroy and beyond. An instance is never
/// freed once it was created: a thread of a faulty plugin may call the host after it was stopped.
///
/// @unchecked Sendable: `handle` and `statePlace` are written by the loader's thread before and after everybody else
/// uses them; everything that changes in between is behind `state`.
final class PluginInstance: @unchecked Sendable {
    enum Phase: Int, Comparable {
        case created, starting, started, stopped
        static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    /// One hook the plugin has asked for.
    struct Registration {
        let id: hl_registration
        let hook: UInt32
        let function: hl_hook_fn
        var interest: HookInterest
    }

    /// What `status` and /ready say about an instance.
    struct Health: Equatable, Sendable {
        var level: UInt32 = HL_HEALTH_READY
        var text = ""
    }

    struct State {
        var phase = Phase.created
        var allocations: [UnsafeMutableRawPointer] = []
        var registrations: [Registration] = []
        var nextRegistration: hl_registration = 1
        /// What the plugin, or the host about a call of the plugin, said during start.
        var faults: [String] = []
        var health = Health()
        var consumers: [Consumer] = []
        /// Where it can be reached, in its own words.
        var addresses: [(name: String, url: String)] = []
        /// Settings it has seen: their texts live as long as the instance.
        var trees: [ConfigTree] = []
        var handoverOffer: HandoverOffer?
        var handoverAcceptance: HandoverAcceptance?
        var threadViolations: UInt64 = 0
        /// Bytes in `allocations`.
        var allocatedBytes = 0
        /// Bounds it has met, each told once.
        var limitsMet: Set<String> = []
    }

    let id: String
    let number: UInt64
    let generation: UInt32
    let description: PluginDescription
    let context: PluginContext
    let group = WorkGroup()
    /// The plugin's end of the host.
    let handle: UnsafeMutablePointer<hl_self>
    /// Where the plugin keeps its state pointer.
    let statePlace: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    let state = Locked(State())
    /// Called when registrations of a started instance have changed; it calls back when every event loop knows.
    let registrationsChanged: @Sendable (@escaping @Sendable () -> Void) -> Void
    let publications = PublicationCount()
    let jobs = JobNumbers()
    /// States made by `start_shard`. Written before the first call of a hook, constant afterwards.
    var shardStates: [UnsafeMutableRawPointer?] = []
    /// kv/1; opened before start, constant afterwards. Nil when it was not granted.
    var keyValueStore: KeyValueStore?
    /// Services the operator allows; nil: all that the plugin asks for.
    let grants: Set<String>?
    private let name: UnsafeMutableBufferPointer<UInt8>

    init(
        id: String, number: UInt64, generation: UInt32, description: PluginDescription, context: PluginContext,
        grants: Set<String>? = nil,
        registrationsChanged: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        self.grants = grants
        self.id = id
        self.number = number
        self.generation = generation
        self.description = description
        self.context = context
        self.registrationsChanged = registrationsChanged
        name = .allocate(capacity: id.utf8.count)
        _ = name.initialize(from: id.utf8)
        statePlace = .allocate(capacity: 1)
        statePlace.initialize(to: nil)
        handle = .allocate(capacity: 1)
        var own = hl_self()
        own.struct_size = UInt32(MemoryLayout<hl_self>.size)
        own.name = hl_view(UnsafeRawBufferPointer(name))
        own.flags = context.environment.isEphemeral ? HL_SELF_EPHEMERAL : 0
        own.generation = generation
        own.shard_count = UInt32(context.environment.pending.count)
        own.core = ServiceTables.core
        handle.initialize(to: own)
        handle.pointee.host = Unmanaged.passUnretained(self).toOpaque()
        group.plugin = UnsafePointer(handle)
        grantServices()
    }

    /// Releases what no plugin code has ever seen; instances that were created are kept for ever by the plugin host.
    deinit {
        name.deallocate()
        statePlace.deallocate()
        handle.deallocate()
    }

    /// The instance behind a `hl_self`.
    static func of(_ handle: UnsafeMutablePointer<hl_self>?) -> PluginInstance? {
        guard let host = handle?.pointee.host else { return nil }
        return Unmanaged<PluginInstance>.fromOpaque(host).takeUnretainedValue()
    }

    /// The plugin's shared state.
    var pluginState: UnsafeMutableRawPointer? { statePlace.pointee }

    var phase: Phase { state.withLock { $0.phase } }
    var health: Health { state.withLock { $0.health } }

    func log(
        _ level: PluginLogLevel, _ event: String, _ message: String, _ fields: [(key: String, value: String)] = []
    ) {
        context.log(level, id, event, message, fields)
    }

    // MARK: Services

    /// Services the plugin cannot do without and this host does not have.
    static func missingServices(_ description: PluginDescription) -> [String] {
        (description.requiredServices ?? []).filter { ServiceTables.byName[$0] == nil }
    }

    /// Whether the plugin was given a service: what it asks for, as far as the operator allows it. A plugin without a
    /// list of required services asks for everything that `hl_self` has a field for.
    func isGranted(_ service: String) -> Bool {
        if service == "core/1" || service == "config/1" { return true }
        let isWanted =
            description.requiredServices.map { $0.contains(service) } ?? !ServiceTables.onlyByName.contains(service)
        guard isWanted || description.optionalServices.contains(service) else { return false }
        return grants?.contains(service) ?? true
    }

    private func grantServices() {
        func granted<Table>(_ service: String, _ table: UnsafePointer<Table>) -> UnsafePointer<Table>? {
            isGranted(service) ? table : nil
        }
        handle.pointee.log = granted("log/1", ServiceTables.log)
        handle.pointee.publish = granted("publish/1", ServiceTables.publish)
        handle.pointee.executor = granted("executor/1", ServiceTables.executor)
        handle.pointee.timer = granted("timer/1", ServiceTables.timer)
        handle.pointee.clock = granted("clock/1", ServiceTables.clock)
        handle.pointee.random = granted("random/1", ServiceTables.random)
        handle.pointee.watch = granted("watch/1", ServiceTables.watch)
        handle.pointee.client = granted("client/1", ServiceTables.client)
        handle.pointee.topic = granted("topic/1", ServiceTables.topic)
        handle.pointee.consume = granted("consume/1", ServiceTables.consume)
        handle.pointee.subs = granted("subs/1", ServiceTables.subs)
        handle.pointee.retained = granted("retained/1", ServiceTables.retained)
        handle.pointee.kv = granted("kv/1", ServiceTables.kv)
        handle.pointee.http = granted("http/1", ServiceTables.http)
        handle.pointee.metrics = granted("metrics/1", ServiceTables.metrics)
        handle.pointee.trace = granted("trace/1", ServiceTables.trace)
        handle.pointee.handover = granted("state/1", ServiceTables.handover)
        handle.pointee.reactor = granted("reactor/1", ServiceTables.reactor)
        handle.pointee.provide = granted("provide/1", ServiceTables.provide)
        handle.pointee.abi = granted("abi/1", ServiceTables.abi)
        handle.pointee.thread_check = granted("thread_check/1", ServiceTables.threadCheck)
    }

    /// Runs `body` on a worker unless the instance is stopping; false then.
    @discardableResult
    func onWorker(_ body: @escaping @Sendable () -> Void) -> Bool {
        context.pool.submit(group, mustRun: true, body)
    }

    /// Names of services as `grants` writes them ("log", "kv/1"), in full.
    static func serviceNames(_ names: [String]) -> Set<String> {
        Set(names.map { $0.contains("/") ? $0 : $0 + "/1" })
    }

    func keep(_ tree: ConfigTree) { state.withLock { $0.trees.append(tree) } }

    // MARK: core/1

    /// Zeroed memory that is freed after destroy.
    func allocate(_ size: UInt64) -> UnsafeMutableRawPointer? {
        let limit = UInt64(PluginAccounts.maximumMemory)
        guard size <= limit, state.withLock({ UInt64($0.allocatedBytes) + size <= limit }) else {
            reachedLimit("bytes of memory")
            return nil
        }
        return state.withLock { state in
            guard let memory = calloc(1, max(Int(size), 1)) else { return nil }
            state.allocations.append(memory)
            state.allocatedBytes += Int(size)
            return memory
        }
    }

    func freeAllocations() {
        state.withLock { state in
            for memory in state.allocations { free(memory) }
            state.allocations = []
        }
    }

    /// Remembers why start is about to fail.
    func fail(_ message: String) {
        state.withLock { state in
            if state.phase < .started { state.faults.append(message) }
        }
    }

    func setHealth(_ health: Health) {
        let changed = state.withLock { state in
            defer { state.health = health }
            return state.health != health
        }
        if changed {
            log(health.level >= HL_HEALTH_DEGRADED ? .warn : .info, "plugin.health", health.text)
        }
    }
}
