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
    /// Called when registrations of a started instance have changed. Set before start, constant afterwards.
    let registrationsChanged: @Sendable () -> Void
    private let name: UnsafeMutableBufferPointer<UInt8>

    init(
        id: String, number: UInt64, generation: UInt32, description: PluginDescription, context: PluginContext,
        registrationsChanged: @escaping @Sendable () -> Void
    ) {
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
        own.generation = generation
        own.shard_count = UInt32(context.environment.pending.count)
        own.core = ServiceTables.core
        handle.initialize(to: own)
        handle.pointee.host = Unmanaged.passUnretained(self).toOpaque()
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

    func log(_ level: PluginLogLevel, _ event: String, _ message: String) {
        context.log(level, id, event, message)
    }

    // MARK: Services

    /// Services the plugin cannot do without and this host does not have.
    static func missingServices(_ description: PluginDescription) -> [String] {
        (description.requiredServices ?? []).filter { ServiceTables.byName[$0] == nil }
    }

    /// Whether the plugin was given a service: without a list everything, else what it lists.
    func isGranted(_ service: String) -> Bool {
        guard let required = description.requiredServices else { return true }
        return service == "core/1" || service == "config/1" || required.contains(service)
            || description.optionalServices.contains(service)
    }

    private func grantServices() {
        if isGranted("log/1") { handle.pointee.log = ServiceTables.log }
        if isGranted("publish/1") { handle.pointee.publish = ServiceTables.publish }
        if isGranted("executor/1") { handle.pointee.executor = ServiceTables.executor }
        if isGranted("timer/1") { handle.pointee.timer = ServiceTables.timer }
        if isGranted("clock/1") { handle.pointee.clock = ServiceTables.clock }
        if isGranted("random/1") { handle.pointee.random = ServiceTables.random }
        if isGranted("watch/1") { handle.pointee.watch = ServiceTables.watch }
        if isGranted("client/1") { handle.pointee.client = ServiceTables.client }
        if isGranted("topic/1") { handle.pointee.topic = ServiceTables.topic }
    }

    // MARK: core/1

    /// Zeroed memory that is freed after destroy.
    func allocate(_ size: UInt64) -> UnsafeMutableRawPointer? {
        guard size <= 1 << 32 else { return nil }
        return state.withLock { state in
            guard let memory = calloc(1, max(Int(size), 1)) else { return nil }
            state.allocations.append(memory)
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
