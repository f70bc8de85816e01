import MQTTCodec
import Testing

/// Reads packets out of a stream that arrives in pieces, the way a connection does.
private func readStream(
    _ stream: [UInt8], in pieces: some Sequence<Int>, _ version: ProtocolVersion, _ role: PacketRole
) throws -> [Packet] {
    var packets: [Packet] = []
    var buffer: [UInt8] = []
    var sent = 0
    for size in pieces {
        buffer += stream[sent..<min(sent + size, stream.count)]
        sent = min(sent + size, stream.count)
        reading: while true {
            switch scan(buffer, minimal: version == .v5_0) {
            case .frame(let length, _):
                packets.append(try decode(Array(buffer[..<length]), version, role))
                buffer.removeFirst(length)
            case .needMore(let total):
                #expect(total == 0 || total > buffer.count)
                break reading
            case .malformed(let error): throw error
            }
        }
    }
    #expect(buffer.isEmpty)
    return packets
}

@Suite struct StreamTests {
    @Test(arguments: PacketCase.accepted)
    func everyTruncationOfAPacketAsksForMore(entry: PacketCase) throws {
        let minimal = entry.packet?.encodedVersion(default: entry.version) == .v5_0
        for count in 0..<entry.bytes.count {
            let prefix = Array(entry.bytes[..<count])
            guard case .needMore(let total) = scan(prefix, minimal: minimal) else {
                Issue.record("\(count) of \(entry.bytes.count) bytes did not ask for more")
                continue
            }
            #expect(total == 0 || total == entry.bytes.count)
            let error = try #require(decodeError(prefix, entry.version, entry.role))
            #expect(error.kind == .truncated)
        }
    }

    /// The body is cut and the Remaining Length says so: the packet is complete, its fields are not.
    @Test(arguments: PacketCase.accepted)
    func aBodyCutAnywhereIsReadOrRefusedWithAnOffsetInsideIt(entry: PacketCase) throws {
        guard case .frame(_, let bodyOffset) = scan(entry.bytes, minimal: false) else { return }
        let body = Array(entry.bytes[bodyOffset...])
        for count in 0..<body.count {
            let packet = frame(entry.bytes[0], Array(body[..<count]))
            if let error = decodeError(packet, entry.version, entry.role) {
                #expect(error.offset <= packet.count, "\(error)")
            }
        }
    }

    @Test(arguments: PacketCase.accepted)
    func aPacketSplitAnywhereIsReadOnce(entry: PacketCase) throws {
        guard entry.isShortest else { return }
        for cut in 0...entry.bytes.count {
            let packets = try readStream(
                entry.bytes, in: [cut, entry.bytes.count - cut], entry.version, entry.role)
            #expect(packets == [entry.packet])
        }
    }

    @Test(
        arguments: ProtocolVersion.allCases.flatMap { version in PacketRole.allCases.map { (version, $0) } },
        [1, 2, 3, 5, 7, 16, 100, 1000, 1_000_000])
    func packetsJoinedInOneStreamAreReadInOrder(side: (ProtocolVersion, PacketRole), piece: Int) throws {
        let (version, role) = side
        let entries = PacketCase.accepted.filter { $0.version == version && $0.role == role && $0.isShortest }
        let stream = entries.flatMap(\.bytes)
        let pieces = repeatElement(piece, count: stream.count / piece + 1)
        let packets = try readStream(stream, in: pieces, version, role)
        #expect(packets == entries.compactMap(\.packet))
    }

    @Test func aWriterCollectsPacketsOneAfterTheOther() {
        let entries = PacketCase.accepted.filter { $0.version == .v5_0 && $0.isShortest }
        var writer = ByteWriter()
        for entry in entries { entry.packet?.encode(into: &writer, version: .v5_0) }
        #expect(writer.bytes == entries.flatMap(\.bytes))
        writer.removeAll()
        #expect(writer.bytes.isEmpty)
    }
}

extension Packet {
    /// A CONNECT is in the version it names.
    func encodedVersion(default version: ProtocolVersion) -> ProtocolVersion {
        if case .connect(let connect) = self { connect.version } else { version }
    }
}
