import BrokerCore
import Configuration
import PluginABI

/// administration/1
extension ServiceTables {
    static func makeAdministration() -> hl_administration_v1 {
        var table = hl_administration_v1()
        table.struct_size = UInt32(MemoryLayout<hl_administration_v1>.size)
        table.status = { handle, function, user in
            ServiceTables.administer(handle, .status, function, user)
        }
        table.reload = { handle, name, function, user in
            ServiceTables.administer(handle, .reload(name.len > 0 ? name.text : nil), function, user)
        }
        table.command = { handle, name, argument, function, user in
            guard let command = ControlCommand(rawValue: name.text) else { return HL_NOT_FOUND }
            let request = ControlRequest(command, name: argument.len > 0 ? argument.text : nil)
            return ServiceTables.administer(handle, .command(request), function, user)
        }
        return table
    }

    private static func administer(
        _ handle: UnsafeMutablePointer<hl_self>?, _ request: AdministrationRequest, _ function: hl_json_fn?,
        _ user: UnsafeMutableRawPointer?
    ) -> hl_status {
        guard let instance = PluginInstance.of(handle), let function else { return HL_INVALID }
        guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
        let answer = JSONAnswer(instance: instance, function: function, user: user)
        return instance.context.environment.broker.administer(request) { answer.send($0) } ? HL_OK : HL_UNAVAILABLE
    }
}

/// Where JSON goes.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
private struct JSONAnswer: @unchecked Sendable {
    let instance: PluginInstance
    let function: hl_json_fn
    let user: UnsafeMutableRawPointer?

    func send(_ answer: AdministrationAnswer) {
        instance.onWorker { [self] in
            let memory = LentMemory()
            let (status, text): (hl_status, String) =
                switch answer {
                case .done(let json): (HL_OK, json)
                case .refused(let reason): (HL_REFUSED, reason)
                }
            withExtendedLifetime(memory) { function(instance.pluginState, user, status, memory.view(text)) }
        }
    }
}
