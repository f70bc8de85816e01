import MQTTCodec
import Testing

/// Section 3.8: SUBSCRIBE.
@Suite struct SubscribeTests {
    @Test("Flags other than 0010 are malformed [MQTT-3.8.1-1][v3 MQTT-3.8.1-1]", arguments: Wire.all)
    func flags(wire: Wire) throws {
        let stage = try Stage(wire)
        for flags: UInt8 in [0b0000, 0b0011, 0b0110, 0b1010] {
            let client = try stage.connect("\(flags)")
            let packet = Packet.subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: "t".bytes)]))
            client.send(bytes: packet.encode(version: wire.version, flags: flags))
            try client.expectEnd(.malformedPacket)
        }
    }

    @Test("A filter that is not UTF-8 is malformed [MQTT-3.8.3-1][v3 MQTT-3.8.3-1]", arguments: Wire.all)
    func notUTF8(wire: Wire) throws {
        let stage = try Stage(wire)
        // A stray byte, an overlong form, a surrogate, a sequence that is cut off.
        let broken: [[UInt8]] = [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0x61, 0xE2, 0x82]]
        for (number, filter) in broken.enumerated() {
            let client = try stage.connect("\(number)")
            client.send(.subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: filter)])))
            try client.expectEnd(.malformedPacket)
        }
    }

    @Test("Without a filter it is a protocol error [MQTT-3.8.3-2][v3 MQTT-3.8.3-3]", arguments: Wire.all)
    func empty(wire: Wire) throws {
        let client = try Stage(wire).connect()
        client.send(.subscribe(Subscribe(packetID: 1, subscriptions: [])))
        try client.expectEnd(.protocolError)
    }

    @Test("Filters with wildcards are granted, and match [v3 MQTT-3.8.3-2]", arguments: Wire.v3)
    func wildcards(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        #expect(try client.subscribe(stage.topic("one/+/three")) == .grantedQoS0)
        #expect(try client.subscribe(stage.topic("rest/#")) == .grantedQoS0)
        for name in ["one/two/three", "rest/of/it"] {
            try client.publish(expecting: stage.topic(name))
        }
    }

    @Test("No Local keeps a client's own messages from it, and only those [MQTT-3.8.3-3]", arguments: Wire.v5)
    func noLocal(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, other) = (try stage.connect("client"), try stage.connect("other"))
        try client.subscribe(stage.topic("t"), qos: 1) { subscription, _ in subscription.noLocal = true }
        try other.subscribe(stage.topic("t"), qos: 1)
        try client.publish(stage.topic("t"), "own", qos: 1)
        try other.takeMessages(["own"])
        try client.expectNothing()
        // No Local is of a subscription: another one of the same client still brings the message.
        try client.subscribe(stage.topic("+"))
        try client.publish(expecting: stage.topic("t"), "own again")
        try other.takeMessages(["own again"])
    }

    @Test("No Local on a shared subscription is a protocol error [MQTT-3.8.3-4]", arguments: Wire.v5)
    func noLocalShared(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        var shared = Subscription(filter: "$share/group/\(stage.topic("t"))".bytes)
        shared.noLocal = true
        client.send(.subscribe(Subscribe(packetID: 1, subscriptions: [shared])))
        try client.expectEnd(.protocolError)
    }

    @Test("Reserved bits of the options are malformed [MQTT-3.8.3-5]", arguments: Wire.v5)
    func reservedOptions(wire: Wire) throws {
        let stage = try Stage(wire)
        for bits: UInt8 in [0x40, 0x80, 0xC0] {
            let client = try stage.connect("\(bits)")
            client.send(bytes: Self.subscribe(options: bits | 1, wire.version))
            try client.expectEnd(.malformedPacket)
        }
    }

    @Test("Bits above the QoS, or a QoS of 3, close the connection [v3 MQTT-3-8.3-4]", arguments: Wire.v3)
    func reservedQoSBits(wire: Wire) throws {
        let stage = try Stage(wire)
        for options: UInt8 in [0x03, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFC] {
            let client = try stage.connect("\(options)")
            client.send(bytes: Self.subscribe(options: options, wire.version))
            try client.expectClose()
        }
    }

    private static func subscribe(options: UInt8, _ version: ProtocolVersion) -> [UInt8] {
        let packet = Packet.subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: "t".bytes)]))
        return packet.encode(version: version).dropLast() + [options]
    }

    @Test(
        "The same filter again replaces the subscription with its options [MQTT-3.8.4-3][v3 MQTT-3.8.4-3]",
        arguments: Wire.all)
    func replaces(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client"), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 0)
        try client.subscribe(stage.topic("t"), qos: 2) { subscription, properties in
            guard wire.version == .v5_0 else { return }
            subscription.retainAsPublished = true
            properties.subscriptionIdentifiers = [7]
        }
        try publisher.publish(stage.topic("t"), qos: 1, retain: true)
        let message = try client.takeMessage()
        #expect(message.qos == 1)
        if wire.version == .v5_0 {
            #expect(message.retain && message.properties.subscriptionIdentifiers == [7])
        }
        try client.subscribe(stage.topic("t"), qos: 0) { subscription, _ in
            if wire.version == .v5_0 { subscription.retainHandling = .doNotSend }
        }
        if wire.version == .v3_1_1 { try client.takeMessage() }  // The retained message.
        try publisher.publish(stage.topic("t"), qos: 1)
        let second = try client.takeMessage()
        #expect(second.qos == 0 && !second.retain && second.properties.subscriptionIdentifiers.isEmpty)
        try client.expectNothing()
    }

    @Test(
        "Replacing sends what is retained again and loses nothing [MQTT-3.8.4-4][v3 MQTT-3.8.4-3]",
        arguments: Wire.all)
    func replacesWithoutLoss(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client"), try stage.connect("publisher"))
        try client.subscribe(stage.topic("+"), qos: 1)
        try publisher.publish(stage.topic("a"), "retained", qos: 1, retain: true)
        for number in 1...3 { try publisher.publish(stage.topic("b"), "\(number)", qos: 1) }
        let early = try (0..<4).map { _ in try client.expect(\.publish) }
        #expect(early.map(\.payload.text) == ["retained", "1", "2", "3"])
        try client.subscribe(stage.topic("+"), qos: 1)
        let again = try client.takeMessage()
        #expect(again.payload.text == "retained" && again.retain)
        for number in 4...6 { try publisher.publish(stage.topic("b"), "\(number)", qos: 1) }
        try client.takeMessages(["4", "5", "6"])
        for message in early { client.send(.puback(Ack(packetID: message.packetID))) }
        try client.expectNothing()
    }

    @Test(
        "Several filters work like several SUBSCRIBEs, with one SUBACK [MQTT-3.8.4-5][v3 MQTT-3.8.4-4]",
        arguments: Wire.all)
    func several(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let retainer = try stage.connect("retainer")
        try retainer.publish(stage.topic("b"), "retained", retain: true)
        // The third entry replaces the first, as a SUBSCRIBE of its own would.
        let codes = try client.subscribe(all: [
            Subscription(filter: stage.topic("a").bytes, qos: 0), Subscription(filter: stage.topic("b").bytes, qos: 1),
            Subscription(filter: stage.topic("a").bytes, qos: 2),
        ])
        #expect(codes == [.grantedQoS0, .grantedQoS1, .grantedQoS2])
        try client.takeMessages(["retained"])
        try retainer.publish(stage.topic("a"), "a", qos: 2)
        try retainer.publish(stage.topic("b"), "b", qos: 2)
        #expect(try client.takeMessages(["a", "b"]).map(\.qos) == [2, 1])
        try client.expectNothing()
    }

    @Test(
        "A message goes out at the lower of its QoS and the one granted [MQTT-3.8.4-8][v3 MQTT-3.8.4-6]",
        arguments: Wire.all)
    func lowerQoS(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        let clients = try (0...2).map { qos in
            let client = try stage.connect("\(qos)")
            let granted = try client.subscribe(stage.topic("t"), qos: UInt8(qos))
            #expect(granted.rawValue == UInt8(qos))
            return client
        }
        for qos: UInt8 in 0...2 { try publisher.publish(stage.topic("t"), qos: qos) }
        for (granted, client) in clients.enumerated() {
            let received = try (0...2).map { _ in try client.takeMessage().qos }
            #expect(received == (0...2).map { min($0, UInt8(granted)) })
        }
    }
}

extension Peer {
    /// Publishes to a topic this client is subscribed to, at QoS 0: the message is the next packet but the PINGRESP.
    func publish(expecting topic: String, _ payload: String = "x", line: UInt = #line) throws {
        send(.message(topic, payload, qos: 0, packetID: 0))
        let message = try expect(\.publish, line: line)
        guard message.topic == topic.bytes, message.payload.text == payload else {
            throw Unmet("came instead: \(message)", line: line)
        }
    }
}
