import MQTTCodec
import Testing

/// Sections 3.3.1.1, 3.3.1.2, 3.3.2.1 and 3.3.4: DUP, QoS, the topic, and the answers to a PUBLISH.
@Suite struct PublishTests {
    @Test(
        "[MQTT-3.3.1-1] [v3 MQTT-3.3.1-1] a message that is sent again has DUP set",
        arguments: Wire.all, [1, 2] as [UInt8])
    func dupOnResend(wire: Wire, qos: UInt8) throws {
        let stage = try Stage(wire)
        let first = try stage.connect("a", .kept)
        try first.subscribe(stage.topic("t"), qos: 2)
        try stage.connect("publisher").publish(stage.topic("t"), qos: qos)
        let message = try first.expect(\.publish)
        #expect(!message.dup)
        first.cut()
        let second = try stage.connect("a", .kept)
        let again = try second.expect(\.publish)
        #expect(again.dup && again.packetID == message.packetID && again.qos == qos)
    }

    @Test("[MQTT-3.3.1-2] [v3 MQTT-3.3.1-2] a QoS 0 message has DUP 0, in both directions", arguments: Wire.all)
    func dupWithQoS0(wire: Wire) throws {
        let stage = try Stage(wire)
        let subscriber = try stage.connect("subscriber")
        try subscriber.subscribe(stage.topic("t"), qos: 0)
        let publisher = try stage.connect("publisher")
        try publisher.publish(stage.topic("t"), qos: 1) { $0.dup = true }
        #expect(try !subscriber.expect(\.publish).dup)
        try stage.expectRejected(.publish(Publish(topic: stage.topic("t").bytes, qos: 0, dup: true)))
        try subscriber.expectNothing()
    }

    @Test(
        "[MQTT-3.3.1-3] [v3 MQTT-3.3.1-3] DUP of what comes in says nothing about what goes out",
        arguments: Wire.all, [1, 2] as [UInt8])
    func dupNotForwarded(wire: Wire, qos: UInt8) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = (try stage.connect("publisher"), try stage.connect("subscriber"))
        try subscriber.subscribe(stage.topic("t"), qos: 2)
        try publisher.publish(stage.topic("t"), qos: qos) { $0.dup = true }
        #expect(try !subscriber.takeMessage().dup)
    }

    @Test(
        "[MQTT-3.3.1-4] [v3 MQTT-3.3.1-4] a PUBLISH with both QoS bits closes the connection",
        arguments: Wire.all, [0x36, 0x37, 0x3E, 0x3F] as [UInt8])
    func qos3(wire: Wire, firstByte: UInt8) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("t"))
        try stage.expectRejected(
            bytes: frame(firstByte, stage.topic("t").bytes.prefixed, [0, 1], stage.noProperties, "x".bytes))
        try watcher.expectNothing()
    }

    @Test("[MQTT-3.3.2-1] [v3 MQTT-3.3.2-1] the Topic Name comes first and is UTF-8", arguments: Wire.all)
    func topicName(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: frame(0x30))
        try stage.expectRejected(bytes: frame(0x30, [0]))
        try stage.expectRejected(bytes: frame(0x30, [0, 9], "short".bytes))
        try stage.expectRejected(bytes: frame(0x30, [0x61, 0xFF].prefixed, stage.noProperties))
        try stage.expectRejected(bytes: frame(0x30, [0x61, 0x00].prefixed, stage.noProperties))
        let client = try stage.connect()
        client.send(bytes: frame(0x30, [0, 0], stage.noProperties, "x".bytes))
        try client.expectEnd(.protocolError)
    }

    @Test(
        "[MQTT-3.3.2-2] [v3 MQTT-3.3.2-2] a Topic Name has no wildcards",
        arguments: Wire.all, ["#", "+", "a/#", "a/+/b", "a+", "#/b"])
    func wildcards(wire: Wire, name: String) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(.publish(Publish(topic: stage.topic(name).bytes)), .protocolError)
    }

    @Test(
        "[MQTT-3.3.2-3] [v3 MQTT-3.3.2-3] a message comes under its own name, which the filter matches",
        arguments: Wire.all)
    func matches(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = (try stage.connect("publisher"), try stage.connect("subscriber"))
        try subscriber.subscribe(stage.topic("+/b/#"))
        for name in ["a/b", "a/b/", "a/b/c/d", "/b"] {
            try publisher.publish(stage.topic(name))
            #expect(try subscriber.expect(\.publish).topicText == stage.topic(name))
        }
        for name in ["a", "a/c/b", "a/B", "a/bb"] { try publisher.publish(stage.topic(name)) }
        try subscriber.expectNothing()
    }

    @Test(
        "[MQTT-3.3.4-1] [v3 MQTT-3.3.4-1] QoS 0 is not answered, QoS 1 by PUBACK, QoS 2 by PUBREC",
        arguments: Wire.all)
    func responses(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let topic = stage.topic("t").bytes
        client.send(.publish(Publish(topic: topic)))
        try client.expectNothing()
        client.send(.publish(Publish(topic: topic, qos: 1, packetID: 1)))
        #expect(try !client.expect(\.puback).reason.isError)
        try client.expectNothing()
        client.send(.publish(Publish(topic: topic, qos: 2, packetID: 1)))
        #expect(try !client.expect(\.pubrec).reason.isError)
        try client.expectNothing()
    }

    @Test(
        "[MQTT-3.3.4-2] [v3 MQTT-3.3.5-1] overlapping subscriptions deliver with the highest QoS of them",
        arguments: Wire.all)
    func overlapping(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = (try stage.connect("publisher"), try stage.connect("subscriber"))
        try subscriber.subscribe(stage.topic("#"), qos: 0)
        try subscriber.subscribe(stage.topic("+"), qos: 2)
        try subscriber.subscribe(stage.topic("t"), qos: 1)
        try publisher.publish(stage.topic("t"), qos: 2)
        #expect(try subscriber.takeMessage().qos == 2)
        try subscriber.expectNothing()
        try publisher.publish(stage.topic("t"), qos: 1)
        #expect(try subscriber.takeMessage().qos == 1)
        try subscriber.expectNothing()
    }

    @Test(
        """
        [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5] \
        the Subscription Identifiers of all matching subscriptions come with the one copy of a message
        """,
        arguments: Wire.v5)
    func subscriptionIdentifiers(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = (try stage.connect("publisher"), try stage.connect("subscriber"))
        for (filter, identifier) in [("#", 1), ("+", 268_435_455), ("t", 3), ("other", 4)] as [(String, UInt32)] {
            try subscriber.subscribe(stage.topic(filter)) { $1.subscriptionIdentifiers = [identifier] }
        }
        try subscriber.subscribe(stage.topic("+/#"))
        try publisher.publish(stage.topic("t"))
        #expect(Set(try subscriber.expect(\.publish).properties.subscriptionIdentifiers) == [1, 3, 268_435_455])
        try subscriber.expectNothing()
        try publisher.publish(stage.topic("x/y"))
        #expect(try subscriber.expect(\.publish).properties.subscriptionIdentifiers == [1])
    }

    @Test("[MQTT-3.3.4-6] a client cannot send a Subscription Identifier in PUBLISH", arguments: Wire.v5)
    func identifierFromClient(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(
            bytes: frame(0x30, stage.topic("t").bytes.prefixed, [2, 0x0B, 1], "x".bytes), .protocolError)
    }

    @Test(
        "[MQTT-3.3.4-7] more QoS 2 messages than Receive Maximum without PUBREL end the connection with 0x93",
        arguments: Wire.v5)
    func receiveMaximumExceeded(wire: Wire) throws {
        let stage = try Stage(wire, .receiveMaximum(2))
        let client = try stage.connect()
        #expect(client.greeting.properties.receiveMaximum == 2)
        let topic = stage.topic("t").bytes
        for packetID: UInt16 in 1...2 {
            client.send(.publish(Publish(topic: topic, qos: 2, packetID: packetID)))
            try client.expect(\.pubrec)
        }
        client.send(.pubrel(Ack(packetID: 1)))
        try client.expect(\.pubcomp)
        client.send(.publish(Publish(topic: topic, qos: 2, packetID: 3)))
        try client.expect(\.pubrec)
        client.send(.publish(Publish(topic: topic, qos: 0)))
        try client.ping()
        client.send(.publish(Publish(topic: topic, qos: 2, packetID: 4)))
        try client.expectEnd(.receiveMaximumExceeded)
    }

    @Test("[MQTT-3.3.4-9] no more than Receive Maximum messages are on their way to a client", arguments: Wire.v5)
    func receiveMaximum(wire: Wire) throws {
        let stage = try Stage(wire)
        let subscriber = try stage.connect("subscriber") { $0.properties.receiveMaximum = 2 }
        let publisher = try stage.connect("publisher")
        try subscriber.subscribe(stage.topic("t"), qos: 2)
        for number in 0..<5 { try publisher.publish(stage.topic("t"), "\(number)", qos: UInt8(1 + number % 2)) }
        let first = try subscriber.expect(\.publish)
        let second = try subscriber.expect(\.publish)
        try subscriber.expectNothing()
        subscriber.send(.puback(Ack(packetID: first.packetID)))
        let third = try subscriber.expect(\.publish)
        try subscriber.expectNothing()
        // PUBREC is no end of it, PUBCOMP is; PUBREC with an error is one too.
        subscriber.send(.pubrec(Ack(packetID: second.packetID)))
        try subscriber.expect(\.pubrel)
        try subscriber.expectNothing()
        subscriber.send(.pubcomp(Ack(packetID: second.packetID)))
        let fourth = try subscriber.expect(\.publish)
        try subscriber.expectNothing()
        subscriber.send(.pubrec(Ack(packetID: fourth.packetID, reason: .unspecifiedError)))
        let fifth = try subscriber.expect(\.publish)
        #expect([first, second, third, fourth, fifth].map(\.payload.text) == ["0", "1", "2", "3", "4"])
        try subscriber.expectNothing()
    }

    @Test("[MQTT-3.3.4-9] also what is sent again after a reconnect stays within Receive Maximum", arguments: Wire.v5)
    func receiveMaximumOnResend(wire: Wire) throws {
        let stage = try Stage(wire)
        let first = try stage.connect("a", .kept)
        try first.subscribe(stage.topic("t"), qos: 1)
        let publisher = try stage.connect("publisher")
        for number in 0..<4 { try publisher.publish(stage.topic("t"), "\(number)", qos: 1) }
        for _ in 0..<4 { try first.expect(\.publish) }
        first.cut()
        let second = try stage.connect("a", .kept) { $0.properties.receiveMaximum = 1 }
        for number in 0..<4 {
            let message = try second.expect(\.publish)
            #expect(message.payload.text == "\(number)" && message.dup)
            try second.expectNothing()
            second.send(.puback(Ack(packetID: message.packetID)))
        }
    }

    @Test("[MQTT-3.3.4-10] at Receive Maximum everything but QoS 1 and 2 messages goes on", arguments: Wire.v5)
    func nothingElseWaits(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("client") { $0.properties.receiveMaximum = 1 }
        let publisher = try stage.connect("publisher")
        try client.subscribe(stage.topic("t"), qos: 1)
        for _ in 0..<2 { try publisher.publish(stage.topic("t"), qos: 1) }
        try client.expect(\.publish)
        try client.ping()
        try client.subscribe(stage.topic("zero"), qos: 0)
        try client.publish(stage.topic("up"), qos: 2)
        client.send(.unsubscribe(Unsubscribe(packetID: 50, filters: [stage.topic("zero").bytes])))
        try client.expect(\.unsuback)
    }

    @Test(
        "[v3 MQTT-3.3.5-2] a PUBLISH that is not allowed is acknowledged as usual or the connection is closed",
        arguments: Wire.v3)
    func notAuthorised(wire: Wire) throws {
        // Clients may not publish to topics that begin with $; no plugin is needed to refuse it.
        let stage = try Stage(wire)
        let topic = "$SYS/\(stage.topic("t"))"
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(topic)
        let client = try stage.connect("client")
        client.send(.publish(Publish(topic: topic.bytes, qos: 1, packetID: 1)))
        #expect(try client.expect(\.puback).packetID == 1)
        client.send(.publish(Publish(topic: topic.bytes, qos: 2, packetID: 2)))
        #expect(try client.expect(\.pubrec).packetID == 2)
        client.send(.pubrel(Ack(packetID: 2)))
        try client.expect(\.pubcomp)
        try watcher.expectNothing()
    }
}
