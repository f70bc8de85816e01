import MQTTCodec
import Testing

/// Sections 3.1.0 to 3.1.3: what a CONNECT must look like.
@Suite struct ConnectFormatTests {
    @Test(
        "[MQTT-3.1.0-1] [v3 MQTT-3.1.0-1] the first packet of a connection is CONNECT, or it is closed",
        arguments: Wire.all)
    func firstPacket(wire: Wire) throws {
        let stage = try Stage(wire)
        let topic = stage.topic("t").bytes
        let others: [Packet] = [
            .publish(Publish(topic: topic)), .pingreq, .disconnect(Disconnect()), .puback(Ack(packetID: 1)),
            .subscribe(Subscribe(packetID: 1, subscriptions: [MQTTCodec.Subscription(filter: topic)])),
        ]
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("#"))
        for packet in others {
            let connection = try stage.open()
            connection.send(packet, .connect(stage.connectPacket()))
            try connection.expectClose()
        }
        try watcher.expectNothing()
    }

    @Test(
        "[MQTT-3.1.0-2] [v3 MQTT-3.1.0-2] a second CONNECT is a protocol error and ends the connection",
        arguments: Wire.all)
    func secondConnect(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("a")
        client.send(.connect(stage.connectPacket("a")))
        try client.expectEnd(.protocolError)
        let other = try stage.open()
        other.send(.connect(stage.connectPacket("b")), .connect(stage.connectPacket("c")))
        try other.expect(\.connack)
        try other.expectEnd(.protocolError)
    }

    @Test(
        "[MQTT-3.1.2-1] [v3 MQTT-3.1.2-1] a CONNECT with another protocol name is not served", arguments: Wire.all,
        ["MQIsdp", "mqtt", "MQTt", "MQT", "MQTTT", ""])
    func protocolName(wire: Wire, name: String) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("#"))
        let bytes = stage.connectFrame(name: name, payload: stage.clientID("a").bytes.prefixed)
        let publish = Packet.publish(Publish(topic: stage.topic("t").bytes)).encode(version: wire.version)
        let connection = try stage.open(.v5_0, sending: bytes + publish)
        // What a broker says to a stranger is its own business, if it is a refusal.
        try connection.expectRefusalOrClose()
        try watcher.expectNothing()
    }

    @Test(
        "[v3 MQTT-3.1.2-2] an older protocol level is answered with return code 1",
        arguments: Wire.v3, [0, 1, 2, 3] as [UInt8])
    func olderLevel(wire: Wire, level: UInt8) throws {
        let stage = try Stage(wire)
        let connection = try stage.open(
            sending: stage.connectFrame(level: level, payload: stage.clientID("a").bytes.prefixed))
        try connection.expect(bytes: [0x20, 2, 0, 1])
        try connection.expectClose()
    }

    @Test(
        "[MQTT-3.1.2-2] a protocol version above 5 is answered with 0x84 and the connection is closed",
        arguments: Wire.v5, [6, 7, 0x84, 0xFF] as [UInt8])
    func newerVersion(wire: Wire, level: UInt8) throws {
        let stage = try Stage(wire)
        let connection = try stage.open(
            sending: stage.connectFrame(level: level, payload: stage.clientID("a").bytes.prefixed))
        try connection.expectRefusal(.unsupportedProtocolVersion)
    }

    @Test("[MQTT-3.1.2-3] [v3 MQTT-3.1.2-3] the reserved flag of CONNECT must be 0", arguments: Wire.all)
    func reservedFlag(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: stage.connectFrame(flags: 0x03, payload: stage.clientID("a").bytes.prefixed))
    }

    @Test(
        "[MQTT-3.1.2-9] [v3 MQTT-3.1.2-9] with the Will Flag, topic and payload of the will must be there",
        arguments: Wire.all)
    func willFields(wire: Wire) throws {
        let stage = try Stage(wire)
        let name = stage.clientID("a").bytes.prefixed
        let topic = stage.noProperties + stage.topic("t").bytes.prefixed
        try stage.expectRejected(bytes: stage.connectFrame(flags: 0x06, payload: name))
        try stage.expectRejected(bytes: stage.connectFrame(flags: 0x06, payload: name, stage.noProperties))
        try stage.expectRejected(bytes: stage.connectFrame(flags: 0x06, payload: name, topic))
        let complete = try stage.open(
            sending: stage.connectFrame(flags: 0x06, payload: name, topic, "gone".bytes.prefixed))
        #expect(try complete.expect(\.connack).reason == .success)
    }

    @Test(
        "[v3 MQTT-3.1.2-11] without the Will Flag, topic and payload of a will must not be there",
        arguments: Wire.all)
    func willFieldsWithoutFlag(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(
            bytes: stage.connectFrame(
                payload: stage.clientID("a").bytes.prefixed, stage.noProperties + "t".bytes.prefixed,
                "gone".bytes.prefixed))
    }

    @Test(
        "[MQTT-3.1.2-11] [v3 MQTT-3.1.2-11] [v3 MQTT-3.1.2-13] without the Will Flag, Will QoS must be 0",
        arguments: Wire.all, [0x08, 0x10, 0x18] as [UInt8])
    func willQoSWithoutFlag(wire: Wire, qos: UInt8) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(
            bytes: stage.connectFrame(flags: 0x02 | qos, payload: stage.clientID("a").bytes.prefixed),
            qos == 0x18 ? .malformedPacket : .protocolError)
    }

    @Test("[MQTT-3.1.2-12] [v3 MQTT-3.1.2-14] Will QoS is 0, 1 or 2 and never 3", arguments: Wire.all)
    func willQoS(wire: Wire) throws {
        let stage = try Stage(wire)
        let will = [stage.noProperties + stage.topic("t").bytes.prefixed, "gone".bytes.prefixed].flatMap { $0 }
        for qos: UInt8 in 0...2 {
            let connection = try stage.open(
                sending: stage.connectFrame(
                    flags: 0x06 | qos << 3, payload: stage.clientID("\(qos)").bytes.prefixed, will))
            #expect(try connection.expect(\.connack).reason == .success)
        }
        try stage.expectRejected(
            bytes: stage.connectFrame(flags: 0x1E, payload: stage.clientID("3").bytes.prefixed, will))
    }

    @Test(
        "[MQTT-3.1.2-13] [v3 MQTT-3.1.2-11] [v3 MQTT-3.1.2-15] without the Will Flag, Will Retain must be 0",
        arguments: Wire.all)
    func willRetainWithoutFlag(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(
            bytes: stage.connectFrame(flags: 0x22, payload: stage.clientID("a").bytes.prefixed), .protocolError)
    }

    @Test("[MQTT-3.1.2-16] [v3 MQTT-3.1.2-18] without its flag, a user name must not be there", arguments: Wire.all)
    func userNameWithoutFlag(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(
            bytes: stage.connectFrame(payload: stage.clientID("a").bytes.prefixed, "u".bytes.prefixed))
    }

    @Test("[MQTT-3.1.2-17] [v3 MQTT-3.1.2-19] with its flag, a user name must be there", arguments: Wire.all)
    func userNameMissing(wire: Wire) throws {
        let stage = try Stage(wire)
        let name = stage.clientID("a").bytes.prefixed
        try stage.expectRejected(bytes: stage.connectFrame(flags: 0x82, payload: name))
        let complete = try stage.open(sending: stage.connectFrame(flags: 0x82, payload: name, "u".bytes.prefixed))
        #expect(try complete.expect(\.connack).reason == .success)
    }

    @Test("[MQTT-3.1.2-18] [v3 MQTT-3.1.2-20] without its flag, a password must not be there", arguments: Wire.all)
    func passwordWithoutFlag(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(
            bytes: stage.connectFrame(
                flags: 0x82, payload: stage.clientID("a").bytes.prefixed, "u".bytes.prefixed, "p".bytes.prefixed))
    }

    @Test("[MQTT-3.1.2-19] [v3 MQTT-3.1.2-21] with its flag, a password must be there", arguments: Wire.all)
    func passwordMissing(wire: Wire) throws {
        let stage = try Stage(wire)
        let (name, user) = (stage.clientID("a").bytes.prefixed, "u".bytes.prefixed)
        try stage.expectRejected(bytes: stage.connectFrame(flags: 0xC2, payload: name, user))
        let complete = try stage.open(
            sending: stage.connectFrame(flags: 0xC2, payload: name, user, "p".bytes.prefixed))
        #expect(try complete.expect(\.connack).reason == .success)
    }

    @Test("[MQTT-3.1.2-17] [MQTT-3.1.2-19] 5.0 allows a password without a user name", arguments: Wire.v5)
    func passwordOnly(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.open(
            sending: stage.connectFrame(flags: 0x42, payload: stage.clientID("a").bytes.prefixed, "p".bytes.prefixed))
        #expect(try client.expect(\.connack).reason == .success)
    }

    @Test("[v3 MQTT-3.1.2-22] without a user name there must be no password", arguments: Wire.v3)
    func passwordAlone(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(
            bytes: stage.connectFrame(flags: 0x42, payload: stage.clientID("a").bytes.prefixed, "p".bytes.prefixed))
    }

    @Test(
        "[MQTT-3.1.3-1] [v3 MQTT-3.1.3-1] the fields of the payload are read in the order of the specification",
        arguments: Wire.all)
    func order(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("will"))
        let client = try stage.open(
            sending: stage.connectFrame(
                flags: 0xC6, payload: stage.clientID("a").bytes.prefixed,
                stage.noProperties + stage.topic("will").bytes.prefixed, "gone".bytes.prefixed,
                "user".bytes.prefixed, [0xFF, 0xFE].prefixed))
        #expect(try client.expect(\.connack).reason == .success)
        client.cut()
        #expect(try watcher.expect(\.publish).payload.text == "gone")
        // The other way round, a binary password stands where a string must.
        try stage.expectRejected(
            bytes: stage.connectFrame(
                flags: 0xC2, payload: stage.clientID("b").bytes.prefixed, [0xFF, 0xFE].prefixed, "user".bytes.prefixed))
    }

    @Test("[MQTT-3.1.3-3] [v3 MQTT-3.1.3-3] the Client Identifier must be there", arguments: Wire.all)
    func clientIDMissing(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: stage.connectFrame())
    }

    @Test(
        """
        [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12] [v3 MQTT-3.1.3-4] [v3 MQTT-3.1.3-10] [v3 MQTT-3.1.3-11] \
        Client Identifier, Will Topic and User Name are UTF-8
        """,
        arguments: Wire.all,
        [StringField.clientID, .willTopic, .userName])
    func strings(wire: Wire, field: StringField) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(field.packet([0x61, 0xC0], stage))
        try stage.expectRejected(field.packet([0x61, 0x00], stage))
    }

    @Test(
        "[MQTT-3.1.4-1] [v3 MQTT-3.1.4-1] a CONNECT that does not conform is not served; 3.1.1 gets no CONNACK",
        arguments: Wire.all)
    func nonconforming(wire: Wire) throws {
        let stage = try Stage(wire)
        let name = stage.clientID("a").bytes.prefixed
        try stage.expectRejected(bytes: stage.connectFrame(payload: name, [0]))
        try stage.expectRejected(bytes: frame(0x10, "MQTT".bytes.prefixed, [wire.version.rawValue, 2, 0]))
        try stage.expectRejected(bytes: stage.connectFrame(payload: [0, 200], "short".bytes))
        if wire.version == .v5_0 {
            let receiveMaximumTwice: [UInt8] = [6, 0x21, 0, 5, 0x21, 0, 5]
            try stage.expectRejected(
                bytes: frame(0x10, "MQTT".bytes.prefixed, [5, 2, 0, 0], receiveMaximumTwice, name), .protocolError)
            try stage.expectRejected(
                bytes: frame(0x10, "MQTT".bytes.prefixed, [5, 2, 0, 0], [3, 0x21, 0, 0], name), .protocolError)
        }
    }
}
