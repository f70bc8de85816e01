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
            do throws(UsageError) {
                let request = try ControlRequest.parse(command, argument: Array(argument.bytes))
                return ServiceTables.administer(handle, .command(request), function, user)
            } catch {
                return ServiceTables.refuse(handle, error.description, function, user)
            }
        }
        return table
    }

    /// Tells the plugin what is wrong with its argument, in the way of every other answer.
    private static func refuse(
        _ handle: UnsafeMutablePointer<hl_self>?, _ reason: String, _ function: hl_json_fn?,
        _ user: UnsafeMutableRawPointer?
    ) -> hl_status {
        guard let instance = PluginInstance.of(handle), let function else { return HL_INVALID }
        guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
        JSONAnswer(instance: instance, function: function, user: user).send(.refused(reason, .invalid))
        return HL_OK
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
                case .refused(let reason, let kind): (kind.status, reason)
                }
            withExtendedLifetime(memory) { function(instance.pluginState, user, status, memory.view(text)) }
        }
    }
}

extension ControlAnswer.Kind {
    /// How plugins are told.
    fileprivate var status: hl_status {
        switch self {
        case .invalid: HL_INVALID
        case .notFound: HL_NOT_FOUND
        case .refused: HL_REFUSED
        case .notAllowed: HL_NOT_ALLOWED
        case .unavailable: HL_UNAVAILABLE
        }
    }
}
