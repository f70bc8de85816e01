import MQTTCodec
import Testing

/// Section 3.2: CONNACK.
@Suite struct ConnAckTests {
    @Test(
        "[MQTT-3.2.0-1] [v3 MQTT-3.2.0-1] CONNACK is the first packet of the broker, whatever waits",
        arguments: Wire.all)
    func first(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("a", .kept)
        try client.subscribe(stage.topic("t"), qos: 1)
        try client.disconnect()
        try stage.connect("publisher").publish(stage.topic("t"), "waiting", qos: 1)
        let again = try stage.open()
        again.send(.connect(stage.connectPacket("a", .kept)))
        try again.expect(\.connack)
        #expect(try again.expect(\.publish).payload.text == "waiting")
    }

    @Test("[MQTT-3.2.0-2] there is one CONNACK in a connection", arguments: Wire.all)
    func once(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("a")
        try client.expectNothing()
        client.send(.connect(stage.connectPacket("a")))
        try client.expectEnd(.protocolError)
    }

    @Test("[MQTT-3.2.2-1] the reserved bits of the Connect Acknowledge Flags are 0", arguments: Wire.all)
    func reservedFlags(wire: Wire) throws {
        let stage = try Stage(wire)
        let new = try stage.connect("a", .kept)
        #expect(new.lastFrame[2] == 0)
        try new.disconnect()
        let present = try stage.connect("a", .kept)
        #expect(present.lastFrame[2] == 1)
        let refused = try stage.open(sending: stage.connectFrame(level: wire.version == .v5_0 ? 6 : 3))
        try refused.expect(\.connack)
        #expect(refused.lastFrame[2] == 0)
    }

    @Test(
        "[MQTT-3.2.2-2] [v3 MQTT-3.2.2-1] a clean start is answered with Session Present 0 and code 0",
        arguments: Wire.all)
    func cleanStart(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.connect("a", .kept).disconnect()
        let client = try stage.connect("a", .clean)
        #expect(client.lastFrame[2] == 0 && client.lastFrame[3] == 0)
    }

    @Test(
        "[MQTT-3.2.2-3] [v3 MQTT-3.2.2-2] [v3 MQTT-3.2.2-3] Session Present says whether there was a session",
        arguments: Wire.all)
    func sessionPresent(wire: Wire) throws {
        let stage = try Stage(wire)
        let new = try stage.connect("a", .kept)
        #expect(new.lastFrame[2] == 0 && new.lastFrame[3] == 0)
        // Also when the old connection is still open.
        let takenOver = try stage.connect("a", .kept)
        #expect(takenOver.lastFrame[2] == 1 && takenOver.lastFrame[3] == 0)
        takenOver.cut()
        let resumed = try stage.connect("a", .kept)
        #expect(resumed.lastFrame[2] == 1 && resumed.lastFrame[3] == 0)
    }

    @Test(
        """
        [MQTT-3.2.2-6] [MQTT-3.2.2-7] [v3 MQTT-3.2.2-4] [v3 MQTT-3.2.2-5] \
        a refusal has Session Present 0, also where a session is, and the connection is closed
        """,
        arguments: Wire.all)
    func refusal(wire: Wire) throws {
        let stage = try Stage(wire, .refuseDuplicates)
        let client = try stage.connect("a", .kept)
        let second = try stage.open()
        second.send(.connect(stage.connectPacket("a", .kept)))
        try second.expect(\.connack)
        #expect(second.lastFrame[2] == 0 && second.lastFrame[3] == (wire.version == .v5_0 ? 0x85 : 2))
        try second.expectClose()
        try client.ping()
    }

    @Test("[MQTT-3.2.2-8] each reason of a refusal is one that CONNACK may have", arguments: Wire.v5)
    func reasons(wire: Wire) throws {
        // The decoder of the case refuses every other code.
        let stage = try Stage(wire, .maximumQoS(1), .retainAvailable(false))
        let topic = stage.topic("t").bytes
        let refused: [(ReasonCode, Connect)] = [
            (.badAuthenticationMethod, stage.connectPacket { $0.properties.authenticationMethod = [0x78] }),
            (.malformedPacket, stage.connectPacket { $0.clientID = [0xFF] }),
            (.protocolError, stage.connectPacket { $0.properties.receiveMaximum = 0 }),
            (.topicNameInvalid, stage.connectPacket { $0.will = Will(topic: "$SYS/x".bytes) }),
            (.qosNotSupported, stage.connectPacket { $0.will = Will(topic: topic, qos: 2) }),
            (.retainNotSupported, stage.connectPacket { $0.will = Will(topic: topic, retain: true) }),
        ]
        for (reason, packet) in refused {
            let connection = try stage.open()
            connection.send(.connect(packet))
            try connection.expectRefusal(reason)
        }
    }

    @Test(
        "[v3 MQTT-3.2.2-6] where no return code says why, the connection is closed without CONNACK",
        arguments: Wire.v3)
    func noReturnCode(wire: Wire) throws {
        let stage = try Stage(wire, .maximumQoS(1))
        let connection = try stage.open()
        connection.send(.connect(stage.connectPacket { $0.will = Will(topic: stage.topic("t").bytes, qos: 2) }))
        try connection.expectClose()
    }

    @Test("[MQTT-3.2.2-9] a Maximum QoS below 2 is announced", arguments: Wire.v5, [0, 1] as [UInt8])
    func maximumQoS(wire: Wire, maximum: UInt8) throws {
        #expect(try Stage(wire, .maximumQoS(maximum)).connect().greeting.properties.maximumQoS == maximum)
    }

    @Test("[MQTT-3.2.2-9] where all QoS are supported no Maximum QoS is announced", arguments: Wire.v5)
    func noMaximumQoS(wire: Wire) throws {
        #expect(try Stage(wire).connect().greeting.properties.maximumQoS == nil)
    }

    @Test(
        "[MQTT-3.2.2-10] a subscription may ask for more than the Maximum QoS",
        arguments: Wire.v5, [0, 1, 2] as [UInt8])
    func subscriptionAboveMaximum(wire: Wire, qos: UInt8) throws {
        let stage = try Stage(wire, .maximumQoS(0))
        let client = try stage.connect()
        #expect(try !client.subscribe(stage.topic("t"), qos: qos).isError)
        client.send(.publish(Publish(topic: stage.topic("t").bytes)))
        #expect(try client.expect(\.publish).qos == 0)
    }

    @Test("[MQTT-3.2.2-11] a PUBLISH above the Maximum QoS ends the connection with 0x9B", arguments: Wire.v5)
    func publishAboveMaximum(wire: Wire) throws {
        let stage = try Stage(wire, .maximumQoS(1))
        let client = try stage.connect()
        try client.publish(stage.topic("t"), qos: 1)
        client.send(.publish(Publish(topic: stage.topic("t").bytes, qos: 2, packetID: 9)))
        try client.expectEnd(.qosNotSupported)
    }

    @Test("[MQTT-3.2.2-12] a will above the Maximum QoS is refused with 0x9B", arguments: Wire.v5)
    func willAboveMaximum(wire: Wire) throws {
        let stage = try Stage(wire, .maximumQoS(0))
        let connection = try stage.open()
        connection.send(.connect(stage.connectPacket { $0.will = Will(topic: stage.topic("t").bytes, qos: 1) }))
        try connection.expectRefusal(.qosNotSupported)
    }

    @Test("[MQTT-3.2.2-13] a retained will is refused with 0x9A where nothing is retained", arguments: Wire.v5)
    func willRetain(wire: Wire) throws {
        let stage = try Stage(wire, .retainAvailable(false))
        let connection = try stage.open()
        connection.send(.connect(stage.connectPacket { $0.will = Will(topic: stage.topic("t").bytes, retain: true) }))
        try connection.expectRefusal(.retainNotSupported)
    }

    @Test(
        "[MQTT-3.2.2-14] a retained PUBLISH ends the connection with 0x9A where nothing is retained",
        arguments: Wire.v5)
    func publishRetain(wire: Wire) throws {
        let stage = try Stage(wire, .retainAvailable(false))
        let client = try stage.connect()
        #expect(client.greeting.properties.retainAvailable == 0)
        client.send(.publish(Publish(topic: stage.topic("t").bytes, retain: true)))
        try client.expectEnd(.retainNotSupported)
    }

    @Test(
        "[MQTT-3.2.2-15] a packet above the broker's Maximum Packet Size ends the connection with 0x95",
        arguments: Wire.v5)
    func maximumPacketSize(wire: Wire) throws {
        let stage = try Stage(wire, .maximumPacketSize(300))
        let client = try stage.connect()
        #expect(client.greeting.properties.maximumPacketSize == 300)
        let topic = stage.topic("t").bytes
        // Fixed header 3, topic length 2, Property Length 1.
        let payload = [UInt8](repeating: 0x78, count: 300 - 6 - topic.count)
        client.send(.publish(Publish(topic: topic, payload: payload)))
        try client.ping()
        client.send(.publish(Publish(topic: topic, payload: payload + [0x78])))
        try client.expectEnd(.packetTooLarge)
    }

    @Test("[MQTT-3.2.2-16] an assigned identifier is one that no session has", arguments: Wire.v5)
    func assignedIdentifier(wire: Wire) throws {
        let stage = try Stage(wire)
        var names: Set<[UInt8]> = []
        for _ in 0..<20 {
            let client = try stage.connect("a", .kept) { $0.clientID = [] }
            #expect(!client.greeting.sessionPresent)
            #expect(names.insert(try #require(client.greeting.properties.assignedClientIdentifier)).inserted)
            try client.disconnect()
        }
        #expect(try stage.connect("a").greeting.properties.assignedClientIdentifier == nil)
    }

    @Test("[MQTT-3.2.2-17] a Topic Alias above the broker's maximum ends the connection with 0x94", arguments: Wire.v5)
    func topicAliasMaximum(wire: Wire) throws {
        let stage = try Stage(wire, .maximumTopicAlias(5))
        let client = try stage.connect()
        #expect(client.greeting.properties.topicAliasMaximum == 5)
        try client.publish(stage.topic("t")) { $0.properties.topicAlias = 5 }
        client.send(.publish(Publish(topic: stage.topic("t").bytes, properties: Properties { $0.topicAlias = 6 })))
        try client.expectEnd(.topicAliasInvalid)
    }

    @Test("[MQTT-3.2.2-18] where no maximum is announced, any Topic Alias ends the connection", arguments: Wire.v5)
    func noTopicAlias(wire: Wire) throws {
        let stage = try Stage(wire, .maximumTopicAlias(0))
        let client = try stage.connect()
        #expect(client.greeting.properties.topicAliasMaximum ?? 0 == 0)
        client.send(.publish(Publish(topic: stage.topic("t").bytes, properties: Properties { $0.topicAlias = 1 })))
        try client.expectEnd(.topicAliasInvalid)
    }

    @Test(
        "[MQTT-3.2.2-19] [MQTT-3.2.2-20] what explains a refusal is left out where it would not fit",
        arguments: Wire.v5)
    func explanation(wire: Wire) throws {
        let stage = try Stage(wire)
        func refuse(maximumPacketSize: UInt32?) throws -> (answer: ConnAck, size: Int) {
            let connection = try stage.open()
            connection.send(
                .connect(
                    stage.connectPacket {
                        $0.properties.maximumPacketSize = maximumPacketSize
                        $0.properties.authenticationMethod = [0x78]
                    }))
            let answer = try connection.expectRefusal(.badAuthenticationMethod)
            return (answer, connection.lastFrame.count)
        }
        let whole = try refuse(maximumPacketSize: nil)
        #expect(whole.answer.properties.reasonString != nil)
        #expect(try refuse(maximumPacketSize: UInt32(whole.size)).answer == whole.answer)
        let bare = try refuse(maximumPacketSize: UInt32(whole.size - 1))
        #expect(bare.answer.properties.isEmpty && bare.size < whole.size)
    }
}
