import BrokerCore
import MQTTCodec
import Testing

/// Packets that break a rule, from a client that is online.
@Suite struct ViolationTests {
    struct Fault: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let version: ProtocolVersion
        let bytes: [UInt8]
        /// Code of the DISCONNECT; of a 3.1.1 client nothing is said.
        let code: UInt8
        let words: String

        init(_ name: String, _ version: ProtocolVersion, _ bytes: [UInt8], _ words: String) {
            self.init(name, version, bytes, 0, words)
        }

        init(_ name: String, _ version: ProtocolVersion, _ bytes: [UInt8], _ code: UInt8, _ words: String) {
            testDescription = "\(name), MQTT \(version)"
            self.version = version
            self.bytes = bytes
            self.code = code
            self.words = words
        }
    }

    private static let letter: [UInt8] = [0, 1, 0x74]

    /// A PUBLISH of 5.0 to `t` with these properties.
    private static func publish(_ properties: [UInt8], topic: [UInt8] = letter) -> [UInt8] {
        WirePacket.frame(0x30, topic + [UInt8(properties.count)] + properties + [0x78])
    }

    static let version5: [Fault] = [
        .init("second CONNECT", .v5_0, ClientPackets.connect(.v5_0).bytes, 0x82, "[MQTT-3.1.0-2]"),
        .init("second CONNECT, malformed", .v5_0, [0x10, 2, 0, 9], 0x82, "[MQTT-3.1.0-2]"),
        .init("second CONNECT of 3.1.1", .v5_0, ClientPackets.connect(.v3_1_1).bytes, 0x82, "[MQTT-3.1.0-2]"),
        .init("type 0", .v5_0, [0x00, 0], 0x81, "[section 2.1.2, MQTT-4.13.1-1]"),
        .init("CONNACK", .v5_0, [0x20, 3, 0, 0, 0], 0x82, "[section 2.1.2, MQTT-4.13.1-1]"),
        .init("SUBACK", .v5_0, [0x90, 4, 0, 1, 0, 0], 0x82, "[section 2.1.2, MQTT-4.13.1-1]"),
        .init("UNSUBACK", .v5_0, [0xB0, 4, 0, 1, 0, 0], 0x82, "[section 2.1.2, MQTT-4.13.1-1]"),
        .init("PINGRESP", .v5_0, [0xD0, 0], 0x82, "[section 2.1.2, MQTT-4.13.1-1]"),
        .init("AUTH without a method", .v5_0, [0xF0, 2, 0x18, 0], 0x82, "MQTT-4.13.1-1]"),
        .init("AUTH nobody asked for", .v5_0, [0xF0, 6, 0x19, 4, 0x15, 0, 1, 0x78], 0x82, "[MQTT-4.12.0-7]"),
        .init("QoS 1 with identifier 0", .v5_0, [0x32, 6] + letter + [0, 0, 0], 0x82, "[MQTT-2.2.1-3]"),
        .init("QoS 2 with identifier 0", .v5_0, [0x34, 6] + letter + [0, 0, 0], 0x82, "[MQTT-2.2.1-3]"),
        .init("SUBSCRIBE with identifier 0", .v5_0, [0x82, 7, 0, 0, 0] + letter + [0], 0x82, "[MQTT-2.2.1-3]"),
        .init("UNSUBSCRIBE with identifier 0", .v5_0, [0xA2, 6, 0, 0, 0] + letter, 0x82, "[MQTT-2.2.1-3]"),
        .init("PUBACK with identifier 0", .v5_0, [0x40, 2, 0, 0], 0x82, "[MQTT-2.2.1-3]"),
        .init("PUBREL with identifier 0", .v5_0, [0x62, 2, 0, 0], 0x82, "[MQTT-2.2.1-3]"),
        .init("+ in the topic", .v5_0, publish([], topic: [0, 3, 0x61, 0x2F, 0x2B]), 0x82, "[MQTT-3.3.2-2]"),
        .init("# as the topic", .v5_0, publish([], topic: [0, 1, 0x23]), 0x82, "[MQTT-3.3.2-2]"),
        .init("no topic", .v5_0, publish([], topic: [0, 0]), 0x82, "[MQTT-4.7.3-1]"),
        .init("no topic and no alias", .v5_0, publish([1, 0], topic: [0, 0]), 0x82, "[MQTT-4.7.3-1]"),
        .init("alias 0", .v5_0, publish([0x23, 0, 0]), 0x94, "[MQTT-3.3.2-8]"),
        .init("alias over the maximum", .v5_0, publish([0x23, 0, 33]), 0x94, "[MQTT-3.3.2-9]"),
        .init("alias that has no topic", .v5_0, publish([0x23, 0, 5], topic: [0, 0]), 0x82, "MQTT-4.13.1-1]"),
        .init("Subscription Identifier in PUBLISH", .v5_0, publish([0x0B, 1]), 0x82, "[MQTT-3.3.4-6]"),
        .init("Payload Format Indicator 2", .v5_0, publish([0x01, 2]), 0x82, "MQTT-4.13.1-1]"),
        .init("Response Topic with #", .v5_0, publish([0x08, 0, 1, 0x23]), 0x82, "[MQTT-3.3.2-14]"),
        .init("unknown property", .v5_0, publish([0x7E, 0]), 0x81, "MQTT-4.13.1-1]"),
        .init("SUBSCRIBE to nothing", .v5_0, [0x82, 3, 0, 1, 0], 0x82, "[MQTT-3.8.3-2]"),
        .init("UNSUBSCRIBE from nothing", .v5_0, [0xA2, 3, 0, 1, 0], 0x82, "[MQTT-3.10.3-2]"),
        .init("empty filter", .v5_0, [0x82, 6, 0, 1, 0, 0, 0, 0], 0x82, "[MQTT-4.7.3-1]"),
        .init("empty filter in UNSUBSCRIBE", .v5_0, [0xA2, 5, 0, 1, 0, 0, 0], 0x82, "[MQTT-4.7.3-1]"),
        .init("SUBSCRIBE with QoS 3", .v5_0, [0x82, 7, 0, 1, 0] + letter + [3], 0x82, "MQTT-4.13.1-1]"),
        .init("Retain Handling 3", .v5_0, [0x82, 7, 0, 1, 0] + letter + [0x30], 0x82, "MQTT-4.13.1-1]"),
        .init("Subscription Identifier 0", .v5_0, [0x82, 9, 0, 1, 2, 0x0B, 0] + letter + [0], 0x82, "MQTT-4.13.1-1]"),
        .init(
            "Subscription Identifier of five bytes", .v5_0,
            [0x82, 13, 0, 1, 6, 0x0B, 0xFF, 0xFF, 0xFF, 0xFF, 1] + letter + [0], 0x81, "[MQTT-1.5.5-1]"),
        .init(
            "No Local on a shared subscription", .v5_0,
            WirePacket.frame(0x82, [0, 1, 0, 0, 10] + Array("$share/g/t".utf8) + [4]), 0x82, "[MQTT-3.8.3-4]"),
        .init("PINGREQ with a body", .v5_0, [0xC0, 1, 0], 0x81, "MQTT-4.13.1-1]"),
        .init("PUBACK with a code of its own", .v5_0, [0x40, 3, 0, 1, 0x55], 0x82, "[MQTT-3.4.2-1]"),
        .init("PUBREC with a code of its own", .v5_0, [0x50, 3, 0, 1, 0x55], 0x82, "[MQTT-3.5.2-1]"),
        .init("PUBREL with a code of its own", .v5_0, [0x62, 3, 0, 1, 0x55], 0x82, "[MQTT-3.6.2-1]"),
        .init("PUBCOMP with a code of its own", .v5_0, [0x70, 3, 0, 1, 0x55], 0x82, "[MQTT-3.7.2-1]"),
        .init("DISCONNECT with a server's code", .v5_0, [0xE0, 1, 0x8B], 0x82, "[MQTT-3.14.2-1]"),
        .init("DISCONNECT that raises the expiry", .v5_0, [0xE0, 7, 0, 5, 0x11, 0, 0, 0, 9], 0x82, "MQTT-4.13.1-1]"),
        .init("a packet over the limit", .v5_0, [0x30, 0xFF, 0xFF, 0x7F], 0x95, "[MQTT-3.2.2-15]"),
    ]

    static let version3: [Fault] = [
        .init("second CONNECT", .v3_1_1, ClientPackets.connect(.v3_1_1).bytes, "[MQTT-3.1.0-2]"),
        .init("type 0", .v3_1_1, [0x00, 0], "[section 2.2.1, MQTT-4.8.0-1]"),
        .init("type 15", .v3_1_1, [0xF0, 0], "[section 2.2.1, MQTT-4.8.0-1]"),
        .init("CONNACK", .v3_1_1, [0x20, 2, 0, 0], "[section 2.2.1, MQTT-4.8.0-1]"),
        .init("SUBACK", .v3_1_1, [0x90, 3, 0, 1, 0], "[section 2.2.1, MQTT-4.8.0-1]"),
        .init("PINGRESP", .v3_1_1, [0xD0, 0], "[section 2.2.1, MQTT-4.8.0-1]"),
        .init("QoS 1 with identifier 0", .v3_1_1, [0x32, 5] + letter + [0, 0], "[MQTT-2.3.1-1]"),
        .init("SUBSCRIBE with identifier 0", .v3_1_1, [0x82, 6, 0, 0] + letter + [0], "[MQTT-2.3.1-1]"),
        .init("UNSUBSCRIBE with identifier 0", .v3_1_1, [0xA2, 5, 0, 0] + letter, "[MQTT-2.3.1-1]"),
        .init("PUBREC with identifier 0", .v3_1_1, [0x50, 2, 0, 0], "[MQTT-2.3.1-1]"),
        .init("# in the topic", .v3_1_1, [0x30, 5, 0, 3, 0x61, 0x2F, 0x23], "[MQTT-3.3.2-2]"),
        .init("no topic", .v3_1_1, [0x30, 2, 0, 0], "[MQTT-4.7.3-1]"),
        .init("SUBSCRIBE to nothing", .v3_1_1, [0x82, 2, 0, 1], "[MQTT-3.8.3-3]"),
        .init("UNSUBSCRIBE from nothing", .v3_1_1, [0xA2, 2, 0, 1], "[MQTT-3.10.3-2]"),
        .init("empty filter", .v3_1_1, [0x82, 5, 0, 1, 0, 0, 0], "[MQTT-4.7.3-1]"),
        .init("SUBSCRIBE with QoS 3", .v3_1_1, [0x82, 6, 0, 1] + letter + [3], "[MQTT-3-8.3-4]"),
        .init("PUBACK with a reason code", .v3_1_1, [0x40, 3, 0, 1, 0], "[MQTT-4.8.0-1]"),
        .init("DISCONNECT with a body", .v3_1_1, [0xE0, 1, 0], "[MQTT-4.8.0-1]"),
        .init("PINGREQ with a body", .v3_1_1, [0xC0, 1, 0], "[MQTT-4.8.0-1]"),
        .init("a packet over the limit", .v3_1_1, [0x30, 0xFF, 0xFF, 0x7F], "[MQTT-4.8.0-1]"),
    ]

    @Test("Each is answered with its code, logged with its statement, and noticed by nobody else", arguments: version5)
    func told(fault: Fault) {
        let bench = HostileBench()
        let good = GoodClient(bench)
        let line = bench.online(.v5_0)
        line.send(fault.bytes)
        #expect(line.isClosed)
        let said = line.takeOutput()
        #expect(reasonCode(said) == fault.code, "\(said)")
        #expect(bench.lastWords.contains(fault.words), "\(bench.lastWords)")
        #expect(good.noticedNothing())
    }

    @Test("A client of 3.1.1 is closed without a word [v3 MQTT-4.8.0-1]", arguments: version3)
    func closed(fault: Fault) {
        let bench = HostileBench()
        let good = GoodClient(bench, .v3_1_1)
        let line = bench.online(.v3_1_1)
        line.send(fault.bytes)
        #expect(line.isClosed && line.output.isEmpty)
        #expect(bench.lastWords.contains(fault.words), "\(bench.lastWords)")
        #expect(good.noticedNothing())
    }

    @Test("What follows a violation in the same bytes is not looked at", arguments: ProtocolVersion.allCases)
    func nothingAfter(version: ProtocolVersion) {
        let bench = HostileBench()
        let good = GoodClient(bench, version)
        let line = bench.online(version)
        let message = Packet.publish(Publish(topic: Array("alive".utf8))).encode(version: version)
        line.send([0xC1, 0] + message)
        #expect(line.isClosed)
        #expect(good.noticedNothing())
    }

    @Test("Acknowledgements nobody waits for are ignored or answered, never fatal [MQTT-4.3.3-4]")
    func strayAcks() {
        let bench = HostileBench()
        let line = bench.online(.v5_0)
        line.send([0x40, 2, 0, 99, 0x70, 2, 0, 99])
        #expect(line.takeOutput().isEmpty)
        line.send([0x62, 2, 0, 99])
        #expect(line.takeOutput() == [0x70, 3, 0, 99, 0x92])
        line.send([0x50, 2, 0, 99])
        #expect(line.takeOutput() == [0x62, 3, 0, 99, 0x92])
        #expect(line.isAlive())
    }

    static let badFilters: [(String, String)] = [
        ("a/#/b", "[MQTT-4.7.1-1]"), ("a#", "[MQTT-4.7.1-1]"), ("a+/b", "[MQTT-4.7.1-2]"), ("+a", "[MQTT-4.7.1-2]"),
        ("$share/", "[MQTT-4.8.2-1]"), ("$share//t", "[MQTT-4.8.2-1]"), ("$share/g", "[MQTT-4.8.2-2]"),
        ("$share/g/", "[MQTT-4.8.2-2]"), ("$share/+/t", "[MQTT-4.8.2-2]"), ("$share/g#/t", "[MQTT-4.8.2-2]"),
        ("$share/g/a#", "[MQTT-4.7.1-1]"),
    ]

    @Test(
        "A filter that breaks the grammar is refused alone: 0x8F, 0x80 of 3.1.1, with the statement in the log",
        arguments: badFilters)
    func filters(filter: String, statement: String) {
        for version in ProtocolVersion.allCases {
            let bench = HostileBench()
            let line = bench.online(version)
            let entries = [filter, "fine"].map { Subscription(filter: Array($0.utf8), qos: 1) }
            line.send(.subscribe(Subscribe(packetID: 3, subscriptions: entries)), version)
            #expect(line.takeOutput().suffix(2) == (version == .v5_0 ? [0x8F, 1] : [0x80, 1]))
            let rules = bench.events.compactMap {
                if case .subscribeDenied(_, _, _, let rule) = $0 { rule } else { nil }
            }
            #expect(rules.count == 1 && rules[0].contains(statement), "\(rules)")
            line.send(
                .unsubscribe(Unsubscribe(packetID: 4, filters: [Array(filter.utf8), Array("fine".utf8)])), version)
            #expect(line.takeOutput().suffix(2) == (version == .v5_0 ? [0x8F, 0] : [0, 4]))
            #expect(line.isAlive())
        }
    }
}
