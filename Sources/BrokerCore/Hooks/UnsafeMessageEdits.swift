import MQTTCodec
import PluginABI

/// Edits of a part of a message, by the plugin whose hook is running: each begins with what the ones before it made.
extension HookCallFrame {
    /// Takes `remove` bytes out of the payload at `offset`, and puts `insert` there.
    func splicePayload(offset: UInt64, remove: UInt64, insert: hl_view) -> hl_status {
        guard hasField(HL_ANSWER_PAYLOAD) else { return HL_NOT_ALLOWED }
        let before = isSet(HL_ANSWER_PAYLOAD) ? answer.payload.bytes : message?.pointee.payload.bytes ?? hl_view().bytes
        guard offset <= before.count, remove <= UInt64(before.count) - offset, insert.len <= UInt64(Int32.max) else {
            return HL_INVALID
        }
        let (start, end) = (Int(offset), Int(offset + remove))
        return set(HL_ANSWER_PAYLOAD) { frame in
            frame.answer.payload = frame.join([
                UnsafeRawBufferPointer(rebasing: before[..<start]), insert.bytes,
                UnsafeRawBufferPointer(rebasing: before[end...]),
            ])
        }
    }

    /// Sets one property, in the place of those with its id.
    func setProperty(_ property: hl_property) -> hl_status {
        guard property.id != HL_PROPERTY_USER, let encoded = encode(property) else { return HL_INVALID }
        return editProperties { parts in
            var kept: [UnsafeRawBufferPointer] = []
            var isPlaced = false
            for part in parts {
                if part.property.id != property.id {
                    kept.append(part.bytes)
                } else if !isPlaced {
                    kept.append(encoded)
                    isPlaced = true
                }
            }
            return isPlaced ? kept : kept + [encoded]
        }
    }

    /// Removes every property with this id.
    func removeProperty(_ id: UInt32) -> hl_status { removeProperties { $0.id == id } }

    /// Removes every user property with this name.
    func removeUserProperty(_ name: hl_view) -> hl_status {
        removeProperties { $0.id == HL_PROPERTY_USER && $0.name.bytes.elementsEqual(name.bytes) }
    }

    /// Puts a user property before the one at `index` among the user properties, or at the end.
    func insertUserProperty(at index: UInt32, _ name: hl_view, _ value: hl_view) -> hl_status {
        var property = hl_property()
        property.id = HL_PROPERTY_USER
        property.name = name
        property.value = value
        guard let encoded = encode(property) else { return HL_INVALID }
        return editProperties { parts in
            var kept = parts.map(\.bytes)
            let users = parts.indices.filter { parts[$0].property.id == HL_PROPERTY_USER }
            kept.insert(encoded, at: Int(index) < users.count ? users[Int(index)] : kept.count)
            return kept
        }
    }

    // MARK: How

    /// A property where it stands.
    private struct Part {
        let property: hl_property
        let bytes: UnsafeRawBufferPointer
    }

    private var message: UnsafePointer<hl_msg>? { HookCalls.message(of: current.pointee) }

    private func hasField(_ field: UInt32) -> Bool {
        HookCallFrame.fields(of: current.pointee.hook) & field != 0
    }

    private func isSet(_ field: UInt32) -> Bool { answer.flags & field != 0 }

    private func removeProperties(where condition: (hl_property) -> Bool) -> hl_status {
        var isFound = false
        let status = editProperties { parts in
            let kept = parts.filter { !condition($0.property) }
            isFound = kept.count < parts.count
            return kept.map(\.bytes)
        }
        return status == HL_OK && !isFound ? HL_NOT_FOUND : status
    }

    /// Takes the properties as edited so far apart, and puts together what `edit` makes of them.
    private func editProperties(_ edit: ([Part]) -> [UnsafeRawBufferPointer]) -> hl_status {
        guard hasField(HL_ANSWER_PROPERTIES) else { return HL_NOT_ALLOWED }
        let before = isSet(HL_ANSWER_PROPERTIES) ? answer.properties : message?.pointee.properties ?? hl_view()
        var parts: [Part] = []
        var rest = before
        var property = hl_property()
        while let start = rest.ptr, hl_property_next(&rest, &property) != 0, let end = rest.ptr {
            parts.append(Part(property: property, bytes: UnsafeRawBufferPointer(start: start, count: end - start)))
        }
        let joined = join(edit(parts))
        guard PublishProperties.isForwardable(joined.bytes) else { return HL_INVALID }
        return set(HL_ANSWER_PROPERTIES) { $0.answer.properties = joined }
    }

    /// In wire form; nil: not one that is forwarded, or too long.
    private func encode(_ property: hl_property) -> UnsafeRawBufferPointer? {
        var bytes = [UInt8(truncatingIfNeeded: property.id)]
        switch property.id {
        case HL_PROPERTY_PAYLOAD_FORMAT:
            guard property.number <= 1 else { return nil }
            bytes.append(UInt8(property.number))
        case HL_PROPERTY_CONTENT_TYPE, HL_PROPERTY_RESPONSE_TOPIC, HL_PROPERTY_CORRELATION_DATA:
            guard HookCallFrame.append(property.value, to: &bytes) else { return nil }
        case HL_PROPERTY_USER:
            guard HookCallFrame.append(property.name, to: &bytes), HookCallFrame.append(property.value, to: &bytes)
            else { return nil }
        default: return nil
        }
        return arena.copy(bytes).bytes
    }

    private static func append(_ view: hl_view, to bytes: inout [UInt8]) -> Bool {
        guard view.len <= UInt16.max else { return false }
        bytes += [UInt8(view.len >> 8), UInt8(view.len & 0xFF)] + Array(view.bytes)
        return true
    }

    /// One after the other, in memory of the call.
    private func join(_ pieces: [UnsafeRawBufferPointer]) -> hl_view {
        let size = pieces.reduce(0) { $0 + $1.count }
        guard size > 0, let place = arena.allocate(size) else { return hl_view() }
        var end = place
        for piece in pieces {
            guard let start = piece.baseAddress else { continue }
            end.copyMemory(from: start, byteCount: piece.count)
            end += piece.count
        }
        return hl_view(UnsafeRawBufferPointer(start: place, count: size))
    }
}
