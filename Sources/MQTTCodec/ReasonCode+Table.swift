extension ReasonCode {
    /// One row of table 2-6: the name and the packets the code may appear in.
    struct Row: Sendable {
        let code: UInt8
        let name: StaticString
        let packets: PacketTypeSet
        /// The one end that may send the code in DISCONNECT or AUTH, or nil for both (sections 3.14.2.1, 3.15.2.1).
        let sender: PacketRole?

        init(_ code: UInt8, _ name: StaticString, _ packets: PacketTypeSet, only sender: PacketRole? = nil) {
            self.code = code
            self.name = name
            self.packets = packets
            self.sender = sender
        }
    }

    private static let acks: PacketTypeSet = [.puback, .pubrec, .suback, .unsuback]

    /// Table 2-6 of section 2.4, one row per name. The sender is the "Sent by" column of DISCONNECT and AUTH; the other
    /// packets that carry a code limited here travel in that same direction.
    static let table: [Row] = [
        Row(0x00, "Success", [.connack, .puback, .pubrec, .pubrel, .pubcomp, .unsuback]),
        Row(0x00, "Success", .auth, only: .fromServer),
        Row(0x00, "Normal disconnection", .disconnect),
        Row(0x00, "Granted QoS 0", .suback),
        Row(0x01, "Granted QoS 1", .suback),
        Row(0x02, "Granted QoS 2", .suback),
        Row(0x04, "Disconnect with Will Message", .disconnect, only: .fromClient),
        Row(0x10, "No matching subscribers", [.puback, .pubrec]),
        Row(0x11, "No subscription existed", .unsuback),
        Row(0x18, "Continue authentication", .auth),
        Row(0x19, "Re-authenticate", .auth, only: .fromClient),
        Row(0x80, "Unspecified error", acks.union([.connack, .disconnect])),
        Row(0x81, "Malformed Packet", [.connack, .disconnect]),
        Row(0x82, "Protocol Error", [.connack, .disconnect]),
        Row(0x83, "Implementation specific error", acks.union([.connack, .disconnect])),
        Row(0x84, "Unsupported Protocol Version", .connack),
        Row(0x85, "Client Identifier not valid", .connack),
        Row(0x86, "Bad User Name or Password", .connack),
        Row(0x87, "Not authorized", acks.union(.connack)),
        Row(0x87, "Not authorized", .disconnect, only: .fromServer),
        Row(0x88, "Server unavailable", .connack),
        Row(0x89, "Server busy", [.connack, .disconnect], only: .fromServer),
        Row(0x8A, "Banned", .connack),
        Row(0x8B, "Server shutting down", .disconnect, only: .fromServer),
        Row(0x8C, "Bad authentication method", [.connack, .disconnect]),
        Row(0x8D, "Keep Alive timeout", .disconnect, only: .fromServer),
        Row(0x8E, "Session taken over", .disconnect, only: .fromServer),
        Row(0x8F, "Topic Filter invalid", [.suback, .unsuback, .disconnect], only: .fromServer),
        Row(0x90, "Topic Name invalid", [.connack, .puback, .pubrec, .disconnect]),
        Row(0x91, "Packet Identifier in use", acks),
        Row(0x92, "Packet Identifier not found", [.pubrel, .pubcomp]),
        Row(0x93, "Receive Maximum exceeded", .disconnect),
        Row(0x94, "Topic Alias invalid", .disconnect),
        Row(0x95, "Packet too large", [.connack, .disconnect]),
        Row(0x96, "Message rate too high", .disconnect),
        Row(0x97, "Quota exceeded", [.connack, .puback, .pubrec, .suback, .disconnect]),
        Row(0x98, "Administrative action", .disconnect),
        Row(0x99, "Payload format invalid", [.connack, .puback, .pubrec, .disconnect]),
        Row(0x9A, "Retain not supported", [.connack, .disconnect], only: .fromServer),
        Row(0x9B, "QoS not supported", [.connack, .disconnect], only: .fromServer),
        Row(0x9C, "Use another server", [.connack, .disconnect], only: .fromServer),
        Row(0x9D, "Server moved", [.connack, .disconnect], only: .fromServer),
        Row(0x9E, "Shared Subscriptions not supported", [.suback, .disconnect], only: .fromServer),
        Row(0x9F, "Connection rate exceeded", [.connack, .disconnect], only: .fromServer),
        Row(0xA0, "Maximum connect time", .disconnect, only: .fromServer),
        Row(0xA1, "Subscription Identifiers not supported", [.suback, .disconnect], only: .fromServer),
        Row(0xA2, "Wildcard Subscriptions not supported", [.suback, .disconnect], only: .fromServer),
    ]

    /// The name of section 2.4, such as "Not authorized"; 0x00 is "Success", an undefined value "Reason code 0x..".
    public var name: String {
        Self.table.first { $0.code == rawValue }?.name.description ?? "Reason code \(hexadecimal(rawValue))"
    }

    /// The name the code has in packets of `type`: 0x00 is "Granted QoS 0" in SUBACK, "Normal disconnection" in
    /// DISCONNECT.
    public func name(in type: PacketType) -> String {
        let row = Self.table.first { $0.code == rawValue && $0.packets.contains(PacketTypeSet(type)) }
        return row?.name.description ?? name
    }

    /// Whether a packet of `type` sent by `role` may carry this code in MQTT 5.0 ([MQTT-3.2.2-8], [MQTT-3.4.2-1],
    /// [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1], [MQTT-3.9.3-2], [MQTT-3.11.3-2], [MQTT-3.14.2-1],
    /// [MQTT-3.15.2-1]).
    public func isAllowed(in type: PacketType, from role: PacketRole) -> Bool {
        Self.table.contains { row in
            row.code == rawValue && row.packets.contains(PacketTypeSet(type))
                && (row.sender == nil || row.sender == role)
        }
    }
}

extension ReasonCode: CustomStringConvertible {
    /// Byte and name, such as "0x87 (Not authorized)".
    public var description: String { "\(hexadecimal(rawValue)) (\(name))" }
}

/// `0x` and two upper-case digits, as the specification writes bytes.
func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return byte < 0x10 ? "0x0\(digits)" : "0x\(digits)"
}
