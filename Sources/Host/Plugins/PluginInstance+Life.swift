import BrokerCore
import Configuration
import Glibc
import PluginABI
import Synchronization

/// An instance that has started, with what the hook tables need of it.
///
/// @unchecked Sendable: constant; the pointers are the plugin's own and only handed back to it.
struct RunningPlugin: @unchecked Sendable {
    let instance: PluginInstance
    let hooks: HookInstance
    let shardStates: [UnsafeMutableRawPointer?]
    /// What the plugin reads its settings from: its texts live as long as the instance.
    let configuration: ConfigTree

    var entries: [HookEntry] { instance.entries(hooks, shardStates: shardStates) }
}

extension PluginInstance {
    /// Why an instance did not start; at least one sentence.
    struct StartFailure: Error {
        var words: [String] = []
        /// Faults of the configuration, with their place.
        var configuration: [ConfigurationError] = []
    }

    private var life: hl_life { description.life }

    /// create, prepare, start, start_shard. After a failure nothing is left but this object. [control]
    func start(_ tree: ConfigTree) throws(StartFailure) -> RunningPlugin {
        if let create = life.create {
            let status = create(handle, statePlace)
            guard status == HL_OK else { throw abandon("create", status, tree) }
        }
        if let prepare = life.prepare {
            let status = prepare(handle, tree.handle, &tree.handle.pointee.prepared)
            let faults = tree.takeFaults()
            guard status == HL_OK, faults.isEmpty else {
                throw abandon("prepare", status == HL_OK ? HL_REFUSED : status, tree, faults)
            }
        }
        state.withLock { $0.phase = .starting }
        guard let start = life.start else { throw abandon("start", HL_INVALID, tree) }
        let status = start(handle, tree.handle, statePlace)
        let faults = tree.takeFaults()
        guard status == HL_OK, faults.isEmpty, !state.withLock({ !$0.faults.isEmpty }) else {
            if status == HL_OK { life.stop?(handle, pluginState) }
            throw abandon("start", status == HL_OK ? HL_INVALID : status, tree, faults)
        }
        let shardStates = try startShards(tree)
        state.withLock { $0.phase = .started }
        return RunningPlugin(
            instance: self, hooks: makeHookInstance(), shardStates: shardStates, configuration: tree)
    }

    private func startShards(_ tree: ConfigTree) throws(StartFailure) -> [UnsafeMutableRawPointer?] {
        guard description.flags & HL_PER_SHARD != 0, let startShard = life.start_shard else { return [] }
        var states: [UnsafeMutableRawPointer?] = []
        for shard in 0..<handle.pointee.shard_count {
            var shardState: UnsafeMutableRawPointer?
            let status = startShard(handle, pluginState, shard, &shardState)
            guard status == HL_OK else {
                stopShards(states)
                life.stop?(handle, pluginState)
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
            eventsReady: { queue.run(on: pool, group) })
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
    private func finish() {
        state.withLock { state in
            state.phase = .stopped
            state.registrations = []
        }
        context.timers.cancelAll(of: group)
        context.watcher.removeAll(of: group)
        guard group.close(deadline: monotonicNow() + 10_000_000_000) else {
            log(.error, "plugin.stuck", "work of the plugin does not end; its memory is left alone")
            return
        }
        life.destroy?(handle, pluginState)
        freeAllocations()
    }

    /// drain, stop, destroy. No event loop may use a hook table with this instance any more. [control]
    func stop(_ running: RunningPlugin, deadline: Int64) {
        life.drain?(handle, pluginState, deadline)
        context.timers.cancelAll(of: group)
        context.watcher.removeAll(of: group)
        running.hooks.events.close()
        guard group.close(deadline: deadline) else {
            log(
                .error, "plugin.stuck", "a call of the plugin does not return; it is not stopped, its memory left alone"
            )
            return
        }
        stopShards(running.shardStates)
        life.stop?(handle, pluginState)
        // Only now no thread of the plugin looks at inputs of calls it never answered.
        for pending in context.environment.pending { pending.abandon(running.hooks) }
        finish()
        log(.info, "plugin.stopped", "")
    }

    private func stopShards(_ states: [UnsafeMutableRawPointer?]) {
        guard let stopShard = life.stop_shard else { return }
        for (shard, shardState) in states.enumerated() {
            stopShard(handle, pluginState, UInt32(shard), shardState)
        }
    }

    private static func name(of status: hl_status) -> String {
        let names = [
            "HL_OK", "HL_FAILED", "HL_INVALID", "HL_NO_MEMORY", "HL_UNAVAILABLE", "HL_NOT_OFFERED", "HL_UNKNOWN",
            "HL_BUSY", "HL_STALE", "HL_EXPIRED", "HL_CANCELLED", "HL_NOT_ALLOWED", "HL_REFUSED", "HL_NOT_FOUND",
        ]
        return Int(status) < names.count ? names[Int(status)] : "status \(status)"
    }
}
