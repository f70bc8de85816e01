extension DecodeError {
    /// The normative statement that is broken, such as "MQTT-3.1.2-3", in the numbering of ``version``. Where the
    /// specification states the rule without a number: the section, such as "section 3.1.2.11.3".
    public var statement: StaticString {
        switch version {
        case .v5_0: statementVersion5
        case .v3_1_1: statementVersion3
        }
    }

    private var statementVersion5: StaticString {
        switch kind {
        case .truncated, .trailingBytes: "section 1.2 Malformed Packet"
        case .variableByteIntegerTooLong, .variableByteIntegerNotMinimal: "MQTT-1.5.5-1"
        case .packetTooLarge: "MQTT-3.2.2-15"
        case .invalidUTF8: stringStatementVersion5
        case .nullCharacter: "MQTT-1.5.4-2"
        case .reservedPacketType: "section 2.1.2"
        case .reservedFlags: flagsStatementVersion5
        case .invalidQoS:
            switch field {
            case .connectFlags: "MQTT-3.1.2-12"
            case .subscriptionOptions: "section 3.8.3.1"
            default: "MQTT-3.3.1-4"
            }
        case .duplicateFlagOnQoS0: "MQTT-3.3.1-2"
        case .reservedConnectFlag: "MQTT-3.1.2-3"
        case .reservedAcknowledgeFlags: "MQTT-3.2.2-1"
        case .reservedSubscriptionOptions: "MQTT-3.8.3-5"
        case .unknownProperty, .propertyNotAllowed: "section 2.2.2.2"
        case .unexpectedPacket: "section 2.1.2"
        case .unsupportedProtocolName: "MQTT-3.1.2-1"
        case .unsupportedProtocolVersion: "MQTT-3.1.2-2"
        case .willQoSWithoutWill: "MQTT-3.1.2-11"
        case .willRetainWithoutWill: "MQTT-3.1.2-13"
        case .passwordWithoutUserName: "section 3.1.2.9"
        case .sessionPresentOnRefusal: "MQTT-3.2.2-6"
        case .zeroPacketID: "MQTT-2.2.1-3"
        case .emptyTopicName, .emptyTopicFilter: "MQTT-4.7.3-1"
        case .wildcardInTopicName: field == .responseTopic ? "MQTT-3.3.2-14" : "MQTT-3.3.2-2"
        case .emptySubscribe: "MQTT-3.8.3-2"
        case .emptyUnsubscribe: "MQTT-3.10.3-2"
        case .emptyAcknowledgement: "MQTT-3.8.4-6"
        case .invalidRetainHandling: "section 3.8.3.1"
        case .duplicateProperty, .propertyOutOfRange: PropertyID(rawValue: field.rawValue)?.section ?? "section 2.2.2.2"
        case .zeroTopicAlias: "MQTT-3.3.2-8"
        case .subscriptionIdentifierFromClient: "MQTT-3.3.4-6"
        case .authenticationDataWithoutMethod: "section 3.1.2.11.10"
        case .missingAuthenticationMethod: "section 3.15.2.2.2"
        case .sessionExpiryFromServer: "MQTT-3.14.2-2"
        case .invalidReasonCode: reasonStatementVersion5
        }
    }

    private var stringStatementVersion5: StaticString {
        switch field {
        case .clientID: "MQTT-3.1.3-4"
        case .willTopic: "MQTT-3.1.3-11"
        case .userName: "MQTT-3.1.3-12"
        case .topicName: "MQTT-3.3.2-1"
        case .topicFilter: packet == .unsubscribe ? "MQTT-3.10.3-1" : "MQTT-3.8.3-1"
        case .responseTopic: "MQTT-3.3.2-13"
        case .contentType: "MQTT-3.3.2-19"
        case .userProperty: "MQTT-1.5.7-1"
        default: "MQTT-1.5.4-1"
        }
    }

    private var flagsStatementVersion5: StaticString {
        switch packet {
        case .pubrel: "MQTT-3.6.1-1"
        case .subscribe: "MQTT-3.8.1-1"
        case .unsubscribe: "MQTT-3.10.1-1"
        case .disconnect: "MQTT-3.14.1-1"
        case .auth: "MQTT-3.15.1-1"
        default: "MQTT-2.1.3-1"
        }
    }

    private var reasonStatementVersion5: StaticString {
        switch packet {
        case .connack: "MQTT-3.2.2-8"
        case .puback: "MQTT-3.4.2-1"
        case .pubrec: "MQTT-3.5.2-1"
        case .pubrel: "MQTT-3.6.2-1"
        case .pubcomp: "MQTT-3.7.2-1"
        case .suback: "MQTT-3.9.3-2"
        case .unsuback: "MQTT-3.11.3-2"
        case .disconnect: "MQTT-3.14.2-1"
        case .auth: "MQTT-3.15.2-1"
        default: "section 2.4"
        }
    }

    /// Kinds that 3.1.1 cannot raise fall through to its rule for malformed packets.
    private var statementVersion3: StaticString {
        switch kind {
        case .variableByteIntegerTooLong, .variableByteIntegerNotMinimal: "section 2.2.3"
        case .invalidUTF8: stringStatementVersion3
        case .nullCharacter: "MQTT-1.5.3-2"
        case .reservedPacketType, .unexpectedPacket: "section 2.2.1"
        case .reservedFlags: flagsStatementVersion3
        case .invalidQoS:
            switch field {
            case .connectFlags: "MQTT-3.1.2-14"
            case .subscriptionOptions: "MQTT-3-8.3-4"
            default: "MQTT-3.3.1-4"
            }
        case .duplicateFlagOnQoS0: "MQTT-3.3.1-2"
        case .reservedConnectFlag: "MQTT-3.1.2-3"
        case .reservedAcknowledgeFlags: "section 3.2.2.1"
        case .reservedSubscriptionOptions: "MQTT-3-8.3-4"
        case .unsupportedProtocolName: "MQTT-3.1.2-1"
        case .unsupportedProtocolVersion: "MQTT-3.1.2-2"
        case .willQoSWithoutWill: "MQTT-3.1.2-13"
        case .willRetainWithoutWill: "MQTT-3.1.2-15"
        case .passwordWithoutUserName: "MQTT-3.1.2-22"
        case .sessionPresentOnRefusal: "MQTT-3.2.2-4"
        case .zeroPacketID: "MQTT-2.3.1-1"
        case .emptyTopicName, .emptyTopicFilter: "MQTT-4.7.3-1"
        case .wildcardInTopicName: "MQTT-3.3.2-2"
        case .emptySubscribe: "MQTT-3.8.3-3"
        case .emptyUnsubscribe: "MQTT-3.10.3-2"
        case .emptyAcknowledgement: "MQTT-3.8.4-5"
        case .invalidReasonCode: packet == .connack ? "section 3.2.2.3" : "MQTT-3.9.3-2"
        default: "MQTT-4.8.0-1"
        }
    }

    private var flagsStatementVersion3: StaticString {
        switch packet {
        case .pubrel: "MQTT-3.6.1-1"
        case .subscribe: "MQTT-3.8.1-1"
        case .unsubscribe: "MQTT-3.10.1-1"
        case .disconnect: "MQTT-3.14.1-1"
        default: "MQTT-2.2.2-2"
        }
    }

    private var stringStatementVersion3: StaticString {
        switch field {
        case .clientID: "MQTT-3.1.3-4"
        case .willTopic: "MQTT-3.1.3-10"
        case .userName: "MQTT-3.1.3-11"
        case .topicName: "MQTT-3.3.2-1"
        case .topicFilter: packet == .unsubscribe ? "MQTT-3.10.3-1" : "MQTT-3.8.3-1"
        default: "MQTT-1.5.3-1"
        }
    }
}
