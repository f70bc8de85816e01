import BrokerCore
import Glibc
import PluginABI

/// A function of a plugin with what it is to be called with.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
private struct Work: @unchecked Sendable {
    let instance: PluginInstance
    let function: hl_work_fn
    let user: UnsafeMutableRawPointer?

    func run() { function(instance.pluginState, user) }
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
