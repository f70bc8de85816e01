// HOT PATH: once per 5.0 PUBLISH that has properties; no allocation.

/// The properties of a PUBLISH, with text as places in the packet (``ByteRange``). Trivial: it borrows nothing.
public struct PublishProperties: Sendable {
    /// 0 or 1.
    public private(set) var payloadFormatIndicator: UInt8?
    /// Seconds.
    public private(set) var messageExpiryInterval: UInt32?
    /// 1 to 65,535; the receiver checks its own Topic Alias Maximum.
    public private(set) var topicAlias: UInt16?
    /// A checked Topic Name without wildcards.
    public private(set) var responseTopic: ByteRange?
    /// Any bytes.
    public private(set) var correlationData: ByteRange?
    /// Checked UTF-8.
    public private(set) var contentType: ByteRange?
    /// Offset from the start of the packet to the identifier byte of the first User Property; 0 when there is none.
    public private(set) var firstUserPropertyOffset = 0
    /// Number of User Properties.
    public private(set) var userPropertyCount = 0
    /// Number of Subscription Identifiers; always 0 from a Client [MQTT-3.3.4-6].
    public private(set) var subscriptionIdentifierCount = 0
    /// Bytes that ``copyForwardable(block:into:)`` copies. When this equals the length of the block, the block can be
    /// forwarded as it stands.
    public private(set) var forwardableLength = 0

    /// No properties: what a 3.1.1 PUBLISH or an empty block has.
    @inlinable
    public init() {}

    /// Reads and checks the property block that `header` found: identifiers that PUBLISH may not have, repetition,
    /// ranges, UTF-8, a Topic Alias where the Topic Name is empty. An empty block costs one comparison.
    /// - Parameters:
    ///   - frame: first byte of the packet; borrowed during the call.
    ///   - role: a Client may not send Subscription Identifiers.
    @inlinable
    public static func parse(
        frame: UnsafeRawPointer, header: PublishHeader, role: PacketRole
    ) throws(DecodeError) -> PublishProperties {
        if header.propertiesLength == 0 { return PublishProperties() }
        return try parseBlock(frame: frame, header: header, role: role)
    }

    @usableFromInline
    static func parseBlock(
        frame: UnsafeRawPointer, header: PublishHeader, role: PacketRole
    ) throws(DecodeError) -> PublishProperties {
        let block = UnsafeByteReader(
            frame: frame, from: header.propertiesOffset, to: header.propertiesOffset + header.propertiesLength,
            version: .v5_0, packet: .publish)
        var source = UnsafePropertyReader(block, in: .publish, from: role)
        var properties = PublishProperties()
        while let value = try source.next() {
            properties.add(value, bytes: source.block.position - value.start)
        }
        if header.topicLength == 0 && properties.topicAlias == nil {
            throw block.error(.emptyTopicName, .topicName, at: header.topicOffset - 2)
        }
        return properties
    }

    private mutating func add(_ value: PropertyValue, bytes: Int) {
        switch value.id {
        case .messageExpiryInterval:
            messageExpiryInterval = value.number
            return
        case .topicAlias:
            topicAlias = UInt16(truncatingIfNeeded: value.number)
            return
        case .subscriptionIdentifier:
            subscriptionIdentifierCount += 1
            return
        case .userProperty:
            if userPropertyCount == 0 { firstUserPropertyOffset = value.start }
            userPropertyCount += 1
        case .payloadFormatIndicator: payloadFormatIndicator = UInt8(truncatingIfNeeded: value.number)
        case .responseTopic: responseTopic = value.range
        case .correlationData: correlationData = value.range
        case .contentType: contentType = value.range
        default: break
        }
        forwardableLength += bytes
    }
}
