import MQTTCodec
import Testing

/// Looks for a packet at the start of these bytes.
func scan(_ bytes: [UInt8], maximumPacketSize: Int = .max, minimal: Bool = true) -> FrameScan {
    withExactBytes(bytes) { raw in
        guard let start = raw.baseAddress else { return .needMore(total: 0) }
        return FrameScan.scan(start, count: raw.count, maximumPacketSize: maximumPacketSize, minimal: minimal)
    }
}

@Suite struct FrameScanTests {
    /// Table 1-1: the first and the last value of each number of bytes.
    static let boundaries: [(value: Int, encoded: [UInt8])] = [
        (0, [0x00]), (1, [0x01]), (127, [0x7F]),
        (128, [0x80, 0x01]), (16_383, [0xFF, 0x7F]),
        (16_384, [0x80, 0x80, 0x01]), (2_097_151, [0xFF, 0xFF, 0x7F]),
        (2_097_152, [0x80, 0x80, 0x80, 0x01]), (268_435_455, [0xFF, 0xFF, 0xFF, 0x7F]),
    ]

    @Test(arguments: boundaries.map(\.value))
    func remainingLengthBoundariesAreRead(value: Int) throws {
        let encoded = try #require(Self.boundaries.first { $0.value == value }).encoded
        let bodyOffset = 1 + encoded.count
        let total = bodyOffset + value
        let expected: FrameScan =
            value == 0 ? .frame(length: total, bodyOffset: bodyOffset) : .needMore(total: total)
        #expect(scan([0x30] + encoded) == expected)
        #expect(scan([0x30] + encoded, maximumPacketSize: total) == expected)
        let tooLarge = DecodeError(.packetTooLarge, .remainingLength, at: 1, version: .v5_0, packet: .publish)
        #expect(scan([0x30] + encoded, maximumPacketSize: total - 1) == .malformed(tooLarge))
        #expect(tooLarge.reasonCode == .packetTooLarge)
    }

    @Test(arguments: boundaries.map(\.value))
    func variableByteIntegersAreWrittenInTheFewestBytes(value: Int) throws {
        let encoded = try #require(Self.boundaries.first { $0.value == value }).encoded
        var target: [UInt8] = [0xAA, 0xAA, 0xAA, 0xAA]
        let count = target.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { VariableByteInteger.write(value, to: $0) }
        }
        #expect(count == encoded.count)
        #expect(target == encoded + [UInt8](repeating: 0xAA, count: 4 - encoded.count))
        #expect(VariableByteInteger.size(value) == encoded.count)
    }

    @Test func anUnknownLengthAsksForMore() {
        #expect(scan([]) == .needMore(total: 0))
        #expect(scan([0x30]) == .needMore(total: 0))
        #expect(scan([0x30, 0x80]) == .needMore(total: 0))
        #expect(scan([0x30, 0x80, 0x80]) == .needMore(total: 0))
        #expect(scan([0x30, 0x80, 0x80, 0x80]) == .needMore(total: 0))
    }

    @Test func aFifthLengthByteIsRefused() {
        let error = DecodeError(.variableByteIntegerTooLong, .remainingLength, at: 1, version: .v5_0, packet: .publish)
        #expect(scan([0x30, 0x80, 0x80, 0x80, 0x80]) == .malformed(error))
        #expect(scan([0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], minimal: false) == .malformed(error))
    }

    @Test(arguments: [[0x80, 0x00], [0x80, 0x80, 0x00], [0xFF, 0x80, 0x80, 0x00]] as [[UInt8]])
    func aPaddedLengthIsRefusedWhereTheVersionDemandsTheFewestBytes(encoded: [UInt8]) {
        let error = DecodeError(
            .variableByteIntegerNotMinimal, .remainingLength, at: 1, version: .v5_0, packet: .publish)
        #expect(scan([0x30] + encoded) == .malformed(error))
        let value = Int(encoded[0] & 0x7F)
        let length = 1 + encoded.count + value
        let packet = [0x30] + encoded + [UInt8](repeating: 0, count: value)
        #expect(scan(packet, minimal: false) == .frame(length: length, bodyOffset: 1 + encoded.count))
    }

    @Test func bytesAfterThePacketDoNotMatter() {
        #expect(scan([0xC0, 0x00, 0xFF, 0xFF]) == .frame(length: 2, bodyOffset: 2))
    }

    @Test func aPacketIsTooLargeBeforeItHasArrived() {
        let error = DecodeError(.packetTooLarge, .remainingLength, at: 1, version: .v5_0, packet: .publish)
        #expect(scan([0x30, 0xFF, 0xFF, 0xFF, 0x7F], maximumPacketSize: 1_048_576) == .malformed(error))
        #expect(scan([0x30, 0x10], maximumPacketSize: 17) == .malformed(error))
    }
}
