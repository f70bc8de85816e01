import MQTTCodec
import Testing

/// Length fields that say what is not so.
@Suite struct LengthFieldTests {
    /// Sends a packet on a connection of its own. Nil: it was taken; else what was said before the end.
    private func outcome(_ bench: HostileBench, _ packet: WirePacket, _ body: [UInt8]) -> [UInt8]? {
        let isConnect = packet.name == "CONNECT"
        let line = isConnect ? bench.open() : bench.online(packet.version)
        line.send(WirePacket.frame(packet.firstByte, body))
        defer { line.drop() }
        return line.isClosed && bench.lastCause != .clientDisconnect ? line.takeOutput() : nil
    }

    @Test("A length that runs past the end of its packet is refused, wherever it stands")
    func tooLong() {
        let bench = HostileBench()
        let good = GoodClient(bench)
        for version in ProtocolVersion.allCases {
            for packet in ClientPackets.later(version) + [ClientPackets.connect(version)] {
                for field in packet.lengths {
                    var body = packet.body
                    for index in 0..<field.width { body[field.offset + index] = field.width == 1 ? 0x7F : 0xFF }
                    let place = "\(packet), byte \(field.offset)"
                    let said = outcome(bench, packet, body)
                    #expect(said != nil, "\(place)")
                    #expect(namesAStatement(bench.lastWords), "\(place): \(bench.lastWords)")
                    if version == .v5_0, let said {
                        // A Protocol Name of 65,535 bytes: nobody knows the version yet.
                        let isName = packet.name == "CONNECT" && field.offset == 0
                        #expect(isName ? said.isEmpty : reasonCode(said) == 0x81, "\(place): \(said)")
                    }
                }
            }
        }
        #expect(good.noticedNothing())
    }

    @Test("A length that is one off, or 0, is read as it stands or refused by a statement", arguments: [-1, 1, 0])
    func oneOff(change: Int) {
        let bench = HostileBench()
        let good = GoodClient(bench)
        for version in ProtocolVersion.allCases {
            for packet in ClientPackets.later(version) + [ClientPackets.connect(version)] {
                for field in packet.lengths {
                    var body = packet.body
                    let place = field.offset + field.width - 1
                    body[place] = change == 0 ? 0 : UInt8(truncatingIfNeeded: Int(body[place]) + change)
                    let isReadable: Bool
                    do throws(DecodeError) {
                        let bytes = WirePacket.frame(packet.firstByte, body)
                        _ = try Packet.decode(bytes, version: version, role: .fromClient)
                        isReadable = packet.name != "AUTH"
                    } catch {
                        isReadable = false
                    }
                    let said = outcome(bench, packet, body)
                    if isReadable { continue }
                    #expect(said != nil, "\(packet), byte \(field.offset)")
                    #expect(namesAStatement(bench.lastWords), "\(packet), byte \(field.offset): \(bench.lastWords)")
                }
            }
        }
        #expect(good.noticedNothing())
    }

    @Test("A Remaining Length of five bytes ends the connection [MQTT-1.5.5-1]", arguments: ProtocolVersion.allCases)
    func fiveBytes(version: ProtocolVersion) {
        let bench = HostileBench()
        for first in [0x30, 0x40, 0x82, 0xC0] as [UInt8] {
            let line = bench.online(version)
            line.send([first, 0xFF, 0xFF, 0xFF, 0xFF])
            #expect(line.isClosed)
            #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x81 : nil))
            #expect(bench.lastWords.contains(version == .v5_0 ? "[MQTT-1.5.5-1]" : "[section 2.2.3, MQTT-4.8.0-1]"))
        }
        for first in [0x10, 0x30] as [UInt8] {
            let line = bench.open()
            line.send([first, 0xFF, 0xFF, 0xFF, 0xFF])
            #expect(line.isClosed && line.output.isEmpty, "nobody knows the version yet")
            #expect(bench.lastWords.contains(first == 0x10 ? "[MQTT-1.5.5-1]" : "[MQTT-3.1.0-1]"))
        }
    }

    @Test("A Remaining Length in more bytes than needed: refused in 5.0 [MQTT-1.5.5-1], allowed in 3.1.1")
    func notMinimal() {
        let bench = HostileBench()
        let strict = bench.online(.v5_0)
        strict.send([0xC0, 0x80, 0x00])
        #expect(strict.isClosed && reasonCode(strict.takeOutput()) == 0x81)
        #expect(bench.lastWords.contains("[MQTT-1.5.5-1]"))
        let old = bench.open()
        old.send([0x10, 0x8D, 0x80, 0x00] + [0, 4] + Array("MQTT".utf8) + [4, 2, 0, 0, 0, 1, 0x63])
        #expect(old.takeOutput() == [0x20, 2, 0, 0])
        old.send([0xC0, 0x80, 0x80, 0x00])
        #expect(old.takeOutput() == [0xD0, 0])
        old.send([0x30, 0x84, 0x80, 0x00, 0, 1, 0x74, 0x78, 0x40, 0x82, 0x00, 0, 9])
        #expect(old.isAlive())
        let reader = bench.online(.v3_1_1, "reader")
        reader.send([0x82, 6, 0, 1, 0, 1, 0x74, 0])
        reader.output = []
        old.send([0x30, 0x84, 0x80, 0x00, 0, 1, 0x74, 0x78])
        #expect(reader.takeOutput() == [0x30, 4, 0, 1, 0x74, 0x78], "what is sent on is in the shortest form")
        let late = bench.open()
        late.send([0x10, 0x8E, 0x80, 0x00] + [0, 4] + Array("MQTT".utf8) + [5, 2, 0, 0, 0, 0, 1, 0x63])
        #expect(late.isClosed && reasonCode(late.takeOutput()) == 0x81)
    }
}
