import MQTTCodec
import Testing

/// Where a UTF-8 Encoded String stands in what a client may send.
enum StringField: CaseIterable, Sendable {
    case clientID, willTopic, userName, topicName, topicFilter, unsubscribedFilter
    case contentType, responseTopic, userPropertyName, userPropertyValue, willContentType, willResponseTopic
    case authenticationMethod, disconnectReason

    /// 3.1.1 has the fields without properties.
    static func fields(of version: ProtocolVersion) -> [StringField] {
        version == .v5_0 ? allCases : [.clientID, .willTopic, .userName, .topicName, .topicFilter, .unsubscribedFilter]
    }

    /// A packet that is in order but for this string.
    func packet(_ string: [UInt8], _ stage: Stage) -> Packet {
        let topic = stage.topic("t").bytes
        switch self {
        case .clientID: return .connect(stage.connectPacket { $0.clientID = string })
        case .willTopic: return .connect(stage.connectPacket { $0.will = Will(topic: string) })
        case .userName: return .connect(stage.connectPacket { $0.userName = string })
        case .topicName: return .publish(Publish(topic: string))
        case .topicFilter:
            return .subscribe(Subscribe(packetID: 1, subscriptions: [MQTTCodec.Subscription(filter: string)]))
        case .unsubscribedFilter: return .unsubscribe(Unsubscribe(packetID: 1, filters: [string]))
        case .contentType: return publish(topic) { $0.contentType = string }
        case .responseTopic: return publish(topic) { $0.responseTopic = string }
        case .userPropertyName: return publish(topic) { $0.userProperties = [UserProperty(name: string, value: [])] }
        case .userPropertyValue: return publish(topic) { $0.userProperties = [UserProperty(name: [], value: string)] }
        case .willContentType: return will(stage, topic) { $0.contentType = string }
        case .willResponseTopic: return will(stage, topic) { $0.responseTopic = string }
        case .authenticationMethod:
            return .connect(stage.connectPacket { $0.properties.authenticationMethod = string })
        case .disconnectReason: return .disconnect(Disconnect(properties: Properties { $0.reasonString = string }))
        }
    }

    private func publish(_ topic: [UInt8], _ configure: (inout Properties) -> Void) -> Packet {
        .publish(Publish(topic: topic, properties: Properties(configure)))
    }

    private func will(_ stage: Stage, _ topic: [UInt8], _ configure: (inout Properties) -> Void) -> Packet {
        .connect(stage.connectPacket { $0.will = Will(topic: topic, properties: Properties(configure)) })
    }
}

/// Section 1.5.3 of 3.1.1, 1.5.4 and 1.5.7 of 5.0: UTF-8 Encoded Strings.
@Suite struct StringTests {
    static let places = Wire.all.flatMap { wire in StringField.fields(of: wire.version).map { (wire, $0) } }

    /// Surrogates, an overlong form, a byte that never occurs, a character cut short, one above U+10FFFF.
    static let illFormed: [[UInt8]] = [
        [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xC1, 0xBF], [0xFF], [0xE2, 0x82], [0xF4, 0x90, 0x80, 0x80],
    ]

    @Test(
        "[MQTT-1.5.4-1] [v3 MQTT-1.5.3-1] ill-formed UTF-8 in any string closes the connection",
        arguments: places)
    func illFormedString(wire: Wire, field: StringField) throws {
        let stage = try Stage(wire)
        for characters in Self.illFormed {
            try stage.expectRejected(field.packet("a".bytes + characters, stage))
        }
    }

    @Test(
        "[MQTT-1.5.4-2] [v3 MQTT-1.5.3-2] U+0000 in any string closes the connection",
        arguments: places)
    func nullCharacter(wire: Wire, field: StringField) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(field.packet("a\0b".bytes, stage))
    }

    @Test(
        "[MQTT-1.5.4-3] [v3 MQTT-1.5.3-3] the bytes EF BB BF are a character like any other and stay where they are",
        arguments: Wire.all)
    func byteOrderMark(wire: Wire) throws {
        let stage = try Stage(wire)
        let marked = "\u{FEFF}" + stage.topic("t")
        let (plain, exact) = (try stage.connect("plain"), try stage.connect("exact"))
        try plain.subscribe(stage.topic("t"))
        try exact.subscribe(marked)
        try stage.connect("publisher").publish(marked)
        #expect(try exact.expect(\.publish).topic == [0xEF, 0xBB, 0xBF] + stage.topic("t").bytes)
        try plain.expectNothing()
    }

    @Test("[MQTT-1.5.7-1] both strings of a pair are UTF-8 Encoded Strings", arguments: Wire.v5)
    func stringPairs(wire: Wire) throws {
        let stage = try Stage(wire)
        for field in [StringField.userPropertyName, .userPropertyValue] {
            try stage.expectRejected(field.packet([0xFF], stage))
            try stage.expectRejected(field.packet([0], stage))
        }
        let client = try stage.connect()
        let pair = UserProperty("Größe", "40 €")
        try client.subscribe(stage.topic("t"))
        let properties = Properties { $0.userProperties = [pair] }
        client.send(.publish(Publish(topic: stage.topic("t").bytes, properties: properties)))
        #expect(try client.expect(\.publish).properties.userProperties == [pair])
    }
}
