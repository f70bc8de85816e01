import MQTTCodec
import Testing

@testable import BrokerCore

/// CONNECT and its answer.
@Suite struct ConnectTests {
    @Test("A new session is not present, a resumed one is, a clean start ends it", arguments: Setting.all)
    func sessionPresent(_ setting: Setting) {
        // [MQTT-3.2.2-2, -3], [MQTT-3.1.2-4, -5, -6]
        let test = TestBroker(shards: setting.shards)
        let first = test.connect("c", setting.version, home: 1, expiry: 100)
        #expect(first.connack()?.sessionPresent == false)
        first.drop()
        let second = test.connect("c", setting.version, home: 1, cleanStart: false, expiry: 100)
        #expect(second.connack()?.sessionPresent == true)
        second.drop()
        let third = test.connect("c", setting.version, home: 1, cleanStart: true)
        #expect(third.connack()?.sessionPresent == false)
        third.drop()
        let fourth = test.connect("c", setting.version, home: 1, cleanStart: false, expiry: 100)
        #expect(fourth.connack()?.sessionPresent == false)
    }

    @Test("Session state survives with the session and ends with it [MQTT-3.1.2-23]", arguments: Setting.all)
    func stateLivesWithTheSession(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let first = test.connect("c", setting.version, home: 1, expiry: 100)
        first.subscribe("t", qos: 1)
        first.drop()
        let publisher = test.connect("p")
        publisher.publish("t", "kept", qos: 1)
        let second = test.connect("c", setting.version, home: 1, cleanStart: false, expiry: 100)
        #expect(second.takeAll().map(\.text) == ["kept"])
        second.drop()
        publisher.publish("t", "lost with the session", qos: 1)
        let third = test.connect("c", setting.version, home: 1, cleanStart: true)
        publisher.publish("t", "not subscribed any more", qos: 1)
        #expect(third.messages().isEmpty)
    }

    @Test(
        "An empty identifier gets one of the broker's, which CONNACK names [MQTT-3.1.3-6][MQTT-3.1.3-7]",
        arguments: [1, 3])
    func assignedIdentifier(shards: Int) throws {
        let test = TestBroker(shards: shards)
        var seen: Set<[UInt8]> = []
        for shard in 0..<6 {
            let client = test.connect("", shard: shard)
            let answer = try #require(client.connack())
            #expect(answer.reason == .success)
            seen.insert(try #require(answer.properties.assignedClientIdentifier))
            client.send(.pingreq)
            #expect(client.received() == [.pingresp])
        }
        #expect(seen.count == 6)
    }

    @Test("An identifier of the client's own is not assigned")
    func ownIdentifier() {
        #expect(TestBroker().connect("mine").connack()?.properties.assignedClientIdentifier == nil)
    }

    @Test("An empty identifier without Clean Session is refused with 0x02 [v3 MQTT-3.1.3-8]")
    func emptyIdentifierVersion3() {
        let test = TestBroker()
        let refused = test.connect("", .v3_1_1, expiry: 1)
        #expect(refused.connack()?.reason == .clientIdentifierNotValid)
        #expect(refused.isClosed)
        #expect(test.connect("", .v3_1_1).connack()?.reason == .success)
    }

    @Test("A protocol name that is not MQTT is refused [MQTT-3.1.2-1]")
    func protocolName() {
        let test = TestBroker()
        var bytes = Packet.connect(Connect(version: .v3_1_1, clientID: [0x63])).encode(version: .v3_1_1)
        bytes[4] = UInt8(ascii: "X")
        let client = test.open(.v3_1_1)
        client.send(bytes: bytes)
        #expect(client.isClosed)
    }

    @Test("An unknown level is answered in a form its client can read [MQTT-3.1.2-2]", arguments: [3, 6] as [UInt8])
    func protocolLevel(level: UInt8) {
        let test = TestBroker()
        let version: ProtocolVersion = level > 4 ? .v5_0 : .v3_1_1
        var bytes = Packet.connect(Connect(version: version, clientID: [0x63])).encode(version: version)
        bytes[8] = level
        let client = test.open(version)
        client.send(bytes: bytes)
        #expect(client.connack()?.reason == .unsupportedProtocolVersion)
        #expect(client.isClosed)
    }

    @Test("The first packet must be CONNECT [MQTT-3.1.0-1]", arguments: ProtocolVersion.allCases)
    func firstPacket(version: ProtocolVersion) {
        let test = TestBroker()
        let packets: [Packet] = [.pingreq, .publish(Publish(topic: [0x74])), .disconnect(Disconnect())]
        for packet in packets {
            let client = test.open(version)
            client.send(packet)
            #expect(client.isClosed)
            #expect(client.received().isEmpty)
        }
        #expect(test.refusals.count == packets.count)
    }

    @Test("The first byte is enough to know that a client does not speak MQTT [MQTT-3.1.0-1]")
    func firstByte() {
        let test = TestBroker()
        let client = test.open()
        client.send(bytes: Array("GET / HTTP/1.1".utf8.prefix(2)))
        #expect(client.isClosed)
        let slow = test.open()
        slow.send(bytes: [0x10])
        #expect(!slow.isClosed, "the first byte of a CONNECT")
    }

    @Test("A second CONNECT ends the connection [MQTT-3.1.0-2]", arguments: Setting.all)
    func secondConnect(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let client = test.connect("c", setting.version, home: 1)
        _ = client.received()
        client.send(.connect(Connect(version: setting.version, clientID: Array("c".utf8))))
        #expect(client.isClosed)
        #expect(client.disconnectReason() == (setting.version == .v5_0 ? .protocolError : nil))
    }

    @Test("A connection that never sends CONNECT is closed in time")
    func connectTimeout() {
        let test = TestBroker { $0.connectTimeout = 5_000_000_000 }
        let silent = test.open()
        let slow = test.open()
        slow.send(bytes: [0x10])
        test.advance(seconds: 4.9)
        #expect(!silent.isClosed && !slow.isClosed)
        test.advance(seconds: 0.2)
        #expect(silent.isClosed && slow.isClosed)
        #expect(silent.output.isEmpty)
    }

    @Test("CONNECT in time stops the clock", arguments: [1, 2])
    func connectInTime(shards: Int) {
        let test = TestBroker(shards: shards) { $0.connectTimeout = 5_000_000_000 }
        let client = test.connect("c", home: 1)
        test.advance(seconds: 60)
        #expect(!client.isClosed)
    }

    @Test("CONNACK announces every bound that is not the protocol's default")
    func announcements() throws {
        let test = TestBroker {
            $0.receiveMaximum = 17
            $0.maximumQoS = 1
            $0.retainAvailable = false
            $0.maximumPacketSize = 4096
            $0.maximumTopicAlias = 9
            $0.maximumSessionExpiry = 50
            $0.serverKeepAlive = 30
        }
        let answer = try #require(test.connect("c", expiry: 1000).connack()).properties
        #expect(answer.receiveMaximum == 17)
        #expect(answer.maximumQoS == 1)
        #expect(answer.retainAvailable == 0)
        #expect(answer.maximumPacketSize == 4096)
        #expect(answer.topicAliasMaximum == 9)
        #expect(answer.sessionExpiryInterval == 50)
        #expect(answer.serverKeepAlive == 30)
    }

    @Test("Who keeps to the Maximum Packet Size may send a full payload under any topic [MQTT-3.2.2-15]")
    func fullPayload() throws {
        let test = TestBroker()
        let reader = test.connect("reader")
        reader.subscribe("#")
        let client = test.connect("c")
        let announced = Int(try #require(client.connack()?.properties.maximumPacketSize))
        _ = reader.received()
        func packet(payload: Int, topic: Int) -> [UInt8] {
            let (topic, payload) = ([UInt8](repeating: 0x74, count: topic), [UInt8](repeating: 0x78, count: payload))
            return Packet.publish(Publish(topic: topic, payload: payload, qos: 0)).encode(version: .v5_0)
        }
        let full = packet(payload: 256 << 10, topic: 65_535)
        #expect(full.count <= announced)
        client.send(bytes: full)
        #expect(!client.isClosed && reader.messages().count == 1)
        client.send(bytes: packet(payload: 256 << 10 + 1, topic: 1))
        #expect(client.isClosed && client.disconnectReason() == .packetTooLarge)
        #expect(reader.messages().isEmpty)
    }

    @Test("A 3.1.1 CONNACK is four bytes, whatever is configured")
    func version3Answer() {
        let client = TestBroker { $0.serverKeepAlive = 30 }.connect("c", .v3_1_1)
        #expect(client.output == [0x20, 2, 0, 0])
    }

    @Test("A will beyond the broker's limits refuses CONNECT [MQTT-3.2.2-12][MQTT-3.2.2-13]", arguments: [0, 1, 2, 3])
    func willLimits(kind: Int) {
        let test = TestBroker {
            $0.maximumQoS = 1
            $0.retainAvailable = false
            $0.maximumPayloadSize = 10
        }
        var will = MQTTCodec.Will(topic: Array("w".utf8))
        let expected: ReasonCode
        switch kind {
        case 0: (will.qos, expected) = (2, .qosNotSupported)
        case 1: (will.retain, expected) = (true, .retainNotSupported)
        case 2: (will.payload, expected) = ([UInt8](repeating: 0, count: 11), .packetTooLarge)
        default: (will.topic, expected) = (Array("$SYS/w".utf8), .topicNameInvalid)
        }
        let client = test.connect("c") { $0.will = will }
        #expect(client.connack()?.reason == expected)
        #expect(client.isClosed)
        // None of these has a return code in 3.1.1: closed without CONNACK [MQTT-3.2.2-6 of 3.1.1].
        let old = test.connect("d", .v3_1_1) { $0.will = will }
        #expect(old.output.isEmpty && old.isClosed)
    }

    @Test("An authentication method nobody offers is refused with 0x8C [MQTT-4.12.0-1]")
    func authenticationMethod() {
        let client = TestBroker().connect("c") { $0.properties.authenticationMethod = Array("SCRAM".utf8) }
        #expect(client.connack()?.reason == .badAuthenticationMethod)
        #expect(client.isClosed)
    }

    @Test("A client that asks for no problem information gets no reason string in CONNACK's error")
    func problemInformation() throws {
        let test = TestBroker { $0.maximumQoS = 0 }
        let talkative = test.connect("a") { $0.will = .init(topic: [0x77], qos: 1) }
        #expect(talkative.connack()?.properties.reasonString != nil)
        let quiet = test.connect("b") {
            $0.will = .init(topic: [0x77], qos: 1)
            $0.properties.requestProblemInformation = 0
        }
        let answer = try #require(quiet.connack())
        #expect(answer.properties.reasonString == nil)
    }

    @Test("What is read together with CONNECT is not lost on the way to the home shard", arguments: [1, 2, 3])
    func packetsBehindConnect(shards: Int) {
        let test = TestBroker(shards: shards)
        for home in 0..<3 {
            let client = test.open(shard: 0)
            let name = test.clientID("pipelined\(home)", home: home)
            client.send(
                .connect(Connect(version: .v5_0, clientID: Array(name.utf8))),
                .subscribe(Subscribe(packetID: 1, subscriptions: [.init(filter: [0x74], qos: 1)])),
                .publish(Publish(topic: [0x74], payload: [0x21], qos: 1, packetID: 5)), .pingreq)
            let packets = client.received()
            #expect(packets.map(\.type) == [.connack, .suback, .publish, .puback, .pingresp])
            #expect(!client.isPaused)
        }
    }
}
