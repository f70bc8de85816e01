import MQTTCodec
import Testing

/// Section 3.3.1.3: RETAIN.
@Suite struct PublishRetainTests {
    /// What a new subscriber is sent for `filter`.
    private func retained(_ stage: Stage, _ filter: String, count: Int) throws -> [Publish] {
        let subscriber = try stage.connect("late")
        try subscriber.subscribe(stage.topic(filter), qos: 2)
        let messages = try (0..<count).map { _ in try subscriber.takeMessage() }
        try subscriber.expectNothing()
        try subscriber.disconnect()
        return messages
    }

    @Test(
        "[MQTT-3.3.1-5] [v3 MQTT-3.3.1-5] a retained message and its QoS are kept for later subscribers",
        arguments: Wire.all, [0, 1, 2] as [UInt8])
    func kept(wire: Wire, qos: UInt8) throws {
        let stage = try Stage(wire)
        try stage.connect("publisher").publish(stage.topic("t"), "kept", qos: qos, retain: true)
        let message = try retained(stage, "t", count: 1)[0]
        #expect(message.payload.text == "kept" && message.qos == qos && message.retain)
    }

    @Test(
        "[MQTT-3.3.1-5] [v3 MQTT-3.3.1-7] a newer retained message takes the place of the older, whatever its QoS",
        arguments: Wire.all)
    func replaced(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        for (payload, qos) in [("1", 2), ("2", 0), ("3", 1), ("4", 0)] as [(String, UInt8)] {
            try publisher.publish(stage.topic("t"), payload, qos: qos, retain: true)
            let message = try retained(stage, "t", count: 1)[0]
            #expect(message.payload.text == payload && message.qos == qos)
        }
    }

    @Test(
        "[v3 MQTT-3.3.1-6] a new subscription is sent the last retained message of each topic it matches",
        arguments: Wire.all)
    func eachTopic(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        for name in ["a", "a/b", "a/b/c", "b"] {
            try publisher.publish(stage.topic(name), "old", retain: true)
            try publisher.publish(stage.topic(name), name, retain: true)
        }
        #expect(Set(try retained(stage, "a/#", count: 3).map(\.payload.text)) == ["a", "a/b", "a/b/c"])
        #expect(Set(try retained(stage, "+", count: 2).map(\.payload.text)) == ["a", "b"])
        #expect(try retained(stage, "a/+/c", count: 1).map(\.payload.text) == ["a/b/c"])
        #expect(try retained(stage, "c", count: 0).isEmpty)
    }

    @Test("[v3 MQTT-3.3.1-8] a message that comes because of a new subscription has RETAIN set", arguments: Wire.all)
    func retainSet(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.connect("publisher").publish(stage.topic("t"), retain: true)
        #expect(try retained(stage, "#", count: 1)[0].retain)
    }

    @Test(
        "[MQTT-3.3.1-12] [v3 MQTT-3.3.1-9] an established subscription gets messages with RETAIN 0",
        arguments: Wire.all)
    func retainCleared(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = (try stage.connect("publisher"), try stage.connect("subscriber"))
        try subscriber.subscribe(stage.topic("t"), qos: 1)
        for (qos, retain) in [(0, true), (1, true), (0, false), (1, false)] as [(UInt8, Bool)] {
            try publisher.publish(stage.topic("t"), qos: qos, retain: retain)
            #expect(try !subscriber.takeMessage().retain)
        }
    }

    @Test("[MQTT-3.3.1-13] with Retain As Published the RETAIN flag comes as it was sent", arguments: Wire.v5)
    func retainAsPublished(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = (try stage.connect("publisher"), try stage.connect("subscriber"))
        try subscriber.subscribe(stage.topic("t"), qos: 1) { subscription, _ in subscription.retainAsPublished = true }
        for (qos, retain) in [(0, true), (1, true), (0, false), (1, false)] as [(UInt8, Bool)] {
            try publisher.publish(stage.topic("t"), qos: qos, retain: retain)
            #expect(try subscriber.takeMessage().retain == retain)
        }
    }

    @Test(
        """
        [MQTT-3.3.1-6] [v3 MQTT-3.3.1-10] \
        an empty retained message is delivered as usual and removes the one there is
        """,
        arguments: Wire.all, [0, 1, 2] as [UInt8])
    func removed(wire: Wire, qos: UInt8) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = (try stage.connect("publisher"), try stage.connect("subscriber"))
        try publisher.publish(stage.topic("t"), "kept", qos: 1, retain: true)
        try subscriber.subscribe(stage.topic("t"), qos: 2)
        try subscriber.takeMessage()
        try publisher.publish(stage.topic("t"), "", qos: qos, retain: true)
        let message = try subscriber.takeMessage()
        #expect(message.payload.isEmpty && !message.retain && message.qos == qos)
        #expect(try retained(stage, "#", count: 0).isEmpty)
    }

    @Test("[MQTT-3.3.1-7] [v3 MQTT-3.3.1-11] an empty message is never kept as a retained message", arguments: Wire.all)
    func emptyNotKept(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.connect("publisher").publish(stage.topic("t"), "", qos: 1, retain: true)
        #expect(try retained(stage, "#", count: 0).isEmpty)
    }

    @Test(
        "[MQTT-3.3.1-8] [v3 MQTT-3.3.1-12] a message without RETAIN neither becomes nor changes the retained one",
        arguments: Wire.all)
    func notRetained(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        try publisher.publish(stage.topic("other"), "x", qos: 1)
        #expect(try retained(stage, "#", count: 0).isEmpty)
        try publisher.publish(stage.topic("t"), "kept", retain: true)
        try publisher.publish(stage.topic("t"), "passing", qos: 1)
        try publisher.publish(stage.topic("t"), "", qos: 1)
        #expect(try retained(stage, "#", count: 1)[0].payload.text == "kept")
    }

    @Test("[MQTT-3.3.1-9] with Retain Handling 0 each SUBSCRIBE is sent the retained messages", arguments: Wire.v5)
    func handling0(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.connect("publisher").publish(stage.topic("t"), "kept", retain: true)
        let client = try stage.connect()
        for _ in 0..<2 {
            try client.subscribe(stage.topic("t")) { subscription, _ in subscription.retainHandling = .send }
            #expect(try client.expect(\.publish).payload.text == "kept")
        }
        try client.expectNothing()
    }

    @Test("[MQTT-3.3.1-10] with Retain Handling 1 only a subscription that is new is sent them", arguments: Wire.v5)
    func handling1(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.connect("publisher").publish(stage.topic("t"), "kept", retain: true)
        func subscribe(_ client: Peer) throws {
            try client.subscribe(stage.topic("t"), qos: 1) { options, _ in options.retainHandling = .sendIfNew }
        }
        let client = try stage.connect("a", .kept)
        try subscribe(client)
        #expect(try client.takeMessage().payload.text == "kept")
        try subscribe(client)
        try client.expectNothing()
        // A subscription of the session counts, also after a reconnect; one that was removed does not.
        try client.disconnect()
        let again = try stage.connect("a", .kept)
        try subscribe(again)
        try again.expectNothing()
        again.send(.unsubscribe(Unsubscribe(packetID: 40, filters: [stage.topic("t").bytes])))
        try again.expect(\.unsuback)
        try subscribe(again)
        #expect(try again.takeMessage().payload.text == "kept")
    }

    @Test("[MQTT-3.3.1-11] with Retain Handling 2 no retained message is sent", arguments: Wire.v5)
    func handling2(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.connect("publisher").publish(stage.topic("t"), "kept", retain: true)
        let client = try stage.connect()
        try client.subscribe(stage.topic("#")) { subscription, _ in subscription.retainHandling = .doNotSend }
        try client.expectNothing()
    }
}
