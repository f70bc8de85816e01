import MQTTCodec
import Testing

/// What comes first on a connection and is not a good CONNECT.
@Suite struct FirstPacketTests {
    struct Fault: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        /// All that the broker answers before it closes.
        let answer: [UInt8]
        /// What the log says.
        let words: String

        init(_ name: String, _ bytes: [UInt8], answer: [UInt8] = [], _ words: String) {
            testDescription = name
            self.bytes = bytes
            self.answer = answer
            self.words = words
        }
    }

    /// A CONNECT of `name` and `level` with `flags`; `rest` follows the Keep Alive.
    static func connect(
        name: String = "MQTT", _ level: UInt8, flags: UInt8 = 2, properties: [UInt8] = [], _ rest: [UInt8] = [0, 0]
    ) -> [UInt8] {
        let block = level == 5 ? [UInt8(properties.count)] + properties : []
        let head = [0, UInt8(name.utf8.count)] + Array(name.utf8) + [level, flags, 0, 0]
        return WirePacket.frame(0x10, head + block + rest)
    }

    static let strangers = [
        Fault("type 0", [0x00, 0], "[MQTT-3.1.0-1]"),
        Fault("HTTP", Array("GET / HTTP/1.1\r\n\r\n".utf8), "[MQTT-3.1.0-1]"),
        Fault("one byte of PUBLISH", [0x30], "[MQTT-3.1.0-1]"),
        Fault("AUTH", [0xF0, 2, 0, 0], "[MQTT-3.1.0-1]"),
        Fault("SSH", Array("SSH-2.0-x\r\n".utf8), "[MQTT-3.1.0-1]"),
    ]

    static let names = [
        Fault(
            "another protocol", connect(name: "MQXX", 5), answer: [0x20, 3, 0, 0x84, 0],
            "the Protocol Name is not \"MQTT\", byte 2 of the packet [MQTT-3.1.2-1]"),
        Fault("small letters", connect(name: "mqtt", 5), answer: [0x20, 3, 0, 0x84, 0], "[MQTT-3.1.2-1]"),
        Fault("a longer name", connect(name: "MQTTT", 5), answer: [0x20, 3, 0, 0x84, 0], "[MQTT-3.1.2-1]"),
        Fault("MQTT 3.1", connect(name: "MQIsdp", 3), answer: [0x20, 2, 0, 1], "protocol version 3"),
        Fault(
            "the old name, a new level", connect(name: "MQIsdp", 4), answer: [0x20, 3, 0, 0x84, 0], "[MQTT-3.1.2-1]"),
        Fault("level 3", connect(3), answer: [0x20, 2, 0, 1], "[MQTT-3.1.2-2]"),
        Fault("level 0", connect(0), answer: [0x20, 2, 0, 1], "[MQTT-3.1.2-2]"),
        Fault("level 6", connect(6), answer: [0x20, 3, 0, 0x84, 0], "[MQTT-3.1.2-2]"),
        Fault("level 255", connect(255), answer: [0x20, 3, 0, 0x84, 0], "[MQTT-3.1.2-2]"),
    ]

    static let closedWithoutAWord = [
        Fault("Will QoS without a will", connect(4, flags: 0x0A), "[MQTT-3.1.2-13]"),
        Fault("Will Retain without a will", connect(4, flags: 0x22), "[MQTT-3.1.2-15]"),
        Fault("Will QoS 3", connect(4, flags: 0x1E), "[MQTT-3.1.2-14]"),
        Fault("password alone", connect(4, flags: 0x42, [0, 0, 0, 1, 0x70]), "[MQTT-3.1.2-22]"),
        Fault("user name that is not there", connect(4, flags: 0x82), "[MQTT-4.8.0-1]"),
        Fault("bytes after the end", connect(4, [0, 0, 0]), "[MQTT-4.8.0-1]"),
        Fault("Client Identifier of ill-formed UTF-8", connect(4, [0, 1, 0xFF]), "[MQTT-3.1.3-4]"),
        Fault("Client Identifier with U+0000", connect(4, [0, 1, 0]), "[MQTT-1.5.3-2]"),
        Fault("Will Topic with a wildcard", connect(4, flags: 6, [0, 0, 0, 1, 0x23, 0, 0]), "[MQTT-3.3.2-2]"),
        Fault("Will Topic of ill-formed UTF-8", connect(4, flags: 6, [0, 0, 0, 1, 0x80, 0, 0]), "[MQTT-3.1.3-10]"),
        Fault("user name of ill-formed UTF-8", connect(4, flags: 0x82, [0, 0, 0, 1, 0x80]), "[MQTT-3.1.3-11]"),
    ]

    /// Version 5.0: code of the CONNACK and the statement in the log.
    static let told: [(String, [UInt8], UInt8, String)] = [
        ("Will QoS without a will", connect(5, flags: 0x0A), 0x82, "[MQTT-3.1.2-11]"),
        ("Will Retain without a will", connect(5, flags: 0x22), 0x82, "[MQTT-3.1.2-13]"),
        ("Will QoS 3", connect(5, flags: 0x1E), 0x81, "[MQTT-3.1.2-12]"),
        ("bytes after the end", connect(5, [0, 0, 0]), 0x81, "[section 1.2 Malformed Packet, MQTT-4.13.1-1]"),
        ("Client Identifier of ill-formed UTF-8", connect(5, [0, 1, 0xFF]), 0x81, "[MQTT-3.1.3-4]"),
        ("Client Identifier with U+0000", connect(5, [0, 1, 0]), 0x81, "[MQTT-1.5.4-2]"),
        ("Will Topic of ill-formed UTF-8", connect(5, flags: 6, [0, 0, 0, 0, 1, 0x80, 0, 0]), 0x81, "[MQTT-3.1.3-11]"),
        ("Will Topic with a wildcard", connect(5, flags: 6, [0, 0, 0, 0, 1, 0x23, 0, 0]), 0x82, "[MQTT-3.3.2-2]"),
        ("Will Topic of no bytes", connect(5, flags: 6, [0, 0, 0, 0, 0, 0, 0]), 0x82, "[MQTT-4.7.3-1]"),
        ("user name of ill-formed UTF-8", connect(5, flags: 0x82, [0, 0, 0, 1, 0x80]), 0x81, "[MQTT-3.1.3-12]"),
        ("Receive Maximum 0", connect(5, properties: [0x21, 0, 0]), 0x82, "MQTT-4.13.1-1]"),
        ("Maximum Packet Size 0", connect(5, properties: [0x27, 0, 0, 0, 0]), 0x82, "MQTT-4.13.1-1]"),
        ("Request Problem Information 2", connect(5, properties: [0x17, 2]), 0x82, "MQTT-4.13.1-1]"),
        ("Request Response Information 2", connect(5, properties: [0x19, 2]), 0x82, "MQTT-4.13.1-1]"),
        ("Authentication Data alone", connect(5, properties: [0x16, 0, 1, 9]), 0x82, "MQTT-4.13.1-1]"),
        ("an unknown method", connect(5, properties: [0x15, 0, 1, 0x78]), 0x8C, "[MQTT-4.12.0-1]"),
    ]

    private func check(_ fault: Fault) {
        let bench = HostileBench()
        let good = GoodClient(bench)
        let line = bench.open()
        line.send(fault.bytes)
        #expect(line.isClosed)
        // The Reason String is checked elsewhere: what comes before it is the answer.
        let said = line.takeOutput()
        let shown = said.count > 5 ? Array([said[0], 3] + said[2...3] + [0]) : said
        #expect(shown == fault.answer, "\(said)")
        #expect(bench.lastWords.contains(fault.words), "\(bench.lastWords)")
        #expect(good.noticedNothing())
    }

    @Test("A stranger is closed without a word [MQTT-3.1.0-1]", arguments: strangers)
    func stranger(fault: Fault) { check(fault) }

    @Test("Every packet but CONNECT is too early [MQTT-3.1.0-1]", arguments: ProtocolVersion.allCases)
    func beforeConnect(version: ProtocolVersion) {
        for packet in ClientPackets.later(version) { check(Fault(packet.name, packet.bytes, "[MQTT-3.1.0-1]")) }
        for type in [0x20, 0x90, 0xB0, 0xD0] as [UInt8] { check(Fault("server", [type, 0], "[MQTT-3.1.0-1]")) }
    }

    @Test(
        "An unknown name or level is answered in the form its client can read [MQTT-3.1.2-1][MQTT-3.1.2-2]",
        arguments: names)
    func name(fault: Fault) { check(fault) }

    @Test(
        "What is wrong with a CONNECT of 3.1.1 ends it without a word [v3 MQTT-3.1.4-1]", arguments: closedWithoutAWord)
    func version3(fault: Fault) { check(fault) }

    @Test("What is wrong with a CONNECT of 5.0 is told by its code [MQTT-3.1.4-1][MQTT-4.13.1-1]")
    func version5() {
        for (name, bytes, code, words) in Self.told {
            let bench = HostileBench()
            let line = bench.open()
            line.send(bytes)
            #expect(line.isClosed, "\(name)")
            #expect(reasonCode(line.takeOutput()) == code, "\(name)")
            #expect(bench.lastWords.contains(words), "\(name): \(bench.lastWords)")
        }
    }

    @Test(
        "An empty Client Identifier that wants a session is refused with 0x02 [v3 MQTT-3.1.3-8][v3 MQTT-3.1.3-9]"
    )
    func noIdentifier() {
        check(Fault("", Self.connect(4, flags: 0), answer: [0x20, 2, 0, 2], "[MQTT-3.1.3-8]"))
    }

    @Test(
        "A CONNECT over the packet limit is refused by its length [MQTT-3.2.2-15]", arguments: ProtocolVersion.allCases)
    func tooLarge(version: ProtocolVersion) {
        let bench = HostileBench { $0.maximumPacketSize = 1000 }
        let line = bench.open()
        line.send([0x10, 0xFF, 0x7F, 0, 4] + Array("MQTT".utf8) + [version.rawValue])
        #expect(line.isClosed)
        #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x95 : nil))
        #expect(bench.lastWords.contains("[MQTT-"))
    }

    @Test(
        "Strangers send small packets only; who has logged in may send larger ones",
        arguments: ProtocolVersion.allCases)
    func largeConnect(version: ProtocolVersion) {
        let bench = HostileBench { $0.maximumConnectSize = 1000 }
        let line = bench.open()
        line.send([0x10, 0xFF, 0x7F, 0, 4] + Array("MQTT".utf8) + [version.rawValue])
        #expect(line.isClosed)
        #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x95 : nil))
        let known = bench.online(version)
        known.send(.publish(Publish(topic: [0x74], payload: [UInt8](repeating: 0, count: 2000))), version)
        #expect(!known.isClosed)
    }

    @Test("A connection that never says CONNECT, or only half of it, is ended in time (section 3.1.4)")
    func silent() {
        let bench = HostileBench { $0.connectTimeout = 3_000_000_000 }
        let (silent, half, good) = (bench.open(), bench.open(), GoodClient(bench))
        half.send([0x10, 20, 0, 4])
        bench.advance(seconds: 2)
        // A byte now and then gives no more time.
        half.send([0x4D])
        #expect(!silent.isClosed && !half.isClosed)
        bench.advance(seconds: 1.1)
        #expect(silent.isClosed && half.isClosed && silent.output.isEmpty)
        #expect(bench.lastCause == .connectTimeout && bench.lastWords.contains("3.1.4"))
        #expect(good.noticedNothing())
    }
}
