import MQTTCodec
import Testing

/// Section 3.3.2.3: the properties of PUBLISH.
@Suite struct PublishPropertyTests {
    /// What three subscribers are sent of a message with these properties: one that is connected, one with QoS 1 that
    /// comes back later, and one that gets it as a retained message.
    private func forwarded(_ stage: Stage, _ configure: (inout Properties) -> Void) throws -> [Properties] {
        let live = try stage.connect("live")
        try live.subscribe(stage.topic("t"), qos: 2)
        let away = try stage.connect("away", .kept)
        try away.subscribe(stage.topic("t"), qos: 1)
        try away.disconnect()
        try stage.connect("publisher").publish(stage.topic("t"), "x", qos: 1, retain: true) {
            configure(&$0.properties)
        }
        let back = try stage.connect("away", .kept)
        let late = try stage.connect("late")
        try late.subscribe(stage.topic("t"), qos: 0)
        return [
            try live.takeMessage().properties, try back.takeMessage().properties, try late.takeMessage().properties,
        ]
    }

    @Test(
        "[MQTT-3.3.2-4] the Payload Format Indicator is forwarded as it is",
        arguments: Wire.v5, [nil, 0, 1] as [UInt8?])
    func payloadFormat(wire: Wire, value: UInt8?) throws {
        for properties in try forwarded(try Stage(wire), { $0.payloadFormatIndicator = value }) {
            #expect(properties.payloadFormatIndicator == value)
        }
    }

    @Test("[MQTT-3.3.2-15] the Response Topic is forwarded as it is", arguments: Wire.v5)
    func responseTopic(wire: Wire) throws {
        for properties in try forwarded(try Stage(wire), { $0.responseTopic = "antwort/grün".bytes }) {
            #expect(properties.responseTopic == "antwort/grün".bytes)
        }
    }

    @Test(
        "[MQTT-3.3.2-16] the Correlation Data is forwarded as it is",
        arguments: Wire.v5, [[], [0], [0xFF, 0, 0xC0]] as [[UInt8]])
    func correlationData(wire: Wire, data: [UInt8]) throws {
        for properties in try forwarded(try Stage(wire), { $0.correlationData = data }) {
            #expect(properties.correlationData == data)
        }
    }

    @Test(
        "[MQTT-3.3.2-17] [MQTT-3.3.2-18] all User Properties are forwarded as they are, in their order",
        arguments: Wire.v5)
    func userProperties(wire: Wire) throws {
        let pairs = [
            UserProperty("b", "1"), UserProperty("a", ""), UserProperty("b", "1"), UserProperty("", "3"),
            UserProperty("A", "ä"), UserProperty("b", "0"),
        ]
        let results = try forwarded(try Stage(wire)) {
            $0.userProperties = pairs
            $0.contentType = "between".bytes
        }
        for properties in results { #expect(properties.userProperties == pairs) }
    }

    @Test("[MQTT-3.3.2-20] the Content Type is forwarded as it is", arguments: Wire.v5)
    func contentType(wire: Wire) throws {
        for properties in try forwarded(try Stage(wire), { $0.contentType = "text/plain; ä".bytes }) {
            #expect(properties.contentType == "text/plain; ä".bytes)
        }
    }

    @Test(
        "[MQTT-3.3.2-13] [MQTT-3.3.2-19] Response Topic and Content Type are UTF-8", arguments: Wire.v5,
        [StringField.responseTopic, .contentType])
    func strings(wire: Wire, field: StringField) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(field.packet([0x61, 0xFF], stage))
        try stage.expectRejected(field.packet([0x61, 0x00], stage))
    }

    @Test("[MQTT-3.3.2-14] a Response Topic has no wildcards", arguments: Wire.v5, ["#", "a/+", "+/a", "a/#"])
    func responseTopicWildcards(wire: Wire, name: String) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        client.send(
            .publish(Publish(topic: stage.topic("t").bytes, properties: Properties { $0.responseTopic = name.bytes })))
        try client.expectEnd(.protocolError)
    }

    // MARK: Message Expiry Interval

    @Test(
        "[MQTT-3.3.2-5] a message whose expiry has passed before its delivery is not delivered",
        arguments: Wire.v5Clock)
    func expired(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        let away = try stage.connect("away", .kept)
        try away.subscribe(stage.topic("#"), qos: 1)
        try away.disconnect()
        try publisher.publish(stage.topic("short"), qos: 1, retain: true) { $0.properties.messageExpiryInterval = 10 }
        try publisher.publish(stage.topic("long"), qos: 1) { $0.properties.messageExpiryInterval = 30 }
        try publisher.publish(stage.topic("for ever"), qos: 1)
        stage.advance(seconds: 11)
        let back = try stage.connect("away", .kept)
        #expect(try back.takeMessage().topicText == stage.topic("long"))
        #expect(try back.takeMessage().topicText == stage.topic("for ever"))
        try back.expectNothing()
        let late = try stage.connect("late")
        try late.subscribe(stage.topic("#"))
        try late.expectNothing()
    }

    @Test("[MQTT-3.3.2-5] a message that waits behind Receive Maximum expires too", arguments: Wire.v5Clock)
    func expiredInQueue(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        let slow = try stage.connect("slow") { $0.properties.receiveMaximum = 1 }
        try slow.subscribe(stage.topic("t"), qos: 1)
        try publisher.publish(stage.topic("t"), "1", qos: 1)
        try publisher.publish(stage.topic("t"), "2", qos: 1) { $0.properties.messageExpiryInterval = 10 }
        try publisher.publish(stage.topic("t"), "3", qos: 1)
        let first = try slow.expect(\.publish)
        stage.advance(seconds: 11)
        slow.send(.puback(Ack(packetID: first.packetID)))
        #expect(try slow.takeMessage().payload.text == "3")
    }

    @Test("[MQTT-3.3.2-6] the interval that is sent on is what is left of it", arguments: Wire.v5Clock)
    func remaining(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        let live = try stage.connect("live")
        try live.subscribe(stage.topic("t"))
        let away = try stage.connect("away", .kept)
        try away.subscribe(stage.topic("t"), qos: 1)
        try away.disconnect()
        try publisher.publish(stage.topic("t"), qos: 1, retain: true) { $0.properties.messageExpiryInterval = 100 }
        #expect(try live.takeMessage().properties.messageExpiryInterval == 100)
        stage.advance(seconds: 40)
        #expect(try stage.connect("away", .kept).takeMessage().properties.messageExpiryInterval == 60)
        let late = try stage.connect("late")
        try late.subscribe(stage.topic("t"))
        #expect(try late.takeMessage().properties.messageExpiryInterval == 60)
    }

    // MARK: Topic Alias

    @Test("[MQTT-3.3.2-7] a Topic Alias does not outlive its connection", arguments: Wire.v5)
    func aliasOfConnection(wire: Wire) throws {
        let stage = try Stage(wire)
        let first = try stage.connect("a", .kept)
        try first.publish(stage.topic("t")) { $0.properties.topicAlias = 3 }
        first.cut()
        let second = try stage.connect("a", .kept)
        second.send(.publish(Publish(topic: [], properties: Properties { $0.topicAlias = 3 })))
        try second.expectEnd(.protocolError)
    }

    @Test("[MQTT-3.3.2-7] the broker's own Topic Aliases do not outlive a connection either", arguments: Wire.v5)
    func ownAliasOfConnection(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        let first = try stage.connect("a", .kept) { $0.properties.topicAliasMaximum = 5 }
        try first.subscribe(stage.topic("t"))
        for _ in 0..<2 {
            try publisher.publish(stage.topic("t"))
            try first.expect(\.publish)
        }
        first.cut()
        let second = try stage.connect("a", .kept) { $0.properties.topicAliasMaximum = 5 }
        try publisher.publish(stage.topic("t"))
        #expect(try second.expect(\.publish).topicText == stage.topic("t"))
    }

    @Test("[MQTT-3.3.2-8] a Topic Alias of 0 ends the connection", arguments: Wire.v5)
    func aliasZero(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(
            bytes: frame(0x30, stage.topic("t").bytes.prefixed, [3, 0x23, 0, 0]), .topicAliasInvalid)
    }

    @Test("[MQTT-3.3.2-9] a Topic Alias above the maximum of CONNACK ends the connection", arguments: Wire.v5)
    func aliasAboveMaximum(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let maximum = try #require(client.greeting.properties.topicAliasMaximum)
        let properties = Properties { $0.topicAlias = maximum + 1 }
        client.send(.publish(Publish(topic: stage.topic("t").bytes, properties: properties)))
        try client.expectEnd(.topicAliasInvalid)
    }

    @Test(
        "[MQTT-3.3.2-12] every Topic Alias up to the maximum of CONNACK is accepted, and can change its meaning",
        arguments: Wire.v5)
    func everyAlias(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect("client")
        let subscriber = try stage.connect("subscriber")
        try subscriber.subscribe(stage.topic("#"))
        let maximum = try #require(client.greeting.properties.topicAliasMaximum)
        for round in ["a", "b"] {
            for alias in 1...maximum {
                try client.publish(stage.topic("\(round)\(alias)")) { $0.properties.topicAlias = alias }
                try client.publish("") { $0.properties.topicAlias = alias }
                #expect(try subscriber.expect(\.publish).topicText == stage.topic("\(round)\(alias)"))
                #expect(try subscriber.expect(\.publish).topicText == stage.topic("\(round)\(alias)"))
            }
        }
    }
}
