/// PUBLISH as a value of its own, for clients and tests (section 3.3). The broker forwards messages with
/// ``PublishHeader`` and ``PublishEncoder`` instead, which copy nothing.
public struct Publish: Hashable, Sendable {
    /// UTF-8 without wildcards; empty only beside a Topic Alias.
    public var topic: [UInt8]
    /// The content.
    public var payload: [UInt8]
    /// 0, 1 or 2.
    public var qos: UInt8
    /// Sent again; false with QoS 0 [MQTT-3.3.1-2].
    public var dup: Bool
    /// Store it, or: it was stored.
    public var retain: Bool
    /// 1 to 65,535; 0 with QoS 0.
    public var packetID: UInt16
    /// 5.0 only.
    public var properties: Properties

    /// A PUBLISH.
    public init(
        topic: [UInt8], payload: [UInt8] = [], qos: UInt8 = 0, dup: Bool = false, retain: Bool = false,
        packetID: UInt16 = 0, properties: Properties = Properties()
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.dup = dup
        self.retain = retain
        self.packetID = packetID
        self.properties = properties
    }

    /// The topic as text.
    public var topicText: String { String(decoding: topic, as: UTF8.self) }

    /// Reads a PUBLISH packet.
    /// - Parameter frame: exactly one packet; borrowed during the call.
    public static func decode(
        frame: UnsafeRawBufferPointer, version: ProtocolVersion, role: PacketRole
    ) throws(DecodeError) -> Publish {
        let reader = try UnsafeByteReader(packet: frame, expecting: .publish, version: version)
        let header = try PublishHeader.parse(
            frame: reader.frame, length: reader.end, bodyOffset: reader.position, version: version)
        let problem = TopicName.validate(reader.frame + header.topicOffset, count: header.topicLength)
        if let problem, problem != .emptyTopicName || version == .v3_1_1 {
            throw reader.error(problem, .topicName, at: header.topicOffset - 2)
        }
        _ = try PublishProperties.parse(frame: reader.frame, header: header, role: role)
        var rest = UnsafeByteReader(
            frame: reader.frame, from: header.topicOffset + header.topicLength + (header.qos == 0 ? 0 : 2),
            to: reader.end, version: version, packet: .publish)
        let properties = try Properties.decode(&rest, in: .publish, from: role)
        return Publish(
            topic: reader.bytes(ByteRange(offset: header.topicOffset, length: header.topicLength)),
            payload: rest.bytes(rest.readRest()), qos: header.qos, dup: header.dup, retain: header.retain,
            packetID: header.packetID, properties: properties)
    }

    /// Appends the packet to `writer`.
    public func encode(into writer: inout ByteWriter, version: ProtocolVersion) {
        let flags = (dup ? 0b1000 : 0) | qos << 1 | (retain ? 1 : 0)
        writer.writePacket(PacketType.publish.firstByte | flags) { writer in
            writer.writePrefixed(topic)
            if qos > 0 { writer.write(packetID) }
            if version == .v5_0 { properties.encode(into: &writer, in: .publish) }
            writer.writeRaw(payload)
        }
    }
}
