import MQTTCodec
import Testing

/// Bits that are reserved, one at a time.
@Suite struct ReservedBitTests {
    /// The statement that fixes the flags of a packet type.
    private static func statement(_ type: UInt8, _ version: ProtocolVersion) -> String {
        switch type {
        case 6: "[MQTT-3.6.1-1]"
        case 8: "[MQTT-3.8.1-1]"
        case 10: "[MQTT-3.10.1-1]"
        case 14: "[MQTT-3.14.1-1]"
        case 15: version == .v5_0 ? "[MQTT-3.15.1-1]" : "[section 2.2.1, MQTT-4.8.0-1]"
        default: version == .v5_0 ? "[MQTT-2.1.3-1]" : "[MQTT-2.2.2-2]"
        }
    }

    @Test(
        "Each wrong bit of the fixed header ends the connection, with the first byte [MQTT-2.1.3-1]",
        arguments: ProtocolVersion.allCases)
    func fixedHeader(version: ProtocolVersion) {
        let bench = HostileBench()
        let good = GoodClient(bench, version)
        for packet in ClientPackets.later(version) where packet.firstByte >> 4 != 3 {
            for bit in 0..<4 {
                let first = packet.firstByte ^ 1 << UInt8(bit)
                for bytes in [[first] + Array(packet.bytes.dropFirst()), [first]] {
                    let line = bench.online(version)
                    line.send(bytes)
                    let place = "\(packet), bit \(bit), \(bytes.count) bytes"
                    #expect(line.isClosed, "\(place)")
                    #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x81 : nil), "\(place)")
                    let expected = Self.statement(packet.firstByte >> 4, version)
                    #expect(bench.lastWords.contains(expected), "\(place): \(bench.lastWords)")
                    line.drop()
                }
            }
        }
        #expect(good.noticedNothing())
    }

    @Test("Each wrong bit in the fixed header of CONNECT", arguments: ProtocolVersion.allCases)
    func connectHeader(version: ProtocolVersion) {
        let bench = HostileBench()
        for bit in 0..<4 {
            let line = bench.open()
            line.send([0x10 | 1 << UInt8(bit)] + ClientPackets.connect(version).bytes.dropFirst())
            #expect(line.isClosed)
            #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x81 : nil))
            #expect(bench.lastWords.contains(Self.statement(1, version)))
        }
    }

    @Test("The reserved bit of the Connect Flags [MQTT-3.1.2-3]", arguments: ProtocolVersion.allCases)
    func connectFlags(version: ProtocolVersion) {
        let bench = HostileBench()
        let packet = ClientPackets.connect(version)
        var body = packet.body
        body[7] |= 1
        let line = bench.open()
        line.send(WirePacket.frame(0x10, body))
        #expect(line.isClosed)
        #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x81 : nil))
        #expect(bench.lastWords.contains("[MQTT-3.1.2-3]"))
    }

    @Test("The reserved bits of the Subscription Options [MQTT-3.8.3-5][v3 MQTT-3-8.3-4]")
    func subscriptionOptions() {
        let bench = HostileBench()
        for (version, bits) in [(ProtocolVersion.v5_0, 6..<8), (.v3_1_1, 2..<8)] {
            for bit in bits {
                let line = bench.online(version)
                let properties: [UInt8] = version == .v5_0 ? [0] : []
                line.send(WirePacket.frame(0x82, [0, 1] + properties + [0, 1, 0x74, 1 << UInt8(bit)]))
                #expect(line.isClosed, "\(version), bit \(bit)")
                #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x81 : nil))
                #expect(bench.lastWords.contains(version == .v5_0 ? "[MQTT-3.8.3-5]" : "[MQTT-3-8.3-4]"))
            }
        }
    }

    @Test("QoS 3 and DUP beside QoS 0, as soon as the first byte is there [MQTT-3.3.1-4][MQTT-3.3.1-2]")
    func publishFlags() {
        let bench = HostileBench()
        for (first, statement) in [(0x36, "[MQTT-3.3.1-4]"), (0x3E, "[MQTT-3.3.1-4]"), (0x38, "[MQTT-3.3.1-2]")] {
            for version in ProtocolVersion.allCases {
                for tail in [[], Array(ClientPackets.publish(version, qos: 1).bytes.dropFirst())] {
                    let line = bench.online(version)
                    line.send([UInt8(first)] + tail)
                    #expect(line.isClosed)
                    #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x81 : nil))
                    #expect(bench.lastWords.contains(statement))
                }
            }
        }
    }
}
