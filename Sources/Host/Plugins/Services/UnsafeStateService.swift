import BrokerCore
import PluginABI

/// What a generation registered for the hand-over of its state.
///
/// @unchecked Sendable: the pointers are the plugin's and only handed back to it.
struct HandoverOffer: @unchecked Sendable {
    let schema: UInt32
    let function: hl_export_fn
    let user: UnsafeMutableRawPointer?
}

/// As ``HandoverOffer``, for the generation that takes it.
///
/// @unchecked Sendable: as ``HandoverOffer``.
struct HandoverAcceptance: @unchecked Sendable {
    let function: hl_import_fn
    let user: UnsafeMutableRawPointer?
}

/// The state of one generation on its way to the next. [control]
enum Handover {
    enum Outcome: Equatable {
        /// It has the state, or there was none to have.
        case done
        /// The new generation begins without state, for this reason.
        case cold(String)
        /// The new generation will not take over.
        case refused
    }

    private static let maximumBytes = 256 << 20
    fileprivate static let maximumChunk: UInt64 = 16 << 20

    /// Chunks that an export wrote.
    fileprivate final class Chunks {
        var chunks: [[UInt8]] = []
        var bytes = 0
        var hasFailed = false
        var next = 0
        let memory = LentMemory()

        func append(_ chunk: [UInt8]) -> Bool {
            guard bytes + chunk.count <= Handover.maximumBytes else {
                hasFailed = true
                return false
            }
            bytes += chunk.count
            chunks.append(chunk)
            return true
        }
    }

    /// Whether `new` wants what `old` has.
    static func isWanted(from old: PluginInstance, to new: PluginInstance) -> Bool {
        old.description.flags & HL_HANDOVER != 0 && new.description.flags & HL_HANDOVER != 0
            && old.handover.offer != nil && new.handover.acceptance != nil
    }

    /// Exports from one and imports into the other.
    static func transfer(_ phase: UInt32, from old: PluginInstance, to new: PluginInstance) -> Outcome {
        guard isWanted(from: old, to: new), let offer = old.handover.offer, let acceptance = new.handover.acceptance
        else { return .done }
        let chunks = Chunks()
        guard export(phase, offer, old, chunks) == HL_OK, !chunks.hasFailed else {
            return .cold("the old generation could not give its state")
        }
        switch read(phase, offer, acceptance, from: old, to: new, chunks) {
        case HL_OK: return .done
        case HL_REFUSED where phase == HL_STATE_BULK: return .refused
        case HL_NOT_FOUND: return .cold("the state of the old generation was not understood")
        default: return .cold("the state of the old generation was not taken")
        }
    }

    private static func export(
        _ phase: UInt32, _ offer: HandoverOffer, _ old: PluginInstance, _ chunks: Chunks
    ) -> hl_status {
        var writer = hl_state_writer()
        writer.struct_size = UInt32(MemoryLayout<hl_state_writer>.size)
        writer.phase = phase
        writer.host = Unmanaged.passUnretained(chunks).toOpaque()
        writer.write = { writer, chunk in
            guard let host = writer?.pointee.host, chunk.len > 0, chunk.len <= Handover.maximumChunk else {
                return HL_INVALID
            }
            let chunks = Unmanaged<Chunks>.fromOpaque(host).takeUnretainedValue()
            return chunks.append(Array(chunk.bytes)) ? HL_OK : HL_LIMIT
        }
        return withExtendedLifetime(chunks) { offer.function(old.pluginState, offer.user, &writer) }
    }

    private static func read(
        _ phase: UInt32, _ offer: HandoverOffer, _ acceptance: HandoverAcceptance, from old: PluginInstance,
        to new: PluginInstance, _ chunks: Chunks
    ) -> hl_status {
        var reader = hl_state_reader()
        reader.struct_size = UInt32(MemoryLayout<hl_state_reader>.size)
        reader.phase = phase
        reader.schema = offer.schema
        reader.plugin = chunks.memory.view(old.description.id)
        reader.version = chunks.memory.view(old.description.version)
        reader.host = Unmanaged.passUnretained(chunks).toOpaque()
        reader.read = { reader, out in
            guard let host = reader?.pointee.host, let out else { return HL_INVALID }
            let chunks = Unmanaged<Chunks>.fromOpaque(host).takeUnretainedValue()
            guard chunks.next < chunks.chunks.count else { return HL_NOT_FOUND }
            out.pointee = chunks.memory.view(chunks.chunks[chunks.next])
            chunks.next += 1
            return HL_OK
        }
        return withExtendedLifetime(chunks) { acceptance.function(new.pluginState, acceptance.user, &reader) }
    }
}

extension PluginInstance {
    var handover: (offer: HandoverOffer?, acceptance: HandoverAcceptance?) {
        state.withLock { ($0.handoverOffer, $0.handoverAcceptance) }
    }
}

extension ServiceTables {
    static func makeState() -> hl_state_v1 {
        var table = hl_state_v1()
        table.struct_size = UInt32(MemoryLayout<hl_state_v1>.size)
        table.offer = { handle, schema, function, user in
            guard let instance = PluginInstance.of(handle), let function,
                instance.description.flags & HL_HANDOVER != 0
            else { return HL_INVALID }
            let offer = HandoverOffer(schema: schema, function: function, user: user)
            return instance.state.withLock { state in
                guard state.phase == .starting else { return HL_NOT_ALLOWED }
                state.handoverOffer = offer
                return HL_OK
            }
        }
        table.accept = { handle, function, user in
            guard let instance = PluginInstance.of(handle), let function,
                instance.description.flags & HL_HANDOVER != 0
            else { return HL_INVALID }
            let acceptance = HandoverAcceptance(function: function, user: user)
            return instance.state.withLock { state in
                guard state.phase == .starting else { return HL_NOT_ALLOWED }
                state.handoverAcceptance = acceptance
                return HL_OK
            }
        }
        return table
    }
}
