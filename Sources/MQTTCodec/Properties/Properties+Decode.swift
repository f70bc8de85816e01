extension Properties {
    /// Reads the Property Length and the properties at the position of `reader`; nothing when the version has none.
    static func decode(
        _ reader: inout UnsafeByteReader, in place: PacketTypeSet, from role: PacketRole
    ) throws(DecodeError) -> Properties {
        var properties = Properties()
        guard reader.version == .v5_0 else { return properties }
        let block = try reader.readPropertyBlock(place == .will ? .willProperties : .properties)
        var source = UnsafePropertyReader(block, in: place, from: role)
        while let value = try source.next() {
            properties.set(value, block)
        }
        try source.finish()
        return properties
    }

    private mutating func set(_ value: PropertyValue, _ block: UnsafeByteReader) {
        switch value.id {
        case .userProperty:
            userProperties.append(
                UserProperty(name: block.bytes(value.range), value: block.bytes(value.second)))
        case .subscriptionIdentifier: subscriptionIdentifiers.append(value.number)
        case .contentType: contentType = block.bytes(value.range)
        case .responseTopic: responseTopic = block.bytes(value.range)
        case .correlationData: correlationData = block.bytes(value.range)
        case .assignedClientIdentifier: assignedClientIdentifier = block.bytes(value.range)
        case .authenticationMethod: authenticationMethod = block.bytes(value.range)
        case .authenticationData: authenticationData = block.bytes(value.range)
        case .responseInformation: responseInformation = block.bytes(value.range)
        case .serverReference: serverReference = block.bytes(value.range)
        case .reasonString: reasonString = block.bytes(value.range)
        case .messageExpiryInterval: messageExpiryInterval = value.number
        case .sessionExpiryInterval: sessionExpiryInterval = value.number
        case .willDelayInterval: willDelayInterval = value.number
        case .maximumPacketSize: maximumPacketSize = value.number
        case .serverKeepAlive: serverKeepAlive = UInt16(truncatingIfNeeded: value.number)
        case .receiveMaximum: receiveMaximum = UInt16(truncatingIfNeeded: value.number)
        case .topicAliasMaximum: topicAliasMaximum = UInt16(truncatingIfNeeded: value.number)
        case .topicAlias: topicAlias = UInt16(truncatingIfNeeded: value.number)
        case .payloadFormatIndicator: payloadFormatIndicator = UInt8(truncatingIfNeeded: value.number)
        case .requestProblemInformation: requestProblemInformation = UInt8(truncatingIfNeeded: value.number)
        case .requestResponseInformation: requestResponseInformation = UInt8(truncatingIfNeeded: value.number)
        case .maximumQoS: maximumQoS = UInt8(truncatingIfNeeded: value.number)
        case .retainAvailable: retainAvailable = UInt8(truncatingIfNeeded: value.number)
        case .wildcardSubscriptionAvailable: wildcardSubscriptionAvailable = UInt8(truncatingIfNeeded: value.number)
        case .subscriptionIdentifierAvailable:
            subscriptionIdentifierAvailable = UInt8(truncatingIfNeeded: value.number)
        case .sharedSubscriptionAvailable: sharedSubscriptionAvailable = UInt8(truncatingIfNeeded: value.number)
        }
    }
}
