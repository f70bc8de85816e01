/// DISCONNECT: the last packet of a connection (section 3.14). In 3.1.1 a Client alone sends it, leaving on purpose.
public struct Disconnect: Hashable, Sendable {
    /// 5.0 only; 3.1.1 means 0x00.
    public var reason: ReasonCode
    /// 5.0 only.
    public var properties: Properties

    /// A DISCONNECT.
    public init(reason: ReasonCode = .normalDisconnection, properties: Properties = Properties()) {
        self.reason = reason
        self.properties = properties
    }

    /// Reads a DISCONNECT packet.
    /// - Parameter frame: exactly one packet; borrowed during the call.
    public static func decode(
        frame: UnsafeRawBufferPointer, version: ProtocolVersion, role: PacketRole
    ) throws(DecodeError) -> Disconnect {
        var reader = try UnsafeByteReader(packet: frame, expecting: .disconnect, version: version)
        guard version == .v5_0 else {
            try reader.expectEnd(after: .fixedHeader)
            return Disconnect()
        }
        // Sections 3.14.2.1 and 3.14.2.2.1: without a byte 0x00 is meant, below two there are no properties.
        guard reader.remaining > 0 else { return Disconnect() }
        let reason = try reader.readReasonCode(in: .disconnect, from: role)
        guard reader.remaining > 0 else { return Disconnect(reason: reason) }
        let properties = try Properties.decode(&reader, in: .disconnect, from: role)
        try reader.expectEnd(after: .properties)
        return Disconnect(reason: reason, properties: properties)
    }

    /// Appends the packet to `writer`, in its shortest form.
    public func encode(into writer: inout ByteWriter, version: ProtocolVersion) {
        writer.writePacket(PacketType.disconnect.firstByte) { writer in
            guard version == .v5_0, reason != .normalDisconnection || !properties.isEmpty else { return }
            writer.write(reason.rawValue)
            if !properties.isEmpty { properties.encode(into: &writer, in: .disconnect) }
        }
    }
}

/// AUTH: a step of extended authentication, 5.0 only (section 3.15).
public struct Auth: Hashable, Sendable {
    /// Success, continueAuthentication or reAuthenticate.
    public var reason: ReasonCode
    /// Holds the Authentication Method, unless the packet is the short form: success and nothing else.
    public var properties: Properties

    /// An AUTH.
    public init(reason: ReasonCode, properties: Properties = Properties()) {
        self.reason = reason
        self.properties = properties
    }

    /// Reads an AUTH packet of MQTT 5.0.
    /// - Parameter frame: exactly one packet; borrowed during the call.
    public static func decode(frame: UnsafeRawBufferPointer, role: PacketRole) throws(DecodeError) -> Auth {
        var reader = try UnsafeByteReader(packet: frame, expecting: .auth, version: .v5_0)
        if reader.remaining == 0 {
            // Section 3.15.2.1: short for success, which only a Server may send.
            guard role == .fromServer else { throw reader.error(.invalidReasonCode, .reasonCode) }
            return Auth(reason: .success)
        }
        let reason = try reader.readReasonCode(in: .auth, from: role)
        let properties = try Properties.decode(&reader, in: .auth, from: role)
        try reader.expectEnd(after: .properties)
        return Auth(reason: reason, properties: properties)
    }

    /// Appends the packet to `writer`, in its shortest form.
    public func encode(into writer: inout ByteWriter) {
        writer.writePacket(PacketType.auth.firstByte) { writer in
            guard reason != .success || !properties.isEmpty else { return }
            writer.write(reason.rawValue)
            properties.encode(into: &writer, in: .auth)
        }
    }
}
