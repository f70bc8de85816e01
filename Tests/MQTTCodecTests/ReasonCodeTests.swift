import Testing

@testable import MQTTCodec

@Suite struct ReasonCodeTests {
    @Test func errorsStartAt0x80() {
        #expect(!ReasonCode.success.isError)
        #expect(!ReasonCode(rawValue: 0x7F).isError)
        #expect(ReasonCode.unspecifiedError.isError)
    }

    @Test func aCodeHasTheNameOfThePacketItStandsIn() {
        #expect(ReasonCode.success.name == "Success")
        #expect(ReasonCode.success.name(in: .suback) == "Granted QoS 0")
        #expect(ReasonCode.success.name(in: .disconnect) == "Normal disconnection")
        #expect(ReasonCode.success.name(in: .auth) == "Success")
        #expect(ReasonCode.notAuthorized.name(in: .puback) == "Not authorized")
        #expect(ReasonCode(rawValue: 0x05).name == "Reason code 0x05")
        #expect(ReasonCode(rawValue: 0xFE).name(in: .connack) == "Reason code 0xFE")
        #expect(ReasonCode.quotaExceeded.description == "0x97 (Quota exceeded)")
    }

    /// The number of codes that table 2-6 lists for each packet.
    @Test func eachPacketHasAsManyCodesAsTheSpecificationLists() {
        let expected: [(PacketType, Int)] = [
            (.connack, 22), (.puback, 9), (.pubrec, 9), (.pubrel, 2), (.pubcomp, 2), (.suback, 12), (.unsuback, 7),
            (.disconnect, 30), (.auth, 3), (.publish, 0), (.connect, 0), (.pingreq, 0),
        ]
        for (type, count) in expected {
            let codes = (UInt8.min...UInt8.max).filter { value in
                PacketRole.allCases.contains { ReasonCode(rawValue: value).isAllowed(in: type, from: $0) }
            }
            #expect(codes.count == count, "\(type.name): \(codes)")
        }
    }

    @Test func disconnectCodesAreLimitedToTheirSender() {
        let clientOnly = (UInt8.min...UInt8.max).map { ReasonCode(rawValue: $0) }.filter {
            $0.isAllowed(in: .disconnect, from: .fromClient) && !$0.isAllowed(in: .disconnect, from: .fromServer)
        }
        #expect(clientOnly == [.disconnectWithWill])
        let fromClient = (UInt8.min...UInt8.max).map { ReasonCode(rawValue: $0) }.filter {
            $0.isAllowed(in: .disconnect, from: .fromClient)
        }
        #expect(fromClient.contains(.administrativeAction))
        #expect(!fromClient.contains(.sessionTakenOver))
        #expect(!fromClient.contains(.serverShuttingDown))
    }

    @Test func connectReturnCodesOfVersion3AreTranslatedBothWays() {
        for code in UInt8(0)...5 {
            #expect(ReasonCode(connectReturnCode: code)?.connectReturnCode == code)
        }
        for code in UInt8(6)...255 { #expect(ReasonCode(connectReturnCode: code) == nil) }
        #expect(ReasonCode.banned.connectReturnCode == 5)
        #expect(ReasonCode.serverBusy.connectReturnCode == 3)
        #expect(ReasonCode.badAuthenticationMethod.connectReturnCode == 4)
        #expect(ReasonCode.malformedPacket.connectReturnCode == nil)
    }

    @Test func aRefusalThatVersion3CannotTellIsWrittenAsServerUnavailable() {
        let packet = Packet.connack(ConnAck(reason: .packetTooLarge))
        #expect(packet.encode(version: .v3_1_1) == [0x20, 2, 0, 3])
    }

    @Test func everyFailedSubscriptionIs0x80InVersion3() {
        let packet = Packet.suback(SubAck(packetID: 1, reasons: [.grantedQoS2, .topicFilterInvalid]))
        #expect(packet.encode(version: .v3_1_1) == [0x90, 4, 0, 1, 2, 0x80])
    }
}

@Suite struct PacketTypeTests {
    @Test func theFirstByteNamesTheType() {
        #expect(PacketType(firstByte: 0x0F) == nil)
        for type in PacketType.allCases {
            #expect(PacketType(firstByte: type.firstByte) == type)
            #expect(type.firstByte & 0x0F == ([.pubrel, .subscribe, .unsubscribe].contains(type) ? 2 : 0))
        }
    }

    @Test func namesAreThoseOfTheSpecification() {
        #expect(
            PacketType.allCases.map(\.name) == [
                "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK",
                "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
            ])
        #expect(ProtocolVersion.allCases.map(\.description) == ["3.1.1", "5.0"])
    }

    @Test func textAccessorsReadTheBytes() {
        let connect = Connect(version: .v5_0, clientID: utf8("ä"), will: Will(topic: utf8("w")), userName: utf8("ü"))
        #expect(connect.clientIDText == "ä")
        #expect(connect.userNameText == "ü")
        #expect(connect.will?.topicText == "w")
        #expect(Connect(version: .v5_0, clientID: []).userNameText == nil)
        #expect(Publish(topic: utf8("t")).topicText == "t")
        #expect(Subscription(filter: utf8("f")).filterText == "f")
    }
}
