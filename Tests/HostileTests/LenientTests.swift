import BrokerCore
import MQTTCodec
import Testing

/// What a listener with `strictness: lenient` forgives, and what no listener does.
@Suite struct LenientTests {
    private struct Report: Equatable {
        let fault: ToleratedFault
        let words: String
    }

    private static func reports(_ bench: HostileBench) -> [Report] {
        bench.events.compactMap {
            if case .tolerated(_, _, let fault, let words) = $0 { Report(fault: fault, words: words) } else { nil }
        }
    }

    private static func count(_ bench: HostileBench, _ fault: ToleratedFault) -> UInt64 {
        bench.broker.shards[0].counters.tolerated[Int(fault.rawValue)]
    }

    /// The one fault that was forgiven, once in the log and `count` times in the counters.
    private func expect(
        _ bench: HostileBench, _ fault: ToleratedFault, _ statement: String, count: UInt64 = 1,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let reports = Self.reports(bench)
        #expect(reports.map(\.fault) == [fault], sourceLocation: location)
        #expect(reports.first?.words.contains(statement) == true, "\(reports)", sourceLocation: location)
        #expect(Self.count(bench, fault) == count, sourceLocation: location)
    }

    @Test("Receive Maximum ignored: taken, counted each time, logged once [MQTT-3.3.4-7]")
    func receiveMaximum() {
        let bench = HostileBench(lenient: true) { $0.receiveMaximum = 2 }
        let line = bench.online(.v5_0)
        for packetID in UInt16(1)...5 {
            line.send(.publish(Publish(topic: [0x74], qos: 2, packetID: packetID)), .v5_0)
            #expect(line.takeOutput().first == 0x50)
        }
        expect(bench, .receiveMaximumExceeded, "[MQTT-3.3.4-7]", count: 3)
    }

    @Test(
        "Reserved flags of every packet but CONNECT and PUBLISH are not looked at", arguments: ProtocolVersion.allCases)
    func reservedFlags(version: ProtocolVersion) {
        let bench = HostileBench(lenient: true)
        for packet in ClientPackets.later(version) where ![3, 15].contains(packet.firstByte >> 4) {
            let good = bench.online(version, "good")
            good.send(packet.bytes)
            let expected = (good.takeOutput(), good.isClosed)
            for bit in 0..<4 {
                let line = bench.online(version, "bad")
                line.send([packet.firstByte ^ 1 << UInt8(bit)] + packet.bytes.dropFirst())
                #expect(line.takeOutput() == expected.0 && line.isClosed == expected.1, "\(packet), bit \(bit)")
                line.drop()
            }
            good.drop()
        }
        let reports = Self.reports(bench)
        #expect(!reports.isEmpty && reports.allSatisfy { $0.fault == .reservedFlags && namesAStatement($0.words) })
        #expect(Self.count(bench, .reservedFlags) == UInt64(reports.count))
    }

    @Test("DUP beside QoS 0 counts as not set [MQTT-3.3.1-2]", arguments: ProtocolVersion.allCases)
    func duplicate(version: ProtocolVersion) {
        let bench = HostileBench(lenient: true)
        let good = GoodClient(bench, version)
        let line = bench.online(version)
        let message = Packet.publish(Publish(topic: Array("alive".utf8), payload: [9])).encode(version: version)
        line.send([0x38] + message.dropFirst())
        #expect(good.line.takeOutput() == message)
        #expect(line.isAlive())
        expect(bench, .duplicateFlagOnQoS0, "[MQTT-3.3.1-2]")
    }

    @Test("Will QoS and Will Retain without a will mean nothing", arguments: ProtocolVersion.allCases)
    func willFlags(version: ProtocolVersion) {
        for flags in [0x0A, 0x22] as [UInt8] {
            let bench = HostileBench(lenient: true)
            let line = bench.open()
            line.send(FirstPacketTests.connect(version.rawValue, flags: flags, [0, 1, 0x63]))
            #expect(line.isAlive())
            expect(bench, .willFlagsWithoutWill, "[MQTT-3.1.2-1")
        }
    }

    @Test("A password of 3.1.1 without a user name is handed on [v3 MQTT-3.1.2-22]")
    func password() {
        let bench = HostileBench(lenient: true)
        let line = bench.open()
        line.send(FirstPacketTests.connect(4, flags: 0x42, [0, 1, 0x63, 0, 1, 0x70]))
        #expect(line.isAlive())
        expect(bench, .passwordWithoutUserName, "[MQTT-3.1.2-22]")
    }

    @Test("A 3.1.1 client without an identifier gets a clean session [v3 MQTT-3.1.3-8]")
    func noIdentifier() {
        let bench = HostileBench(lenient: true)
        let line = bench.open()
        line.send(FirstPacketTests.connect(4, flags: 0))
        #expect(line.takeOutput() == [0x20, 2, 0, 0])
        #expect(line.isAlive())
        expect(bench, .noClientIdentifier, "[MQTT-3.1.3-8]")
        #expect(bench.sessions() == 1)
        line.drop()
        #expect(bench.sessions() == 0, "nothing is kept")
    }

    @Test("An empty filter is refused alone [MQTT-4.7.3-1]", arguments: ProtocolVersion.allCases)
    func emptyFilter(version: ProtocolVersion) {
        let bench = HostileBench(lenient: true)
        let line = bench.online(version)
        let properties: [UInt8] = version == .v5_0 ? [0] : []
        line.send(WirePacket.frame(0x82, [0, 1] + properties + [0, 0, 1, 0, 1, 0x74, 1]))
        #expect(line.takeOutput().suffix(2) == (version == .v5_0 ? [0x8F, 1] : [0x80, 1]))
        line.send(WirePacket.frame(0xA2, [0, 2] + properties + [0, 0, 0, 1, 0x74]))
        #expect(line.takeOutput().suffix(2) == (version == .v5_0 ? [0x8F, 0] : [0, 2]))
        expect(bench, .emptyTopicFilter, "[MQTT-4.7.3-1]", count: 2)
    }

    @Test("An expiry raised in DISCONNECT is as if not said: the session ends")
    func expiry() {
        let bench = HostileBench(lenient: true)
        let line = bench.online(.v5_0)
        line.send([0xE0, 7, 0, 5, 0x11, 0, 0, 0, 9])
        #expect(bench.lastCause == .clientDisconnect)
        #expect(bench.sessions() == 0)
        expect(bench, .sessionExpiryRaised, "MQTT-4.13.1-1]")
    }

    @Test("Two faults in one packet are both forgiven, and a third one is not")
    func several() {
        let bench = HostileBench(lenient: true)
        let line = bench.online(.v5_0)
        line.send(WirePacket.frame(0x80, [0, 1, 0, 0, 0, 1]))
        #expect(line.takeOutput() == [0x90, 4, 0, 1, 0, 0x8F])
        #expect(Set(Self.reports(bench).map(\.fault)) == [.reservedFlags, .emptyTopicFilter])
        line.send(WirePacket.frame(0x80, [0, 1, 0, 0, 0, 3]))
        #expect(reasonCode(line.takeOutput()) == 0x82)
        let other = bench.online(.v5_0)
        other.send(WirePacket.frame(0x82, [0, 1, 0, 0, 0, 1, 0, 1, 0xFF, 0]))
        #expect(reasonCode(other.takeOutput()) == 0x81)
    }

    @Test("Everything else ends the connection as on a strict listener", arguments: ViolationTests.version5)
    func stillStrict(fault: ViolationTests.Fault) {
        let forgiven = ["empty filter", "DISCONNECT that raises"]
        guard !forgiven.contains(where: { fault.testDescription.hasPrefix($0) }) else { return }
        let bench = HostileBench(lenient: true)
        let line = bench.online(.v5_0)
        line.send(fault.bytes)
        #expect(line.isClosed && reasonCode(line.takeOutput()) == fault.code)
        #expect(Self.reports(bench).isEmpty)
    }

    @Test("A strict listener forgives nothing and counts nothing")
    func strict() {
        let bench = HostileBench { $0.receiveMaximum = 1 }
        let faults: [[UInt8]] = [
            [0x80, 7, 0, 1, 0, 0, 1, 0x74, 0], [0x38, 4, 0, 1, 0x74, 0], [0xE0, 7, 0, 5, 0x11, 0, 0, 0, 9],
        ]
        for bytes in faults {
            let line = bench.online(.v5_0)
            line.send(bytes)
            #expect(line.isClosed && reasonCode(line.takeOutput()) != nil)
        }
        #expect(Self.reports(bench).isEmpty)
        #expect(bench.broker.shards[0].counters.tolerated.allSatisfy { $0 == 0 })
    }
}
