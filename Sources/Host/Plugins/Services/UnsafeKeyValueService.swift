import BrokerCore
import PluginABI

/// kv/1
extension ServiceTables {
    static func makeKV() -> hl_kv_v1 {
        var table = hl_kv_v1()
        table.struct_size = UInt32(MemoryLayout<hl_kv_v1>.size)
        addReading(&table)
        addChanging(&table)
        return table
    }

    private static func addReading(_ table: inout hl_kv_v1) {
        table.get = { handle, key, value, capacity, size, version in
            guard let store = PluginInstance.of(handle)?.keyValueStore else { return HL_UNAVAILABLE }
            guard let entry = store.get(Array(key.bytes)) else { return HL_NOT_FOUND }
            size?.pointee = UInt64(entry.value.count)
            version?.pointee = entry.version
            ServiceTables.copy(entry.value, to: value, capacity)
            return HL_OK
        }
        table.next = { handle, prefix, after, key, capacity, size in
            guard let store = PluginInstance.of(handle)?.keyValueStore else { return HL_UNAVAILABLE }
            guard let found = store.next(prefix: Array(prefix.bytes), after: Array(after.bytes)) else {
                return HL_NOT_FOUND
            }
            size?.pointee = UInt64(found.count)
            ServiceTables.copy(found, to: key, capacity)
            return HL_OK
        }
        table.count = { handle in UInt64(PluginInstance.of(handle)?.keyValueStore?.count ?? 0) }
        table.bytes = { handle in UInt64(PluginInstance.of(handle)?.keyValueStore?.bytes ?? 0) }
    }

    private static func addChanging(_ table: inout hl_kv_v1) {
        table.set = { handle, key, value, expected, version, done, user in
            guard let instance = PluginInstance.of(handle), ServiceTables.isValidKey(key),
                value.len <= UInt64(KeyValueStore.maximumValue)
            else { return HL_INVALID }
            guard let store = instance.keyValueStore else { return HL_UNAVAILABLE }
            let result = store.set(
                Array(key.bytes), Array(value.bytes), expected: expected == HL_KV_ANY ? nil : expected,
                done: KeyValueAnswer.make(done, user, instance))
            return ServiceTables.status(result, version)
        }
        table.remove = { handle, key, expected, done, user in
            guard let instance = PluginInstance.of(handle), ServiceTables.isValidKey(key) else { return HL_INVALID }
            guard let store = instance.keyValueStore else { return HL_UNAVAILABLE }
            let result = store.remove(
                Array(key.bytes), expected: expected == HL_KV_ANY ? nil : expected,
                done: KeyValueAnswer.make(done, user, instance))
            if case .failure(.conflict(0)) = result { return HL_NOT_FOUND }
            return ServiceTables.status(result, nil)
        }
        table.flush = { handle in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            guard ThreadKind.current != .loop else { return HL_NOT_ALLOWED }
            return instance.keyValueStore?.flush() ?? true ? HL_OK : HL_FAILED
        }
    }

    private static func isValidKey(_ key: hl_view) -> Bool {
        key.len > 0 && key.len <= UInt64(KeyValueStore.maximumKey)
    }

    private static func status(
        _ result: Result<UInt64, KeyValueStore.Failure>, _ version: UnsafeMutablePointer<UInt64>?
    ) -> hl_status {
        switch result {
        case .success(let new):
            version?.pointee = new
            return HL_OK
        case .failure(.conflict(let there)):
            version?.pointee = there
            return HL_CONFLICT
        case .failure(.limit): return HL_LIMIT
        case .failure(.busy): return HL_BUSY
        }
    }

    private static func copy(_ bytes: [UInt8], to target: UnsafeMutableRawPointer?, _ capacity: UInt64) {
        guard let target else { return }
        bytes.withUnsafeBytes { source in
            let count = min(source.count, Int(clamping: capacity))
            if let base = source.baseAddress { target.copyMemory(from: base, byteCount: count) }
        }
    }
}

/// Who wants to know that a change is durable.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
private struct KeyValueAnswer: @unchecked Sendable {
    let instance: PluginInstance
    let function: hl_kv_done_fn
    let user: UnsafeMutableRawPointer?

    static func make(
        _ function: hl_kv_done_fn?, _ user: UnsafeMutableRawPointer?, _ instance: PluginInstance
    ) -> KeyValueStore.Done? {
        guard let function else { return nil }
        let answer = KeyValueAnswer(instance: instance, function: function, user: user)
        return { isDone in
            answer.instance.onWorker {
                answer.function(answer.instance.pluginState, answer.user, isDone ? HL_OK : HL_FAILED)
            }
        }
    }
}
