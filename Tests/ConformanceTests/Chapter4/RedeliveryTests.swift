import MQTTCodec
import Testing

/// Section 4.4: what is sent again, and when.
@Suite struct RedeliveryTests {
    @Test(
        """
        A reconnect sends unacknowledged PUBLISH and PUBREL again under their identifiers [MQTT-4.4.0-1]\
        [v3 MQTT-4.4.0-1]
        """, arguments: Wire.all)
    func reconnect(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client", .kept), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 2)
        for (payload, qos) in [("one", 1), ("two", 2), ("released", 2)] {
            try publisher.publish(stage.topic("t"), payload, qos: UInt8(qos))
        }
        let messages = try (0..<3).map { _ in try client.expect(\.publish) }
        client.send(.pubrec(Ack(packetID: messages[2].packetID)))
        try client.expect(\.pubrel)
        client.cut()
        let again = try stage.connect("client", .kept)
        let packets = try (0..<3).map { _ in try again.next() }
        let repeated = packets.compactMap(\.publish)
        #expect(repeated.map(\.packetID) == messages[..<2].map(\.packetID))
        #expect(repeated.map(\.payload) == messages[..<2].map(\.payload))
        #expect(repeated.map(\.qos) == [1, 2] && repeated.allSatisfy { $0.dup })
        #expect(packets.compactMap(\.pubrel).map(\.packetID) == [messages[2].packetID])
        try again.expectNothing()
    }

    @Test("At no other time is anything sent again [MQTT-4.4.0-1]", arguments: Wire.clock)
    func notInBetween(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client", .kept), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 2)
        for qos: UInt8 in [1, 2, 2] { try publisher.publish(stage.topic("t"), qos: qos) }
        let messages = try (0..<3).map { _ in try client.expect(\.publish) }
        client.send(.pubrec(Ack(packetID: messages[2].packetID)))
        try client.expect(\.pubrel)
        stage.advance(seconds: 100_000)
        try client.expectNothing()
        // Nor does another message, or an acknowledgement, bring the old ones back.
        try publisher.publish(stage.topic("t"), "later", qos: 1)
        try client.takeMessages(["later"])
        try client.expectNothing()
    }

    @Test("A new session is sent nothing of an old one [MQTT-4.4.0-1][v3 MQTT-4.4.0-1]", arguments: Wire.all)
    func cleanStart(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client", .kept), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 1)
        try publisher.publish(stage.topic("t"), qos: 1)
        try client.expect(\.publish)
        client.cut()
        let fresh = try stage.connect("client", .clean)
        #expect(!fresh.greeting.sessionPresent)
        try fresh.expectNothing()
    }

    @Test("A PUBACK or PUBREC with an error acknowledges all the same [MQTT-4.4.0-2]", arguments: Wire.v5)
    func errorsAcknowledge(wire: Wire) throws {
        let stage = try Stage(wire)
        // The quota is given back too: without that the second message would not come.
        let client = try stage.connect("client", .kept) { $0.properties.receiveMaximum = 1 }
        let publisher = try stage.connect("publisher")
        try client.subscribe(stage.topic("t"), qos: 2)
        for qos: UInt8 in [1, 2] { try publisher.publish(stage.topic("t"), "\(qos)", qos: qos) }
        let one = try client.expect(\.publish)
        client.send(.puback(Ack(packetID: one.packetID, reason: .implementationSpecificError)))
        let two = try client.expect(\.publish)
        client.send(.pubrec(Ack(packetID: two.packetID, reason: .notAuthorized)))
        try client.expectNothing()
        client.cut()
        try stage.connect("client", .kept).expectNothing()
    }
}
