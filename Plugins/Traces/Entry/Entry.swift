public import PluginABI
import PluginSDK
import TracesPlugin

private let export = PluginExport(TracesPlugin.self) { TracesPlugin.start($0, $1, $2) }

/// What the host looks up in the shared object.
@c(hl_plugin_entry_v1)
public func entry(_ probe: UnsafePointer<hl_host_probe>?) -> UnsafePointer<hl_plugin_desc>? {
    export.description(for: probe)
}
