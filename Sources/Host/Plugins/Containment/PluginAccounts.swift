import BrokerCore
import CContainment

/// What one instance has of the host, and what it may have at most.
public struct PluginAccounts: Sendable, Equatable {
    /// Bytes of `hl_alloc`.
    public var memory = 0
    /// Timers that are set.
    public var timers = 0
    /// Files it watches.
    public var watches = 0
    /// Descriptors that the host waits for.
    public var descriptors = 0
    /// Calls it has not answered, or whose input it still looks at.
    public var pending = 0
    /// Threads it has started, wherever, and that have not ended.
    public var threads = 0
    /// Services of other plugins it has acquired and not given back.
    public var services = 0
    /// Consumers it has open.
    public var consumers = 0
    /// Events that wait for it.
    public var events = 0
    /// Messages and clients it keeps (message/1).
    public var retained = 0

    static let maximumMemory = 1 << 30
    static let maximumTimers = 4096
    static let maximumWatches = 1024
    static let maximumDescriptors = 4096

    /// What threads are called that an instance starts.
    static func threadName(of id: String) -> String { "p:" + id }

    /// What was left behind, in words; nil: nothing.
    var leaks: String? {
        var words: [String] = []
        if threads > 0 { words.append("\(threads) threads") }
        if retained > 0 { words.append("\(retained) messages or clients it retained") }
        if services > 0 { words.append("\(services) services of others it never gave back") }
        if pending > 0 { words.append("inputs of \(pending) calls it never let go of") }
        return words.isEmpty ? nil : words.joined(separator: ", ")
    }
}

extension PluginInstance {
    /// The books of a started instance.
    func accounts(_ hooks: HookInstance?) -> PluginAccounts {
        var accounts = PluginAccounts()
        accounts.memory = state.withLock { $0.allocatedBytes }
        accounts.timers = context.timers.count(of: group)
        accounts.watches = context.watcher.count(of: group)
        accounts.descriptors = context.reactor.count(of: group)
        accounts.pending = hooks?.pendingCalls ?? 0
        accounts.events = hooks?.events.usage.events ?? 0
        accounts.retained = kept.usage.count
        accounts.threads = Int(hc_threads(handle))
        accounts.services = context.provided.count(heldBy: self)
        accounts.consumers = state.withLock { $0.consumers.count }
        return accounts
    }

    /// Says once that a bound was met.
    func reachedLimit(_ what: String) {
        let isFirst = state.withLock { $0.limitsMet.insert(what).inserted }
        if isFirst { log(.error, "plugin.limit", "the plugin has as many \(what) as it may; it gets no more") }
    }
}
