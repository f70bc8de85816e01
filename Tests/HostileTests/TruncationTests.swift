import MQTTCodec
import Testing

/// Packets that are cut, or come in pieces.
@Suite struct TruncationTests {
    @Test(
        "A packet that stops arriving at any byte is waited for, and its end with the connection harms nobody",
        arguments: ProtocolVersion.allCases)
    func cutStream(version: ProtocolVersion) {
        let bench = HostileBench()
        let good = GoodClient(bench, version)
        for packet in ClientPackets.later(version) + [ClientPackets.connect(version)] {
            for count in 1..<packet.bytes.count {
                let line = packet.name == "CONNECT" ? bench.open() : bench.online(version)
                line.send(Array(packet.bytes.prefix(count)))
                #expect(!line.isClosed && line.output.isEmpty, "\(packet), \(count) bytes")
                line.drop()
            }
            #expect(good.noticedNothing(), "\(packet)")
        }
    }

    @Test(
        "A packet that is short at any byte and says so is refused with its code and statement [MQTT-4.13.1-1]",
        arguments: ProtocolVersion.allCases)
    func shortPackets(version: ProtocolVersion) {
        let bench = HostileBench()
        let good = GoodClient(bench, version)
        for packet in ClientPackets.later(version) {
            for count in 0..<packet.body.count where !packet.otherEnds.contains(count) {
                let line = bench.online(version)
                line.send(WirePacket.frame(packet.firstByte, Array(packet.body.prefix(count))))
                let place = "\(packet), \(count) bytes of \(packet.body.count)"
                #expect(line.isClosed, "\(place)")
                let said = line.takeOutput()
                if version == .v5_0 {
                    #expect([0x81, 0x82].contains(reasonCode(said)), "\(place): \(said)")
                } else {
                    #expect(said.isEmpty, "\(place): \(said)")
                }
                #expect(namesAStatement(bench.lastWords), "\(place): \(bench.lastWords)")
                line.drop()
            }
            #expect(good.noticedNothing(), "\(packet)")
        }
    }

    @Test(
        "A packet that may end earlier is taken at each of its ends", arguments: ProtocolVersion.allCases)
    func otherEnds(version: ProtocolVersion) {
        let bench = HostileBench()
        for packet in ClientPackets.later(version) where packet.name != "DISCONNECT" {
            for count in packet.otherEnds {
                let line = bench.online(version)
                line.send(WirePacket.frame(packet.firstByte, Array(packet.body.prefix(count))))
                #expect(line.isAlive(), "\(packet), \(count) bytes: \(bench.lastWords)")
                line.drop()
            }
        }
    }

    @Test(
        "A short CONNECT is refused: with 0x81 as soon as it has named MQTT 5.0, else without a word",
        arguments: ProtocolVersion.allCases)
    func shortConnect(version: ProtocolVersion) {
        let bench = HostileBench()
        let packet = ClientPackets.connect(version)
        for count in 0..<packet.body.count {
            let line = bench.open()
            line.send(WirePacket.frame(0x10, Array(packet.body.prefix(count))))
            #expect(line.isClosed, "\(count) bytes")
            let said = line.takeOutput()
            let isAnswered = version == .v5_0 && count >= 7
            #expect(isAnswered ? reasonCode(said) == 0x81 : said.isEmpty, "\(said)")
            #expect(namesAStatement(bench.lastWords), "\(count) bytes: \(bench.lastWords)")
            line.drop()
        }
    }

    @Test("Bytes that come one at a time are the same packets", arguments: ProtocolVersion.allCases)
    func dribbled(version: ProtocolVersion) {
        let bench = HostileBench()
        for packet in ClientPackets.later(version) {
            let whole = bench.online(version, "whole")
            whole.send(packet.bytes)
            let expected = (whole.takeOutput(), whole.isClosed)
            whole.drop()
            let slow = bench.online(version, "slow")
            for byte in packet.bytes { slow.send([byte]) }
            #expect(slow.takeOutput() == expected.0, "\(packet)")
            #expect(slow.isClosed == expected.1, "\(packet)")
            slow.drop()
        }
    }
}
