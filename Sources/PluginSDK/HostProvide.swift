internal import PluginABI

/// Services that plugins offer to each other and to the broker (provide/1).
extension PluginHost {
    /// Offers a C table under a name like "org.acme.geo/1"; in `Plugin.start` only.
    /// - Parameters:
    ///   - table: of the type that the name stands for; must stay as long as the plugin.
    ///   - state: what its functions want first.
    /// - Throws: another plugin offers that name, or the service is not granted.
    public func offer(
        _ name: String, table: UnsafeRawPointer, state: UnsafeMutableRawPointer?
    ) throws(PluginFailure) {
        let status = withView(name) { raw.pointee.provide?.pointee.offer?(raw, $0, table, state) }
        switch status {
        case HL_OK: return
        case HL_CONFLICT: throw .failed("another plugin offers \(name); only one can be in use")
        default: throw .failed("the broker refused the service \(name) with status \(status ?? HL_UNAVAILABLE)")
        }
    }
}
