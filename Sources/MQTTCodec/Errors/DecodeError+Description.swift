extension DecodeError: CustomStringConvertible {
    /// One sentence for a log: where, what, which rule. Example: "CONNECT: Will Topic holds ill-formed UTF-8, byte 24
    /// of the packet [MQTT-3.1.3-11]".
    public var description: String {
        "\(packet?.name ?? "packet"): \(sentence), byte \(offset) of the packet [\(reference)]"
    }

    /// The statement; where the rule has no number, its section and the statement that ends the connection for it.
    private var reference: String {
        guard statement.isSection else { return statement.description }
        return "\(statement), \(version == .v5_0 ? "MQTT-4.13.1-1" : "MQTT-4.8.0-1")"
    }

    private var sentence: String {
        let what = field.name
        return switch kind {
        case .truncated: "\(what) runs past the end of the packet"
        case .trailingBytes: "bytes follow the last field (\(what)) of the packet"
        case .variableByteIntegerTooLong: "\(what) has a length of more than four bytes"
        case .variableByteIntegerNotMinimal: "\(what) has a length in more bytes than it needs"
        case .packetTooLarge: "the packet is larger than this receiver accepts"
        case .invalidUTF8: "\(what) holds ill-formed UTF-8"
        case .nullCharacter: "\(what) holds the null character U+0000"
        case .reservedPacketType: "the packet type is reserved in MQTT \(version)"
        case .reservedFlags: "the fixed header has reserved flags set"
        case .invalidQoS: "\(what) asks for QoS 3"
        case .duplicateFlagOnQoS0: "DUP is set on a message with QoS 0"
        case .reservedConnectFlag: "the reserved bit of the Connect Flags is set"
        case .reservedAcknowledgeFlags: "reserved bits of the Connect Acknowledge Flags are set"
        case .reservedSubscriptionOptions: "reserved bits of the Subscription Options are set"
        case .unknownProperty: "the property identifier is not defined"
        case .propertyNotAllowed: "\(what) is not allowed in this packet"
        case .unexpectedPacket: "a packet of this type may not be sent by this end in MQTT \(version)"
        case .unsupportedProtocolName: "the Protocol Name is not \"MQTT\""
        case .unsupportedProtocolVersion(let level): "protocol version \(level) is not supported; 4 and 5 are"
        case .willQoSWithoutWill: "Will QoS is set and the Will Flag is not"
        case .willRetainWithoutWill: "Will Retain is set and the Will Flag is not"
        case .passwordWithoutUserName: "a password without a user name is not allowed in MQTT 3.1.1"
        case .sessionPresentOnRefusal: "Session Present is set in a CONNACK that refuses"
        case .zeroPacketID: "the Packet Identifier is 0"
        case .emptyTopicName: "\(what) is empty"
        case .wildcardInTopicName: "\(what) holds a wildcard character"
        case .emptySubscribe: "SUBSCRIBE names no Topic Filter"
        case .emptyUnsubscribe: "UNSUBSCRIBE names no Topic Filter"
        case .emptyAcknowledgement: "the acknowledgement has no Reason Code"
        case .emptyTopicFilter: "\(what) is empty"
        case .invalidRetainHandling: "Retain Handling is 3"
        case .duplicateProperty: "\(what) stands in the packet more than once"
        case .propertyOutOfRange: "\(what) has a value that is not allowed"
        case .zeroTopicAlias: "Topic Alias is 0"
        case .subscriptionIdentifierFromClient: "a Client may not send a Subscription Identifier in PUBLISH"
        case .authenticationDataWithoutMethod: "Authentication Data without Authentication Method"
        case .missingAuthenticationMethod: "Authentication Method is missing"
        case .sessionExpiryFromServer: "a Server may not send a Session Expiry Interval in DISCONNECT"
        case .invalidReasonCode: "the Reason Code is not one this packet may carry"
        }
    }
}

extension StaticString {
    fileprivate var isSection: Bool { utf8Start.pointee == UInt8(ascii: "s") }
}
