// HOT PATH: once per property of a 5.0 PUBLISH; no allocation. Every other packet reads its properties here as well.

/// One property as it stands in a packet. Which of the values is meant follows from the type of `id`.
struct PropertyValue {
    let id: PropertyID
    /// The value of an integer.
    var number: UInt32 = 0
    /// The content of a string or of binary data; the name of a string pair.
    var range = ByteRange(offset: 0, length: 0)
    /// The value of a string pair.
    var second = ByteRange(offset: 0, length: 0)
    /// Where the property starts: its identifier byte.
    let start: Int
}

/// Reads and checks the properties of one block, one after the other, by the table of ``PropertyID``.
struct UnsafePropertyReader {
    private(set) var block: UnsafeByteReader
    private let place: PacketTypeSet
    private let role: PacketRole
    /// Bit n: the property with identifier n has been read. All identifiers are below 64.
    private var seen: UInt64 = 0

    /// - Parameters:
    ///   - block: exactly the properties, without the Property Length.
    ///   - place: the packet they stand in (one element).
    init(_ block: UnsafeByteReader, in place: PacketTypeSet, from role: PacketRole) {
        self.block = block
        self.place = place
        self.role = role
    }

    func contains(_ id: PropertyID) -> Bool { seen & (1 << UInt64(id.rawValue)) != 0 }

    /// The next property, or nil at the end of the block.
    @inline(__always)
    mutating func next() throws(DecodeError) -> PropertyValue? {
        guard block.remaining > 0 else { return nil }
        let start = block.position
        let identifier = try block.readVariableByteInteger(.propertyID)
        guard let byte = UInt8(exactly: identifier), let id = PropertyID(rawValue: byte) else {
            throw block.error(.unknownProperty, .propertyID, at: start)
        }
        let row = id.row
        guard !row.packets.isDisjoint(with: place) else {
            throw block.error(.propertyNotAllowed, id.field, at: start)
        }
        try checkRole(id, start)
        if contains(id) && row.repeats.isDisjoint(with: place) {
            throw block.error(.duplicateProperty, id.field, at: start)
        }
        seen |= 1 << UInt64(id.rawValue)
        return try readValue(id, row.type, start)
    }

    /// Two properties may stand in a packet only when it travels in one direction.
    private func checkRole(_ id: PropertyID, _ start: Int) throws(DecodeError) {
        if id == .subscriptionIdentifier && place == .publish && role == .fromClient {
            throw block.error(.subscriptionIdentifierFromClient, id.field, at: start)
        }
        if id == .sessionExpiryInterval && place == .disconnect && role == .fromServer {
            throw block.error(.sessionExpiryFromServer, id.field, at: start)
        }
    }

    @inline(__always)
    private mutating func readValue(
        _ id: PropertyID, _ type: PropertyID.ValueType, _ start: Int
    ) throws(DecodeError) -> PropertyValue {
        var value = PropertyValue(id: id, start: start)
        let field = id.field
        let valueOffset = block.position
        var inRange = true
        switch type {
        case .boolean:
            value.number = UInt32(try block.readByte(field))
            inRange = value.number <= 1
        case .twoByteInteger:
            value.number = UInt32(try block.readUInt16(field))
        case .positiveTwoByteInteger:
            value.number = UInt32(try block.readUInt16(field))
            inRange = value.number != 0
        case .fourByteInteger:
            value.number = try block.readUInt32(field)
        case .positiveFourByteInteger:
            value.number = try block.readUInt32(field)
            inRange = value.number != 0
        case .positiveVariableByteInteger:
            value.number = UInt32(truncatingIfNeeded: try block.readVariableByteInteger(field))
            inRange = value.number != 0
        case .string: value.range = try block.readString(field)
        case .topicName: value.range = try block.readTopicName(field)
        case .binary: value.range = try block.readBinary(field)
        case .stringPair:
            value.range = try block.readString(field)
            value.second = try block.readString(field)
        }
        guard inRange else {
            // [MQTT-3.3.2-8] has a Reason Code of its own.
            throw block.error(id == .topicAlias ? .zeroTopicAlias : .propertyOutOfRange, field, at: valueOffset)
        }
        return value
    }

    /// The rules about properties that are missing. Call it after the last one.
    func finish() throws(DecodeError) {
        let method = contains(.authenticationMethod)
        if contains(.authenticationData) && !method {
            throw block.error(.authenticationDataWithoutMethod, .authenticationData)
        }
        if place == .auth && !method {
            throw block.error(.missingAuthenticationMethod, .authenticationMethod)
        }
    }
}
