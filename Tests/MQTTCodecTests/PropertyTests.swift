import Testing

@testable import MQTTCodec

/// A place where a property block stands, with a packet around it that is otherwise valid.
enum PropertyPlace: String, CaseIterable, Sendable {
    case connect, will, connack, publishFromClient, publishFromServer, puback, pubrec, pubrel, pubcomp, subscribe
    case suback, unsubscribe, unsuback, disconnectFromClient, disconnectFromServer, auth

    var role: PacketRole {
        switch self {
        case .connack, .publishFromServer, .suback, .unsuback, .disconnectFromServer: .fromServer
        default: .fromClient
        }
    }

    /// The packet, and the offset of the first byte of the block in it.
    func packet(_ block: [UInt8]) -> (bytes: [UInt8], blockOffset: Int) {
        let (first, before, after): (UInt8, String, String) =
            switch self {
            case .connect: (0x10, "0004 'MQTT' 05 02 0000", "0000")
            case .will: (0x10, "0004 'MQTT' 05 06 0000 00 0000", "0001 't' 0000")
            case .connack: (0x20, "00 00", "")
            case .publishFromClient, .publishFromServer: (0x30, "0001 't'", "'payload'")
            case .puback: (0x40, "0001 00", "")
            case .pubrec: (0x50, "0001 00", "")
            case .pubrel: (0x62, "0001 00", "")
            case .pubcomp: (0x70, "0001 00", "")
            case .subscribe: (0x82, "0001", "0001 't' 00")
            case .suback: (0x90, "0001", "00")
            case .unsubscribe: (0xA2, "0001", "0001 't'")
            case .unsuback: (0xB0, "0001", "00")
            case .disconnectFromClient, .disconnectFromServer: (0xE0, "00", "")
            case .auth: (0xF0, "18", "")
            }
        let content = wire(before) + [UInt8(block.count)] + block + wire(after)
        return (frame(first, content), 2 + wire(before).count + 1)
    }
}

/// Table 2-4 written once more by hand, so that a slip in the codec's own table shows.
private let allowed: [(id: UInt8, value: String, places: Set<PropertyPlace>)] = {
    let publish: Set<PropertyPlace> = [.publishFromClient, .publishFromServer]
    let disconnect: Set<PropertyPlace> = [.disconnectFromClient, .disconnectFromServer]
    let message = publish.union([.will])
    let acks: Set<PropertyPlace> = [.puback, .pubrec, .pubrel, .pubcomp]
    let reasons = acks.union(disconnect).union([.connack, .suback, .unsuback, .auth])
    return [
        (0x01, "01", message), (0x02, "00000001", message), (0x03, "0001 'x'", message),
        (0x08, "0001 'x'", message), (0x09, "0001 FF", message), (0x0B, "01", [.publishFromServer, .subscribe]),
        (0x11, "00000000", [.connect, .connack, .disconnectFromClient]), (0x12, "0001 'x'", [.connack]),
        (0x13, "0000", [.connack]), (0x15, "0001 'm'", [.connect, .connack, .auth]),
        (0x16, "0001 FF", [.connect, .connack, .auth]), (0x17, "00", [.connect]), (0x18, "00000000", [.will]),
        (0x19, "01", [.connect]), (0x1A, "0001 'x'", [.connack]),
        (0x1C, "0001 'x'", disconnect.union([.connack])), (0x1F, "0001 'x'", reasons),
        (0x21, "0001", [.connect, .connack]), (0x22, "0000", [.connect, .connack]), (0x23, "0001", publish),
        (0x24, "01", [.connack]), (0x25, "01", [.connack]), (0x26, "0001 'k' 0001 'v'", Set(PropertyPlace.allCases)),
        (0x27, "00000001", [.connect, .connack]), (0x28, "01", [.connack]), (0x29, "00", [.connack]),
        (0x2A, "01", [.connack]),
    ]
}()

/// What a place needs beside the property under test: AUTH its method, Authentication Data a method.
private func companion(_ id: UInt8, _ place: PropertyPlace) -> [UInt8] {
    let needsMethod = place == .auth || (id == 0x16 && [.connect, .connack].contains(place))
    return needsMethod && id != 0x15 ? wire("15 0001 'm'") : []
}

@Suite struct PropertyTests {
    @Test(arguments: PropertyPlace.allCases)
    func eachPropertyIsAcceptedExactlyWhereTheSpecificationAllowsIt(place: PropertyPlace) {
        for row in allowed {
            let before = companion(row.id, place)
            let (bytes, blockOffset) = place.packet(before + [row.id] + wire(row.value))
            let error = decodeError(bytes, .v5_0, place.role)
            if row.places.contains(place) {
                #expect(error == nil, "property \(row.id) in \(place)")
            } else {
                #expect(error?.kind == refusal(row.id, place), "property \(row.id) in \(place)")
                #expect(error?.offset == blockOffset + before.count)
                #expect(error?.field.rawValue == row.id)
            }
        }
    }

    private func refusal(_ id: UInt8, _ place: PropertyPlace) -> DecodeError.Kind {
        switch (id, place) {
        case (0x0B, .publishFromClient): .subscriptionIdentifierFromClient
        case (0x11, .disconnectFromServer): .sessionExpiryFromServer
        default: .propertyNotAllowed
        }
    }

    @Test(arguments: PropertyPlace.allCases)
    func aSecondPropertyIsAProtocolErrorExceptWhereItMayRepeat(place: PropertyPlace) {
        for row in allowed where row.places.contains(place) {
            let before = companion(row.id, place)
            let one = [row.id] + wire(row.value)
            let (bytes, blockOffset) = place.packet(before + one + one)
            let error = decodeError(bytes, .v5_0, place.role)
            if row.id == 0x26 || (row.id == 0x0B && place == .publishFromServer) {
                #expect(error == nil, "property \(row.id) in \(place)")
            } else {
                #expect(error?.kind == .duplicateProperty, "property \(row.id) in \(place)")
                #expect(error?.reasonCode == .protocolError)
                #expect(error?.offset == blockOffset + before.count + one.count)
            }
        }
    }

    @Test(arguments: PropertyPlace.allCases)
    func anUndefinedIdentifierIsAMalformedPacket(place: PropertyPlace) {
        let defined = Set(allowed.map(\.id))
        for id in UInt8(0)..<0x80 where !defined.contains(id) {
            let (bytes, blockOffset) = place.packet([id, 0, 0, 0, 0])
            let error = decodeError(bytes, .v5_0, place.role)
            #expect(error?.kind == .unknownProperty)
            #expect(error?.reasonCode == .malformedPacket)
            #expect(error?.offset == blockOffset)
        }
    }

    @Test(arguments: PropertyPlace.allCases)
    func aPropertyCutShortIsAMalformedPacket(place: PropertyPlace) {
        for row in allowed where row.places.contains(place) {
            let whole = companion(row.id, place) + [row.id] + wire(row.value)
            let value = wire(row.value).count
            for cut in 1...value {
                let error = decodeError(place.packet(Array(whole.dropLast(cut))).bytes, .v5_0, place.role)
                #expect(error?.kind == .truncated, "property \(row.id) in \(place), \(cut) bytes short")
                #expect(error?.reasonCode == .malformedPacket)
            }
        }
    }

    @Test func valuesOutsideTheirRangeAreProtocolErrors() {
        let bad: [(PropertyPlace, String)] = [
            (.will, "01 02"), (.publishFromClient, "01 FF"), (.publishFromServer, "0B 00"), (.subscribe, "0B 00"),
            (.connect, "17 02"), (.connect, "19 02"), (.connect, "21 0000"), (.connect, "27 00000000"),
            (.connack, "21 0000"), (.connack, "24 02"), (.connack, "25 02"), (.connack, "27 00000000"),
            (.connack, "28 02"), (.connack, "29 02"), (.connack, "2A 02"),
        ]
        for (place, property) in bad {
            let (bytes, blockOffset) = place.packet(wire(property))
            let error = decodeError(bytes, .v5_0, place.role)
            #expect(error?.kind == .propertyOutOfRange, "\(property) in \(place)")
            #expect(error?.reasonCode == .protocolError)
            #expect(error?.offset == blockOffset + 1)
        }
        let alias = decodeError(PropertyPlace.publishFromClient.packet(wire("23 0000")).bytes, .v5_0, .fromClient)
        #expect(alias?.kind == .zeroTopicAlias)
        #expect(alias?.reasonCode == .topicAliasInvalid)
    }

    @Test func textInEveryPropertyIsChecked() {
        for (place, prefix) in [
            (.publishFromClient, "03"), (.will, "08"), (.connack, "12"), (.auth, "15"), (.connack, "1A"),
            (.disconnectFromServer, "1C"), (.puback, "1F"), (.subscribe, "26"), (.unsubscribe, "26 0001 'k'"),
        ] as [(PropertyPlace, String)] {
            let wrong = decodeError(place.packet(wire(prefix + " 0002 C080")).bytes, .v5_0, place.role)
            #expect(wrong?.kind == .invalidUTF8, "\(prefix) in \(place)")
            let null = decodeError(place.packet(wire(prefix + " 0002 6100")).bytes, .v5_0, place.role)
            #expect(null?.kind == .nullCharacter, "\(prefix) in \(place)")
        }
    }

    @Test func theTableHasARowForEachIdentifierAndNoOther() {
        #expect(PropertyID.allCases.map(\.rawValue) == allowed.map(\.id))
        for id in PropertyID.allCases {
            #expect(id.field.rawValue == id.rawValue)
            #expect(id.field.name == id.name)
        }
    }

    @Test func propertiesThatAPacketMayNotCarryAreLeftOut() throws {
        let packet = Packet.puback(
            Ack(
                packetID: 1, reason: .success,
                properties: Properties {
                    $0.reasonString = utf8("r")
                    $0.topicAlias = 3
                    $0.subscriptionIdentifiers = [1]
                }))
        #expect(packet.encode(version: .v5_0) == wire("40 08 0001 00 04 1F 0001 'r'"))
    }

    @Test func textAccessorsReadTheBytes() {
        var properties = Properties()
        #expect(properties.isEmpty)
        #expect(properties.reasonText == nil)
        properties.reasonString = utf8("über")
        #expect(properties.reasonText == "über")
        #expect(!properties.isEmpty)
    }
}
