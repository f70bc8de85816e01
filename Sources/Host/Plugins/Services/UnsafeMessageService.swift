import BrokerCore
import PluginABI

/// Messages and clients that one instance keeps beyond the call they came with. [any thread]
final class KeptObjects: Sendable {
    private struct Entry {
        let object: HeldInput
        let bytes: Int
        var references = 1
    }

    private struct State {
        var entries: [UnsafeRawPointer: Entry] = [:]
        var bytes = 0
    }

    static let maximumCount = 65_536
    static let maximumBytes = 64 << 20

    private let state = Monitor(State())

    var usage: (count: Int, bytes: Int) { state.read { ($0.entries.count, $0.bytes) } }

    /// Once more what is kept at this place; false: it is not kept.
    func retain(_ pointer: UnsafeRawPointer) -> Bool {
        state.withLock { state in
            guard state.entries[pointer] != nil else { return false }
            state.entries[pointer]?.references += 1
            return true
        }
    }

    /// Keeps a copy. Nil: there is no room.
    func keep(_ object: HeldInput?, bytes: Int) -> UnsafeRawPointer? {
        guard let object else { return nil }
        return state.withLock { state in
            guard state.entries.count < Self.maximumCount, bytes <= Self.maximumBytes - state.bytes else { return nil }
            state.entries[object.pointer] = Entry(object: object, bytes: bytes)
            state.bytes += bytes
            return object.pointer
        }
    }

    /// Frees what the plugin never let go of. [destroyed]
    func removeAll() {
        _ = state.withLock { state -> [UnsafeRawPointer: Entry] in
            defer { state = State() }
            return state.entries
        }
    }

    /// False: it is not kept.
    func release(_ pointer: UnsafeRawPointer) -> Bool {
        // What is freed is freed after the lock was given back.
        let (isKnown, _) = state.withLock { state -> (Bool, HeldInput?) in
            guard var entry = state.entries[pointer] else { return (false, nil) }
            entry.references -= 1
            guard entry.references == 0 else {
                state.entries[pointer] = entry
                return (true, nil)
            }
            state.entries[pointer] = nil
            state.bytes -= entry.bytes
            return (true, entry.object)
        }
        return isKnown
    }
}

/// message/1
extension ServiceTables {
    static func makeMessage() -> hl_message_v1 {
        var table = hl_message_v1()
        table.struct_size = UInt32(MemoryLayout<hl_message_v1>.size)
        table.retain = { handle, message in
            guard let instance = PluginInstance.of(handle), let message else { return nil }
            if instance.kept.retain(UnsafeRawPointer(message)) { return message }
            let view = message.pointee
            let size = MemoryLayout<hl_msg>.size + Int(view.topic.len + view.payload.len + view.properties.len)
            // Nothing is copied that there is no room for.
            let copy = size <= KeptObjects.maximumBytes ? HeldInput(keeping: message) : nil
            return instance.keep(copy, bytes: size)?.assumingMemoryBound(to: hl_msg.self)
        }
        table.release = { handle, message in
            guard let instance = PluginInstance.of(handle), let message else { return HL_INVALID }
            return instance.kept.release(UnsafeRawPointer(message)) ? HL_OK : HL_NOT_FOUND
        }
        table.retain_client = { handle, client in
            guard let instance = PluginInstance.of(handle), let client else { return nil }
            if instance.kept.retain(UnsafeRawPointer(client)) { return client }
            return instance.keep(HeldInput(keeping: client), bytes: 1024)?.assumingMemoryBound(to: hl_client.self)
        }
        table.release_client = { handle, client in
            guard let instance = PluginInstance.of(handle), let client else { return HL_INVALID }
            return instance.kept.release(UnsafeRawPointer(client)) ? HL_OK : HL_NOT_FOUND
        }
        table.count = { handle in UInt64(PluginInstance.of(handle)?.kept.usage.count ?? 0) }
        table.bytes = { handle in UInt64(PluginInstance.of(handle)?.kept.usage.bytes ?? 0) }
        return table
    }
}

extension PluginInstance {
    fileprivate func keep(_ object: HeldInput?, bytes: Int) -> UnsafeRawPointer? {
        let pointer = kept.keep(object, bytes: bytes)
        if pointer == nil { reachedLimit("retained messages and clients") }
        return pointer
    }
}
