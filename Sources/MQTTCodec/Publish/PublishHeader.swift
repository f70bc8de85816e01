// HOT PATH: once per PUBLISH received; no allocation, no reference counting.

/// Where the parts of a PUBLISH stand in its packet, as offsets in bytes from the first byte of the packet. Trivial: it
/// borrows nothing.
public struct PublishHeader: Sendable {
    /// 0, 1 or 2.
    public let qos: UInt8
    /// DUP: the sender may have sent the message before.
    public let dup: Bool
    /// RETAIN.
    public let retain: Bool
    /// 1 to 65,535; 0 when `qos` is 0.
    public let packetID: UInt16
    /// Offset of the Topic Name, after its length prefix.
    public let topicOffset: Int
    /// 0 to 65,535 bytes; 0 only in 5.0 and beside a property block, which must then hold a Topic Alias.
    public let topicLength: Int
    /// Offset of the first property, after the Property Length; in 3.1.1 the offset of the payload.
    public let propertiesOffset: Int
    /// Length of the properties in bytes; 0 in 3.1.1.
    public let propertiesLength: Int
    /// Offset of the payload.
    public let payloadOffset: Int
    /// Length of the payload in bytes, 0 or more.
    public let payloadLength: Int

    /// Finds the parts of a PUBLISH and checks its structure: QoS 3 [MQTT-3.3.1-4], DUP with QoS 0 [MQTT-3.3.1-2],
    /// Packet Identifier 0 ([MQTT-2.2.1-3]; 3.1.1: [MQTT-2.3.1-1]), lengths, and an empty Topic Name that no alias can
    /// stand for. The text of the topic is checked by ``TopicName/validate(_:count:)``, the properties by
    /// ``PublishProperties/parse(frame:header:role:)``.
    /// - Parameters:
    ///   - frame: first byte of a complete PUBLISH packet; borrowed during the call.
    ///   - length: length of the packet in bytes, as ``FrameScan`` told it.
    ///   - bodyOffset: offset of the variable header, as ``FrameScan`` told it.
    @inlinable
    public static func parse(
        frame: UnsafeRawPointer, length: Int, bodyOffset: Int, version: ProtocolVersion
    ) throws(DecodeError) -> PublishHeader {
        let flags = frame.load(as: UInt8.self)
        let qos = (flags >> 1) & 0b11
        let dup = flags & 0b1000 != 0
        if qos == 3 { throw failure(.invalidQoS, .fixedHeader, at: 0, version) }
        if dup && qos == 0 {
            throw failure(.duplicateFlagOnQoS0, .fixedHeader, at: 0, version)
        }

        // No sum overflows: what is added is a length of 28 bits at most.
        let topicOffset = bodyOffset &+ 2
        guard topicOffset <= length else {
            throw failure(.truncated, .topicName, at: bodyOffset, version)
        }
        let topicLength = Int(UInt16(bigEndian: frame.loadUnaligned(fromByteOffset: bodyOffset, as: UInt16.self)))
        var position = topicOffset &+ topicLength
        guard position <= length else {
            throw failure(.truncated, .topicName, at: bodyOffset, version)
        }

        var packetID: UInt16 = 0
        if qos > 0 {
            guard position &+ 2 <= length else {
                throw failure(.truncated, .packetID, at: position, version)
            }
            packetID = UInt16(bigEndian: frame.loadUnaligned(fromByteOffset: position, as: UInt16.self))
            guard packetID != 0 else {
                throw failure(.zeroPacketID, .packetID, at: position, version)
            }
            position &+= 2
        }

        var propertiesLength = 0
        if version == .v5_0 {
            let start = position
            (propertiesLength, position) = try VariableByteInteger.read(
                frame, at: start, end: length, field: .properties, version: version, packet: .publish)
            guard position &+ propertiesLength <= length else {
                throw failure(.truncated, .properties, at: start, version)
            }
        }
        if topicLength == 0 && propertiesLength == 0 {
            throw failure(.emptyTopicName, .topicName, at: bodyOffset, version)
        }
        let payloadOffset = position &+ propertiesLength
        return PublishHeader(
            qos: qos, dup: dup, retain: flags & 1 != 0, packetID: packetID, topicOffset: topicOffset,
            topicLength: topicLength, propertiesOffset: position, propertiesLength: propertiesLength,
            payloadOffset: payloadOffset, payloadLength: length &- payloadOffset)
    }

    /// Kept out of line, so that the way of a good packet stays short.
    @usableFromInline
    @inline(never)
    static func failure(
        _ kind: DecodeError.Kind, _ field: DecodeError.Field, at offset: Int, _ version: ProtocolVersion
    ) -> DecodeError {
        DecodeError(kind, field, at: offset, version: version, packet: .publish)
    }

    @inlinable
    init(
        qos: UInt8, dup: Bool, retain: Bool, packetID: UInt16, topicOffset: Int, topicLength: Int,
        propertiesOffset: Int, propertiesLength: Int, payloadOffset: Int, payloadLength: Int
    ) {
        self.qos = qos
        self.dup = dup
        self.retain = retain
        self.packetID = packetID
        self.topicOffset = topicOffset
        self.topicLength = topicLength
        self.propertiesOffset = propertiesOffset
        self.propertiesLength = propertiesLength
        self.payloadOffset = payloadOffset
        self.payloadLength = payloadLength
    }
}
