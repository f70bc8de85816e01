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

    /// Takes a service of another plugin into use while `body` runs: its generation is not stopped meanwhile. Acquire
    /// it again for each piece of work, so that a reloaded provider is found.
    /// - Parameters:
    ///   - name: such as "org.acme.geo/1".
    ///   - body: gets the C table that the name stands for, and what its functions want first.
    /// - Returns: `nil` when nobody offers it now, which can be so at any time.
    public func acquire<Result>(
        _ name: String, _ body: (_ table: UnsafeRawPointer, _ state: UnsafeMutableRawPointer?) -> Result
    ) -> Result? {
        guard let provide = raw.pointee.provide, let acquire = provide.pointee.acquire else { return nil }
        var provided = hl_provided()
        guard withView(name, { acquire(raw, $0, &provided) }) == HL_OK else { return nil }
        defer { provide.pointee.release?(raw, &provided) }
        return provided.table.map { body($0, provided.state) }
    }
}
