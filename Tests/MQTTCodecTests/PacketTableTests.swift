import MQTTCodec
import Testing

@Suite struct PacketTableTests {
    @Test(arguments: PacketCase.all)
    func decodesToTheValueOrTheErrorOfTheTable(entry: PacketCase) {
        let result = Result { () throws(DecodeError) in try decode(entry.bytes, entry.version, entry.role) }
        switch (entry.expectation, result) {
        case (.packet(let expected), .success(let packet)):
            #expect(packet == expected)
            #expect(packet.type == PacketType(firstByte: entry.bytes[0]))
        case (.error(let kind, let offset, let reason), .failure(let error)):
            #expect(error.kind == kind)
            #expect(error.offset == offset)
            #expect(error.reasonCode == reason)
            #expect(error.version == entry.version)
            if kind != .reservedPacketType {
                #expect(error.packet == entry.bytes.first.flatMap { PacketType(firstByte: $0) })
            }
        default:
            Issue.record("expected \(entry.expectation), got \(result)")
        }
    }

    /// The reader of one packet type is public too: it must not trust its caller with the type.
    @Test(arguments: PacketCase.accepted)
    func theReaderOfAnotherTypeRefusesThePacket(entry: PacketCase) throws {
        let type = try #require(entry.packet?.type)
        let kind = withExactBytes(entry.bytes) { raw -> DecodeError.Kind? in
            do throws(DecodeError) {
                if type == .suback {
                    _ = try ConnAck.decode(frame: raw, version: entry.version)
                } else {
                    _ = try SubAck.decode(frame: raw, version: entry.version)
                }
                return nil
            } catch {
                return error.kind
            }
        }
        #expect(kind == .unexpectedPacket)
    }

    @Test func aPacketInAnArrayIsReadAsWell() throws {
        #expect(try Packet.decode([0xC0, 0], version: .v5_0, role: .fromClient) == .pingreq)
        #expect(throws: DecodeError(.truncated, .fixedHeader, at: 0, version: .v3_1_1, packet: .connack)) {
            try ConnAck.decode(frame: UnsafeRawBufferPointer(start: nil, count: 0), version: .v3_1_1)
        }
    }

    @Test(arguments: PacketCase.accepted)
    func encodesToTheBytesOfTheTable(entry: PacketCase) throws {
        let packet = try #require(entry.packet)
        let bytes = packet.encode(version: entry.version)
        if entry.isShortest { #expect(bytes == entry.bytes) }
        #expect(bytes.count <= entry.bytes.count)
        #expect(try decode(bytes, entry.version, entry.role) == packet)
    }

    /// A name is a test's address: no two cases may share one.
    @Test func namesAreUniqueWithinVersionAndRole() {
        let grouped = Dictionary(grouping: PacketCase.all) { "\($0.description) \($0.bytes.first ?? 0)" }
        let repeated = grouped.filter { $0.value.count > 1 }.keys.sorted()
        #expect(repeated.isEmpty)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func everyPacketTypeIsAcceptedSomewhereInTheTable(version: ProtocolVersion) {
        let types = Set(PacketCase.accepted.filter { $0.version == version }.compactMap { $0.packet?.type })
        let missing = PacketType.allCases.filter { !types.contains($0) }
        #expect(missing == (version == .v5_0 ? [] : [.auth]))
    }
}
