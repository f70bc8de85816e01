extension Properties {
    /// Those properties that a packet of `type` may carry, in wire form, without the Property Length in front.
    public func wireForm(in type: PacketType) -> [UInt8] {
        let place = PacketTypeSet(type)
        var writer = ByteWriter()
        for id in PropertyID.allCases where !id.row.packets.isDisjoint(with: place) {
            encode(id, into: &writer, in: place)
        }
        return writer.bytes
    }

    /// Writes the Property Length and those properties that may stand in `place`, in the order of their identifiers.
    func encode(into writer: inout ByteWriter, in place: PacketTypeSet) {
        writer.writeMeasured { writer in
            for id in PropertyID.allCases where !id.row.packets.isDisjoint(with: place) {
                encode(id, into: &writer, in: place)
            }
        }
    }

    private func encode(_ id: PropertyID, into writer: inout ByteWriter, in place: PacketTypeSet) {
        switch id {
        case .userProperty:
            for property in userProperties {
                writer.write(id.rawValue)
                writer.writePrefixed(property.name)
                writer.writePrefixed(property.value)
            }
        case .subscriptionIdentifier:
            for identifier in subscriptionIdentifiers {
                writer.write(id.rawValue)
                writer.writeVariableByteInteger(Int(identifier))
            }
        default:
            if let content = content(of: id) {
                writer.write(id.rawValue)
                writer.writePrefixed(content)
            } else if let number = number(of: id) {
                writer.write(id.rawValue)
                writer.write(number, as: id.row.type)
            }
        }
    }

    /// The value of a property that is a string or binary data.
    private func content(of id: PropertyID) -> [UInt8]? {
        switch id {
        case .contentType: contentType
        case .responseTopic: responseTopic
        case .correlationData: correlationData
        case .assignedClientIdentifier: assignedClientIdentifier
        case .authenticationMethod: authenticationMethod
        case .authenticationData: authenticationData
        case .responseInformation: responseInformation
        case .serverReference: serverReference
        case .reasonString: reasonString
        default: nil
        }
    }

    /// The value of a property that is a single integer.
    private func number(of id: PropertyID) -> UInt32? {
        switch id {
        case .messageExpiryInterval: messageExpiryInterval
        case .sessionExpiryInterval: sessionExpiryInterval
        case .willDelayInterval: willDelayInterval
        case .maximumPacketSize: maximumPacketSize
        case .serverKeepAlive: serverKeepAlive.map { UInt32($0) }
        case .receiveMaximum: receiveMaximum.map { UInt32($0) }
        case .topicAliasMaximum: topicAliasMaximum.map { UInt32($0) }
        case .topicAlias: topicAlias.map { UInt32($0) }
        case .payloadFormatIndicator: payloadFormatIndicator.map { UInt32($0) }
        case .requestProblemInformation: requestProblemInformation.map { UInt32($0) }
        case .requestResponseInformation: requestResponseInformation.map { UInt32($0) }
        case .maximumQoS: maximumQoS.map { UInt32($0) }
        case .retainAvailable: retainAvailable.map { UInt32($0) }
        case .wildcardSubscriptionAvailable: wildcardSubscriptionAvailable.map { UInt32($0) }
        case .subscriptionIdentifierAvailable: subscriptionIdentifierAvailable.map { UInt32($0) }
        case .sharedSubscriptionAvailable: sharedSubscriptionAvailable.map { UInt32($0) }
        default: nil
        }
    }
}

extension ByteWriter {
    /// Writes a number in the width its property type has.
    fileprivate mutating func write(_ number: UInt32, as type: PropertyID.ValueType) {
        switch type {
        case .boolean: write(UInt8(truncatingIfNeeded: number))
        case .twoByteInteger, .positiveTwoByteInteger: write(UInt16(truncatingIfNeeded: number))
        default: write(number)
        }
    }
}
