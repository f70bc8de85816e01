import MQTTCodec
import Testing

/// Sections 3.1.2.4 and 3.1.2.11.2: how long a session lives, and what is in it.
@Suite struct ConnectSessionTests {
    @Test("[MQTT-3.1.2-4] [v3 MQTT-3.1.2-6] a clean start discards the session there was", arguments: Wire.all)
    func discards(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        let first = try stage.connect("a", .kept)
        try first.subscribe(stage.topic("t"), qos: 2)
        try publisher.publish(stage.topic("t"), "under way", qos: 1)
        try first.expect(\.publish)
        first.cut()
        try publisher.publish(stage.topic("t"), "queued", qos: 1)
        let second = try stage.connect("a", .clean)
        #expect(!second.greeting.sessionPresent)
        try publisher.publish(stage.topic("t"), "after", qos: 1)
        try second.expectNothing()
    }

    @Test("[v3 MQTT-3.1.2-6] a clean session ends with its connection", arguments: Wire.v3)
    func cleanEnds(wire: Wire) throws {
        let stage = try Stage(wire)
        let first = try stage.connect("a", .clean)
        try first.subscribe(stage.topic("t"), qos: 1)
        try first.disconnect()
        try stage.connect("publisher").publish(stage.topic("t"), qos: 1)
        let second = try stage.connect("a", .kept)
        #expect(!second.greeting.sessionPresent)
        try second.expectNothing()
    }

    @Test("[MQTT-3.1.2-5] [v3 MQTT-3.1.2-4] without a clean start the session goes on", arguments: Wire.all)
    func resumes(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        let first = try stage.connect("a", .kept)
        try first.subscribe(stage.topic("t"), qos: 2)
        first.send(.publish(Publish(topic: stage.topic("up").bytes, qos: 2, packetID: 77)))
        try first.expect(\.pubrec)
        try publisher.publish(stage.topic("t"), "under way", qos: 2)
        let message = try first.expect(\.publish)
        first.cut()
        let second = try stage.connect("a", .kept)
        #expect(second.greeting.sessionPresent)
        // Messages on their way, received identifiers, subscriptions: all are still there.
        let again = try second.expect(\.publish)
        #expect(again.payload.text == "under way" && again.packetID == message.packetID)
        second.send(.pubrel(Ack(packetID: 77)))
        #expect(try second.expect(\.pubcomp).reason == .success)
        try publisher.publish(stage.topic("t"), "live", qos: 1)
        #expect(try second.expect(\.publish).payload.text == "live")
    }

    @Test("[MQTT-3.1.2-6] [v3 MQTT-3.1.2-4] without a session there, a new one is made", arguments: Wire.all)
    func creates(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("a", .kept)
        #expect(!client.greeting.sessionPresent)
        try client.subscribe(stage.topic("t"))
        try client.disconnect()
        #expect(try stage.connect("a", .kept).greeting.sessionPresent)
    }

    @Test("[v3 MQTT-3.1.2-5] QoS 1 and 2 messages for a session without connection are kept", arguments: Wire.all)
    func queues(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        let first = try stage.connect("a", .kept)
        try first.subscribe(stage.topic("t"), qos: 2)
        try first.disconnect()
        try publisher.publish(stage.topic("t"), "1", qos: 1)
        try publisher.publish(stage.topic("t"), "2", qos: 2)
        try publisher.publish(stage.topic("t"), "3", qos: 1)
        let second = try stage.connect("a", .kept)
        let messages = try (0..<3).map { _ in try second.expect(\.publish) }
        #expect(messages.map(\.payload.text) == ["1", "2", "3"] && messages.map(\.qos) == [1, 2, 1])
    }

    @Test("[v3 MQTT-3.1.2.7] a retained message does not end with the session of who published it", arguments: Wire.all)
    func retainedStays(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        try publisher.publish(stage.topic("t"), "kept", retain: true)
        try publisher.disconnect()
        let subscriber = try stage.connect("subscriber")
        try subscriber.subscribe(stage.topic("t"))
        #expect(try subscriber.expect(\.publish).payload.text == "kept")
    }

    @Test("[MQTT-3.1.2-23] a session lasts as long as its Session Expiry Interval says", arguments: Wire.v5Clock)
    func expiry(wire: Wire) throws {
        let stage = try Stage(wire)
        func reconnect() throws -> Peer {
            try stage.connect("a", .kept) { $0.properties.sessionExpiryInterval = 10 }
        }
        try reconnect().cut()
        stage.advance(seconds: 9)
        let inTime = try reconnect()
        #expect(inTime.greeting.sessionPresent)
        // Counted from the end of the connection, however long that lasted.
        stage.advance(seconds: 100)
        try inTime.disconnect()
        stage.advance(seconds: 9)
        let again = try reconnect()
        #expect(again.greeting.sessionPresent)
        again.cut()
        stage.advance(seconds: 11)
        #expect(try !reconnect().greeting.sessionPresent)
    }

    @Test(
        "[MQTT-3.1.2-23] without an interval, or with 0, the session ends with the connection",
        arguments: Wire.v5, [nil, 0] as [UInt32?])
    func noExpiry(wire: Wire, interval: UInt32?) throws {
        let stage = try Stage(wire)
        let first = try stage.connect("a", .kept) { $0.properties.sessionExpiryInterval = interval }
        try first.disconnect()
        #expect(try !stage.connect("a", .kept).greeting.sessionPresent)
    }
}
