import MQTTCodec
import Testing

/// SplitMix64: the same seed gives the same mutations on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Bytes in which the format has its turning points.
private let interesting: [UInt8] = [0x00, 0x01, 0x02, 0x04, 0x26, 0x7F, 0x80, 0xC0, 0xED, 0xF4, 0xFF]

private func mutate(_ packet: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = packet
    for _ in 0..<Int.random(in: 1...4, using: &random) {
        let position = Int.random(in: 0...bytes.count, using: &random)
        let byte =
            Bool.random(using: &random)
            ? interesting[Int.random(in: 0..<interesting.count, using: &random)]
            : UInt8.random(in: 0...255, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes.insert(byte, at: position)
        case 1 where position < bytes.count: bytes.remove(at: position)
        case 2 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 3: bytes += bytes[position...].prefix(20)
        default: if position < bytes.count { bytes[position] = byte }
        }
    }
    // Half the time the length is made right, so that the mutation reaches the fields behind it.
    if Bool.random(using: &random), bytes.count > 2, bytes.count < 16_000 {
        return frame(bytes[0], Array(bytes.dropFirst(2)))
    }
    return bytes
}

/// 100,000 mutations in all. A trap ends the test process; everything else is checked here.
@Suite struct MutationTests {
    @Test(arguments: UInt64(1)...10)
    func mutatedPacketsAreReadOrRefusedAndWhatIsReadSurvivesARoundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for number in 0..<10_000 {
            let entry = PacketCase.all[Int.random(in: 0..<PacketCase.all.count, using: &random)]
            let bytes = mutate(entry.bytes, &random)
            let version: ProtocolVersion = Bool.random(using: &random) ? .v5_0 : .v3_1_1
            let role: PacketRole = Bool.random(using: &random) ? .fromClient : .fromServer
            try check(bytes, version, role, "seed \(seed), mutation \(number)")
        }
    }

    private func check(
        _ bytes: [UInt8], _ version: ProtocolVersion, _ role: PacketRole, _ label: String
    ) throws {
        let packet: Packet
        do throws(DecodeError) {
            packet = try decode(bytes, version, role)
        } catch {
            if error.offset > bytes.count || error.description.isEmpty { Issue.record("\(label): \(error)") }
            checkPublish(bytes, version, role, expected: nil, label)
            return
        }
        let again = try decode(packet.encode(version: version), version, role)
        if again != packet { Issue.record("\(label): \(packet) became \(again)") }
        if case .publish(let publish) = packet { checkPublish(bytes, version, role, expected: publish, label) }
    }

    /// The offsets of the hot path and the values of the cold one must be of one mind.
    private func checkPublish(
        _ bytes: [UInt8], _ version: ProtocolVersion, _ role: PacketRole, expected: Publish?, _ label: String
    ) {
        guard bytes.first.map({ $0 >> 4 }) == 3, case .frame(bytes.count, _) = scan(bytes, minimal: version == .v5_0)
        else { return }
        let borrowed = try? BorrowedPublish.read(bytes, version, role)
        if (borrowed == nil) != (expected == nil) { Issue.record("\(label): the two readers disagree") }
        guard let borrowed, let expected else { return }
        let same =
            borrowed.header.payloadLength == expected.payload.count
            && borrowed.header.topicLength == expected.topic.count
            && borrowed.userProperties.count == expected.properties.userProperties.count
            && borrowed.forwardable.count == borrowed.properties.forwardableLength
        if !same { Issue.record("\(label): the two readers see different content") }
    }
}
