import BrokerCore
import Configuration
import Glibc
import PluginABI
import Synchronization

/// An instance that has started, with what the hook tables need of it.
///
/// @unchecked Sendable: constant but for `entry`, which is the host's; the pointers are the plugin's own and only
/// handed back to it.
struct RunningPlugin: @unchecked Sendable {
    let instance: PluginInstance
    let hooks: HookInstance
    let image: PluginImage
    /// What plugins.yaml says about it.
    var entry: PluginEntry

    /// The file it came from, as configured.
    var path: String { image.path }

    var entries: [HookEntry] { entry.applyPolicies(instance.entries(hooks, shardStates: instance.shardStates)) }
}

/// An instance that was created and has accepted its settings.
struct PreparedPlugin {
    let instance: PluginInstance
    let tree: ConfigTree
}

extension PluginHost {
    /// create and prepare of a new instance. After a failure nothing is left of it but memory.
    func prepare(_ loaded: LoadedPlugin, paths: PathBase) throws(ConfigurationErrors) -> PreparedPlugin {
        let entry = loaded.entry
        let instance = PluginInstance(
            id: entry.id, number: loaded.number, generation: loaded.generation, description: loaded.image.description,
            context: context, grants: entry.grants.map(PluginInstance.serviceNames),
            registrationsChanged: { [weak self] inUse in self?.install(then: inUse) },
            hookTurned: { [weak self] in self?.hookTurned($0, of: $1, $2) })
        let tree = ConfigTree(loaded.settings, instance: entry.id, owner: instance.handle, paths: paths)
        return try collecting(loaded, instance) { () throws(PluginInstance.StartFailure) in
            try instance.openStore()
            try instance.prepare(tree)
            return PreparedPlugin(instance: instance, tree: tree)
        }
    }

    /// start and start_shard of an instance that is prepared. After a failure nothing is left of it but memory.
    func start(_ loaded: LoadedPlugin, _ prepared: PreparedPlugin) throws(ConfigurationErrors) -> RunningPlugin {
        try collecting(loaded, prepared.instance) { () throws(PluginInstance.StartFailure) in
            let hooks = try prepared.instance.start(prepared.tree)
            context.log(
                .info, loaded.entry.id, "plugin.started", "",
                [
                    (key: "kind", value: loaded.image.description.id),
                    (key: "version", value: loaded.image.description.version),
                    (key: "generation", value: "\(loaded.generation)"), (key: "file", value: loaded.image.path),
                ])
            return RunningPlugin(
                instance: prepared.instance, hooks: hooks, image: loaded.image, entry: loaded.entry)
        }
    }

    /// Turns a failed step into errors with the place of the entry, and keeps the instance for its stray threads.
    private func collecting<Result>(
        _ loaded: LoadedPlugin, _ instance: PluginInstance,
        _ body: () throws(PluginInstance.StartFailure) -> Result
    ) throws(ConfigurationErrors) -> Result {
        do throws(PluginInstance.StartFailure) {
            return try body()
        } catch {
            state.withLock { $0.retired.append(instance) }
            throw ConfigurationErrors(
                error.configuration
                    + error.words.map {
                        ConfigurationError(.plugin(id: loaded.entry.id, $0), at: loaded.entry.position)
                    })
        }
    }
}

extension PluginInstance {
    /// Why an instance did not start; at least one sentence.
    struct StartFailure: Error {
        var words: [String] = []
        /// Faults of the configuration, with their place.
        var configuration: [ConfigurationError] = []
    }

    private var life: hl_life { description.life }

    /// Runs one step of its life: known by its name to whoever looks at this thread. Threads that it starts meanwhile
    /// inherit the thread's name, which tells whose they are.
    @discardableResult
    func step<Result>(_ name: StaticString, _ body: () -> Result) -> Result {
        ThreadName.with(PluginAccounts.threadName(of: id)) { group.blamed(name, body) }
    }

    /// Opens kv/1 for those who have it.
    func openStore() throws(StartFailure) {
        guard isGranted("kv/1") else { return }
        do throws(KeyValueFile.Problem) {
            let log = context.log
            keyValueStore = try context.keyValues.open(id) { [id] in log(.error, id, "plugin.kv", $0) }
        } catch {
            throw StartFailure(words: ["\(error)"])
        }
    }

    /// create and prepare. [worker]
    func prepare(_ tree: ConfigTree) throws(StartFailure) {
        keep(tree)
        if let create = life.create {
            let status = step("create") { create(handle, statePlace) }
            guard status == HL_OK else { throw abandon("create", status, tree) }
        }
        if let failure = askPrepare(tree) {
            throw abandon("prepare", failure.status, tree, failure.faults)
        }
    }

    /// Whether a change of the settings needs no new instance.
    var takesNewSettings: Bool { life.prepare != nil && life.commit != nil }

    /// prepare with other settings, while the old ones are in use. [worker]
    func prepareAnew(_ settings: PluginSettings, paths: PathBase) throws(ConfigurationErrors) -> ConfigTree {
        let tree = ConfigTree(settings, instance: id, owner: handle, paths: paths)
        // Kept also when it is refused: views of it may have been kept by mistake, and it is small.
        keep(tree)
        guard let failure = askPrepare(tree) else { return tree }
        let faults = failure.faults + tree.takeFaults()
        guard faults.isEmpty else { throw ConfigurationErrors(faults) }
        let words = "prepare failed: \(PluginInstance.name(of: failure.status)); see the log"
        throw ConfigurationErrors([ConfigurationError(.plugin(id: id, words), at: settings.root.position)])
    }

    /// Takes prepared settings into use. [control]
    func commit(_ tree: ConfigTree) {
        step("commit") { life.commit?(handle, pluginState, tree.handle) }
        log(.info, "plugin.reconfigured", "")
    }

    /// Throws prepared settings away. [control]
    func abort(_ tree: ConfigTree) {
        guard life.prepare != nil else { return }
        step("abort") { life.abort?(handle, tree.handle.pointee.prepared) }
        tree.handle.pointee.prepared = nil
    }

    /// Ends an instance that was prepared and never started. [control]
    func abandon(_ prepared: PreparedPlugin) {
        abort(prepared.tree)
        finish()
    }

    /// Nil when it was accepted.
    private func askPrepare(_ tree: ConfigTree) -> (status: hl_status, faults: [ConfigurationError])? {
        guard let prepare = life.prepare else { return nil }
        let status = step("prepare") { prepare(handle, tree.handle, &tree.handle.pointee.prepared) }
        let faults = tree.takeFaults()
        if status == HL_OK, faults.isEmpty { return nil }
        return (status == HL_OK ? HL_REFUSED : status, faults)
    }

    /// start and start_shard. After a failure nothing is left but this object. [control]
    func start(_ tree: ConfigTree) throws(StartFailure) -> HookInstance {
        state.withLock { $0.phase = .starting }
        guard let start = life.start else { throw abandon("start", HL_INVALID, tree) }
        let status = step("start") { start(handle, tree.handle, statePlace) }
        let faults = tree.takeFaults()
        guard status == HL_OK, faults.isEmpty, !state.withLock({ !$0.faults.isEmpty }) else {
            if status == HL_OK { step("stop") { life.stop?(handle, pluginState) } }
            throw abandon("start", status == HL_OK ? HL_INVALID : status, tree, faults)
        }
        shardStates = try startShards(tree)
        state.withLock { $0.phase = .started }
        return makeHookInstance()
    }

    private func startShards(_ tree: ConfigTree) throws(StartFailure) -> [UnsafeMutableRawPointer?] {
        guard description.flags & HL_PER_SHARD != 0, let startShard = life.start_shard else { return [] }
        var states: [UnsafeMutableRawPointer?] = []
        for shard in 0..<handle.pointee.shard_count {
            var shardState: UnsafeMutableRawPointer?
            let status = step("start_shard") { startShard(handle, pluginState, shard, &shardState) }
            guard status == HL_OK else {
                stopShards(states)
                step("stop") { life.stop?(handle, pluginState) }
                throw abandon("start_shard", status, tree)
            }
            states.append(shardState)
        }
        return states
    }

    private func makeHookInstance() -> HookInstance {
        let pool = context.pool
        let group = self.group
        // The queue calls "ready" again only after its last run said that it was empty: one run at a time.
        let queue = EventQueueBox()
        let hooks = HookInstance(
            number: number, name: id, generation: generation, handle: handle, state: pluginState,
            onCancel: life.on_cancel, submit: { pool.submit(group, $0) },
            eventsReady: { queue.run(on: pool, group) },
            turned: { [hookTurned, number, generation] hook, turn in
                hookTurned(Breaker(number: number, hook: hook), generation, turn)
            })
        queue.set(hooks.events)
        return hooks
    }

    /// Takes back everything after a failed step and calls destroy.
    private func abandon(
        _ step: String, _ status: hl_status, _ tree: ConfigTree, _ faults: [ConfigurationError] = []
    ) -> StartFailure {
        var failure = StartFailure(words: state.withLock { $0.faults }, configuration: faults + tree.takeFaults())
        if failure.words.isEmpty, failure.configuration.isEmpty {
            failure.words = ["\(step) failed: \(PluginInstance.name(of: status)); see the log"]
        }
        finish()
        return failure
    }

    /// The last steps of every life, after a failed start and after stop.
    /// - Returns: whether it was destroyed; false when work of it does not end.
    @discardableResult
    private func finish() -> Bool {
        state.withLock { state in
            state.phase = .stopped
            state.registrations = []
        }
        context.silence(self)
        guard group.close(deadline: monotonicNow() + 10_000_000_000) else {
            log(.error, "plugin.stuck", "work of the plugin does not end; its memory is left alone")
            return false
        }
        step("destroy") { life.destroy?(handle, pluginState) }
        context.forget(self)
        freeAllocations()
        return true
    }

    /// drain, stop, destroy. No event loop may use a hook table with this instance any more. [control]
    /// - Parameter finishesCalls: its answers to pending calls, and events on their way to it, are waited for.
    /// - Returns: whether nothing of it is left.
    func stop(_ running: RunningPlugin, deadline: Int64, finishesCalls: Bool) -> Bool {
        step("drain") { life.drain?(handle, pluginState, deadline) }
        if finishesCalls { awaitCalls(running.hooks, deadline: deadline) }
        context.silence(self)
        running.hooks.events.close()
        guard group.close(deadline: deadline) else {
            log(
                .error, "plugin.stuck", "a call of the plugin does not return; it is not stopped, its memory left alone"
            )
            return false
        }
        stopShards(shardStates)
        step("stop") { life.stop?(handle, pluginState) }
        let left = accounts(running.hooks)
        if let leaks = left.leaks { log(.warn, "plugin.leak", "left behind after stop: \(leaks)") }
        // Only now no thread of the plugin looks at inputs of calls it never answered.
        for pending in context.environment.pending { pending.abandon(running.hooks) }
        // A thread of its own may run on in code that is unmapped.
        let isGone = finish() && left.threads == 0
        log(.info, "plugin.stopped", "", [(key: "generation", value: "\(generation)")])
        return isGone
    }

    /// Waits for answers and events; whoever pends has timers and descriptors of its own to come to an end with.
    private func awaitCalls(_ hooks: HookInstance, deadline: Int64) {
        let changes = Monitor(0)
        hooks.whenIdle { changes.withLock { $0 &+= 1 } }
        defer { hooks.whenIdle(nil) }
        changes.wait { _, wakeUp -> Void? in
            let isIdle = hooks.pendingCalls == 0 && hooks.events.usage.events == 0
            if isIdle || monotonicNow() >= deadline { return () }
            wakeUp = deadline
            return nil
        }
    }

    private func stopShards(_ states: [UnsafeMutableRawPointer?]) {
        guard let stopShard = life.stop_shard else { return }
        for (shard, shardState) in states.enumerated() {
            step("stop_shard") { stopShard(handle, pluginState, UInt32(shard), shardState) }
        }
    }

    private static func name(of status: hl_status) -> String {
        let names = [
            "HL_OK", "HL_FAILED", "HL_INVALID", "HL_NO_MEMORY", "HL_UNAVAILABLE", "HL_NOT_OFFERED", "HL_UNKNOWN",
            "HL_BUSY", "HL_STALE", "HL_EXPIRED", "HL_CANCELLED", "HL_NOT_ALLOWED", "HL_REFUSED", "HL_NOT_FOUND",
            "HL_CONFLICT", "HL_LIMIT", "HL_NO_SPACE", "HL_IO_ERROR", "HL_DAMAGED",
        ]
        return Int(status) < names.count ? names[Int(status)] : "status \(status)"
    }
}
