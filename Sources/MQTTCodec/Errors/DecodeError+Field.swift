extension DecodeError {
    /// The field of a packet in which an error was found. Properties have the raw value of their identifier.
    public enum Field: UInt8, Hashable, Sendable {
        /// Property 0x01.
        case payloadFormatIndicator = 0x01
        /// Property 0x02.
        case messageExpiryInterval = 0x02
        /// Property 0x03.
        case contentType = 0x03
        /// Property 0x08.
        case responseTopic = 0x08
        /// Property 0x09.
        case correlationData = 0x09
        /// Property 0x0B.
        case subscriptionIdentifier = 0x0B
        /// Property 0x11.
        case sessionExpiryInterval = 0x11
        /// Property 0x12.
        case assignedClientIdentifier = 0x12
        /// Property 0x13.
        case serverKeepAlive = 0x13
        /// Property 0x15.
        case authenticationMethod = 0x15
        /// Property 0x16.
        case authenticationData = 0x16
        /// Property 0x17.
        case requestProblemInformation = 0x17
        /// Property 0x18.
        case willDelayInterval = 0x18
        /// Property 0x19.
        case requestResponseInformation = 0x19
        /// Property 0x1A.
        case responseInformation = 0x1A
        /// Property 0x1C.
        case serverReference = 0x1C
        /// Property 0x1F.
        case reasonString = 0x1F
        /// Property 0x21.
        case receiveMaximum = 0x21
        /// Property 0x22.
        case topicAliasMaximum = 0x22
        /// Property 0x23.
        case topicAlias = 0x23
        /// Property 0x24.
        case maximumQoS = 0x24
        /// Property 0x25.
        case retainAvailable = 0x25
        /// Property 0x26.
        case userProperty = 0x26
        /// Property 0x27.
        case maximumPacketSize = 0x27
        /// Property 0x28.
        case wildcardSubscriptionAvailable = 0x28
        /// Property 0x29.
        case subscriptionIdentifierAvailable = 0x29
        /// Property 0x2A.
        case sharedSubscriptionAvailable = 0x2A

        /// The first byte of the packet.
        case fixedHeader = 0x80
        /// The Remaining Length of the fixed header.
        case remainingLength = 0x81
        /// The Packet Identifier.
        case packetID = 0x82
        /// The Property Length, or the properties as a whole.
        case properties = 0x83
        /// The identifier byte of a property.
        case propertyID = 0x84
        /// The Property Length, or the Will Properties as a whole.
        case willProperties = 0x85
        /// The Protocol Name of CONNECT.
        case protocolName = 0x86
        /// The Protocol Level or Protocol Version of CONNECT.
        case protocolVersion = 0x87
        /// The Connect Flags.
        case connectFlags = 0x88
        /// The Keep Alive of CONNECT.
        case keepAlive = 0x89
        /// The Client Identifier of CONNECT.
        case clientID = 0x8A
        /// The Will Topic of CONNECT.
        case willTopic = 0x8B
        /// The Will Payload (3.1.1: Will Message) of CONNECT.
        case willPayload = 0x8C
        /// The User Name of CONNECT.
        case userName = 0x8D
        /// The Password of CONNECT.
        case password = 0x8E
        /// The Connect Acknowledge Flags of CONNACK.
        case acknowledgeFlags = 0x8F
        /// A Reason Code, or a return code of 3.1.1.
        case reasonCode = 0x90
        /// The Topic Name of PUBLISH.
        case topicName = 0x91
        /// A Topic Filter.
        case topicFilter = 0x92
        /// The Subscription Options (3.1.1: Requested QoS) after a Topic Filter.
        case subscriptionOptions = 0x93
        /// The payload of the packet as a whole.
        case payload = 0x94

        /// What people call the field, for use in a sentence.
        public var name: String {
            if let property = PropertyID(rawValue: rawValue) { return property.name }
            return switch self {
            case .fixedHeader: "fixed header"
            case .remainingLength: "Remaining Length"
            case .packetID: "Packet Identifier"
            case .properties: "properties"
            case .propertyID: "property identifier"
            case .willProperties: "Will Properties"
            case .protocolName: "Protocol Name"
            case .protocolVersion: "Protocol Version"
            case .connectFlags: "Connect Flags"
            case .keepAlive: "Keep Alive"
            case .clientID: "Client Identifier"
            case .willTopic: "Will Topic"
            case .willPayload: "Will Payload"
            case .userName: "User Name"
            case .password: "Password"
            case .acknowledgeFlags: "Connect Acknowledge Flags"
            case .reasonCode: "Reason Code"
            case .topicName: "Topic Name"
            case .topicFilter: "Topic Filter"
            case .subscriptionOptions: "Subscription Options"
            default: "payload"
            }
        }
    }
}
