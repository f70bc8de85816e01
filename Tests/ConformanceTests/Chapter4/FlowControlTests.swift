import MQTTCodec
import Testing

/// Section 4.9: flow control.
@Suite struct FlowControlTests {
    @Test(
        "The send quota is the client's Receive Maximum: no more is under way [MQTT-4.9.0-1][MQTT-4.9.0-2]",
        arguments: Wire.v5)
    func quota(wire: Wire) throws {
        let stage = try Stage(wire)
        for maximum: UInt16 in [1, 3] {
            let client = try stage.connect("\(maximum)") { $0.properties.receiveMaximum = maximum }
            let topic = stage.topic("\(maximum)")
            try client.subscribe(topic, qos: 2)
            let publisher = try stage.connect("publisher \(maximum)")
            for number in 1...8 { try publisher.publish(topic, "\(number)", qos: UInt8(1 + number % 2)) }
            var underWay = try (0..<Int(maximum)).map { _ in try client.expect(\.publish) }
            try client.expectNothing()
            // Each acknowledgement to the end, and no other, lets one more go.
            for number in Int(maximum)..<8 {
                let message = underWay.removeFirst()
                if message.qos == 2 {
                    client.send(.pubrec(Ack(packetID: message.packetID)))
                    try client.expect(\.pubrel)
                    try client.expectNothing()
                    client.send(.pubcomp(Ack(packetID: message.packetID)))
                } else {
                    client.send(.puback(Ack(packetID: message.packetID)))
                }
                underWay.append(try client.expect(\.publish))
                #expect(underWay.last?.payload.text == "\(number + 1)")
                try client.expectNothing()
            }
        }
    }

    @Test("A new connection begins with its own quota [MQTT-4.9.0-1]", arguments: Wire.v5)
    func newConnection(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("client", .kept) { $0.properties.receiveMaximum = 4 }
        try client.subscribe(stage.topic("t"), qos: 1)
        let publisher = try stage.connect("publisher")
        for number in 1...6 { try publisher.publish(stage.topic("t"), "\(number)", qos: 1) }
        for _ in 0..<4 { try client.expect(\.publish) }
        client.cut()
        // What is sent again counts, and the smaller maximum holds.
        let again = try stage.connect("client", .kept) { $0.properties.receiveMaximum = 2 }
        let first = try again.expect(\.publish)
        let second = try again.expect(\.publish)
        #expect([first, second].map(\.payload.text) == ["1", "2"])
        try again.expectNothing()
        for message in [first, second] { again.send(.puback(Ack(packetID: message.packetID))) }
        try again.takeMessages(["3", "4", "5", "6"])
    }

    @Test("Without quota every other packet is processed and answered [MQTT-4.9.0-3]", arguments: Wire.v5)
    func otherPackets(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("client") { $0.properties.receiveMaximum = 1 }
        try client.subscribe(stage.topic("t"), qos: 1)
        let publisher = try stage.connect("publisher")
        for number in 1...3 { try publisher.publish(stage.topic("t"), "\(number)", qos: 1) }
        let held = try client.expect(\.publish)
        try client.ping()
        try client.subscribe(stage.topic("u"), qos: 0)
        // Messages of the client's own, at every QoS.
        for qos: UInt8 in 0...2 { try client.publish(stage.topic("elsewhere"), qos: qos) }
        // QoS 0 to the client is not bound by the quota.
        try client.publish(expecting: stage.topic("u"))
        try client.unsubscribe(stage.topic("u"))
        client.send(.puback(Ack(packetID: held.packetID)))
        try client.takeMessages(["2", "3"])
    }
}
