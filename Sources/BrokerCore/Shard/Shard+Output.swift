// HOT PATH: one write per connection and turn.
import Glibc
import MQTTCodec

extension Shard {
    /// Puts the connection on the list of those written at the end of the turn.
    @inline(__always)
    func markDirty(_ connection: ConnectionRef) {
        if connection.pointee.flags.isDisjoint(with: [.dirty, .blocked]) {
            connection.pointee.flags.insert(.dirty)
            state.pointee.dirty.append(connection)
        }
    }

    /// Appends a ready-made packet.
    @inline(__always)
    func append(_ connection: ConnectionRef, _ template: FrameTemplate, firstByte: UInt8, packetID: UInt16) {
        let place = connection.pointee.output.reserve(template.count, pool)
        memcpy(place, template.base, template.count)
        place[0] = firstByte
        if packetID != 0 {
            place[template.packetIDOffset] = UInt8(truncatingIfNeeded: packetID >> 8)
            place[template.packetIDOffset &+ 1] = UInt8(truncatingIfNeeded: packetID)
        }
        markDirty(connection)
    }

    /// Appends any packet. False: it is larger than the client's Maximum Packet Size and not sent [MQTT-3.1.2-24].
    @discardableResult
    func send(_ connection: ConnectionRef, _ packet: Packet) -> Bool {
        let bytes = packet.encode(version: connection.pointee.version)
        guard bytes.count <= Int(connection.pointee.clientPacketLimit) else { return false }
        state.pointee.counters.otherPacketsSent &+= 1
        let place = connection.pointee.output.reserve(bytes.count, pool)
        bytes.withUnsafeBytes {
            place.update(from: $0.baseAddress!.assumingMemoryBound(to: UInt8.self), count: $0.count)
        }
        markDirty(connection)
        return true
    }

    /// Appends PUBACK, PUBREC, PUBREL or PUBCOMP.
    @inline(__always)
    func sendAck(_ connection: ConnectionRef, _ type: PacketType, _ packetID: UInt16, _ reason: ReasonCode = .success) {
        let place = connection.pointee.output.reserve(maximumAckSize, pool)
        let written = writeAck(
            type: type, packetID: packetID, reason: reason, version: connection.pointee.version, to: place)
        connection.pointee.output.unreserve(maximumAckSize &- written)
        state.pointee.counters.otherPacketsSent &+= 1
        markDirty(connection)
    }

    /// Writes what waits, up to the first gate that is closed.
    func flush(_ connection: ConnectionRef) {
        connection.pointee.flags.remove(.dirty)
        guard connection.pointee.phase != .closed else { return }
        var ready = connection.pointee.output.bytes
        if connection.pointee.flags.contains(.gated) {
            ready = UnsafeRawBufferPointer(rebasing: ready[..<openOutput(connection)])
        }
        if ready.count > 0 {
            let written = transport.write(connection.pointee.transport, ready)
            if written < 0 {
                connection.pointee.flags.insert(.blocked)
                return
            }
            state.pointee.counters.bytesSent &+= UInt64(truncatingIfNeeded: written)
            connection.pointee.flags.insert(.answered)
            connection.pointee.output.consume(written, pool)
            if connection.pointee.flags.contains(.gated) { moveGates(connection, by: written) }
            if written < ready.count {
                connection.pointee.flags.insert(.blocked)
                return
            }
        }
    }
}
