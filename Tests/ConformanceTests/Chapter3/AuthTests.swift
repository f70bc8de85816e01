import MQTTCodec
import Testing

/// Sections 3.15 and 4.12: AUTH and enhanced authentication, as far as a broker without such a plugin has it.
@Suite struct AuthTests {
    @Test("Flags other than 0000 are malformed [MQTT-3.15.1-1]", arguments: Wire.v5)
    func flags(wire: Wire) throws {
        let stage = try Stage(wire)
        for flags: UInt8 in [0b0001, 0b0010, 0b1000] {
            let client = try stage.connect("\(flags)")
            client.send(bytes: Packet.auth(Auth(reason: .reAuthenticate)).encode(version: .v5_0, flags: flags))
            try client.expectEnd(.malformedPacket)
        }
    }

    @Test("Reason codes that AUTH does not have are refused [MQTT-3.15.2-1]", arguments: Wire.v5)
    func reasonCodes(wire: Wire) throws {
        let stage = try Stage(wire)
        // 0x00 is the Server's alone.
        for code: UInt8 in [0x00, 0x01, 0x17, 0x80, 0x87] {
            let client = try stage.connect("\(code)")
            client.send(bytes: [0xF0, 2, code, 0])
            let farewell = try client.expectEnd(.protocolError)
            #expect(farewell?.properties.reasonString?.text.contains("MQTT-3.15.2-1") == true)
        }
    }

    @Test("A method the broker does not have is refused with 0x8C [MQTT-4.12.0-1]", arguments: Wire.v5)
    func unknownMethod(wire: Wire) throws {
        let stage = try Stage(wire)
        let peer = try stage.open(
            sending: Packet.connect(
                stage.connectPacket {
                    $0.properties.authenticationMethod = "nobody's".bytes
                    $0.properties.authenticationData = [1, 2, 3]
                }
            ).encode(version: .v5_0))
        let refusal = try peer.expectRefusal(.badAuthenticationMethod)
        #expect(refusal.properties.authenticationMethod == nil)
    }

    @Test(
        "Without a method in CONNECT there is no AUTH, and none in CONNACK [MQTT-4.12.0-6]", arguments: Wire.v5)
    func noMethod(wire: Wire) throws {
        // A user name and password are no method either.
        let client = try Stage(wire).connect {
            $0.userName = "user".bytes
            $0.password = "password".bytes
        }
        #expect(client.greeting.properties.authenticationMethod == nil)
        try client.expectNothing()
    }

    @Test("AUTH of a client that named no method is a protocol error [MQTT-4.12.0-7]", arguments: Wire.v5)
    func authWithoutMethod(wire: Wire) throws {
        let stage = try Stage(wire)
        for reason in [ReasonCode.continueAuthentication, .reAuthenticate] {
            let client = try stage.connect("\(reason.rawValue)")
            var auth = Auth(reason: reason)
            auth.properties.authenticationMethod = "method".bytes
            client.send(.auth(auth))
            let farewell = try client.expectEnd(.protocolError)
            #expect(farewell?.properties.reasonString?.text.contains("MQTT-4.12.0-7") == true)
        }
    }
}
