import MQTTCodec
import Testing

/// Sections 4.1, 4.2 and 4.5: session state, the transport, taking messages over.
@Suite struct SessionStateTests {
    @Test(
        """
        State is kept as long as the connection is open, however long [MQTT-4.1.0-1][v3 MQTT-4.1.0-1]\
        [v3 MQTT-4.1.0-2]
        """, arguments: Wire.clock)
    func keptWhileOpen(wire: Wire) throws {
        let stage = try Stage(wire)
        // One session that ends with its connection, and one whose expiry is far shorter than the connection.
        let clean = try stage.connect("clean")
        let short = try stage.connect("short", .kept) {
            if wire.version == .v5_0 { $0.properties.sessionExpiryInterval = 10 }
        }
        for client in [clean, short] { try client.subscribe(stage.topic("t"), qos: 2) }
        let publisher = try stage.connect("publisher")
        try publisher.publish(stage.topic("t"), qos: 2)
        let underWay = try [clean, short].map { try $0.expect(\.publish) }
        stage.advance(seconds: 100_000)
        for (client, message) in zip([clean, short], underWay) {
            client.send(.pubrec(Ack(packetID: message.packetID)))
            #expect(try client.expect(\.pubrel).reason == .success)
            client.send(.pubcomp(Ack(packetID: message.packetID)))
        }
        try publisher.publish(stage.topic("t"), "later")
        for client in [clean, short] { try client.takeMessages(["later"]) }
    }

    @Test("State is discarded when the expiry interval has passed [MQTT-4.1.0-2]", arguments: Wire.v5Clock)
    func expires(wire: Wire) throws {
        let stage = try Stage(wire)
        for (pause, isThere) in [(59.0, true), (61.0, false)] {
            let client = try stage.connect("\(pause)", .kept) { $0.properties.sessionExpiryInterval = 60 }
            try client.subscribe(stage.topic("t"), qos: 1)
            client.cut()
            stage.advance(seconds: pause)
            let again = try stage.connect("\(pause)", .kept)
            #expect(again.greeting.sessionPresent == isThere)
            isThere ? try again.publish(expecting: stage.topic("t")) : try again.publish(stage.topic("t"))
        }
    }

    @Test("A session without expiry ends with its connection [MQTT-4.1.0-2]", arguments: Wire.v5)
    func endsWithConnection(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect { $0.properties.sessionExpiryInterval = 0 }
        try client.subscribe(stage.topic("t"), qos: 1)
        client.cut()
        #expect(try !stage.connect("client", .kept).greeting.sessionPresent)
    }

    @Test(
        """
        A stream of bytes is all that is needed, in whatever pieces it comes [MQTT-4.2-1][MQTT-4.2.0-1]\
        [v3 MQTT-7.1.1-1]
        """, arguments: Wire.tcp)
    func stream(wire: Wire) throws {
        let stage = try Stage(wire)
        let peer = try stage.open()
        let packets: [Packet] = [
            .connect(stage.connectPacket()),
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: stage.topic("t").bytes, qos: 1)])),
            .message(stage.topic("t"), String(repeating: "long ", count: 50), qos: 1, packetID: 2),
        ]
        for packet in packets {
            for byte in packet.encode(version: wire.version) { peer.send(bytes: [byte]) }
        }
        try peer.expect(\.connack)
        try peer.expect(\.suback)
        let answers = [try peer.next(), try peer.next()]
        #expect(answers.contains { $0.publish?.payload.count == 250 })
        #expect(answers.contains { $0.puback?.packetID == 2 })
    }

    @Test(
        "A message goes to every session with a matching subscription, there or away [MQTT-4.5.0-1][v3 MQTT-4.5.0-1]",
        arguments: Wire.all)
    func addedToAll(wire: Wire) throws {
        let stage = try Stage(wire)
        let filters = ["here": "a/b", "wild": "a/+", "rest": "#", "away": "a/b", "other": "c"]
        var clients: [String: Peer] = [:]
        for (name, filter) in filters {
            clients[name] = try stage.connect(name, .kept)
            try clients[name]?.subscribe(stage.topic(filter), qos: 1)
        }
        clients["away"]?.cut()
        let publisher = try stage.connect("publisher")
        try publisher.publish(stage.topic("a/b"), "one", qos: 1)
        try publisher.publish(stage.topic("a/b"), "two", qos: 2)
        // Accepted is accepted, also when the publisher is gone.
        publisher.cut()
        clients["away"] = try stage.connect("away", .kept)
        for name in ["here", "wild", "rest", "away"] { try clients[name]?.takeMessages(["one", "two"]) }
        try clients["other"]?.expectNothing()
    }
}
