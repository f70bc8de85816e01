package import PluginABI
package import PluginSDK

/// A broker in a test: the C tables of the ABI, filled in by hand, around one instance of a plugin. What the plugin
/// does is written down; what the host would do on threads of its own happens when the test says so.
///
/// One thread at a time, beside those of the plugin, which work while a call pends.
package final class FakeHost {
    /// A line of the log.
    package struct LogLine: Equatable {
        package var level: LogLevel
        package var event: String
        package var message: String
        package var fields: [String: String]
    }

    package internal(set) var log: [LogLine] = []
    /// What the plugin said about a start that failed.
    package internal(set) var failures: [String] = []
    /// Faults in the settings.
    package internal(set) var refusals: [String] = []
    package internal(set) var health: [UInt32] = []
    /// How often the plugin had live subscriptions checked again.
    package internal(set) var recheckCount = 0
    /// How often the plugin had all remembered verdicts forgotten.
    package internal(set) var revokeCount = 0
    /// Connections that the plugin ended.
    package internal(set) var kicked: [UInt64] = []
    /// Paths under watch.
    package var watchedPaths: [String] { watches.map(\.path) }
    /// Nanoseconds since 1970, UTC. Set it while no call pends.
    package var wallTime: Int64 = 0
    /// Set it while no call pends.
    package var monotonicTime: Int64 = 0

    /// The client of a deferred call leaves before the worker gets to it.
    package var abandonsDeferredCalls = false

    var hooks: [UInt32: hl_hook_fn] = [:]
    var interests: [UInt32: hl_interest] = [:]
    var watches: [(path: String, function: hl_work_fn, user: UnsafeMutableRawPointer?)] = []
    var deferred: hl_deferred_fn?
    var answer = Answer()
    var state: UnsafeMutableRawPointer?
    let settings: SettingTree
    /// Calls that the plugin answers from its own threads.
    let pending = PendingAnswers()

    private let tables = FakeTables()
    private let instance: UnsafeMutablePointer<hl_self>
    private let configuration: UnsafeMutablePointer<hl_config>
    private var description: UnsafePointer<hl_plugin_desc>?
    private let name: LentText

    /// - Parameter settings: the `config` of the instance.
    package init(settings: FakeSetting, shards: UInt32 = 2) {
        self.settings = SettingTree(settings)
        name = LentText("under-test")
        instance = .allocate(capacity: 1)
        instance.initialize(to: hl_self())
        configuration = .allocate(capacity: 1)
        configuration.initialize(to: hl_config())
        let this = Unmanaged.passUnretained(self).toOpaque()
        tables.fill(&instance.pointee)
        instance.pointee.name = name.view
        instance.pointee.generation = 1
        instance.pointee.shard_count = shards
        instance.pointee.host = this
        tables.fill(&configuration.pointee)
        configuration.pointee.`self` = instance
        configuration.pointee.host = this
    }

    deinit {
        stop()
        instance.deallocate()
        configuration.deallocate()
    }

    /// Loads the plugin and starts the instance.
    /// - Returns: the status of `start`.
    package func start(_ export: PluginExport) -> hl_status {
        var probe = hl_host_probe()
        probe.struct_size = UInt32(MemoryLayout<hl_host_probe>.size)
        probe.abi_major = HL_ABI_MAJOR
        probe.abi_minor = HL_ABI_MINOR
        description = export.description(for: &probe)
        guard let life = description?.pointee.life, let start = life.pointee.start else { return HL_INVALID }
        let status = start(instance, configuration, &state)
        if status != HL_OK { destroy() }
        return status
    }

    /// Ends the instance, as a shutdown or a swap does.
    package func stop() {
        guard let life = description?.pointee.life else { return }
        if state != nil { life.pointee.stop?(instance, state) }
        destroy()
    }

    private func destroy() {
        description?.pointee.life?.pointee.destroy?(instance, state)
        description = nil
        state = nil
        hooks = [:]
        watches = []
    }

    /// What watch/1 does when the file may have changed.
    package func fileMayHaveChanged() {
        for watch in watches { watch.function(state, watch.user) }
    }

    /// Whether the plugin asked for a hook.
    package func isRegistered(_ hook: Hook) -> Bool { hooks[hook.rawValue] != nil }

    /// Runs a hook as the host would, with the deferred part at once.
    func call<Input>(
        _ hook: Hook, _ input: UnsafePointer<Input>,
        _ body: (hl_hook_fn, UnsafeMutableRawPointer?, UnsafeMutablePointer<hl_call>) -> hl_verdict
    ) -> Answer {
        guard let function = hooks[hook.rawValue] else { return Answer() }
        answer = Answer()
        deferred = nil
        var call = hl_call()
        call.struct_size = UInt32(MemoryLayout<hl_call>.size)
        call.hook = hook.rawValue
        call.`self` = instance
        (call.now, call.deadline) = (monotonicTime, monotonicTime + 5_000_000_000)
        call.input = UnsafeRawPointer(input)
        call.host = Unmanaged.passUnretained(self).toOpaque()
        tables.fill(&call)
        answer.verdict = body(function, state, &call)
        if answer.verdict == HL_PENDING, let deferred {
            if abandonsDeferredCalls { _ = description?.pointee.life?.pointee.on_cancel?(state, call.token) }
            answer.wasDeferred = true
            deferred(state, &call)
        } else if answer.verdict == HL_PENDING, call.token != 0 {
            if abandonsDeferredCalls { _ = description?.pointee.life?.pointee.on_cancel?(state, call.token) }
            // The host waits while the plugin's threads work: what they log is complete when it goes on.
            answer = pending.wait(for: call.token, answer)
            answer.wasDeferred = true
        }
        return answer
    }
}

/// What a hook said.
package struct Answer: Equatable {
    package internal(set) var verdict: hl_verdict = HL_ERROR
    package internal(set) var rule = ""
    package internal(set) var reason: UInt32 = 0
    package internal(set) var cacheScope: UInt32 = 0
    package internal(set) var identity = ""
    package internal(set) var groups: [String] = []
    /// `authExchange`: what goes to the client, and what comes back with the next step.
    package internal(set) var data: [UInt8]?
    package internal(set) var memo: [UInt8]?
    /// When the credentials end, monotonic nanoseconds; 0: they do not.
    package internal(set) var expiresAt: Int64 = 0
    package internal(set) var account = ""
    /// What `msg.in` made of the properties, in wire form.
    package internal(set) var properties: [UInt8]?
    /// The verdict came from a worker.
    package internal(set) var wasDeferred = false
    package internal(set) var completions = 0
    /// `aclDeliver`: bit i for receiver i.
    package internal(set) var denied: UInt64 = 0
    package internal(set) var allowed: UInt64 = 0

    package var isAllowed: Bool { verdict == HL_ALLOW }
    package var isDenied: Bool { verdict == HL_DENY }
}
