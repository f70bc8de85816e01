import BrokerCore
import PluginABI

/// provide/1
extension ServiceTables {
    static func makeProvide() -> hl_provide_v1 {
        var table = hl_provide_v1()
        table.struct_size = UInt32(MemoryLayout<hl_provide_v1>.size)
        table.offer = { handle, name, table, state in
            guard let instance = PluginInstance.of(handle), let table, name.text.contains("/"),
                ServiceTables.byName[name.text] == nil
            else { return HL_INVALID }
            guard instance.phase == .starting else { return HL_NOT_ALLOWED }
            let offer = ProvidedServices.Offer(provider: instance, table: table, state: state)
            return instance.context.provided.offer(name.text, offer) ? HL_OK : HL_CONFLICT
        }
        table.acquire = { handle, name, out in
            guard let instance = PluginInstance.of(handle), let out else { return HL_INVALID }
            guard let (offer, ticket) = instance.context.provided.acquire(name.text, for: instance) else {
                out.pointee = hl_provided()
                return HL_NOT_FOUND
            }
            out.pointee = hl_provided(table: offer.table, state: offer.state, ticket: ticket)
            return HL_OK
        }
        table.release = { handle, provided in
            guard let instance = PluginInstance.of(handle), let provided, provided.pointee.ticket != 0 else { return }
            instance.context.provided.release(provided.pointee.ticket, by: instance)
            provided.pointee = hl_provided()
        }
        return table
    }
}
