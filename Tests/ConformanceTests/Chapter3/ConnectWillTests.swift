import MQTTCodec
import Testing

/// Sections 3.1.2.5 to 3.1.2.7 and 3.1.3.2: the Will Message.
@Suite struct ConnectWillTests {
    /// A client whose will goes to `will`, and one that waits for it.
    private func cast(
        _ stage: Stage, _ session: SessionKind = .clean, _ configure: (inout MQTTCodec.Will) -> Void = { _ in }
    ) throws -> (client: Peer, watcher: Peer) {
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("will"), qos: 2) { subscription, _ in subscription.retainAsPublished = true }
        var will = Will(topic: stage.topic("will").bytes, payload: "gone".bytes)
        configure(&will)
        return (try stage.connect("a", session) { $0.will = will }, watcher)
    }

    @Test(
        "[MQTT-3.1.2-7] [MQTT-3.1.2-8] [v3 MQTT-3.1.2-8] the will is kept, and published when the connection breaks",
        arguments: Wire.all)
    func published(wire: Wire) throws {
        let (client, watcher) = try cast(try Stage(wire))
        try watcher.expectNothing()
        client.cut()
        #expect(try watcher.expect(\.publish).payload.text == "gone")
        try watcher.expectNothing()
    }

    @Test(
        "[MQTT-3.1.2-8] [v3 MQTT-3.1.2-8] the will is published when the client breaks the protocol",
        arguments: Wire.all)
    func publishedAfterError(wire: Wire) throws {
        let (client, watcher) = try cast(try Stage(wire))
        client.send(bytes: [0x00, 0x00])
        try client.expectEnd(.malformedPacket)
        #expect(try watcher.expect(\.publish).payload.text == "gone")
    }

    @Test(
        "[MQTT-3.1.2-8] [MQTT-3.1.2-10] [v3 MQTT-3.1.2-8] [v3 MQTT-3.1.2-10] DISCONNECT deletes the will",
        arguments: Wire.all)
    func deleted(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, watcher) = try cast(stage, .kept)
        try client.disconnect()
        try watcher.expectNothing()
        try stage.connect("a", .kept).cut()
        try watcher.expectNothing()
    }

    @Test("[MQTT-3.1.2-10] [v3 MQTT-3.1.2-10] a will that was published is gone from the session", arguments: Wire.all)
    func publishedOnce(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, watcher) = try cast(stage, .kept)
        client.cut()
        #expect(try watcher.expect(\.publish).payload.text == "gone")
        try stage.connect("a", .kept).cut()
        try watcher.expectNothing()
    }

    @Test("[v3 MQTT-3.1.2-12] without the Will Flag nothing is published when the connection ends", arguments: Wire.all)
    func noWill(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("#"))
        try stage.connect("a").cut()
        try watcher.expectNothing()
    }

    @Test(
        "[MQTT-3.1.2-12] [v3 MQTT-3.1.2-14] the will is published with its QoS",
        arguments: Wire.all, [0, 1, 2] as [UInt8])
    func qos(wire: Wire, qos: UInt8) throws {
        let (client, watcher) = try cast(try Stage(wire)) { $0.qos = qos }
        client.cut()
        #expect(try watcher.takeMessage().qos == qos)
    }

    @Test("[MQTT-3.1.2-14] [v3 MQTT-3.1.2-16] a will without Will Retain is not retained", arguments: Wire.all)
    func notRetained(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, watcher) = try cast(stage)
        client.cut()
        #expect(try !watcher.expect(\.publish).retain)
        let late = try stage.connect("late")
        try late.subscribe(stage.topic("will"))
        try late.expectNothing()
    }

    @Test("[MQTT-3.1.2-15] [v3 MQTT-3.1.2-17] a will with Will Retain is retained", arguments: Wire.all)
    func retained(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, watcher) = try cast(stage) { $0.retain = true }
        client.cut()
        #expect(try watcher.expect(\.publish).retain == (wire.version == .v5_0))
        let late = try stage.connect("late")
        try late.subscribe(stage.topic("will"))
        let message = try late.expect(\.publish)
        #expect(message.retain && message.payload.text == "gone")
    }

    @Test("[MQTT-3.1.2-8] a will with a delay is published when the delay has passed", arguments: Wire.v5Clock)
    func delayed(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, watcher) = try cast(stage, .kept) { $0.properties.willDelayInterval = 10 }
        client.cut()
        stage.advance(seconds: 9)
        try watcher.expectNothing()
        stage.advance(seconds: 2)
        #expect(try watcher.expect(\.publish).payload.text == "gone")
        stage.advance(seconds: 100)
        try watcher.expectNothing()
    }

    @Test("[MQTT-3.1.2-8] a session that ends before the delay has passed publishes the will", arguments: Wire.v5Clock)
    func delayedBeyondSession(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("will"))
        let client = try stage.connect("a") {
            $0.properties.sessionExpiryInterval = 5
            $0.will = Will(
                topic: stage.topic("will").bytes, properties: Properties { $0.willDelayInterval = 60 })
        }
        client.cut()
        stage.advance(seconds: 4)
        try watcher.expectNothing()
        stage.advance(seconds: 2)
        try watcher.expect(\.publish)
    }

    @Test("[MQTT-3.1.3-9] a client that is back before the delay has passed stops its will", arguments: Wire.v5Clock)
    func backInTime(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, watcher) = try cast(stage, .kept) { $0.properties.willDelayInterval = 10 }
        client.cut()
        stage.advance(seconds: 9)
        let again = try stage.connect("a", .kept)
        stage.advance(seconds: 100)
        try watcher.expectNothing()
        try again.expectNothing()
    }

    @Test("[MQTT-3.1.3-10] the User Properties of a will keep their order and their repeats", arguments: Wire.v5)
    func userProperties(wire: Wire) throws {
        let pairs = [
            UserProperty("z", "1"), UserProperty("a", "2"), UserProperty("z", "1"), UserProperty("", ""),
            UserProperty("a", "1"),
        ]
        let (client, watcher) = try cast(try Stage(wire)) { $0.properties.userProperties = pairs }
        client.cut()
        #expect(try watcher.expect(\.publish).properties.userProperties == pairs)
    }

    @Test("[MQTT-3.1.2-9] the properties of a will are those of its message", arguments: Wire.v5)
    func properties(wire: Wire) throws {
        let (client, watcher) = try cast(try Stage(wire)) {
            $0.properties.payloadFormatIndicator = 1
            $0.properties.contentType = "text/plain".bytes
            $0.properties.responseTopic = "answer".bytes
            $0.properties.correlationData = [0, 1, 2]
            $0.properties.messageExpiryInterval = 60
        }
        client.cut()
        let properties = try watcher.expect(\.publish).properties
        #expect(properties.payloadFormatIndicator == 1 && properties.contentType == "text/plain".bytes)
        #expect(properties.responseTopic == "answer".bytes && properties.correlationData == [0, 1, 2])
        #expect((59...60).contains(properties.messageExpiryInterval ?? 0))
    }
}
