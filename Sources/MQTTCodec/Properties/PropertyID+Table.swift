extension PropertyID {
    private static let message: PacketTypeSet = [.publish, .will]
    private static let authentication: PacketTypeSet = [.connect, .connack, .auth]
    private static let reasons: PacketTypeSet = [
        .connack, .puback, .pubrec, .pubrel, .pubcomp, .suback, .unsuback, .disconnect, .auth,
    ]
    private static let everywhere: PacketTypeSet = reasons.union([
        .connect, .publish, .will, .subscribe, .unsubscribe,
    ])

    /// Table 2-4 with the ranges of chapter 3: type, packets, name, section.
    var row: Row {
        switch self {
        case .payloadFormatIndicator:
            Row(.boolean, Self.message, "Payload Format Indicator", "section 3.3.2.3.2")
        case .messageExpiryInterval:
            Row(.fourByteInteger, Self.message, "Message Expiry Interval", "section 3.3.2.3.3")
        case .contentType:
            Row(.string, Self.message, "Content Type", "section 3.3.2.3.9")
        case .responseTopic:
            Row(.topicName, Self.message, "Response Topic", "section 3.3.2.3.5")
        case .correlationData:
            Row(.binary, Self.message, "Correlation Data", "section 3.3.2.3.6")
        case .subscriptionIdentifier:
            Row(
                .positiveVariableByteInteger, [.publish, .subscribe], "Subscription Identifier", "section 3.8.2.1.2",
                repeats: .publish)
        case .sessionExpiryInterval:
            Row(
                .fourByteInteger, [.connect, .connack, .disconnect], "Session Expiry Interval", "section 3.1.2.11.2")
        case .assignedClientIdentifier:
            Row(.string, .connack, "Assigned Client Identifier", "section 3.2.2.3.7")
        case .serverKeepAlive:
            Row(.twoByteInteger, .connack, "Server Keep Alive", "section 3.2.2.3.14")
        case .authenticationMethod:
            Row(.string, Self.authentication, "Authentication Method", "section 3.1.2.11.9")
        case .authenticationData:
            Row(.binary, Self.authentication, "Authentication Data", "section 3.1.2.11.10")
        case .requestProblemInformation:
            Row(.boolean, .connect, "Request Problem Information", "section 3.1.2.11.7")
        case .willDelayInterval:
            Row(.fourByteInteger, .will, "Will Delay Interval", "section 3.1.3.2.2")
        case .requestResponseInformation:
            Row(.boolean, .connect, "Request Response Information", "section 3.1.2.11.6")
        case .responseInformation:
            Row(.string, .connack, "Response Information", "section 3.2.2.3.15")
        case .serverReference:
            Row(.string, [.connack, .disconnect], "Server Reference", "section 3.2.2.3.16")
        case .reasonString:
            Row(.string, Self.reasons, "Reason String", "section 3.2.2.3.9")
        case .receiveMaximum:
            Row(.positiveTwoByteInteger, [.connect, .connack], "Receive Maximum", "section 3.1.2.11.3")
        case .topicAliasMaximum:
            Row(.twoByteInteger, [.connect, .connack], "Topic Alias Maximum", "section 3.1.2.11.5")
        case .topicAlias:
            Row(.positiveTwoByteInteger, .publish, "Topic Alias", "section 3.3.2.3.4")
        case .maximumQoS:
            Row(.boolean, .connack, "Maximum QoS", "section 3.2.2.3.4")
        case .retainAvailable:
            Row(.boolean, .connack, "Retain Available", "section 3.2.2.3.5")
        case .userProperty:
            Row(.stringPair, Self.everywhere, "User Property", "section 3.1.2.11.8", repeats: Self.everywhere)
        case .maximumPacketSize:
            Row(.positiveFourByteInteger, [.connect, .connack], "Maximum Packet Size", "section 3.1.2.11.4")
        case .wildcardSubscriptionAvailable:
            Row(.boolean, .connack, "Wildcard Subscription Available", "section 3.2.2.3.11")
        case .subscriptionIdentifierAvailable:
            Row(.boolean, .connack, "Subscription Identifier Available", "section 3.2.2.3.12")
        case .sharedSubscriptionAvailable:
            Row(.boolean, .connack, "Shared Subscription Available", "section 3.2.2.3.13")
        }
    }
}
