import PluginABI

/// connection/1
extension ServiceTables {
    private static let maximumAddress = 255

    static func makeConnection() -> hl_connection_v1 {
        var table = hl_connection_v1()
        table.struct_size = UInt32(MemoryLayout<hl_connection_v1>.size)
        table.open = { handle, listener, address, descriptor in
            guard let instance = PluginInstance.of(handle), let descriptor else { return HL_INVALID }
            descriptor.pointee = -1
            let text = address.text
            guard !text.isEmpty, text.utf8.count <= ServiceTables.maximumAddress else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            switch instance.context.environment.broker.connect(listener.text, text) {
            case .opened(let number):
                descriptor.pointee = number
                return HL_OK
            case .noSuchListener: return HL_NOT_FOUND
            case .limit: return HL_LIMIT
            case .unavailable: return HL_UNAVAILABLE
            }
        }
        return table
    }
}
