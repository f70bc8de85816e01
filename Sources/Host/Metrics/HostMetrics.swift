import BrokerCore
import Locking

/// What is counted of the process beside its shards, for metrics. [any thread]
final class HostMetrics: Sendable {
    /// The configuration that is in force.
    struct Configuration: Sendable, Equatable {
        /// The last attempt to change it was taken.
        var isCurrent = true
        /// When the last one was, nanoseconds since 1970.
        var changedAt: Int64
    }

    /// A listener as metrics name it.
    struct Listener: Sendable, Equatable {
        var name: String
        /// `mqtt` or `ws`
        var transport: String
    }

    private struct State {
        var configuration: Configuration
        var hooks: [HookKey: HookMeasure] = [:]
        var store: StoreDriver?
        var certificates: @Sendable () -> [(listener: String, expires: Int64)] = { [] }
    }

    /// A hook of a plugin.
    struct HookKey: Hashable, Sendable {
        var plugin: String
        var hook: UInt32
    }

    /// In the order of their numbers.
    let listeners: [Listener]
    /// Host clock ns.
    let started = monotonicNow()
    private let state: Locked<State>

    init(listeners: [Listener] = []) {
        self.listeners = listeners
        state = Locked(State(configuration: Configuration(changedAt: wallNow())))
    }

    /// A change of the configuration was taken or refused.
    func configurationRead(isTaken: Bool) {
        state.withLock { state in
            state.configuration.isCurrent = isTaken
            if isTaken { state.configuration.changedAt = wallNow() }
        }
    }

    var configuration: Configuration { state.withLock { $0.configuration } }

    /// Keeps what was measured, under the ids of the plugins: their numbers mean nothing to people.
    func add(_ measures: [HookMeasure], named names: [UInt64: String]) {
        state.withLock { state in
            for measure in measures {
                guard let name = names[measure.instance] else { continue }
                let key = HookKey(plugin: name, hook: measure.hook)
                if state.hooks[key]?.add(measure) == nil { state.hooks[key] = measure }
            }
        }
    }

    var hooks: [(key: HookKey, measure: HookMeasure)] {
        state.withLock { $0.hooks }.sorted { ($0.key.plugin, $0.key.hook) < ($1.key.plugin, $1.key.hook) }
            .map { ($0.key, $0.value) }
    }

    /// What must survive goes there from now on.
    func attach(_ store: StoreDriver) { state.withLock { $0.store = store } }

    /// How long commits took, and how many failed; nil without a store.
    var commits: (durations: DurationCounts, failures: UInt64)? { state.withLock { $0.store }?.commits }

    /// Says how to find out when the certificates of TLS listeners end, seconds since 1970.
    func setCertificates(_ look: @escaping @Sendable () -> [(listener: String, expires: Int64)]) {
        state.withLock { $0.certificates = look }
    }

    var certificates: [(listener: String, expires: Int64)] {
        let look = state.withLock { $0.certificates }
        return look()
    }
}
