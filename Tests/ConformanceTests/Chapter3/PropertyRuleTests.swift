import MQTTCodec
import Testing

/// One property as bytes, which is in order.
struct PropertySample: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: [UInt8]

    init(_ name: String, _ bytes: UInt8...) { (testDescription, self.bytes) = (name, bytes) }

    static let ofConnect = [
        PropertySample("Session Expiry Interval", 0x11, 0, 0, 0, 9), PropertySample("Receive Maximum", 0x21, 0, 9),
        PropertySample("Maximum Packet Size", 0x27, 0, 1, 0, 0), PropertySample("Topic Alias Maximum", 0x22, 0, 9),
        PropertySample("Request Response Information", 0x19, 1),
        PropertySample("Request Problem Information", 0x17, 1),
        PropertySample("Authentication Method", 0x15, 0, 1, 0x78),
    ]
    static let ofMessage = [
        PropertySample("Payload Format Indicator", 0x01, 1),
        PropertySample("Message Expiry Interval", 0x02, 0, 0, 0, 9),
        PropertySample("Content Type", 0x03, 0, 1, 0x78), PropertySample("Response Topic", 0x08, 0, 1, 0x78),
        PropertySample("Correlation Data", 0x09, 0, 1, 0),
    ]
    static let topicAlias = PropertySample("Topic Alias", 0x23, 0, 1)
    static let willDelay = PropertySample("Will Delay Interval", 0x18, 0, 0, 0, 9)
    static let userProperty = PropertySample("User Property", 0x26, 0, 1, 0x61, 0, 1, 0x62)
    static let authenticationData = PropertySample("Authentication Data", 0x16, 0, 1, 0x78)
    /// Those that only a Server sends.
    static let ofServer = [
        PropertySample("Assigned Client Identifier", 0x12, 0, 1, 0x78), PropertySample("Server Keep Alive", 0x13, 0, 9),
        PropertySample("Response Information", 0x1A, 0, 1, 0x78), PropertySample("Server Reference", 0x1C, 0, 1, 0x78),
        PropertySample("Reason String", 0x1F, 0, 1, 0x78), PropertySample("Maximum QoS", 0x24, 1),
        PropertySample("Retain Available", 0x25, 1), PropertySample("Wildcard Subscription Available", 0x28, 1),
        PropertySample("Subscription Identifier Available", 0x29, 1),
        PropertySample("Shared Subscription Available", 0x2A, 1),
    ]
}

/// Sections 2.2.2, 3.1.2.11, 3.1.3.2 and 3.3.2.3 of 5.0: which properties a client may send, how often, and with what
/// values.
@Suite struct PropertyRuleTests {
    private func connect(_ stage: Stage, _ properties: [UInt8]) -> [UInt8] {
        frame(
            0x10, "MQTT".bytes.prefixed, [5, 2, 0, 0], [UInt8(properties.count)], properties,
            stage.clientID("a").bytes.prefixed)
    }

    private func will(_ stage: Stage, _ properties: [UInt8]) -> [UInt8] {
        stage.connectFrame(
            flags: 0x06, payload: stage.clientID("a").bytes.prefixed, [UInt8(properties.count)], properties,
            stage.topic("will").bytes.prefixed, [0, 0])
    }

    private func publish(_ stage: Stage, _ properties: [UInt8]) -> [UInt8] {
        frame(0x30, stage.topic("t").bytes.prefixed, [UInt8(properties.count)], properties)
    }

    @Test(
        "[MQTT-3.1.4-1] a property that stands twice in CONNECT is a protocol error",
        arguments: Wire.v5, PropertySample.ofConnect)
    func twiceInConnect(wire: Wire, property: PropertySample) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: connect(stage, property.bytes + property.bytes), .protocolError)
    }

    @Test(
        "[MQTT-3.1.4-1] a property that stands twice in a will is a protocol error", arguments: Wire.v5,
        PropertySample.ofMessage + [.willDelay])
    func twiceInWill(wire: Wire, property: PropertySample) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: will(stage, property.bytes + property.bytes), .protocolError)
    }

    @Test(
        "a property that stands twice in PUBLISH is a protocol error", arguments: Wire.v5,
        PropertySample.ofMessage + [.topicAlias])
    func twiceInPublish(wire: Wire, property: PropertySample) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: publish(stage, property.bytes + property.bytes), .protocolError)
    }

    @Test(
        "[MQTT-3.1.4-1] each property of CONNECT is taken once, User Property as often as it comes",
        arguments: Wire.v5)
    func allInConnect(wire: Wire) throws {
        let stage = try Stage(wire)
        let properties =
            PropertySample.ofConnect.dropLast().flatMap(\.bytes)
            + PropertySample.userProperty.bytes + PropertySample.userProperty.bytes
        let client = try stage.open(sending: connect(stage, properties))
        #expect(try client.expect(\.connack).reason == .success)
    }

    @Test("[MQTT-3.1.4-1] values outside their range in CONNECT are a protocol error", arguments: Wire.v5)
    func rangesInConnect(wire: Wire) throws {
        let stage = try Stage(wire)
        for properties: [UInt8] in [
            [0x21, 0, 0], [0x27, 0, 0, 0, 0], [0x19, 2], [0x17, 2], PropertySample.authenticationData.bytes,
        ] {
            try stage.expectRejected(bytes: connect(stage, properties), .protocolError)
        }
        try stage.expectRejected(bytes: will(stage, [0x01, 2]), .protocolError)
        try stage.expectRejected(bytes: publish(stage, [0x01, 2]), .protocolError)
    }

    @Test(
        "[MQTT-3.1.4-1] a property that CONNECT cannot have makes it malformed", arguments: Wire.v5,
        PropertySample.ofMessage + [.topicAlias, .willDelay] + PropertySample.ofServer)
    func notInConnect(wire: Wire, property: PropertySample) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: connect(stage, property.bytes))
    }

    @Test(
        "a property that PUBLISH cannot have makes it malformed", arguments: Wire.v5,
        PropertySample.ofConnect + [.willDelay] + PropertySample.ofServer)
    func notInPublish(wire: Wire, property: PropertySample) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: publish(stage, property.bytes))
    }

    @Test(
        "an identifier of no property at all makes a packet malformed",
        arguments: Wire.v5, [0x00, 0x04, 0x2B, 0x7F] as [UInt8])
    func unknown(wire: Wire, identifier: UInt8) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: connect(stage, [identifier, 0]))
        try stage.expectRejected(bytes: publish(stage, [identifier, 0]))
    }

    @Test("[MQTT-2.2.2-1] a Property Length that does not fit its packet is malformed", arguments: Wire.v5)
    func length(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: frame(0x30, stage.topic("t").bytes.prefixed, [9], [0x01, 1]))
        try stage.expectRejected(bytes: frame(0x30, stage.topic("t").bytes.prefixed, [1], [0x01, 1]))
        try stage.expectRejected(bytes: frame(0x30, stage.topic("t").bytes.prefixed, [0xFF, 0xFF, 0xFF, 0xFF, 1]))
    }
}
