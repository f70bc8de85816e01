internal import PluginABI

/// MQTT connections that begin in this plugin (`connection/1`): ask for it in `PluginDescription.optionalServices`.
extension PluginHost {
    /// Opens a connection on which this plugin is the network client: it sends CONNECT, and the broker treats it like
    /// any other, hooks and limits included. For plugins that speak for clients of another protocol.
    /// - Parameters:
    ///   - listener: name in plugins.yaml of the listener whose rules hold; `nil`: the first.
    ///   - address: what hooks and logs see as the client's address; 1 to 255 bytes.
    /// - Returns: a stream socket that does not block. It is the caller's, who closes it to end the connection, and
    ///   before the plugin stops. `nil`: no such listener, too many connections, or the service is not granted.
    public func openConnection(listener: String? = nil, address: String) -> Int32? {
        let table = withView("connection/1") { name in
            raw.pointee.core?.pointee.get_service?(raw, name)?.assumingMemoryBound(to: hl_connection_v1.self)
        }
        guard let open = table?.pointee.open else { return nil }
        var descriptor: Int32 = -1
        let status = withView(listener ?? "") { listener in
            withView(address) { open(raw, listener, $0, &descriptor) }
        }
        return status == HL_OK ? descriptor : nil
    }
}
