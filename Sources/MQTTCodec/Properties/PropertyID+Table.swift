extension PropertyID {
    private static let message: PacketTypeSet = [.publish, .will]
    private static let authentication: PacketTypeSet = [.connect, .connack, .auth]
    private static let reasons: PacketTypeSet = [
        .connack, .puback, .pubrec, .pubrel, .pubcomp, .suback, .unsuback, .disconnect, .auth,
    ]
    private static let everywhere: PacketTypeSet = reasons.union([
        .connect, .publish, .will, .subscribe, .unsubscribe,
    ])

    /// Table 2-4 with the ranges of chapter 3: type, packets, and where more than one is allowed.
    var row: Row {
        switch self {
        case .payloadFormatIndicator: Row(.boolean, Self.message)
        case .messageExpiryInterval: Row(.fourByteInteger, Self.message)
        case .contentType: Row(.string, Self.message)
        case .responseTopic: Row(.topicName, Self.message)
        case .correlationData: Row(.binary, Self.message)
        case .subscriptionIdentifier: Row(.positiveVariableByteInteger, [.publish, .subscribe], repeats: .publish)
        case .sessionExpiryInterval: Row(.fourByteInteger, [.connect, .connack, .disconnect])
        case .assignedClientIdentifier: Row(.string, .connack)
        case .serverKeepAlive: Row(.twoByteInteger, .connack)
        case .authenticationMethod: Row(.string, Self.authentication)
        case .authenticationData: Row(.binary, Self.authentication)
        case .requestProblemInformation: Row(.boolean, .connect)
        case .willDelayInterval: Row(.fourByteInteger, .will)
        case .requestResponseInformation: Row(.boolean, .connect)
        case .responseInformation: Row(.string, .connack)
        case .serverReference: Row(.string, [.connack, .disconnect])
        case .reasonString: Row(.string, Self.reasons)
        case .receiveMaximum: Row(.positiveTwoByteInteger, [.connect, .connack])
        case .topicAliasMaximum: Row(.twoByteInteger, [.connect, .connack])
        case .topicAlias: Row(.positiveTwoByteInteger, .publish)
        case .maximumQoS: Row(.boolean, .connack)
        case .retainAvailable: Row(.boolean, .connack)
        case .userProperty: Row(.stringPair, Self.everywhere, repeats: Self.everywhere)
        case .maximumPacketSize: Row(.positiveFourByteInteger, [.connect, .connack])
        case .wildcardSubscriptionAvailable: Row(.boolean, .connack)
        case .subscriptionIdentifierAvailable: Row(.boolean, .connack)
        case .sharedSubscriptionAvailable: Row(.boolean, .connack)
        }
    }
}
