import Testing

@testable import MQTTCodec

/// Every reason for refusing a packet.
private let kinds: [DecodeError.Kind] = [
    .truncated, .trailingBytes, .variableByteIntegerTooLong, .variableByteIntegerNotMinimal, .packetTooLarge,
    .invalidUTF8, .nullCharacter, .reservedPacketType, .reservedFlags, .invalidQoS, .duplicateFlagOnQoS0,
    .reservedConnectFlag, .reservedAcknowledgeFlags, .reservedSubscriptionOptions, .unknownProperty,
    .propertyNotAllowed, .unexpectedPacket, .unsupportedProtocolName, .unsupportedProtocolVersion(3),
    .willQoSWithoutWill, .willRetainWithoutWill, .passwordWithoutUserName, .sessionPresentOnRefusal, .zeroPacketID,
    .emptyTopicName, .wildcardInTopicName, .emptySubscribe, .emptyUnsubscribe, .emptyAcknowledgement,
    .emptyTopicFilter, .invalidRetainHandling, .duplicateProperty, .propertyOutOfRange, .zeroTopicAlias,
    .subscriptionIdentifierFromClient, .authenticationDataWithoutMethod, .missingAuthenticationMethod,
    .sessionExpiryFromServer, .invalidReasonCode,
]

@Suite struct DecodeErrorTests {
    @Test func anErrorFitsInARegister() {
        #expect(MemoryLayout<DecodeError>.size <= 8)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func everyErrorSaysWhatWhereAndWhichRule(version: ProtocolVersion) {
        var sentences: Set<String> = []
        for kind in kinds {
            let error = DecodeError(kind, .payload, at: 42, version: version)
            #expect(error.description.contains("byte 42"))
            #expect(error.description.contains("[\(error.statement)"))
            #expect(error.statement.description.hasPrefix("MQTT-") || error.statement.description.hasPrefix("section "))
            #expect(error.reasonCode.isError)
            sentences.insert(error.description)
        }
        #expect(sentences.count >= kinds.count - 1, "two kinds are told in the same words")
    }

    @Test func everyFieldHasAName() {
        let fields = (UInt8.min...UInt8.max).compactMap { DecodeError.Field(rawValue: $0) }
        #expect(fields.count == 48)
        #expect(Set(fields.map(\.name)).count == fields.count)
        #expect(fields.allSatisfy { !$0.name.isEmpty })
    }

    /// The case names in the table carry the statement they check: the error must name the same one.
    @Test(arguments: PacketCase.refused)
    func theStatementIsTheOneTheTableNames(entry: PacketCase) throws {
        guard let start = entry.name.firstIndex(of: "["), let end = entry.name.firstIndex(of: "]") else { return }
        let error = try #require(decodeError(entry.bytes, entry.version, entry.role))
        #expect(error.statement.description == entry.name[entry.name.index(after: start)..<end])
    }

    @Test func anExampleReadsWell() throws {
        let error = try #require(
            decodeError(wire("10 15 0004 'MQTT' 05 06 0000 00 0001 'c' 00 0002 C0AF 0000"), .v5_0, .fromClient))
        #expect(
            error.description == "CONNECT: Will Topic holds ill-formed UTF-8, byte 17 of the packet [MQTT-3.1.3-11]")
    }

    @Test func fieldsThatAreTooLongForAPacketAreAProgrammerError() async {
        await #expect(processExitsWith: .failure) {
            _ = Packet.publish(Publish(topic: [UInt8](repeating: 0x61, count: 65_536))).encode(version: .v5_0)
        }
    }

    @Test func numbersTooLargeForAPacketAreAProgrammerError() async {
        await #expect(processExitsWith: .failure) {
            var packet = Publish(topic: [0x61])
            packet.properties.subscriptionIdentifiers = [268_435_456]
            _ = Packet.publish(packet).encode(version: .v5_0)
        }
    }

    @Test func aPropertyAndItsFieldHaveOneRawValue() {
        #expect(PropertyID.allCases.allSatisfy { $0.field.rawValue == $0.rawValue })
    }
}
