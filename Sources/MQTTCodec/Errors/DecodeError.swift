/// Why bytes were refused: what is wrong, in which field, at which byte, and which rule of the specification says so.
///
/// A trivial value of eight bytes: the hot path throws it without touching the heap.
public struct DecodeError: Error, Hashable, Sendable {
    /// What is wrong.
    public let kind: Kind
    /// The field in which it was found.
    public let field: Field
    /// The version in the lower four bits, the packet type (0 for none) in the upper four.
    @usableFromInline
    let versionAndPacket: UInt8
    @usableFromInline
    let storedOffset: UInt32

    /// The version whose rule is broken; before a CONNECT has named one, 5.0.
    public var version: ProtocolVersion {
        versionAndPacket & 0x0F == ProtocolVersion.v3_1_1.rawValue ? .v3_1_1 : .v5_0
    }

    /// The packet in which it was found; nil when its first byte names none.
    public var packet: PacketType? { PacketType(rawValue: versionAndPacket >> 4) }

    /// Offset in bytes from the start of the packet (its first byte is 0) to the first byte of the field at fault. For
    /// a property that may not stand there: to its identifier; for a bad value: to the value.
    @inlinable
    public var offset: Int { Int(storedOffset) }

    /// `offset` is cut to 32 bits; no packet is longer than 268,435,460 bytes.
    @inlinable
    public init(_ kind: Kind, _ field: Field, at offset: Int, version: ProtocolVersion, packet: PacketType? = nil) {
        self.kind = kind
        self.field = field
        self.versionAndPacket = version.rawValue | (packet?.rawValue ?? 0) << 4
        self.storedOffset = UInt32(truncatingIfNeeded: offset)
    }

    /// The same error in the terms of `version`: what finds packets in a stream does not know it.
    public func told(in version: ProtocolVersion) -> DecodeError {
        DecodeError(kind, field, at: offset, version: version, packet: packet)
    }

    /// What is wrong with `first` as the first byte of a packet that a Client sends on a connection of `version`: its
    /// type or its flags. Nil when such a packet may begin so. For refusing a packet before the rest of it has come.
    public static func ofFirstByte(_ first: UInt8, version: ProtocolVersion) -> DecodeError? {
        guard let type = PacketType(firstByte: first), version == .v5_0 || type != .auth else {
            return DecodeError(.reservedPacketType, .fixedHeader, at: 0, version: version)
        }
        let kind: Kind? =
            if !type.isSent(by: .fromClient, in: version) {
                .unexpectedPacket
            } else if type == .publish {
                first & 0b0110 == 0b0110 ? .invalidQoS : first & 0b1110 == 0b1000 ? .duplicateFlagOnQoS0 : nil
            } else {
                first == type.firstByte ? nil : .reservedFlags
            }
        return kind.map { DecodeError($0, .fixedHeader, at: 0, version: version, packet: type) }
    }
}

extension DecodeError {
    /// The reasons for refusing a packet. Each has one ``DecodeError/reasonCode`` per field.
    public enum Kind: Hashable, Sendable {
        // The packet cannot be parsed.

        /// A field runs past the end of the packet, or of the property block it stands in.
        case truncated
        /// Bytes follow the last field of the packet.
        case trailingBytes
        /// A Variable Byte Integer goes on after its fourth byte.
        case variableByteIntegerTooLong
        /// A Variable Byte Integer uses more bytes than its value needs.
        case variableByteIntegerNotMinimal
        /// The packet is longer than the receiver accepts.
        case packetTooLarge
        /// Ill-formed UTF-8: overlong, a surrogate, above U+10FFFF, or a stray byte.
        case invalidUTF8
        /// U+0000 in a UTF-8 Encoded String.
        case nullCharacter
        /// Packet type 0, or AUTH in MQTT 3.1.1.
        case reservedPacketType
        /// Fixed header flags other than those of the packet type.
        case reservedFlags
        /// QoS 3.
        case invalidQoS
        /// DUP set on a PUBLISH with QoS 0.
        case duplicateFlagOnQoS0
        /// Bit 0 of the Connect Flags is set.
        case reservedConnectFlag
        /// Bits 7-1 of the Connect Acknowledge Flags are not all 0.
        case reservedAcknowledgeFlags
        /// Reserved bits of the Subscription Options are set.
        case reservedSubscriptionOptions
        /// A property identifier the specification does not define.
        case unknownProperty
        /// A property that may not stand in this packet.
        case propertyNotAllowed

        // The packet can be parsed and breaks a rule.

        /// A packet that the sender may not send, or that the version does not have.
        case unexpectedPacket
        /// The Protocol Name of a CONNECT is not "MQTT".
        case unsupportedProtocolName
        /// The Protocol Version of a CONNECT is neither 4 nor 5; the value is the byte received.
        case unsupportedProtocolVersion(UInt8)
        /// Will QoS is not 0 and the Will Flag is.
        case willQoSWithoutWill
        /// Will Retain is 1 and the Will Flag is 0.
        case willRetainWithoutWill
        /// MQTT 3.1.1: a password without a user name.
        case passwordWithoutUserName
        /// A refusing CONNACK with Session Present 1.
        case sessionPresentOnRefusal
        /// Packet Identifier 0.
        case zeroPacketID
        /// A topic name of no bytes, and no Topic Alias that stands for it.
        case emptyTopicName
        /// `+` or `#` in a topic name.
        case wildcardInTopicName
        /// A SUBSCRIBE without a Topic Filter.
        case emptySubscribe
        /// An UNSUBSCRIBE without a Topic Filter.
        case emptyUnsubscribe
        /// A SUBACK or 5.0 UNSUBACK without a Reason Code.
        case emptyAcknowledgement
        /// A Topic Filter of no bytes.
        case emptyTopicFilter
        /// Retain Handling 3.
        case invalidRetainHandling
        /// A property stands in the packet twice.
        case duplicateProperty
        /// A property has a value outside its range.
        case propertyOutOfRange
        /// Topic Alias 0.
        case zeroTopicAlias
        /// A Subscription Identifier in a PUBLISH of a Client.
        case subscriptionIdentifierFromClient
        /// Authentication Data without Authentication Method.
        case authenticationDataWithoutMethod
        /// AUTH without Authentication Method.
        case missingAuthenticationMethod
        /// A Session Expiry Interval in a DISCONNECT of a Server.
        case sessionExpiryFromServer
        /// A Reason Code (or 3.1.1 return code) that the packet or its sender may not use.
        case invalidReasonCode
    }
}

extension DecodeError {
    /// The Reason Code to send in CONNACK or DISCONNECT before the Network Connection is closed (section 4.13.1).
    public var reasonCode: ReasonCode {
        switch kind {
        case .truncated, .trailingBytes, .variableByteIntegerTooLong, .variableByteIntegerNotMinimal, .invalidUTF8,
            .nullCharacter, .reservedPacketType, .reservedFlags, .duplicateFlagOnQoS0, .reservedConnectFlag,
            .reservedAcknowledgeFlags, .reservedSubscriptionOptions, .unknownProperty, .propertyNotAllowed:
            .malformedPacket
        case .invalidQoS:
            // QoS 3 is a Malformed Packet in PUBLISH and in a Will, a Protocol Error in SUBSCRIBE (section 3.8.3.1).
            field == .subscriptionOptions ? .protocolError : .malformedPacket
        case .packetTooLarge: .packetTooLarge
        case .unsupportedProtocolName, .unsupportedProtocolVersion: .unsupportedProtocolVersion
        case .zeroTopicAlias: .topicAliasInvalid
        case .unexpectedPacket, .willQoSWithoutWill, .willRetainWithoutWill, .passwordWithoutUserName,
            .sessionPresentOnRefusal, .zeroPacketID, .emptyTopicName, .wildcardInTopicName, .emptySubscribe,
            .emptyUnsubscribe, .emptyAcknowledgement, .emptyTopicFilter, .invalidRetainHandling, .duplicateProperty,
            .propertyOutOfRange,
            .subscriptionIdentifierFromClient, .authenticationDataWithoutMethod, .missingAuthenticationMethod,
            .sessionExpiryFromServer, .invalidReasonCode:
            .protocolError
        }
    }
}
