import BrokerCore
import PluginABI

/// The tables of host.h. Each is written once and then constant; the functions find their instance through `hl_self`.
enum ServiceTables {
    /// Tables by "name/REV", as `get_service` gives them.
    ///
    /// nonisolated(unsafe), here and below: written once, before anybody can see it, and constant from then on.
    nonisolated(unsafe) static let byName: [String: UnsafeRawPointer] = Dictionary(
        uniqueKeysWithValues: all.map { ($0.name, $0.table) })

    /// Every service with its name, in the order in which abi/1 lists them.
    nonisolated(unsafe) static let all: [(name: String, table: UnsafeRawPointer)] = [
        ("core/1", UnsafeRawPointer(core)), ("config/1", UnsafeRawPointer(ConfigService.table)),
        ("log/1", UnsafeRawPointer(log)), ("publish/1", UnsafeRawPointer(publish)),
        ("executor/1", UnsafeRawPointer(executor)), ("timer/1", UnsafeRawPointer(timer)),
        ("clock/1", UnsafeRawPointer(clock)), ("random/1", UnsafeRawPointer(random)),
        ("watch/1", UnsafeRawPointer(watch)), ("client/1", UnsafeRawPointer(client)),
        ("topic/1", UnsafeRawPointer(topic)), ("consume/1", UnsafeRawPointer(consume)),
        ("subs/1", UnsafeRawPointer(subs)), ("retained/1", UnsafeRawPointer(retained)),
        ("kv/1", UnsafeRawPointer(kv)), ("http/1", UnsafeRawPointer(http)),
        ("http_server/1", UnsafeRawPointer(httpServer)), ("metrics/1", UnsafeRawPointer(metrics)),
        ("trace/1", UnsafeRawPointer(trace)), ("state/1", UnsafeRawPointer(handover)),
        ("reactor/1", UnsafeRawPointer(reactor)), ("provide/1", UnsafeRawPointer(provide)),
        ("abi/1", UnsafeRawPointer(abi)), ("thread_check/1", UnsafeRawPointer(threadCheck)),
        ("administration/1", UnsafeRawPointer(administration)), ("connection/1", UnsafeRawPointer(connection)),
        ("message/1", UnsafeRawPointer(message)),
    ]

    /// Services that change or show more than a plugin needs: only for those that ask for them by name.
    static let onlyByName: Set<String> = ["http_server/1", "administration/1", "connection/1"]

    nonisolated(unsafe) static let core = constant(makeCore())
    nonisolated(unsafe) static let log = constant(makeLog())
    nonisolated(unsafe) static let publish = constant(makePublish())
    nonisolated(unsafe) static let executor = constant(makeExecutor())
    nonisolated(unsafe) static let timer = constant(makeTimer())
    nonisolated(unsafe) static let clock = constant(makeClock())
    nonisolated(unsafe) static let random = constant(makeRandom())
    nonisolated(unsafe) static let watch = constant(makeWatch())
    nonisolated(unsafe) static let client = constant(makeClient())
    nonisolated(unsafe) static let topic = constant(makeTopic())
    nonisolated(unsafe) static let consume = constant(makeConsume())
    nonisolated(unsafe) static let subs = constant(makeSubs())
    nonisolated(unsafe) static let retained = constant(makeRetained())
    nonisolated(unsafe) static let kv = constant(makeKV())
    nonisolated(unsafe) static let http = constant(makeHTTP())
    nonisolated(unsafe) static let httpServer = constant(makeHTTPServer())
    nonisolated(unsafe) static let metrics = constant(makeMetrics())
    nonisolated(unsafe) static let trace = constant(makeTrace())
    nonisolated(unsafe) static let handover = constant(makeState())
    nonisolated(unsafe) static let reactor = constant(makeReactor())
    nonisolated(unsafe) static let provide = constant(makeProvide())
    nonisolated(unsafe) static let abi = constant(makeABI())
    nonisolated(unsafe) static let threadCheck = constant(makeThreadCheck())
    nonisolated(unsafe) static let administration = constant(makeAdministration())
    nonisolated(unsafe) static let connection = constant(makeConnection())
    nonisolated(unsafe) static let message = constant(makeMessage())

    /// Never freed: plugins keep the pointers.
    private static func constant<Table>(_ table: Table) -> UnsafePointer<Table> {
        let place = UnsafeMutablePointer<Table>.allocate(capacity: 1)
        place.initialize(to: table)
        return UnsafePointer(place)
    }

    private static func makeCore() -> hl_core_v1 {
        var table = hl_core_v1()
        table.struct_size = UInt32(MemoryLayout<hl_core_v1>.size)
        table.alloc = { handle, size in PluginInstance.of(handle)?.allocate(size) }
        table.register_hook = { handle, hook, function, interest, out in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            let (status, registration) = instance.register(hook, function, interest)
            out?.pointee = registration
            return status
        }
        table.update_interest = { handle, registration, interest in
            PluginInstance.of(handle)?.update(registration, interest) ?? HL_INVALID
        }
        table.hook_status = { _, hook in
            HookTable.isOffered(hook) ? HL_OK : HookTable.isKnown(hook) ? HL_NOT_OFFERED : HL_UNKNOWN
        }
        table.get_service = { handle, name in
            guard let instance = PluginInstance.of(handle), instance.isGranted(name.text) else { return nil }
            return ServiceTables.byName[name.text]
        }
        table.complete = { handle, token, verdict, answer in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            let pending = instance.context.environment.pending
            let shard = PendingHooks.shard(of: token)
            guard shard < pending.count else { return HL_STALE }
            return pending[shard].complete(token, verdict, answer, by: instance.number)
        }
        table.set_health = { handle, level, text in
            PluginInstance.of(handle)?.setHealth(.init(level: level, text: text.text))
        }
        table.fail = { handle, message in PluginInstance.of(handle)?.fail(message.text) }
        return table
    }

    private static func makeLog() -> hl_log_v1 {
        var table = hl_log_v1()
        table.struct_size = UInt32(MemoryLayout<hl_log_v1>.size)
        table.enabled = { handle, level in
            guard let instance = PluginInstance.of(handle), let level = PluginLogLevel(rawValue: level) else {
                return 0
            }
            return instance.context.log.isOn(level, of: instance.id) ? 1 : 0
        }
        table.write = { handle, level, event, message, fields, count in
            guard let instance = PluginInstance.of(handle), let level = PluginLogLevel(rawValue: level) else { return }
            let pairs = (0..<Int(fields == nil ? 0 : count)).compactMap { index in
                fields.map { (key: $0[index].key.text, value: $0[index].value.text) }
            }
            instance.context.log(level, instance.id, event.text, message.text, pairs)
        }
        return table
    }
}
