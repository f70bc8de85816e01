import MQTTCodec

/// A packet made by hand: its first byte, the Remaining Length, and the rest.
func frame(_ firstByte: UInt8, _ body: [UInt8]...) -> [UInt8] {
    let content = body.flatMap { $0 }
    var length: [UInt8] = []
    var rest = content.count
    repeat {
        length.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
        rest >>= 7
    } while rest > 0
    return [firstByte] + length + content
}

extension [UInt8] {
    /// With the two bytes of its length in front, as strings and binary data travel.
    var prefixed: [UInt8] { [UInt8(count >> 8), UInt8(count & 0xFF)] + self }
}

extension Stage {
    /// No properties: a Property Length of 0 in 5.0, not there in 3.1.1.
    var noProperties: [UInt8] { version == .v5_0 ? [0] : [] }

    /// A CONNECT made by hand, without properties; the case says what follows them.
    func connectFrame(
        name: String = "MQTT", level: UInt8? = nil, flags: UInt8 = 0x02, payload: [UInt8]...
    ) -> [UInt8] {
        frame(
            0x10, name.bytes.prefixed, [level ?? version.rawValue, flags, 0, 0], noProperties,
            payload.flatMap { $0 })
    }

    /// The broker takes this packet for a broken one: a CONNECT on a new connection, anything else from a client that
    /// is connected. 5.0 is told why; 3.1.1 is closed without a word [MQTT-3.1.4-1 of 3.1.1].
    func expectRejected(bytes: [UInt8], _ reason: ReasonCode = .malformedPacket, line: UInt = #line) throws {
        guard bytes[0] >> 4 == PacketType.connect.rawValue else {
            let client = try connect("\(line)", line: line)
            client.send(bytes: bytes)
            try client.expectEnd(reason, line: line)
            return
        }
        let connection = try open(sending: bytes)
        if version == .v5_0 {
            try connection.expectRefusal(reason, line: line)
        } else {
            try connection.expectClose(line: line)
        }
    }

    func expectRejected(_ packet: Packet, _ reason: ReasonCode = .malformedPacket, line: UInt = #line) throws {
        try expectRejected(bytes: packet.encode(version: version), reason, line: line)
    }
}
