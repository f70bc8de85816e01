/// UNSUBSCRIBE: a Client ends subscriptions (section 3.10).
public struct Unsubscribe: Hashable, Sendable {
    /// 1 to 65,535.
    public var packetID: UInt16
    /// One Topic Filter or more [MQTT-3.10.3-2], each UTF-8 of 1 to 65,535 bytes.
    public var filters: [[UInt8]]
    /// 5.0 only.
    public var properties: Properties

    /// An UNSUBSCRIBE.
    public init(packetID: UInt16, filters: [[UInt8]], properties: Properties = Properties()) {
        self.packetID = packetID
        self.filters = filters
        self.properties = properties
    }

    /// Reads an UNSUBSCRIBE packet.
    /// - Parameters:
    ///   - frame: exactly one packet; borrowed during the call.
    ///   - lenient: pass over Topic Filters of no bytes, which the caller refuses one by one.
    public static func decode(
        frame: UnsafeRawBufferPointer, version: ProtocolVersion, lenient: Bool = false
    ) throws(DecodeError) -> Unsubscribe {
        var reader = try UnsafeByteReader(packet: frame, expecting: .unsubscribe, version: version)
        let packetID = try reader.readPacketID()
        let properties = try Properties.decode(&reader, in: .unsubscribe, from: .fromClient)
        guard reader.remaining > 0 else { throw reader.error(.emptyUnsubscribe, .topicFilter) }
        var filters: [[UInt8]] = []
        while reader.remaining > 0 {
            filters.append(try reader.readTopicFilter(lenient))
        }
        return Unsubscribe(packetID: packetID, filters: filters, properties: properties)
    }

    /// Appends the packet to `writer`.
    public func encode(into writer: inout ByteWriter, version: ProtocolVersion) {
        writer.writePacket(PacketType.unsubscribe.firstByte) { writer in
            writer.write(packetID)
            if version == .v5_0 { properties.encode(into: &writer, in: .unsubscribe) }
            for filter in filters { writer.writePrefixed(filter) }
        }
    }
}

/// UNSUBACK: the Server answers an UNSUBSCRIBE (section 3.11).
public struct UnsubAck: Hashable, Sendable {
    /// That of the UNSUBSCRIBE.
    public var packetID: UInt16
    /// One for each filter, in order [MQTT-3.11.3-1]; none in 3.1.1, which has no payload here.
    public var reasons: [ReasonCode]
    /// 5.0 only.
    public var properties: Properties

    /// An UNSUBACK.
    public init(packetID: UInt16, reasons: [ReasonCode] = [], properties: Properties = Properties()) {
        self.packetID = packetID
        self.reasons = reasons
        self.properties = properties
    }

    /// Reads an UNSUBACK packet.
    /// - Parameter frame: exactly one packet; borrowed during the call.
    public static func decode(
        frame: UnsafeRawBufferPointer, version: ProtocolVersion
    ) throws(DecodeError) -> UnsubAck {
        var reader = try UnsafeByteReader(packet: frame, expecting: .unsuback, version: version)
        let packetID = try reader.readPacketID()
        guard version == .v5_0 else {
            try reader.expectEnd(after: .packetID)
            return UnsubAck(packetID: packetID)
        }
        let properties = try Properties.decode(&reader, in: .unsuback, from: .fromServer)
        let reasons = try reader.readReasonCodes(in: .unsuback)
        return UnsubAck(packetID: packetID, reasons: reasons, properties: properties)
    }

    /// Appends the packet to `writer`.
    public func encode(into writer: inout ByteWriter, version: ProtocolVersion) {
        writer.writePacket(PacketType.unsuback.firstByte) { writer in
            writer.write(packetID)
            guard version == .v5_0 else { return }
            properties.encode(into: &writer, in: .unsuback)
            for reason in reasons { writer.write(reason.rawValue) }
        }
    }
}
