import MQTTCodec
import Testing

/// Sections 3.1.3.1 and 3.1.4: Client Identifiers, and what the broker does with a CONNECT.
@Suite struct ConnectIdentityTests {
    @Test(
        "[MQTT-3.1.3-2] [v3 MQTT-3.1.3-2] the Client Identifier, and nothing else, says whose session it is",
        arguments: Wire.all)
    func identifiesSession(wire: Wire) throws {
        let stage = try Stage(wire)
        let first = try stage.connect("a", .kept)
        try first.subscribe(stage.topic("t"), qos: 1)
        try first.disconnect()
        for other in ["A", "a ", "aa"] {
            let peer = try stage.connect(other, .kept)
            #expect(!peer.greeting.sessionPresent)
            try peer.publish(stage.topic("t"), other, qos: 1)
        }
        let again = try stage.connect("a", .kept)
        #expect(again.greeting.sessionPresent)
        for other in ["A", "a ", "aa"] { #expect(try again.takeMessage().payload.text == other) }
    }

    @Test(
        "[MQTT-3.1.3-5] [v3 MQTT-3.1.3-5] identifiers of 1 to 23 letters and digits are allowed", arguments: Wire.all,
        ["0", "z", "0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ", "KLMNOPQRSTUVWXYZ"])
    func allowed(wire: Wire, identifier: String) throws {
        // Short names cannot be made unique: a broker of its own for each.
        let stage = try Stage(wire, .alone)
        let client = try stage.connect { $0.clientID = identifier.bytes }
        try client.ping()
    }

    @Test(
        """
        [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] \
        an empty identifier is replaced by a new one, which CONNACK tells
        """,
        arguments: Wire.v5)
    func assigned(wire: Wire) throws {
        let stage = try Stage(wire)
        let clients = try (0..<20).map { _ in try stage.connect { $0.clientID = [] } }
        let names = clients.map(\.greeting.properties.assignedClientIdentifier)
        #expect(Set(names).count == 20 && !names.contains(nil) && !names.contains([]))
        for client in clients { try client.ping() }
        // The name is the client's own from now on.
        let name = try #require(names[0])
        let successor = try stage.connect { $0.clientID = name }
        try clients[0].expectEnd(.sessionTakenOver)
        try successor.ping()
    }

    @Test("[MQTT-3.1.3-7] a session under an assigned identifier is resumed like any other", arguments: Wire.v5)
    func assignedSession(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("a", .kept) { $0.clientID = [] }
        let name = try #require(client.greeting.properties.assignedClientIdentifier)
        try client.disconnect()
        #expect(try stage.connect("a", .kept) { $0.clientID = name }.greeting.sessionPresent)
    }

    @Test("[v3 MQTT-3.1.3-6] each client with an empty identifier has a session of its own", arguments: Wire.v3)
    func unnamed(wire: Wire) throws {
        let stage = try Stage(wire)
        let (first, second) = (try stage.connect { $0.clientID = [] }, try stage.connect { $0.clientID = [] })
        try first.subscribe(stage.topic("1"))
        try second.subscribe(stage.topic("2"))
        try second.publish(stage.topic("1"))
        #expect(try first.expect(\.publish).topicText == stage.topic("1"))
        try second.expectNothing()
    }

    @Test(
        "[v3 MQTT-3.1.3-7] [v3 MQTT-3.1.3-8] [v3 MQTT-3.1.3-9] an empty identifier needs Clean Session: return code 2",
        arguments: Wire.v3)
    func emptyWithoutCleanSession(wire: Wire) throws {
        let connection = try Stage(wire).open(sending: [0x10, 12, 0, 4] + "MQTT".bytes + [4, 0, 0, 0, 0, 0])
        try connection.expect(bytes: [0x20, 2, 0, 2])
        try connection.expectClose()
    }

    @Test(
        "[MQTT-3.1.3-8] [v3 MQTT-3.1.3-9] a Client Identifier that is refused is told so and closed",
        arguments: Wire.all)
    func refused(wire: Wire) throws {
        let stage = try Stage(wire, .refuseDuplicates)
        let first = try stage.connect("a")
        let second = try stage.open()
        second.send(.connect(stage.connectPacket("a")))
        try second.expectRefusal(.clientIdentifierNotValid)
        try first.ping()
    }

    @Test(
        "[MQTT-3.1.4-3] [v3 MQTT-3.1.4-2] a second connection with the same identifier ends the first",
        arguments: Wire.all)
    func takeOver(wire: Wire) throws {
        let stage = try Stage(wire)
        let first = try stage.connect("a")
        let second = try stage.connect("a")
        try first.expectEnd(.sessionTakenOver)
        try second.expectNothing()
    }

    @Test("[MQTT-3.1.4-3] the will of a connection that is taken over is published", arguments: Wire.all)
    func takeOverWill(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("will"))
        let first = try stage.connect("a") { $0.will = Will(topic: stage.topic("will").bytes, payload: "gone".bytes) }
        _ = try stage.connect("a")
        try first.expectEnd(.sessionTakenOver)
        #expect(try watcher.expect(\.publish).payload.text == "gone")
    }

    @Test(
        "[MQTT-3.1.4-4] [v3 MQTT-3.1.4-3] CONNECT continues the session or starts a new one, as it asks",
        arguments: Wire.all)
    func cleanStart(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        let first = try stage.connect("a", .kept)
        try first.subscribe(stage.topic("t"), qos: 1)
        try first.disconnect()
        try publisher.publish(stage.topic("t"), "1", qos: 1)
        let second = try stage.connect("a", .kept)
        #expect(try second.takeMessage().payload.text == "1")
        try second.disconnect()
        try publisher.publish(stage.topic("t"), "2", qos: 1)
        let third = try stage.connect("a", .clean)
        try publisher.publish(stage.topic("t"), "3", qos: 1)
        try third.expectNothing()
    }

    @Test(
        "[MQTT-3.1.4-5] [v3 MQTT-3.1.4-4] an accepted CONNECT is acknowledged with CONNACK and code 0",
        arguments: Wire.all)
    func acknowledged(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        #expect(client.lastFrame[0] == 0x20 && client.lastFrame[2] == 0 && client.lastFrame[3] == 0)
    }

    @Test(
        "[MQTT-3.1.4-2] a CONNECT that asks for more than the broker offers is refused and closed",
        arguments: Wire.v5)
    func furtherChecks(wire: Wire) throws {
        let stage = try Stage(wire)
        let unknownMethod = try stage.open()
        unknownMethod.send(.connect(stage.connectPacket { $0.properties.authenticationMethod = "X".bytes }))
        try unknownMethod.expectRefusal(.badAuthenticationMethod)
        let deepTopic = try stage.open()
        deepTopic.send(
            .connect(stage.connectPacket { $0.will = Will(topic: [UInt8](repeating: UInt8(ascii: "/"), count: 200)) }))
        try deepTopic.expectRefusal(.topicNameInvalid)
    }

    @Test("[MQTT-3.1.4-6] [v3 MQTT-3.1.4-5] nothing that follows a refused CONNECT is processed", arguments: Wire.all)
    func afterRefusal(wire: Wire) throws {
        let stage = try Stage(wire, .refuseDuplicates)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("#"))
        let refused = try stage.open()
        refused.send(.connect(stage.connectPacket("watcher")), .publish(Publish(topic: stage.topic("t").bytes)))
        try refused.expectRefusal(.clientIdentifierNotValid)
        try watcher.expectNothing()
    }

    @Test("[MQTT-3.1.4-6] packets that follow an accepted CONNECT at once are processed after it", arguments: Wire.all)
    func pipelined(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.open()
        let subscription = MQTTCodec.Subscription(filter: stage.topic("t").bytes)
        client.send(
            .connect(stage.connectPacket()), .subscribe(Subscribe(packetID: 1, subscriptions: [subscription])),
            .publish(Publish(topic: stage.topic("t").bytes, payload: "x".bytes)), .pingreq)
        try client.expect(\.connack)
        try client.expect(\.suback)
        #expect(try client.expect(\.publish).payload.text == "x")
        try client.expect(\.pingresp)
    }

    @Test(
        "[MQTT-3.1.2-30] what follows a CONNECT with an Authentication Method is not processed before CONNACK",
        arguments: Wire.v5)
    func authenticationPending(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("#"))
        let client = try stage.open()
        client.send(
            .connect(stage.connectPacket { $0.properties.authenticationMethod = "SCRAM-SHA-256".bytes }),
            .publish(Publish(topic: stage.topic("t").bytes)))
        try client.expectRefusal(.badAuthenticationMethod)
        try watcher.expectNothing()
    }
}
