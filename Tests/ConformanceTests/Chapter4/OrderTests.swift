import MQTTCodec
import Testing

/// Section 4.6: message ordering.
@Suite struct OrderTests {
    @Test(
        "PUBLISH packets are sent again in the order of the first time [MQTT-4.6.0-1][v3 MQTT-4.6.0-1]",
        arguments: Wire.all)
    func resendOrder(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client", .kept), try stage.connect("publisher"))
        try client.subscribe(stage.topic("+"), qos: 2)
        for number in 0..<12 {
            try publisher.publish(stage.topic("\(number % 3)"), "\(number)", qos: UInt8(1 + number % 2))
        }
        let messages = try (0..<12).map { _ in try client.expect(\.publish) }
        #expect(messages.map(\.payload.text) == (0..<12).map(String.init))
        // Holes in the row do not change the order of the rest.
        for number in [0, 6] { client.send(.puback(Ack(packetID: messages[number].packetID))) }
        try client.ping()
        client.cut()
        let again = try stage.connect("client", .kept)
        let rest = (0..<12).filter { $0 != 0 && $0 != 6 }
        let repeated = try rest.map { _ in try again.expect(\.publish) }
        #expect(repeated.map(\.payload.text) == rest.map(String.init))
        #expect(repeated.map(\.packetID) == rest.map { messages[$0].packetID })
    }

    @Test(
        """
        PUBACK and PUBREC come in the order of their PUBLISH packets [MQTT-4.6.0-2][MQTT-4.6.0-3][v3 MQTT-4.6.0-2]\
        [v3 MQTT-4.6.0-3]
        """, arguments: Wire.all)
    func acknowledgements(wire: Wire) throws {
        let stage = try Stage(wire)
        let subscriber = try stage.connect("subscriber")
        try subscriber.subscribe(stage.topic("some"), qos: 2)
        let publisher = try stage.connect("publisher")
        // Some messages have a receiver and some have none; identifiers fall.
        let topics = [stage.topic("some"), stage.topic("none"), stage.topic("none")]
        publisher.send(
            all: (0..<30).map { number in
                .message(topics[number % 3], "x", qos: UInt8(1 + number % 2), packetID: UInt16(100 - number))
            })
        for number in 0..<30 {
            let id = UInt16(100 - number)
            let answer = try publisher.next()
            #expect((number % 2 == 0 ? answer.puback : answer.pubrec)?.packetID == id)
        }
    }

    @Test(
        "PUBREL packets come in the order of their PUBREC packets [MQTT-4.6.0-4][v3 MQTT-4.6.0-4]",
        arguments: Wire.all)
    func releases(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client"), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 2)
        for _ in 0..<6 { try publisher.publish(stage.topic("t"), qos: 2) }
        let ids = try (0..<6).map { _ in try client.expect(\.publish).packetID }
        // Not the order of the PUBLISH packets: the PUBRECs decide.
        let answered = [ids[3], ids[0], ids[5], ids[1], ids[2], ids[4]]
        client.send(all: answered.map { .pubrec(Ack(packetID: $0)) })
        #expect(try answered.map { _ in try client.expect(\.pubrel).packetID } == answered)
    }

    @Test(
        """
        Messages of one publisher and QoS reach each subscriber in their order, on any topic, by default\
         [MQTT-4.6.0-5][MQTT-4.6.0-6][v3 MQTT-4.6.0-5][v3 MQTT-4.6.0-6]
        """, arguments: Wire.all)
    func ordered(wire: Wire) throws {
        let stage = try Stage(wire)
        let count = 90
        let subscribers = try (0..<4).map { number in
            let client = try stage.connect("\(number)")
            try client.subscribe(stage.topic(number % 2 == 0 ? "+" : "#"), qos: 2)
            return client
        }
        let publisher = try stage.connect("publisher")
        // In one piece, so that nothing but the broker keeps the order.
        publisher.send(
            all: (0..<count).map { number in
                .message(stage.topic("\(number % 2)"), "\(number)", qos: UInt8(number % 3), packetID: UInt16(number))
            })
        for client in subscribers {
            var received: [UInt8: [Int]] = [:]
            for _ in 0..<count {
                let message = try client.expect(\.publish)
                received[message.qos, default: []].append(Int(message.payload.text) ?? -1)
            }
            for qos in 0..<3 { #expect(received[UInt8(qos)] == (0..<count).filter { $0 % 3 == qos }) }
        }
    }
}
