// HOT PATH: once per PUBLISH and (version, QoS, flags, Subscription Identifiers); no allocation.

/// Writes everything of a PUBLISH but its payload, into memory of the caller.
///
/// A broker encodes a message once for each combination of version, QoS, RETAIN and Subscription Identifiers, copies
/// the bytes for each receiver and patches the Packet Identifier with ``patch(packetID:in:at:)``.
public enum PublishEncoder {
    /// The longest packet of the protocol in bytes. The caller holds the size of what it is about to write against this
    /// and against the receiver's Maximum Packet Size [MQTT-3.1.2-24].
    public static let maximumPacketSize = 5 + VariableByteInteger.maximum

    /// What stands between topic and payload of a 5.0 PUBLISH. Trivial: the buffers are borrowed.
    public struct PropertySet {
        /// Seconds that are left [MQTT-3.3.2-6].
        public var messageExpiryInterval: UInt32?
        /// 1 to the receiver's Topic Alias Maximum.
        public var topicAlias: UInt16?
        /// One for each matching subscription that has one, each 1 to 268,435,455 [MQTT-3.3.4-4].
        public var subscriptionIdentifiers: UnsafeBufferPointer<UInt32>
        /// Bytes as ``PublishProperties/copyForwardable(block:into:)`` makes them.
        public var forwardable: UnsafeRawBufferPointer

        /// Nothing that is not named.
        @inlinable
        public init(
            messageExpiryInterval: UInt32? = nil, topicAlias: UInt16? = nil,
            subscriptionIdentifiers: UnsafeBufferPointer<UInt32> = .init(start: nil, count: 0),
            forwardable: UnsafeRawBufferPointer = .init(start: nil, count: 0)
        ) {
            self.messageExpiryInterval = messageExpiryInterval
            self.topicAlias = topicAlias
            self.subscriptionIdentifiers = subscriptionIdentifiers
            self.forwardable = forwardable
        }

        /// Length in bytes of all properties, without the Property Length.
        @inlinable
        public var size: Int {
            var size = forwardable.count
            if messageExpiryInterval != nil { size += 5 }
            if topicAlias != nil { size += 3 }
            for identifier in subscriptionIdentifiers {
                size += 1 + VariableByteInteger.size(Int(identifier))
            }
            return size
        }
    }

    /// What ``writeHeader(to:version:qos:dup:retain:topic:packetID:properties:payloadLength:)`` wrote.
    public struct Written: Sendable, Equatable {
        /// Bytes written; the payload goes there.
        public let length: Int
        /// Offset of the Packet Identifier, or 0 with QoS 0.
        public let packetIDOffset: Int
    }

    /// Size in bytes of a whole PUBLISH packet.
    /// - Parameters:
    ///   - propertyBytes: ``PropertySet/size``; not counted for 3.1.1.
    @inlinable
    public static func size(
        version: ProtocolVersion, topicLength: Int, qos: UInt8, propertyBytes: Int, payloadLength: Int
    ) -> Int {
        let remaining = remainingLength(
            version: version, topicLength: topicLength, qos: qos, propertyBytes: propertyBytes,
            payloadLength: payloadLength)
        return 1 + VariableByteInteger.size(remaining) + remaining
    }

    @inlinable
    static func remainingLength(
        version: ProtocolVersion, topicLength: Int, qos: UInt8, propertyBytes: Int, payloadLength: Int
    ) -> Int {
        let properties = version == .v5_0 ? VariableByteInteger.size(propertyBytes) + propertyBytes : 0
        return 2 + topicLength + (qos == 0 ? 0 : 2) + properties + payloadLength
    }

    /// Writes fixed header, topic, Packet Identifier and properties (expiry, alias, Subscription Identifiers, then the
    /// forwardable block).
    /// - Parameters:
    ///   - target: room for `size(...) - payloadLength` bytes.
    ///   - topic: 0 to 65,535 bytes; empty only beside a Topic Alias.
    ///   - packetID: written when `qos` is not 0; 0 as a place holder to be patched.
    ///   - payloadLength: bytes of payload the caller puts after what is written here.
    public static func writeHeader(
        to target: UnsafeMutablePointer<UInt8>, version: ProtocolVersion, qos: UInt8, dup: Bool = false,
        retain: Bool, topic: UnsafeRawBufferPointer, packetID: UInt16 = 0, properties: PropertySet = PropertySet(),
        payloadLength: Int
    ) -> Written {
        let propertyBytes = version == .v5_0 ? properties.size : 0
        let remaining = remainingLength(
            version: version, topicLength: topic.count, qos: qos, propertyBytes: propertyBytes,
            payloadLength: payloadLength)
        target[0] = 0x30 | (dup ? 0b1000 : 0) | qos << 1 | (retain ? 1 : 0)
        var position = 1 + VariableByteInteger.write(remaining, to: target + 1)
        position = write(UInt16(truncatingIfNeeded: topic.count), to: target, at: position)
        position = copy(topic, to: target, at: position)
        var packetIDOffset = 0
        if qos > 0 {
            packetIDOffset = position
            position = write(packetID, to: target, at: position)
        }
        if version == .v5_0 {
            position += VariableByteInteger.write(propertyBytes, to: target + position)
            if propertyBytes > 0 { position = write(properties, to: target, at: position) }
        }
        return Written(length: position, packetIDOffset: packetIDOffset)
    }

    private static func write(
        _ properties: PropertySet, to target: UnsafeMutablePointer<UInt8>, at offset: Int
    ) -> Int {
        var position = offset
        if let seconds = properties.messageExpiryInterval {
            target[position] = PropertyID.messageExpiryInterval.rawValue
            position = write(UInt16(truncatingIfNeeded: seconds >> 16), to: target, at: position + 1)
            position = write(UInt16(truncatingIfNeeded: seconds), to: target, at: position)
        }
        if let alias = properties.topicAlias {
            target[position] = PropertyID.topicAlias.rawValue
            position = write(alias, to: target, at: position + 1)
        }
        for identifier in properties.subscriptionIdentifiers {
            target[position] = PropertyID.subscriptionIdentifier.rawValue
            position += 1 + VariableByteInteger.write(Int(identifier), to: target + position + 1)
        }
        return copy(properties.forwardable, to: target, at: position)
    }

    /// Puts the Packet Identifier of one receiver into an encoded PUBLISH with QoS 1 or 2.
    /// - Parameters:
    ///   - packet: first byte of the packet.
    ///   - offset: ``Written/packetIDOffset``.
    @inlinable
    public static func patch(packetID: UInt16, in packet: UnsafeMutablePointer<UInt8>, at offset: Int) {
        packet[offset] = UInt8(truncatingIfNeeded: packetID >> 8)
        packet[offset + 1] = UInt8(truncatingIfNeeded: packetID)
    }

    /// Sets DUP in an encoded PUBLISH that is sent again [MQTT-3.3.1-1].
    @inlinable
    public static func setDup(in packet: UnsafeMutablePointer<UInt8>) {
        packet[0] |= 0b1000
    }

    @inline(__always)
    private static func write(_ value: UInt16, to target: UnsafeMutablePointer<UInt8>, at offset: Int) -> Int {
        patch(packetID: value, in: target, at: offset)
        return offset + 2
    }

    @inline(__always)
    private static func copy(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>, at offset: Int
    ) -> Int {
        guard let start = source.baseAddress, !source.isEmpty else { return offset }
        UnsafeMutableRawPointer(target + offset).copyMemory(from: start, byteCount: source.count)
        return offset + source.count
    }
}
