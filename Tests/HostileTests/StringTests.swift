import MQTTCodec
import Testing

/// Ill-formed UTF-8 in every string a Client sends (section 1.5.4).
@Suite struct StringTests {
    /// What no string may hold, by what is wrong with it.
    static let illFormed: [(String, [UInt8])] = [
        ("a stray continuation", [0x61, 0x80]), ("an overlong slash", [0xC0, 0xAF]),
        ("an overlong null", [0xC0, 0x80]), ("a surrogate", [0xED, 0xA0, 0x80]),
        ("the last surrogate", [0xED, 0xBF, 0xBF]), ("above U+10FFFF", [0xF4, 0x90, 0x80, 0x80]),
        ("a cut sequence", [0xE2, 0x82]), ("a byte that is never used", [0xFF]), ("the null character", [0x61, 0]),
        ("a fault after a long good part", Array(repeating: 0x61, count: 40) + [0xC1, 0x81]),
    ]

    private static func prefixed(_ text: [UInt8]) -> [UInt8] { [0, UInt8(text.count)] + text }

    /// Packets with `text` as one of their strings, and the statement for ill-formed UTF-8 there.
    private static func packets(_ text: [UInt8]) -> [(String, ProtocolVersion, [UInt8], String)] {
        let text = prefixed(text)
        let t: [UInt8] = [0, 1, 0x74]
        func publish(_ properties: [UInt8]) -> [UInt8] {
            WirePacket.frame(0x30, t + [UInt8(properties.count)] + properties)
        }
        func user(_ first: UInt8, _ head: [UInt8], _ tail: [UInt8] = []) -> [UInt8] {
            let pair = [0x26] + prefixed([0x6B]) + text
            return WirePacket.frame(first, head + [UInt8(pair.count)] + pair + tail)
        }
        return [
            ("topic", .v5_0, WirePacket.frame(0x30, text + [0]), "MQTT-3.3.2-1"),
            ("topic", .v3_1_1, WirePacket.frame(0x30, text), "MQTT-3.3.2-1"),
            ("filter", .v5_0, WirePacket.frame(0x82, [0, 1, 0] + text + [0]), "MQTT-3.8.3-1"),
            ("filter", .v3_1_1, WirePacket.frame(0x82, [0, 1] + text + [0]), "MQTT-3.8.3-1"),
            ("filter to leave", .v5_0, WirePacket.frame(0xA2, [0, 1, 0] + text), "MQTT-3.10.3-1"),
            ("filter to leave", .v3_1_1, WirePacket.frame(0xA2, [0, 1] + text), "MQTT-3.10.3-1"),
            ("Content Type", .v5_0, publish([0x03] + text), "MQTT-3.3.2-19"),
            ("Response Topic", .v5_0, publish([0x08] + text), "MQTT-3.3.2-13"),
            ("name of a User Property", .v5_0, publish([0x26] + text + prefixed([0x76])), "MQTT-1.5.7-1"),
            ("User Property of SUBSCRIBE", .v5_0, user(0x82, [0, 1], t + [0]), "MQTT-1.5.7-1"),
            ("User Property of UNSUBSCRIBE", .v5_0, user(0xA2, [0, 1], t), "MQTT-1.5.7-1"),
            ("User Property of PUBACK", .v5_0, user(0x40, [0, 1, 0]), "MQTT-1.5.7-1"),
            ("User Property of DISCONNECT", .v5_0, user(0xE0, [0]), "MQTT-1.5.7-1"),
            (
                "Reason String", .v5_0, WirePacket.frame(0xE0, [0, UInt8(text.count + 1), 0x1F] + text), "MQTT-1.5.4-1"
            ),
        ]
    }

    @Test("Each is a Malformed Packet, and the log names the rule of the string", arguments: illFormed)
    func refused(problem: String, text: [UInt8]) {
        let bench = HostileBench()
        let good = GoodClient(bench)
        for (name, version, bytes, statement) in Self.packets(text) {
            let line = bench.online(version)
            line.send(bytes)
            #expect(line.isClosed, "\(name), \(problem)")
            #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x81 : nil), "\(name), \(problem)")
            let null = version == .v5_0 ? "MQTT-1.5.4-2" : "MQTT-1.5.3-2"
            let expected = problem == "the null character" ? null : statement
            #expect(bench.lastWords.contains("[\(expected)]"), "\(name), \(problem): \(bench.lastWords)")
            line.drop()
        }
        #expect(good.noticedNothing())
    }

    @Test("Well-formed text at the edges of each length is taken [MQTT-1.5.4-3]")
    func taken() {
        let bench = HostileBench()
        for text in ["\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FEFF}", "\u{10FFFF}"] {
            for (name, version, bytes, _) in Self.packets(Array(text.utf8)) where !name.contains("DISCONNECT") {
                guard name != "Reason String" else { continue }
                let line = bench.online(version)
                line.send(bytes)
                #expect(line.isAlive(), "\(name), \(text.unicodeScalars.map(\.value))")
                line.drop()
            }
        }
    }
}
