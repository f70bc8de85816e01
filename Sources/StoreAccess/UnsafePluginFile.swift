import Glibc
public import PluginABI

/// A plugin with a store, loaded without a broker: what tools need of one. It has log/1 and provide/1 and nothing else.
///
/// One in a process at a time is the rule; the file stays mapped until the process ends, as it does in the broker.
///
/// @unchecked Sendable: the tables are written before anybody reads them; what the plugin says is behind a lock.
public final class UnsafePluginFile: @unchecked Sendable {
    /// The table of store/1 and what its functions want first.
    public private(set) var table: UnsafePointer<hl_store_v1>
    let state: UnsafeMutableRawPointer?

    private let host: UnsafeLoneHost
    private let description: UnsafePointer<hl_plugin_desc>
    private let pluginState: UnsafeMutableRawPointer?

    /// Loads the file and starts one instance.
    /// - Parameters:
    ///   - path: the shared object.
    ///   - settings: as in its `config` of plugins.yaml; scalars only.
    public init(_ path: String, settings: [String: String] = [:]) throws(StoreError) {
        let absolute = path.contains("/") ? path : "./" + path
        guard let image = dlopen(absolute, RTLD_NOW | RTLD_LOCAL) else {
            throw StoreError(HL_FAILED, "cannot load \(path)", dlerror().map { String(cString: $0) } ?? "")
        }
        guard let symbol = dlsym(image, HL_PLUGIN_ENTRY_NAME) else {
            throw StoreError(HL_INVALID, "\(path) is no plugin", "it has no function \(HL_PLUGIN_ENTRY_NAME)")
        }
        let entry = unsafeBitCast(symbol, to: hl_plugin_entry_fn.self)
        guard let description = UnsafeLoneHost.withProbe({ entry($0) }), let life = description.pointee.life,
            let start = life.pointee.start
        else { throw StoreError(HL_INVALID, "\(path) is no plugin for this version") }
        let host = try UnsafeLoneHost(description, settings)
        var pluginState: UnsafeMutableRawPointer?
        if let create = life.pointee.create {
            guard create(host.instance, &pluginState) == HL_OK else {
                throw StoreError(HL_FAILED, "\(path) does not start", host.complaints)
            }
        }
        let status = start(host.instance, host.configuration, &pluginState)
        guard status == HL_OK else { throw StoreError(status, "\(path) does not start", host.complaints) }
        guard let offer = host.offers[HL_STORE_SERVICE] else {
            throw StoreError(HL_NOT_FOUND, "\(path) has no store", "it does not offer \(HL_STORE_SERVICE)")
        }
        table = offer.table.assumingMemoryBound(to: hl_store_v1.self)
        state = offer.state
        guard table.pointee.struct_size >= UInt32(MemoryLayout<hl_store_v1>.size) else {
            throw StoreError(HL_INVALID, "\(path)", "its table of \(HL_STORE_SERVICE) is too short")
        }
        (self.host, self.description, self.pluginState) = (host, description, pluginState)
    }

    /// Ends the instance; every store it has was closed before.
    public func stop() {
        guard let life = description.pointee.life else { return }
        life.pointee.drain?(host.instance, pluginState, hl_time(HL_NEVER))
        life.pointee.stop?(host.instance, pluginState)
        life.pointee.destroy?(host.instance, pluginState)
    }
}
