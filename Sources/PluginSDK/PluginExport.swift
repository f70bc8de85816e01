internal import Locking
public import PluginABI

/// Makes a `Plugin` class visible to the host. The entry target of a plugin is this and nothing else:
///
///     private let export = PluginExport(Hello.self) { Hello.start($0, $1, $2) }
///
///     @c(hl_plugin_entry_v1)
///     public func entry(_ probe: UnsafePointer<hl_host_probe>?) -> UnsafePointer<hl_plugin_desc>? {
///         export.description(for: probe)
///     }
public struct PluginExport: @unchecked Sendable {
    // Sendable: the description is written once, before anybody reads it, and never freed: the host keeps it for ever.
    private let description: UnsafePointer<hl_plugin_desc>

    /// - Parameters:
    ///   - plugin: the class.
    ///   - start: `{ Hello.start($0, $1, $2) }`; written out because a C function cannot carry the class.
    public init(_ plugin: Plugin.Type, start: @escaping hl_start_fn) {
        description = Self.description(of: plugin.description, start: start)
    }

    /// The answer of `hl_plugin_entry_v1`; `nil` for a host that lacks what this SDK was built for.
    public func description(for probe: UnsafePointer<hl_host_probe>?) -> UnsafePointer<hl_plugin_desc>? {
        guard let probe, probe.pointee.abi_major == HL_ABI_MAJOR, probe.pointee.abi_minor >= HL_ABI_MINOR else {
            return nil
        }
        return description
    }

    private static func description(
        of plugin: PluginDescription, start: @escaping hl_start_fn
    ) -> UnsafePointer<hl_plugin_desc> {
        var life = hl_life()
        life.struct_size = UInt32(MemoryLayout<hl_life>.size)
        life.start = start
        life.on_cancel = LifeThunks.cancel
        if plugin.takesNewSettings {
            life.prepare = LifeThunks.prepare
            life.commit = LifeThunks.commit
            life.abort = LifeThunks.abort
        }
        if plugin.hasStatePerLoop {
            life.start_shard = LifeThunks.startShard
            life.stop_shard = LifeThunks.stopShard
        }
        life.drain = LifeThunks.drain
        life.stop = LifeThunks.stop
        life.destroy = LifeThunks.destroy

        var raw = hl_plugin_desc()
        raw.struct_size = UInt32(MemoryLayout<hl_plugin_desc>.size)
        raw.flags =
            (plugin.hasStatePerLoop ? HL_PER_SHARD : HL_FREE) | HL_RUNTIME_SWIFT
            | (plugin.allowsSeveralInstances ? HL_MULTI_INSTANCE : 0) | (plugin.handsOverState ? HL_HANDOVER : 0)
        raw.abi_major = HL_ABI_MAJOR
        raw.abi_minor_required = HL_ABI_MINOR
        raw.id = constant(plugin.id)
        raw.version = constant(plugin.version)
        raw.vendor = plugin.vendor.isEmpty ? nil : constant(plugin.vendor)
        raw.licence = plugin.licence.isEmpty ? nil : constant(plugin.licence)
        raw.url = plugin.url.isEmpty ? nil : constant(plugin.url)
        for hook in plugin.hooks {
            if hook.rawValue < 64 {
                raw.hooks |= 1 << hook.rawValue
            } else {
                raw.notify_hooks |= 1 << (hook.rawValue - 64)
            }
        }
        raw.required_services = plugin.requiredServices.map { services in
            constant(services.map { constant($0) as UnsafePointer<CChar>? } + [nil])
        }
        if !plugin.optionalServices.isEmpty {
            raw.optional_services = constant(
                plugin.optionalServices.map { constant($0) as UnsafePointer<CChar>? } + [nil])
        }
        raw.config_keys = constant(plugin.settings.map(key) + [hl_config_key()])
        raw.config_key_stride = UInt32(MemoryLayout<hl_config_key>.stride)
        raw.life = constant([life])
        return constant([raw])
    }

    private static func key(_ setting: Setting) -> hl_config_key {
        hl_config_key(
            name: constant(setting.name),
            type: setting.kind.rawValue | (setting.isRequired ? UInt64(HL_REQUIRED) : 0),
            default_text: setting.defaultText.map(constant), help: constant(setting.help))
    }

    /// A NUL-terminated copy that is never freed.
    private static func constant(_ text: String) -> UnsafePointer<CChar> {
        constant(text.utf8.map { CChar(bitPattern: $0) } + [0])
    }

    /// A copy that is never freed.
    private static func constant<Element>(_ elements: [Element]) -> UnsafePointer<Element> {
        let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
        copy.initialize(from: elements, count: elements.count)
        return UnsafePointer(copy)
    }
}

/// The plugins of this image that run, by their end of the host: `prepare` is not given their state.
private enum RunningPlugins {
    /// @unchecked Sendable: a plugin's methods are called on any thread anyway.
    private struct Entry: @unchecked Sendable { let plugin: Unmanaged<Plugin> }

    private static let plugins = Locked<[UInt: Entry]>([:])

    static func add(_ plugin: Plugin, _ host: UnsafeMutablePointer<hl_self>) {
        plugins.withLock { $0[UInt(bitPattern: host)] = Entry(plugin: .passUnretained(plugin)) }
    }

    static func plugin(of host: UnsafeMutablePointer<hl_self>) -> Plugin? {
        plugins.withLock { $0[UInt(bitPattern: host)] }?.plugin.takeUnretainedValue()
    }

    static func remove(_ host: UnsafeMutablePointer<hl_self>) {
        plugins.withLock { $0[UInt(bitPattern: host)] = nil }
    }
}

/// The steps of life that need no class: the state of an instance is its retained `Plugin`.
private enum LifeThunks {
    /// Busy: whoever works on the call may be looking at its input, so the host keeps that until the call is completed.
    static let cancel: hl_cancel_fn = { state, token in
        guard let state else { return HL_BUSY }
        Unmanaged<Plugin>.fromOpaque(state).takeUnretainedValue().cancelled(token: token)
        return HL_BUSY
    }

    /// Before start there is no plugin yet: its initialiser checks the settings then.
    static let prepare: hl_prepare_fn = { host, configuration, prepared in
        guard let host, let configuration, let prepared else { return HL_INVALID }
        guard let plugin = RunningPlugins.plugin(of: host) else { return HL_OK }
        do throws(PluginFailure) {
            prepared.pointee = Unmanaged.passRetained(try plugin.prepare(Configuration(configuration))).toOpaque()
            return HL_OK
        } catch {
            return Plugin.report(error, host, configuration)
        }
    }

    static let commit: hl_commit_fn = { _, state, configuration in
        guard let state, let prepared = configuration?.pointee.prepared else { return }
        Unmanaged<Plugin>.fromOpaque(state).takeUnretainedValue().commit(
            Unmanaged<AnyObject>.fromOpaque(prepared).takeRetainedValue())
    }

    static let abort: hl_abort_fn = { _, prepared in
        if let prepared { Unmanaged<AnyObject>.fromOpaque(prepared).release() }
    }

    static let startShard: hl_start_shard_fn = { host, state, shard, shardState in
        guard let host, let state, let shardState else { return HL_INVALID }
        do throws(PluginFailure) {
            let plugin = try Unmanaged<Plugin>.fromOpaque(state).takeUnretainedValue().startShard(Int(shard))
            shardState.pointee = Unmanaged.passRetained(plugin).toOpaque()
            return HL_OK
        } catch {
            guard case .failed(let message) = error else { return HL_FAILED }
            withView(message) { host.pointee.core?.pointee.fail?(host, $0) }
            return HL_FAILED
        }
    }

    static let stopShard: hl_stop_shard_fn = { _, state, shard, shardState in
        guard let state, let shardState else { return }
        let plugin = Unmanaged<Plugin>.fromOpaque(shardState).takeRetainedValue()
        Unmanaged<Plugin>.fromOpaque(state).takeUnretainedValue().stopShard(Int(shard), plugin)
    }

    static let drain: hl_drain_fn = { _, state, _ in
        guard let state else { return }
        Unmanaged<Plugin>.fromOpaque(state).takeUnretainedValue().drain()
    }

    static let stop: hl_stop_fn = { _, state in
        guard let state else { return }
        Unmanaged<Plugin>.fromOpaque(state).takeUnretainedValue().stop()
    }

    static let destroy: hl_destroy_fn = { host, state in
        guard let state else { return }
        if let host { RunningPlugins.remove(host) }
        let plugin = Unmanaged<Plugin>.fromOpaque(state)
        plugin.takeUnretainedValue().host.works.removeAll()
        plugin.takeUnretainedValue().host.callbacks.removeAll()
        plugin.release()
    }
}

extension Plugin {
    /// The `start` step of life: makes an instance of this class and starts it.
    public static func start(
        _ host: UnsafeMutablePointer<hl_self>?, _ configuration: UnsafePointer<hl_config>?,
        _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> hl_status {
        guard let host, let configuration, let state else { return HL_INVALID }
        do throws(PluginFailure) {
            let plugin = try self.init(host: PluginHost(host), configuration: Configuration(configuration))
            // Before start, and also if that fails: the host takes registrations back before it calls destroy, and
            // until then they point into the object.
            state.pointee = Unmanaged.passRetained(plugin).toOpaque()
            try plugin.start()
            RunningPlugins.add(plugin, host)
            return HL_OK
        } catch {
            return report(error, host, configuration)
        }
    }

    fileprivate static func report(
        _ failure: PluginFailure, _ host: UnsafeMutablePointer<hl_self>, _ configuration: UnsafePointer<hl_config>
    ) -> hl_status {
        switch failure {
        case .failed(let message):
            withView(message) { host.pointee.core?.pointee.fail?(host, $0) }
            return HL_FAILED
        case .refused(let faults):
            for fault in faults {
                withView(fault.message) {
                    _ = configuration.pointee.api?.pointee.refuse?(configuration, fault.node, $0)
                }
            }
            return HL_REFUSED
        }
    }
}
