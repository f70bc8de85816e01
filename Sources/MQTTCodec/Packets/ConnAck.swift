/// CONNACK: the Server accepts or refuses a connection (section 3.2).
public struct ConnAck: Hashable, Sendable {
    /// Whether the Server has a Session of the Client. False when it refuses [MQTT-3.2.2-6].
    public var sessionPresent: Bool
    /// In 3.1.1 the Connect Return Code that says the same, see ``ReasonCode/connectReturnCode``.
    public var reason: ReasonCode
    /// 5.0 only.
    public var properties: Properties

    /// A CONNACK.
    public init(sessionPresent: Bool = false, reason: ReasonCode, properties: Properties = Properties()) {
        self.sessionPresent = sessionPresent
        self.reason = reason
        self.properties = properties
    }

    /// Reads a CONNACK packet.
    /// - Parameter frame: exactly one packet; borrowed during the call.
    public static func decode(
        frame: UnsafeRawBufferPointer, version: ProtocolVersion
    ) throws(DecodeError) -> ConnAck {
        var reader = try UnsafeByteReader(packet: frame, expecting: .connack, version: version)
        let flagsOffset = reader.position
        let flags = try reader.readByte(.acknowledgeFlags)
        guard flags <= 1 else { throw reader.error(.reservedAcknowledgeFlags, .acknowledgeFlags, at: flagsOffset) }
        let reason = try decodeReason(&reader)
        if flags == 1 && reason != .success {
            throw reader.error(.sessionPresentOnRefusal, .acknowledgeFlags, at: flagsOffset)
        }
        let properties = try Properties.decode(&reader, in: .connack, from: .fromServer)
        try reader.expectEnd(after: .properties)
        return ConnAck(sessionPresent: flags == 1, reason: reason, properties: properties)
    }

    private static func decodeReason(_ reader: inout UnsafeByteReader) throws(DecodeError) -> ReasonCode {
        if reader.version == .v5_0 { return try reader.readReasonCode(in: .connack, from: .fromServer) }
        guard let reason = ReasonCode(connectReturnCode: try reader.readByte(.reasonCode)) else {
            throw reader.error(.invalidReasonCode, .reasonCode, at: reader.position - 1)
        }
        return reason
    }

    /// Appends the packet to `writer`. A reason that 3.1.1 has no return code for is sent as 3, Server unavailable: a
    /// Server looks at ``ReasonCode/connectReturnCode`` first and closes without CONNACK when there is none.
    public func encode(into writer: inout ByteWriter, version: ProtocolVersion) {
        writer.writePacket(PacketType.connack.firstByte) { writer in
            writer.write(UInt8(sessionPresent ? 1 : 0))
            if version == .v5_0 {
                writer.write(reason.rawValue)
                properties.encode(into: &writer, in: .connack)
            } else {
                writer.write(reason.connectReturnCode ?? 3)
            }
        }
    }
}
