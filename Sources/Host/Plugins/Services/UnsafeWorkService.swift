import BrokerCore
import Glibc
import PluginABI

/// A function of a plugin with what it is to be called with.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
struct Work: @unchecked Sendable {
    let instance: PluginInstance
    let function: hl_work_fn
    let user: UnsafeMutableRawPointer?

    func run() { function(instance.pluginState, user) }
}

/// Work on an event loop, with the state of that loop.
///
/// @unchecked Sendable: as ``Work``.
private struct LoopWork: @unchecked Sendable {
    let instance: PluginInstance
    let function: hl_work_fn
    let user: UnsafeMutableRawPointer?
    let shard: Int

    func run() {
        // Counted as work of the instance: it is not stopped meanwhile.
        instance.group.perform {
            let states = instance.shardStates
            ThreadKind.with(.loop) { function(shard < states.count ? states[shard] : instance.pluginState, user) }
        }
    }
}

/// A descriptor that is ready.
///
/// @unchecked Sendable: as ``Work``.
private struct DescriptorWork: @unchecked Sendable {
    let instance: PluginInstance
    let function: hl_fd_fn
    let user: UnsafeMutableRawPointer?
    let descriptor: Int32

    func run(_ ready: UInt32) { function(instance.pluginState, user, descriptor, ready) }
}

/// Work that has not begun and can be taken back, by number.
final class JobNumbers: Sendable {
    private struct State {
        var next: UInt64 = 1
        var waiting: Set<UInt64> = []
    }

    private let state = Monitor(State())

    func add() -> UInt64 {
        state.withLock { state in
            defer { state.next += 1 }
            state.waiting.insert(state.next)
            return state.next
        }
    }

    /// True for the one who takes it: to run it, or to keep it from running.
    func take(_ job: UInt64) -> Bool { state.withLock { $0.waiting.remove(job) != nil } }
}

extension ServiceTables {
    static func makeExecutor() -> hl_executor_v1 {
        var table = hl_executor_v1()
        table.struct_size = UInt32(MemoryLayout<hl_executor_v1>.size)
        table.`defer` = { call, function in DeferredCall.start(function, from: call) }
        table.submit = { handle, function, user in
            guard let instance = PluginInstance.of(handle), let function else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            let work = Work(instance: instance, function: function, user: user)
            return instance.context.pool.submit(instance.group) { work.run() } ? HL_OK : HL_BUSY
        }
        table.submit_job = { handle, function, user, out in
            guard let instance = PluginInstance.of(handle), let function else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            let work = Work(instance: instance, function: function, user: user)
            let job = instance.jobs.add()
            let isQueued = instance.context.pool.submit(instance.group) {
                if instance.jobs.take(job) { work.run() }
            }
            guard isQueued else {
                _ = instance.jobs.take(job)
                return HL_BUSY
            }
            out?.pointee = job
            return HL_OK
        }
        table.cancel = { handle, job in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            return instance.jobs.take(job) ? HL_OK : HL_NOT_FOUND
        }
        table.run_on_loop = { handle, shard, function, user in
            guard let instance = PluginInstance.of(handle), let function else { return HL_INVALID }
            let work = LoopWork(instance: instance, function: function, user: user, shard: Int(shard))
            return ServiceTables.ask(handle, cursor: UInt64(shard) << 56) { _, _ in work.run() }
        }
        return table
    }

    static func makeReactor() -> hl_reactor_v1 {
        var table = hl_reactor_v1()
        table.struct_size = UInt32(MemoryLayout<hl_reactor_v1>.size)
        table.add = { handle, descriptor, events, function, user, out in
            guard let instance = PluginInstance.of(handle), let function, events & ~(HL_FD_READ | HL_FD_WRITE) == 0
            else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            guard instance.context.reactor.count(of: instance.group) < PluginAccounts.maximumDescriptors else {
                instance.reachedLimit("descriptors")
                return HL_LIMIT
            }
            let work = DescriptorWork(instance: instance, function: function, user: user, descriptor: descriptor)
            let reactor = instance.context.reactor
            guard let id = reactor.add(instance.group, descriptor, events: events, { work.run($0) }) else {
                return HL_INVALID
            }
            out?.pointee = id
            return HL_OK
        }
        table.update = { handle, id, events in
            guard let instance = PluginInstance.of(handle), events & ~(HL_FD_READ | HL_FD_WRITE) == 0 else {
                return HL_INVALID
            }
            return instance.context.reactor.update(id, events: events, of: instance.group) ? HL_OK : HL_NOT_FOUND
        }
        table.remove = { handle, id in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            return instance.context.reactor.remove(id, of: instance.group) ? HL_OK : HL_NOT_FOUND
        }
        return table
    }

    static func makeTimer() -> hl_timer_v1 {
        var table = hl_timer_v1()
        table.struct_size = UInt32(MemoryLayout<hl_timer_v1>.size)
        table.start = { handle, delay, period, function, user, out in
            guard let instance = PluginInstance.of(handle), let function, delay >= 0, period >= 0 else {
                return HL_INVALID
            }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            guard instance.context.timers.count(of: instance.group) < PluginAccounts.maximumTimers else {
                instance.reachedLimit("timers")
                return HL_LIMIT
            }
            let work = Work(instance: instance, function: function, user: user)
            let timer = instance.context.timers.start(instance.group, delay: delay, period: period) { work.run() }
            out?.pointee = timer
            return timer == 0 ? HL_UNAVAILABLE : HL_OK
        }
        table.stop = { handle, timer in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            return instance.context.timers.cancel(timer, of: instance.group) ? HL_OK : HL_NOT_FOUND
        }
        return table
    }

    static func makeWatch() -> hl_watch_v1 {
        var table = hl_watch_v1()
        table.struct_size = UInt32(MemoryLayout<hl_watch_v1>.size)
        table.add = { handle, path, function, user, out in
            guard let instance = PluginInstance.of(handle), let function, path.len > 0, path.len < UInt64(PATH_MAX)
            else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            guard instance.context.watcher.count(of: instance.group) < PluginAccounts.maximumWatches else {
                instance.reachedLimit("watched files")
                return HL_LIMIT
            }
            let work = Work(instance: instance, function: function, user: user)
            let watch = instance.context.watcher.add(instance.group, path: path.text) { work.run() }
            out?.pointee = watch
            return watch == 0 ? HL_UNAVAILABLE : HL_OK
        }
        table.remove = { handle, watch in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            return instance.context.watcher.remove(watch, of: instance.group) ? HL_OK : HL_NOT_FOUND
        }
        return table
    }
}
