import MQTTCodec
import Testing

/// Sections 3.1.2.10 and 3.1.2.11: what a CONNECT demands of the broker.
@Suite struct ConnectLimitTests {
    @Test(
        "[MQTT-3.1.2-22] [v3 MQTT-3.1.2-24] a client silent for one and a half times its Keep Alive is closed",
        arguments: Wire.clock)
    func keepAlive(wire: Wire) throws {
        let stage = try Stage(wire)
        let silent = try stage.connect("silent") { $0.keepAlive = 10 }
        let lively = try stage.connect("lively") { $0.keepAlive = 10 }
        let free = try stage.connect("free") { $0.keepAlive = 0 }
        stage.advance(seconds: 14)
        try lively.ping()
        stage.advance(seconds: 2)
        try silent.expectEnd(.keepAliveTimeout)
        // Any packet counts, not only PINGREQ.
        stage.advance(seconds: 12)
        lively.send(.publish(Publish(topic: stage.topic("t").bytes)))
        stage.advance(seconds: 14)
        try lively.ping()
        stage.advance(seconds: 100_000)
        try lively.expectEnd(.keepAliveTimeout)
        try free.ping()
    }

    @Test("[MQTT-3.1.2-22] [v3 MQTT-3.1.2-24] the beginning of a packet keeps nobody alive", arguments: Wire.clock)
    func unfinishedPacket(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect { $0.keepAlive = 10 }
        client.send(bytes: [0x30, 100])
        for _ in 0..<3 {
            client.send(bytes: [0])
            stage.advance(seconds: 5.1)
        }
        try client.expectEnd(.keepAliveTimeout)
    }

    @Test("[MQTT-3.1.2-22] [v3 MQTT-3.1.2-24] Keep Alive runs over a real connection", arguments: Wire.all)
    func keepAliveOnTheWire(wire: Wire) throws {
        let stage = try Stage(wire)
        let silent = try stage.connect { $0.keepAlive = 1 }
        if wire.carrier == .core { stage.advance(seconds: 2) }
        try silent.expectEnd(.keepAliveTimeout)
    }

    @Test(
        "[MQTT-3.1.2-22] [v3 MQTT-3.1.2-24] the end by Keep Alive is as if the network had failed",
        arguments: Wire.clock)
    func keepAliveWill(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("will"))
        let silent = try stage.connect("a", .kept) {
            $0.keepAlive = 10
            $0.will = Will(topic: stage.topic("will").bytes)
        }
        try silent.subscribe(stage.topic("t"), qos: 1)
        stage.advance(seconds: 16)
        try silent.expectEnd(.keepAliveTimeout)
        try watcher.expect(\.publish)
        #expect(try stage.connect("a", .kept).greeting.sessionPresent)
    }

    @Test(
        "[MQTT-3.1.2-21] [MQTT-3.2.2-21] the Server Keep Alive takes the place of the client's",
        arguments: Wire.v5Clock)
    func serverKeepAlive(wire: Wire) throws {
        let stage = try Stage(wire, .serverKeepAlive(20))
        let client = try stage.connect("a") { $0.keepAlive = 5 }
        #expect(client.greeting.properties.serverKeepAlive == 20)
        stage.advance(seconds: 29)
        try client.ping()
        stage.advance(seconds: 31)
        try client.expectEnd(.keepAliveTimeout)
    }

    @Test("[MQTT-3.2.2-22] without a Server Keep Alive the client's own holds", arguments: Wire.v5Clock)
    func clientKeepAlive(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect { $0.keepAlive = 5 }
        #expect(client.greeting.properties.serverKeepAlive == nil)
        stage.advance(seconds: 7)
        try client.ping()
        stage.advance(seconds: 8)
        try client.expectEnd(.keepAliveTimeout)
    }

    @Test(
        "[MQTT-3.1.2-24] [MQTT-3.1.2-25] a message above the client's Maximum Packet Size is dropped as if delivered",
        arguments: Wire.v5)
    func maximumPacketSize(wire: Wire) throws {
        let stage = try Stage(wire)
        let topic = stage.topic("t")
        let small = try stage.connect("small", .kept) {
            $0.properties.maximumPacketSize = 100
            $0.properties.receiveMaximum = 1
        }
        let publisher = try stage.connect("publisher")
        try small.subscribe(topic, qos: 1)
        // Fixed header, topic, identifier and properties take 7 bytes and the topic.
        let fitting = String(repeating: "f", count: 100 - 7 - topic.utf8.count)
        try publisher.publish(topic, fitting + "f", qos: 1)
        try publisher.publish(topic, fitting, qos: 1)
        try publisher.publish(topic, fitting + "fff", qos: 0)
        try publisher.publish(topic, "last", qos: 1)
        #expect(try small.takeMessage().payload.text == fitting)
        #expect(small.lastFrame.count == 100)
        #expect(try small.takeMessage().payload.text == "last")
        // It does not come back with the session either.
        try small.disconnect()
        try stage.connect("small", .kept).expectNothing()
    }

    @Test("[MQTT-3.1.2-24] no packet of the broker is larger than the client takes", arguments: Wire.v5)
    func smallPackets(wire: Wire) throws {
        let stage = try Stage(wire)
        let refused = try stage.open()
        refused.send(
            .connect(
                stage.connectPacket {
                    $0.properties.maximumPacketSize = 30
                    $0.properties.authenticationMethod = "a method with a rather long name".bytes
                }))
        try refused.expect(\.connack)
        #expect(refused.lastFrame.count <= 30)
        let client = try stage.connect { $0.properties.maximumPacketSize = 30 }
        #expect(client.lastFrame.count <= 30)
        client.send(bytes: [0x00, 0x00])
        try client.expect(\.disconnect)
        #expect(client.lastFrame.count <= 30)
    }

    @Test(
        "[MQTT-3.1.2-26] [MQTT-3.3.2-11] no Topic Alias is above the client's Topic Alias Maximum",
        arguments: Wire.v5)
    func topicAliasMaximum(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect { $0.properties.topicAliasMaximum = 2 }
        let publisher = try stage.connect("publisher")
        try client.subscribe(stage.topic("#"))
        var meaning: [UInt16: String] = [:]
        for round in 0..<3 {
            for name in ["a", "b", "c", "d"] {
                try publisher.publish(stage.topic(name), "\(round)")
                let message = try client.expect(\.publish)
                if let alias = message.properties.topicAlias {
                    #expect((1...2).contains(alias))
                    if !message.topic.isEmpty { meaning[alias] = message.topicText }
                    #expect(meaning[alias] == stage.topic(name))
                } else {
                    #expect(message.topicText == stage.topic(name))
                }
            }
        }
    }

    @Test("[MQTT-3.1.2-27] a client that takes no Topic Alias gets none", arguments: Wire.v5, [nil, 0] as [UInt16?])
    func noTopicAlias(wire: Wire, maximum: UInt16?) throws {
        let stage = try Stage(wire)
        let client = try stage.connect { $0.properties.topicAliasMaximum = maximum }
        let publisher = try stage.connect("publisher")
        try client.subscribe(stage.topic("t"))
        for _ in 0..<3 {
            publisher.send(
                .publish(Publish(topic: stage.topic("t").bytes, properties: Properties { $0.topicAlias = 1 })))
            let message = try client.expect(\.publish)
            #expect(message.properties.topicAlias == nil && message.topicText == stage.topic("t"))
        }
    }

    @Test(
        "[MQTT-3.1.2-28] Response Information that was not asked for is not sent",
        arguments: Wire.v5, [nil, 0] as [UInt8?])
    func responseInformation(wire: Wire, request: UInt8?) throws {
        let client = try Stage(wire).connect { $0.properties.requestResponseInformation = request }
        #expect(client.greeting.properties.responseInformation == nil)
    }

    @Test(
        "[MQTT-3.1.2-29] without Request Problem Information only PUBLISH, CONNACK and DISCONNECT explain",
        arguments: Wire.v5)
    func problemInformation(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect { $0.properties.requestProblemInformation = 0 }
        let topic = stage.topic("t").bytes
        client.send(.publish(Publish(topic: topic, qos: 1, packetID: 1)))
        #expect(try client.expect(\.puback).properties.isEmpty)
        client.send(.publish(Publish(topic: "$SYS/x".bytes, qos: 1, packetID: 1)))
        let refused = try client.expect(\.puback)
        #expect(refused.reason.isError && refused.properties.isEmpty)
        client.send(.publish(Publish(topic: "$SYS/x".bytes, qos: 2, packetID: 2)))
        #expect(try client.expect(\.pubrec).properties.isEmpty)
        client.send(.pubrel(Ack(packetID: 9)))
        let unknown = try client.expect(\.pubcomp)
        #expect(unknown.reason == .packetIdentifierNotFound && unknown.properties.isEmpty)
        client.send(.pubrec(Ack(packetID: 9)))
        #expect(try client.expect(\.pubrel).properties.isEmpty)
        client.send(
            .subscribe(Subscribe(packetID: 3, subscriptions: [MQTTCodec.Subscription(filter: "$share/+/a".bytes)])))
        if let answer = try client.next().suback { #expect(answer.properties.isEmpty) }
    }
}
