import MQTTCodec

/// Listeners with `strictness: lenient`. Nothing here is reached by a packet that keeps to the specification.
extension Shard {
    /// True: the listener forgives `fault`, which is counted, and logged the first time on this connection.
    /// - Parameter detail: what the client did, with the statement; built for the first time only.
    func tolerates(_ fault: ToleratedFault, of connection: ConnectionRef, _ detail: @autoclosure () -> String) -> Bool {
        guard connection.pointee.flags.contains(.lenient) else { return false }
        state.pointee.counters.tolerated[Int(fault.rawValue)] &+= 1
        let extras = connection.extras
        if extras.tolerated.insert(ToleratedFaults(fault)).inserted {
            transport.event(.tolerated(extras.identity, connection: connection.pointee.id, fault, detail: detail()))
        }
        return true
    }

    /// True: the listener forgives what `error` says.
    func tolerates(_ error: DecodeError, of connection: ConnectionRef) -> Bool {
        guard let fault = ToleratedFault(error) else { return false }
        return tolerates(fault, of: connection, error.description)
    }

    /// The packet with the first byte it should have. A copy: what was received is only lent.
    func repaired(_ frame: UnsafeRawBufferPointer) -> [UInt8] {
        var bytes = Array(frame)
        guard let type = PacketType(firstByte: bytes[0]) else { return bytes }
        // A PUBLISH loses DUP, whose only fault here is to stand beside QoS 0.
        bytes[0] = type == .publish ? bytes[0] & ~0b1000 : type.firstByte
        return bytes
    }

    /// Reads a packet again whose `error` was forgiven. Nil: there is more wrong with it; the connection has ended.
    func decodeLeniently(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer) -> Packet? {
        let version = connection.pointee.version
        do throws(DecodeError) {
            if frame[0] == PacketType.subscribe.firstByte {
                return .subscribe(try Subscribe.decode(frame: frame, version: version, lenient: true))
            }
            return .unsubscribe(try Unsubscribe.decode(frame: frame, version: version, lenient: true))
        } catch {
            protocolFailure(connection, error)
            return nil
        }
    }
}
