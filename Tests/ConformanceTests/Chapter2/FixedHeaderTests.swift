import MQTTCodec
import Testing

/// Section 2.2 of 3.1.1 and 2.1 of 5.0: the flags of the Fixed Header.
@Suite struct FixedHeaderTests {
    /// First byte of what a client sends, with the flags each must have.
    static let packets: [(type: UInt8, flags: UInt8)] = [
        (0x40, 0), (0x50, 0), (0x60, 2), (0x70, 0), (0x80, 2), (0xA0, 2), (0xC0, 0), (0xE0, 0),
    ]

    @Test(
        "[MQTT-2.1.3-1] [v3 MQTT-2.2.2-1] [v3 MQTT-2.2.2-2] a wrong reserved flag closes the connection",
        arguments: Wire.all, packets)
    func reservedFlags(wire: Wire, packet: (type: UInt8, flags: UInt8)) throws {
        let stage = try Stage(wire)
        for flags: UInt8 in 0...15 where flags != packet.flags {
            let body: [UInt8] =
                switch packet.type {
                case 0x80: [0, 1] + stage.noProperties + "t".bytes.prefixed + [0]
                case 0xA0: [0, 1] + stage.noProperties + "t".bytes.prefixed
                case 0xC0, 0xE0: []
                default: [0, 1]
                }
            try stage.expectRejected(bytes: frame(packet.type | flags, body))
        }
    }

    @Test("[MQTT-2.1.3-1] [v3 MQTT-2.2.2-2] a CONNECT with a reserved flag closes the connection", arguments: Wire.all)
    func connectFlags(wire: Wire) throws {
        let stage = try Stage(wire)
        for flags: UInt8 in 1...15 {
            var bytes = stage.connectFrame(payload: stage.clientID("a").bytes.prefixed)
            bytes[0] |= flags
            try stage.expectRejected(bytes: bytes)
        }
    }

    @Test("[MQTT-2.1.3-1] an AUTH with a reserved flag closes the connection", arguments: Wire.v5)
    func authFlags(wire: Wire) throws {
        let stage = try Stage(wire)
        for flags: UInt8 in 1...15 { try stage.expectRejected(bytes: frame(0xF0 | flags, [0x19, 0])) }
    }

    @Test(
        "[MQTT-2.1.3-1] [v3 MQTT-2.2.2-1] what the broker sends has its reserved flags as listed",
        arguments: Wire.all)
    func ownFlags(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        #expect(client.lastFrame[0] == 0x20)
        try client.subscribe(stage.topic("t"), qos: 2)
        #expect(client.lastFrame[0] == 0x90)
        let publisher = try stage.connect("publisher")
        publisher.send(.publish(Publish(topic: stage.topic("t").bytes, qos: 2, packetID: 1)))
        try publisher.expect(\.pubrec)
        #expect(publisher.lastFrame[0] == 0x50)
        publisher.send(.pubrel(Ack(packetID: 1)))
        try publisher.expect(\.pubcomp)
        #expect(publisher.lastFrame[0] == 0x70)
        let message = try client.expect(\.publish)
        client.send(.pubrec(Ack(packetID: message.packetID)))
        try client.expect(\.pubrel)
        #expect(client.lastFrame[0] == 0x62)
        client.send(.pubcomp(Ack(packetID: message.packetID)), .pingreq)
        try client.expect(\.pingresp)
        #expect(client.lastFrame[0] == 0xD0)
        client.send(.unsubscribe(Unsubscribe(packetID: 9, filters: [stage.topic("t").bytes])))
        try client.expect(\.unsuback)
        #expect(client.lastFrame[0] == 0xB0)
        try publisher.publish(stage.topic("t"), qos: 1)
        #expect(publisher.lastFrame[0] == 0x40)
    }
}
