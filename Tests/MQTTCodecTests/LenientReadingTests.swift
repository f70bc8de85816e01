import MQTTCodec
import Testing

/// What may be passed over on request, and what can be said of a packet that is not all there.
@Suite struct LenientReadingTests {
    private func connect(_ notation: String) throws -> Connect {
        let bytes = wire(notation)
        return try withExactBytes(bytes) { raw in
            Result { () throws(DecodeError) in try Connect.decode(frame: raw, lenient: true) }
        }.get()
    }

    @Test(arguments: ["0A", "22", "32"])
    func flagsOfAWillThatIsNotThereArePassedOver(flags: String) throws {
        let packet = try connect("10 0D 0004 'MQTT' 04 \(flags) 0000 0001 'c'")
        #expect(packet == Connect(version: .v3_1_1, clientID: utf8("c")))
    }

    @Test func aPasswordWithoutAUserNamePassesInVersion3() throws {
        let packet = try connect("10 10 0004 'MQTT' 04 42 0000 0001 'c' 0001 'p'")
        #expect(packet.userName == nil && packet.password == utf8("p"))
    }

    @Test(arguments: ["10 0D 0004 'MQTT' 04 03 0000 0001 'c'", "10 0D 0004 'MQTT' 04 1E 0000 0001 'c'"])
    func theReservedFlagAndQoS3AreNot(notation: String) {
        #expect(throws: DecodeError.self) { try connect(notation) }
    }

    @Test(arguments: ProtocolVersion.allCases)
    func emptyFiltersPassAndNothingElseDoes(version: ProtocolVersion) throws {
        let properties = version == .v5_0 ? "00 " : ""
        func subscribe(_ notation: String) throws -> Subscribe {
            try withExactBytes(frame(0x82, wire(notation))) { raw in
                Result { () throws(DecodeError) in
                    try Subscribe.decode(frame: raw, version: version, lenient: true)
                }
            }.get()
        }
        let packet = try subscribe("0001 \(properties) 0000 01 0001 't' 02")
        #expect(packet.subscriptions == [.init(filter: [], qos: 1), .init(filter: utf8("t"), qos: 2)])
        #expect(throws: DecodeError.self) { try subscribe("0001 \(properties) 0000 03") }
        let unsubscribe = try withExactBytes(frame(0xA2, wire("0001 \(properties) 0000 0001 't'"))) { raw in
            Result { () throws(DecodeError) in try Unsubscribe.decode(frame: raw, version: version, lenient: true) }
        }.get()
        #expect(unsubscribe.filters == [[], utf8("t")])
    }

    @Test func theVersionIsKnownAsSoonAsItHasArrived() {
        for version in ProtocolVersion.allCases {
            for length in ["7F", "FFFFFF7F"] {
                let bytes = wire("10 \(length) 0004 'MQTT' 0\(version.rawValue)")
                for count in 0..<bytes.count {
                    let prefix = Array(bytes.prefix(count))
                    #expect(withExactBytes(prefix) { Connect.announcedVersion($0) } == nil)
                }
                #expect(withExactBytes(bytes) { Connect.announcedVersion($0) } == version)
            }
        }
        for other in [
            "10 7F 0004 'MQTT' 06", "10 7F 0004 'MQXT' 05", "20 7F 0004 'MQTT' 05", "10 FFFFFFFF7F 0004 'MQ'",
        ] {
            #expect(withExactBytes(wire(other)) { Connect.announcedVersion($0) } == nil, "\(other)")
        }
    }

    /// The early answer must be the one that the whole packet would get.
    @Test(arguments: ProtocolVersion.allCases)
    func whatIsWrongWithAFirstByteIsWrongWithThePacket(version: ProtocolVersion) {
        for first in UInt8.min...UInt8.max {
            let early = DecodeError.ofFirstByte(first, version: version)
            let whole = decodeError([first, 3, 0, 1, 0x74], version, .fromClient)
            if let early {
                // A CONNECT is read in the version it names.
                #expect(first >> 4 == 1 ? whole?.kind == early.kind : whole == early, "\(first)")
            } else {
                let ofFirstByte: [DecodeError.Kind?] = [
                    .reservedPacketType, .unexpectedPacket, .reservedFlags, .invalidQoS, .duplicateFlagOnQoS0,
                ]
                #expect(!ofFirstByte.contains(whole?.kind), "\(first)")
            }
        }
    }

    @Test func anErrorCanBeToldInTheTermsOfTheOtherVersion() {
        let error = DecodeError(.packetTooLarge, .remainingLength, at: 1, version: .v5_0, packet: .publish)
        let told = error.told(in: .v3_1_1)
        #expect(told == DecodeError(.packetTooLarge, .remainingLength, at: 1, version: .v3_1_1, packet: .publish))
        #expect(error.description.hasSuffix("[MQTT-3.2.2-15]") && told.description.hasSuffix("[MQTT-4.8.0-1]"))
    }

    @Test func aRuleWithoutANumberIsToldWithTheStatementThatEndsTheConnection() {
        let error = DecodeError(.reservedPacketType, .fixedHeader, at: 0, version: .v5_0)
        #expect(error.description.hasSuffix("[section 2.1.2, MQTT-4.13.1-1]"))
        #expect(error.told(in: .v3_1_1).description.hasSuffix("[section 2.2.1, MQTT-4.8.0-1]"))
    }
}
