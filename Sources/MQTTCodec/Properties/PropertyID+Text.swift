extension PropertyID {
    /// What people call the property: the name of table 2-4.
    public var name: String { texts.name.description }

    /// Where the specification states range and repetition.
    var section: StaticString { texts.section }

    private var texts: (name: StaticString, section: StaticString) {
        switch self {
        case .payloadFormatIndicator: ("Payload Format Indicator", "section 3.3.2.3.2")
        case .messageExpiryInterval: ("Message Expiry Interval", "section 3.3.2.3.3")
        case .contentType: ("Content Type", "section 3.3.2.3.9")
        case .responseTopic: ("Response Topic", "section 3.3.2.3.5")
        case .correlationData: ("Correlation Data", "section 3.3.2.3.6")
        case .subscriptionIdentifier: ("Subscription Identifier", "section 3.8.2.1.2")
        case .sessionExpiryInterval: ("Session Expiry Interval", "section 3.1.2.11.2")
        case .assignedClientIdentifier: ("Assigned Client Identifier", "section 3.2.2.3.7")
        case .serverKeepAlive: ("Server Keep Alive", "section 3.2.2.3.14")
        case .authenticationMethod: ("Authentication Method", "section 3.1.2.11.9")
        case .authenticationData: ("Authentication Data", "section 3.1.2.11.10")
        case .requestProblemInformation: ("Request Problem Information", "section 3.1.2.11.7")
        case .willDelayInterval: ("Will Delay Interval", "section 3.1.3.2.2")
        case .requestResponseInformation: ("Request Response Information", "section 3.1.2.11.6")
        case .responseInformation: ("Response Information", "section 3.2.2.3.15")
        case .serverReference: ("Server Reference", "section 3.2.2.3.16")
        case .reasonString: ("Reason String", "section 3.2.2.3.9")
        case .receiveMaximum: ("Receive Maximum", "section 3.1.2.11.3")
        case .topicAliasMaximum: ("Topic Alias Maximum", "section 3.1.2.11.5")
        case .topicAlias: ("Topic Alias", "section 3.3.2.3.4")
        case .maximumQoS: ("Maximum QoS", "section 3.2.2.3.4")
        case .retainAvailable: ("Retain Available", "section 3.2.2.3.5")
        case .userProperty: ("User Property", "section 3.1.2.11.8")
        case .maximumPacketSize: ("Maximum Packet Size", "section 3.1.2.11.4")
        case .wildcardSubscriptionAvailable: ("Wildcard Subscription Available", "section 3.2.2.3.11")
        case .subscriptionIdentifierAvailable: ("Subscription Identifier Available", "section 3.2.2.3.12")
        case .sharedSubscriptionAvailable: ("Shared Subscription Available", "section 3.2.2.3.13")
        }
    }
}
