import MQTTCodec
import Testing

/// Section 4.3, the broker as the sender: what a subscriber sees.
@Suite struct QoSSendingTests {
    @Test(
        "QoS 0: one PUBLISH with QoS 0 and DUP 0, never again [MQTT-4.3.1-1][v3 MQTT-4.3.1-1]", arguments: Wire.all)
    func qos0(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client", .kept), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 0)
        // Whatever the QoS it came with.
        for qos: UInt8 in 0...2 {
            try publisher.publish(stage.topic("t"), "\(qos)", qos: qos)
            try client.takeMessages(["\(qos)"])
            #expect(client.lastFrame[0] == 0x30)
        }
        client.cut()
        try stage.connect("client", .kept).expectNothing()
    }

    @Test(
        """
        QoS 1 and 2: each message has an identifier of its own, not 0, and DUP 0 [MQTT-4.3.2-1][MQTT-4.3.2-2]\
        [MQTT-4.3.3-1][MQTT-4.3.3-2][v3 MQTT-4.3.2-1][v3 MQTT-4.3.3-1]
        """, arguments: Wire.all)
    func identifiers(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client"), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 2)
        var messages: [Publish] = []
        for number in 0..<20 {
            try publisher.publish(stage.topic("t"), "\(number)", qos: UInt8(1 + number % 2))
            messages.append(try client.expect(\.publish))
        }
        #expect(messages.map(\.qos) == (0..<20).map { UInt8(1 + $0 % 2) })
        #expect(messages.allSatisfy { !$0.dup && $0.packetID != 0 })
        #expect(Set(messages.map(\.packetID)).count == 20)
        // Those of the other half stay in use while these are acknowledged and used again.
        let held = Set(messages.filter { $0.qos == 2 }.map(\.packetID))
        for message in messages where message.qos == 1 { client.send(.puback(Ack(packetID: message.packetID))) }
        for number in 0..<20 {
            try publisher.publish(stage.topic("t"), "\(number)", qos: 1)
            #expect(try !held.contains(client.takeMessage().packetID))
        }
    }

    @Test(
        "QoS 1: unacknowledged until PUBACK [MQTT-4.3.2-3][v3 MQTT-4.3.2-1]", arguments: Wire.all)
    func untilPubAck(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client", .kept), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 1)
        for number in 1...2 { try publisher.publish(stage.topic("t"), "\(number)", qos: 1) }
        let first = try client.expect(\.publish)
        let second = try client.expect(\.publish)
        client.send(.puback(Ack(packetID: first.packetID)))
        try client.ping()
        client.cut()
        let again = try stage.connect("client", .kept)
        let repeated = try again.expect(\.publish)
        #expect(repeated.packetID == second.packetID && repeated.payload.text == "2" && repeated.dup)
        again.send(.puback(Ack(packetID: second.packetID)))
        try again.ping()
        again.cut()
        try stage.connect("client", .kept).expectNothing()
    }

    @Test(
        "QoS 2: the PUBLISH is unacknowledged until PUBREC [MQTT-4.3.3-3][v3 MQTT-4.3.3-1]", arguments: Wire.all)
    func untilPubRec(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client", .kept), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 2)
        try publisher.publish(stage.topic("t"), "two", qos: 2)
        let first = try client.expect(\.publish)
        client.cut()
        let again = try stage.connect("client", .kept)
        let repeated = try again.expect(\.publish)
        #expect(repeated.packetID == first.packetID && repeated.payload.text == "two" && repeated.dup)
    }

    @Test(
        """
        QoS 2: PUBREC is answered with PUBREL, which is sent again until PUBCOMP; the PUBLISH is not [MQTT-4.3.3-4]\
        [MQTT-4.3.3-5][MQTT-4.3.3-6][v3 MQTT-4.3.3-1]
        """, arguments: Wire.all)
    func untilPubComp(wire: Wire) throws {
        let stage = try Stage(wire)
        var client = try stage.connect("client", .kept)
        try client.subscribe(stage.topic("t"), qos: 2)
        try stage.connect("publisher").publish(stage.topic("t"), "two", qos: 2)
        let message = try client.expect(\.publish)
        client.send(.pubrec(Ack(packetID: message.packetID)))
        #expect(try client.expect(\.pubrel).packetID == message.packetID)
        for _ in 0..<2 {
            client.cut()
            client = try stage.connect("client", .kept)
            #expect(try client.expect(\.pubrel).packetID == message.packetID)
            try client.expectNothing()
        }
        // A second PUBREC, for what was sent before the cut, brings PUBREL and no PUBLISH either.
        client.send(.pubrec(Ack(packetID: message.packetID)))
        #expect(try client.expect(\.pubrel).packetID == message.packetID)
        client.send(.pubcomp(Ack(packetID: message.packetID)))
        try client.expectNothing()
        client.cut()
        try stage.connect("client", .kept).expectNothing()
    }

    @Test("QoS 2: what was sent once does not expire any more [MQTT-4.3.3-7][MQTT-4.3.3-13]", arguments: Wire.v5Clock)
    func noExpiryOnceSent(wire: Wire) throws {
        let stage = try Stage(wire)
        // One message at a time: the second waits in the broker and may expire.
        let client = try stage.connect("client", .kept) { $0.properties.receiveMaximum = 1 }
        try client.subscribe(stage.topic("t"), qos: 2)
        let publisher = try stage.connect("publisher")
        for payload in ["sent", "waiting"] {
            try publisher.publish(stage.topic("t"), payload, qos: 2) { $0.properties.messageExpiryInterval = 5 }
        }
        let message = try client.expect(\.publish)
        client.cut()
        stage.advance(seconds: 10)
        let again = try stage.connect("client", .kept)
        let repeated = try again.takeMessages(["sent"])
        #expect(repeated[0].packetID == message.packetID && repeated[0].dup)
        try again.expectNothing()
    }
}
