import MQTTCodec
import Testing

/// Section 4.13 of 5.0, section 4.8 of 3.1.1: errors. And what chapter 7 of 3.1.1 asks of a server.
@Suite struct ErrorTests {
    @Test(
        "A malformed packet or a protocol error closes the connection, with its code [MQTT-4.13.1-1]",
        arguments: Wire.v5)
    func faults(wire: Wire) throws {
        let stage = try Stage(wire)
        for fault in Fault.allCases {
            let client = try stage.connect("\(fault)")
            client.send(bytes: fault.bytes)
            try client.expectEnd(fault.reason)
        }
    }

    @Test("A protocol violation closes the connection it came from, and no other [v3 MQTT-4.8.0-1]", arguments: Wire.v3)
    func violations(wire: Wire) throws {
        let stage = try Stage(wire)
        let bystander = try stage.connect("bystander")
        let connect = Packet.connect(stage.connectPacket("second")).encode(version: .v3_1_1)
        let violations: [[UInt8]] = [
            connect,
            Packet.pingresp.encode(version: .v3_1_1),
            Packet.suback(SubAck(packetID: 1, reasons: [.grantedQoS0])).encode(version: .v3_1_1),
            [0x00, 0], [0xF0, 0], [0xC0, 1, 0], [0x62, 2, 0, 0], [0x40, 1, 0], [0x36, 5, 0, 1, 0x61, 0, 1],
            [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        ]
        for (number, bytes) in violations.enumerated() {
            let client = try stage.connect("\(number)")
            client.send(bytes: bytes)
            try client.expectClose()
        }
        try bystander.expectNothing()
    }

    @Test("A code of 0x80 or above ends the connection, whoever sends it [MQTT-4.13.2-1]", arguments: Wire.v5)
    func errorCodes(wire: Wire) throws {
        let stage = try Stage(wire)
        let bystander = try stage.connect("bystander")
        let refused = try stage.open()
        refused.send(.connect(stage.connectPacket("refused") { $0.properties.authenticationMethod = "none".bytes }))
        try refused.expectRefusal(.badAuthenticationMethod)
        let displaced = try stage.connect("twice")
        let second = try stage.connect("twice")
        try displaced.expectEnd(.sessionTakenOver)
        try second.disconnect(.unspecifiedError)
        try bystander.expectNothing()
    }

    @Test("A client that uses nothing but what it must is served [v3 MQTT-7.0.0-2]", arguments: Wire.v3)
    func noExtensions(wire: Wire) throws {
        let stage = try Stage(wire)
        // CONNECT without will, user name, password and keep-alive, then each packet in its smallest form.
        let client = try stage.open()
        client.send(.connect(stage.connectPacket()))
        try client.expect(bytes: [0x20, 2, 0, 0])
        try client.subscribe(stage.topic("t"), qos: 2)
        #expect(client.lastFrame.count == 5)
        for qos: UInt8 in 0...2 {
            client.send(.message(stage.topic("t"), "", qos: qos, packetID: 9))
            var rest = qos == 0 ? 1 : qos == 1 ? 2 : 4
            while rest > 0 {
                rest -= 1
                switch try client.next() {
                case .publish(let message):
                    #expect(message.qos == qos && message.payload.isEmpty)
                    if qos == 1 { client.send(.puback(Ack(packetID: message.packetID))) }
                    if qos == 2 { client.send(.pubrec(Ack(packetID: message.packetID))) }
                case .puback(let answer): #expect(answer.packetID == 9)
                case .pubrec: client.send(.pubrel(Ack(packetID: 9)))
                case .pubrel(let release): client.send(.pubcomp(Ack(packetID: release.packetID)))
                case .pubcomp(let answer): #expect(answer.packetID == 9)
                case let other: throw Unmet("came: \(other)", line: #line)
                }
            }
        }
        try client.unsubscribe(stage.topic("t"))
        try client.disconnect()
    }
}
