/// The identifier of a property of MQTT 5.0 (table 2-4). On the wire a Variable Byte Integer; all have one byte.
public enum PropertyID: UInt8, Sendable, Hashable, CaseIterable {
    /// 0x01: whether the payload is UTF-8 text.
    case payloadFormatIndicator = 0x01
    /// 0x02: lifetime of the message in seconds.
    case messageExpiryInterval = 0x02
    /// 0x03: what the payload is, such as a MIME type.
    case contentType = 0x03
    /// 0x08: Topic Name for a response.
    case responseTopic = 0x08
    /// 0x09: ties a response to its request.
    case correlationData = 0x09
    /// 0x0B: number the Client gave to a subscription.
    case subscriptionIdentifier = 0x0B
    /// 0x11: how long a Session outlives its connection, in seconds.
    case sessionExpiryInterval = 0x11
    /// 0x12: the Client Identifier the Server chose.
    case assignedClientIdentifier = 0x12
    /// 0x13: Keep Alive the Server chose, in seconds.
    case serverKeepAlive = 0x13
    /// 0x15: name of the method of extended authentication.
    case authenticationMethod = 0x15
    /// 0x16: data of extended authentication.
    case authenticationData = 0x16
    /// 0x17: whether the Client wants Reason Strings and User Properties with failures.
    case requestProblemInformation = 0x17
    /// 0x18: seconds between the end of the connection and the Will Message.
    case willDelayInterval = 0x18
    /// 0x19: whether the Client wants Response Information.
    case requestResponseInformation = 0x19
    /// 0x1A: basis for Response Topics.
    case responseInformation = 0x1A
    /// 0x1C: another Server to use.
    case serverReference = 0x1C
    /// 0x1F: text for people.
    case reasonString = 0x1F
    /// 0x21: unacknowledged QoS 1 and QoS 2 messages the sender accepts at a time.
    case receiveMaximum = 0x21
    /// 0x22: highest Topic Alias the sender accepts.
    case topicAliasMaximum = 0x22
    /// 0x23: number that stands for the Topic Name.
    case topicAlias = 0x23
    /// 0x24: highest QoS of the Server, 0 or 1.
    case maximumQoS = 0x24
    /// 0x25: whether the Server keeps retained messages.
    case retainAvailable = 0x25
    /// 0x26: a name and a value the protocol does not interpret.
    case userProperty = 0x26
    /// 0x27: longest packet the sender accepts, in bytes.
    case maximumPacketSize = 0x27
    /// 0x28: whether the Server has wildcard subscriptions.
    case wildcardSubscriptionAvailable = 0x28
    /// 0x29: whether the Server has Subscription Identifiers.
    case subscriptionIdentifierAvailable = 0x29
    /// 0x2A: whether the Server has Shared Subscriptions.
    case sharedSubscriptionAvailable = 0x2A

    /// How the value is encoded, and which values there are.
    enum ValueType: UInt8, Sendable {
        /// A byte, 0 or 1.
        case boolean
        /// Two Byte Integer.
        case twoByteInteger
        /// Two Byte Integer, not 0.
        case positiveTwoByteInteger
        /// Four Byte Integer.
        case fourByteInteger
        /// Four Byte Integer, not 0.
        case positiveFourByteInteger
        /// Variable Byte Integer, not 0.
        case positiveVariableByteInteger
        /// UTF-8 Encoded String.
        case string
        /// UTF-8 Encoded String that is a Topic Name.
        case topicName
        /// Binary Data.
        case binary
        /// UTF-8 String Pair.
        case stringPair
    }

    /// One row of the property table, which drives decoding, checking and encoding.
    struct Row: Sendable {
        let type: ValueType
        /// Where the property may stand.
        let packets: PacketTypeSet
        /// Where it may stand more than once; elsewhere a second one is a Protocol Error.
        let repeats: PacketTypeSet

        init(_ type: ValueType, _ packets: PacketTypeSet, repeats: PacketTypeSet = []) {
            self.type = type
            self.packets = packets
            self.repeats = repeats
        }
    }
}
