import MQTTCodec
import Testing

/// Section 2.3.1 of 3.1.1 and 2.2.1 of 5.0: Packet Identifiers, and 2.2.2 of 5.0: Property Length.
@Suite struct PacketIdentifierTests {
    @Test(
        "[MQTT-2.2.1-3] [v3 MQTT-2.3.1-1] a Packet Identifier of 0 is an error in SUBSCRIBE, UNSUBSCRIBE and PUBLISH",
        arguments: Wire.all)
    func zero(wire: Wire) throws {
        let stage = try Stage(wire)
        let topic = stage.topic("t").bytes
        let subscription = MQTTCodec.Subscription(filter: topic)
        try stage.expectRejected(.subscribe(Subscribe(packetID: 0, subscriptions: [subscription])), .protocolError)
        try stage.expectRejected(.unsubscribe(Unsubscribe(packetID: 0, filters: [topic])), .protocolError)
        try stage.expectRejected(.publish(Publish(topic: topic, qos: 1, packetID: 0)), .protocolError)
        try stage.expectRejected(.publish(Publish(topic: topic, qos: 2, packetID: 0)), .protocolError)
    }

    @Test(
        "[MQTT-2.2.1-3] an identifier that a QoS 2 message still holds cannot be taken for a new one",
        arguments: Wire.all)
    func inUse(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = (try stage.connect("publisher"), try stage.connect("subscriber"))
        try subscriber.subscribe(stage.topic("#"))
        publisher.send(.publish(Publish(topic: stage.topic("1").bytes, qos: 2, packetID: 5)))
        try publisher.expect(\.pubrec)
        publisher.send(.publish(Publish(topic: stage.topic("2").bytes, qos: 2, packetID: 5)))
        try publisher.expect(\.pubrec)
        #expect(try subscriber.expect(\.publish).topicText == stage.topic("1"))
        try subscriber.expectNothing()
    }

    @Test(
        "[MQTT-2.2.1-4] [v3 MQTT-2.3.1-4] each QoS 1 or 2 message on its way to a client has an identifier of its own",
        arguments: Wire.all)
    func serverIdentifiers(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = (try stage.connect("publisher"), try stage.connect("subscriber"))
        try subscriber.subscribe(stage.topic("t"), qos: 2)
        for number in 0..<40 { try publisher.publish(stage.topic("t"), "\(number)", qos: UInt8(1 + number % 2)) }
        let messages = try (0..<40).map { _ in try subscriber.expect(\.publish) }
        let identifiers = messages.map(\.packetID)
        #expect(Set(identifiers).count == 40 && !identifiers.contains(0))
        #expect(messages.map(\.qos) == (0..<40).map { UInt8(1 + $0 % 2) })

        // An identifier is free again after PUBACK or PUBCOMP, not after PUBREC.
        subscriber.send(.puback(Ack(packetID: identifiers[0])), .pubrec(Ack(packetID: identifiers[1])))
        try subscriber.expect(\.pubrel)
        for number in 40..<60 { try publisher.publish(stage.topic("t"), "\(number)", qos: 1) }
        let later = try (40..<60).map { _ in try subscriber.expect(\.publish).packetID }
        #expect(Set(later).count == 20 && Set(later).isDisjoint(with: identifiers.dropFirst()))
    }

    @Test("[MQTT-2.2.1-2] [v3 MQTT-2.3.1-5] a QoS 0 PUBLISH has no Packet Identifier", arguments: Wire.all)
    func qos0(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let topic = stage.topic("t").bytes
        try client.subscribe(stage.topic("t"), qos: 2)
        client.send(bytes: frame(0x30, topic.prefixed, stage.noProperties, [0, 1]))
        #expect(try client.expect(\.publish).payload == [0, 1])
        #expect(client.lastFrame == frame(0x30, topic.prefixed, stage.noProperties, [0, 1]))
    }

    @Test(
        "[MQTT-2.2.1-5] [v3 MQTT-2.3.1-6] each acknowledgement has the identifier of its PUBLISH",
        arguments: Wire.all, [1, 0x1234, 0xFFFF] as [UInt16])
    func acknowledgements(wire: Wire, packetID: UInt16) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let topic = stage.topic("t").bytes
        client.send(.publish(Publish(topic: topic, qos: 1, packetID: packetID)))
        #expect(try client.expect(\.puback).packetID == packetID)
        client.send(.publish(Publish(topic: topic, qos: 2, packetID: packetID)))
        #expect(try client.expect(\.pubrec).packetID == packetID)
        client.send(.pubrel(Ack(packetID: packetID)))
        #expect(try client.expect(\.pubcomp).packetID == packetID)

        try client.subscribe(stage.topic("out"), qos: 2)
        try stage.connect("publisher").publish(stage.topic("out"), qos: 2)
        let message = try client.expect(\.publish)
        client.send(.pubrec(Ack(packetID: message.packetID)))
        #expect(try client.expect(\.pubrel).packetID == message.packetID)
    }

    @Test(
        "[MQTT-2.2.1-6] [v3 MQTT-2.3.1-7] SUBACK and UNSUBACK have the identifier of what they answer",
        arguments: Wire.all, [1, 0x1234, 0xFFFF] as [UInt16])
    func subscriptionAnswers(wire: Wire, packetID: UInt16) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let filter = stage.topic("t").bytes
        client.send(
            .subscribe(Subscribe(packetID: packetID, subscriptions: [MQTTCodec.Subscription(filter: filter)])))
        #expect(try client.expect(\.suback).packetID == packetID)
        client.send(.unsubscribe(Unsubscribe(packetID: packetID, filters: [filter])))
        #expect(try client.expect(\.unsuback).packetID == packetID)
    }

    @Test("[MQTT-2.2.2-1] no properties are a Property Length of zero, which cannot be left out", arguments: Wire.v5)
    func noProperties(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: frame(0x30, "t".bytes.prefixed))
        try stage.expectRejected(bytes: frame(0x82, [0, 1]))
        try stage.expectRejected(bytes: frame(0x10, "MQTT".bytes.prefixed, [5, 2, 0, 0]))
        let client = try stage.connect()
        try client.subscribe(stage.topic("t"))
        client.send(.publish(Publish(topic: stage.topic("t").bytes, payload: "x".bytes)))
        try client.expect(bytes: frame(0x30, stage.topic("t").bytes.prefixed, [0], "x".bytes))
        client.send(.subscribe(Subscribe(packetID: 7, subscriptions: [MQTTCodec.Subscription(filter: "t".bytes)])))
        try client.expect(bytes: [0x90, 4, 0, 7, 0, 0])
    }
}
