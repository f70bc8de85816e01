import MQTTCodec
import Testing

/// Sections 3.4 to 3.7: PUBACK, PUBREC, PUBREL and PUBCOMP.
@Suite struct AcknowledgementTests {
    @Test(
        "[MQTT-3.6.1-1] [v3 MQTT-3.6.1-1] the flags of PUBREL are 0010; anything else closes the connection",
        arguments: Wire.all)
    func releaseFlags(wire: Wire) throws {
        let stage = try Stage(wire)
        for flags: UInt8 in 0...15 where flags != 2 {
            let client = try stage.connect()
            client.send(.publish(Publish(topic: stage.topic("t").bytes, qos: 2, packetID: 1)))
            try client.expect(\.pubrec)
            client.send(bytes: frame(0x60 | flags, [0, 1]))
            try client.expectEnd(.malformedPacket)
        }
    }

    // MARK: Reason Codes

    @Test(
        "[MQTT-3.4.2-1] PUBACK has one of its Reason Codes: success, no subscriber, not authorised",
        arguments: Wire.v5)
    func pubackCodes(wire: Wire) throws {
        let stage = try Stage(wire)
        let subscriber = try stage.connect("subscriber")
        try subscriber.subscribe(stage.topic("heard"))
        let client = try stage.connect("client")
        client.send(.publish(Publish(topic: stage.topic("heard").bytes, qos: 1, packetID: 1)))
        try client.expect(bytes: [0x40, 2, 0, 1])
        client.send(.publish(Publish(topic: stage.topic("unheard").bytes, qos: 1, packetID: 2)))
        #expect(try client.expect(\.puback).reason == .noMatchingSubscribers)
        client.send(.publish(Publish(topic: "$SYS/x".bytes, qos: 1, packetID: 3)))
        #expect(try client.expect(\.puback).reason == .notAuthorized)
    }

    @Test(
        "[MQTT-3.5.2-1] PUBREC has one of its Reason Codes: success, no subscriber, not authorised",
        arguments: Wire.v5)
    func pubrecCodes(wire: Wire) throws {
        let stage = try Stage(wire)
        let subscriber = try stage.connect("subscriber")
        try subscriber.subscribe(stage.topic("heard"))
        let client = try stage.connect("client")
        client.send(.publish(Publish(topic: stage.topic("heard").bytes, qos: 2, packetID: 1)))
        try client.expect(bytes: [0x50, 2, 0, 1])
        client.send(.publish(Publish(topic: stage.topic("unheard").bytes, qos: 2, packetID: 2)))
        #expect(try client.expect(\.pubrec).reason == .noMatchingSubscribers)
        client.send(.publish(Publish(topic: "$SYS/x".bytes, qos: 2, packetID: 3)))
        #expect(try client.expect(\.pubrec).reason == .notAuthorized)
    }

    @Test("[MQTT-3.6.2-1] PUBREL has one of its Reason Codes: success, identifier not found", arguments: Wire.v5)
    func pubrelCodes(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("client")
        try client.subscribe(stage.topic("t"), qos: 2)
        try stage.connect("publisher").publish(stage.topic("t"), qos: 2)
        let message = try client.expect(\.publish)
        client.send(.pubrec(Ack(packetID: message.packetID)))
        try client.expect(bytes: [0x62, 2] + [UInt8(message.packetID >> 8), UInt8(message.packetID & 0xFF)])
        client.send(.pubcomp(Ack(packetID: message.packetID)), .pubrec(Ack(packetID: 999)))
        #expect(try client.expect(\.pubrel).reason == .packetIdentifierNotFound)
    }

    @Test("[MQTT-3.7.2-1] PUBCOMP has one of its Reason Codes: success, identifier not found", arguments: Wire.v5)
    func pubcompCodes(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        client.send(.publish(Publish(topic: stage.topic("t").bytes, qos: 2, packetID: 1)))
        try client.expect(\.pubrec)
        client.send(.pubrel(Ack(packetID: 1)))
        try client.expect(bytes: [0x70, 2, 0, 1])
        client.send(.pubrel(Ack(packetID: 1)))
        #expect(try client.expect(\.pubcomp).reason == .packetIdentifierNotFound)
    }

    /// First byte, statement, codes a client may send.
    static let acknowledgements: [(firstByte: UInt8, codes: Set<UInt8>)] = [
        (0x40, [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]),
        (0x50, [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]), (0x62, [0x00, 0x92]), (0x70, [0x00, 0x92]),
    ]

    @Test(
        """
        [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] \
        a Reason Code that an acknowledgement cannot have ends the connection, every other one does not
        """,
        arguments: Wire.v5, acknowledgements)
    func codesOfClients(wire: Wire, packet: (firstByte: UInt8, codes: Set<UInt8>)) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("good")
        for code in packet.codes.sorted() {
            client.send(bytes: frame(packet.firstByte, [0x03, 0xE7, code]))
            // PUBREC and PUBREL are answered also where the identifier is not known.
            if packet.firstByte == 0x50, code < 0x80 { try client.expect(\.pubrel) }
            if packet.firstByte == 0x62 { try client.expect(\.pubcomp) }
            try client.ping()
        }
        for code: UInt8 in [0x01, 0x04, 0x11, 0x7F, 0x81, 0x93, 0xA2, 0xFF] {
            try stage.expectRejected(bytes: frame(packet.firstByte, [0x03, 0xE7, code]), .protocolError)
        }
    }

    // MARK: Properties that explain

    @Test(
        """
        [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] \
        [MQTT-3.7.2-3] no acknowledgement is larger than the client takes, with what explains it or without
        """,
        arguments: Wire.v5)
    func explanations(wire: Wire) throws {
        let stage = try Stage(wire)
        // As little as CONNACK fits into.
        let size = UInt32(try stage.connect("size").lastFrame.count)
        let client = try stage.connect("a") { $0.properties.maximumPacketSize = size }
        func expectSmall(_ kind: KeyPath<Packet, Ack?>, _ packet: Packet, line: UInt = #line) throws {
            client.send(packet)
            #expect(try client.expect(kind, line: line).reason != .success)
            #expect(client.lastFrame.count <= size)
        }
        try expectSmall(\.puback, .publish(Publish(topic: "$SYS/x".bytes, qos: 1, packetID: 1)))
        try expectSmall(\.pubrec, .publish(Publish(topic: "$SYS/x".bytes, qos: 2, packetID: 2)))
        try expectSmall(\.pubcomp, .pubrel(Ack(packetID: 3)))
        try expectSmall(\.pubrel, .pubrec(Ack(packetID: 4)))
    }

    @Test(
        "[MQTT-3.4.2-2] [MQTT-3.4.2-3] a client may explain its acknowledgements, with one Reason String",
        arguments: Wire.v5)
    func explanationsOfClients(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("a", .kept)
        try client.subscribe(stage.topic("t"), qos: 1)
        try stage.connect("publisher").publish(stage.topic("t"), qos: 1)
        let message = try client.expect(\.publish)
        let properties = Properties {
            $0.reasonString = "thanks".bytes
            $0.userProperties = [UserProperty("a", "b"), UserProperty("a", "b")]
        }
        client.send(.puback(Ack(packetID: message.packetID, reason: .noMatchingSubscribers, properties: properties)))
        try client.expectNothing()
        client.cut()
        try stage.connect("a", .kept).expectNothing()
        // A second Reason String is a Protocol Error.
        let twice: [UInt8] = [0, 1, 0, 8] + [0x1F, 0, 1, 0x61] + [0x1F, 0, 1, 0x61]
        for firstByte: UInt8 in [0x40, 0x50, 0x62, 0x70] {
            try stage.expectRejected(bytes: frame(firstByte, twice), .protocolError)
        }
    }
}
