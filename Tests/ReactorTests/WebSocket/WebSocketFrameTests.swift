import Testing

@testable import Reactor

private struct Violation: CustomTestStringConvertible {
    var name: String
    var frames: [UInt8]
    var code: UInt16
    var testDescription: String { name }
}

@Suite struct WebSocketFrameTests {
    static let sizes = [0, 1, 3, 125, 126, 127, 1000, 65_535, 65_536, 70_001]

    @Test(arguments: sizes) func `a frame of any size arrives unmasked, in pieces of any size`(size: Int) {
        let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for pieces in size > 2000 ? [4096, 65_537, .max] : [1, 2, 3, 5, 13, 4096, .max] {
            let bench = FilterBench.openWebSocket()
            bench.receive(ClientFrame.binary(payload) + ClientFrame.binary([0xEE]), inPiecesOf: pieces)
            #expect(bench.plain == payload + [0xEE])
        }
    }

    /// A protocol whose packets say their length in two bytes.
    private static let framed = PacketLength("framed") { bytes in
        bytes.count < 2 ? nil : Int(bytes[0]) << 8 | Int(bytes[1])
    }

    private static func packet(_ size: Int) -> [UInt8] {
        [UInt8(size >> 8), UInt8(size & 0xFF)] + [UInt8](repeating: 0x5A, count: size - 2)
    }

    @Test(arguments: [1, 2, 3, 100, .max]) func `each packet goes out as one frame, however it is written`(
        pieces: Int
    ) {
        let bench = FilterBench.openWebSocket(Self.framed)
        let packets = [2, 3, 125, 126, 60_000, 2].map { Self.packet($0) }
        let written = packets.flatMap { $0 }
        for start in stride(from: 0, to: written.count, by: min(pieces, written.count)) {
            bench.write(Array(written[start..<min(start + min(pieces, written.count), written.count)]))
        }
        #expect(bench.wire == packets.flatMap { ClientFrame(opcode: 2, payload: $0, isMasked: false).bytes })
    }

    @Test func `a pong waits for the end of the frame that is being written`() {
        let bench = FilterBench.openWebSocket(Self.framed)
        let packet = Self.packet(100)
        bench.write(Array(packet.prefix(40)))
        bench.receive(ClientFrame.ping([1]))
        bench.write(Array(packet.dropFirst(40)))
        let frame = ClientFrame(opcode: 2, payload: packet, isMasked: false).bytes
        #expect(bench.wire == frame + ClientFrame(opcode: 10, payload: [1], isMasked: false).bytes)
    }

    @Test(arguments: sizes.dropFirst()) func `what is written is one binary frame without a mask`(size: Int) {
        let bench = FilterBench.openWebSocket()
        let payload = [UInt8](repeating: 0xA5, count: size)
        bench.write(payload)
        let expected = ClientFrame(opcode: 2, payload: payload, isMasked: false).bytes
        #expect(bench.wire == expected)
    }

    @Test
    func `packets span frames, frames carry many packets and fragments make messages [MQTT-6.0.0-2][v3 MQTT-6.0.0-2]`()
    {
        let packet: [UInt8] = [0x30, 0x05, 0x00, 0x01, 0x61, 0x31, 0x32]
        let stream = packet + packet + packet
        for cut in 1..<stream.count {
            let bench = FilterBench.openWebSocket()
            let frames =
                ClientFrame.binary(Array(stream[..<cut]), isFinal: false) + ClientFrame.ping([9])
                + ClientFrame.continuation([], isFinal: false) + ClientFrame.continuation(Array(stream[cut...]))
            bench.receive(frames, inPiecesOf: 1)
            #expect(bench.plain == stream)
            #expect(bench.wire == [0x8A, 1, 9], "a ping between fragments is answered at once")
        }
    }

    @Test func `a pong follows what was written before, and carries what the ping did`() {
        let bench = FilterBench.openWebSocket()
        bench.write([1])
        bench.receive(ClientFrame.ping(Array("hello".utf8)), inPiecesOf: 1)
        bench.write([2])
        #expect(bench.wire == [0x82, 1, 1, 0x8A, 5] + Array("hello".utf8) + [0x82, 1, 2])
    }

    @Test func `who pings without reading gets one pong, the last, when it reads again`() {
        let bench = FilterBench.openWebSocket()
        bench.filter.isBacklogged = true
        for number in 0..<1000 { bench.receive(ClientFrame.ping([UInt8(truncatingIfNeeded: number)])) }
        #expect(bench.wire.isEmpty)
        bench.filter.isBacklogged = false
        bench.receive(ClientFrame(opcode: 10).bytes)
        #expect(bench.wire == [0x8A, 1, UInt8(truncatingIfNeeded: 999)])
    }

    @Test(arguments: [
        Violation(
            name: "text [MQTT-6.0.0-1][v3 MQTT-6.0.0-1]", frames: ClientFrame(opcode: 1, payload: [0x61]).bytes,
            code: 1003),
        Violation(name: "no mask", frames: ClientFrame(opcode: 2, payload: [1], isMasked: false).bytes, code: 1002),
        Violation(name: "reserved bit", frames: ClientFrame(opcode: 2, payload: [1], reserved: 0x40).bytes, code: 1002),
        Violation(name: "unknown opcode", frames: ClientFrame(opcode: 3).bytes, code: 1002),
        Violation(name: "unknown control", frames: ClientFrame(opcode: 11).bytes, code: 1002),
        Violation(name: "continuation of nothing", frames: ClientFrame.continuation([1]), code: 1002),
        Violation(
            name: "a message inside a message",
            frames: ClientFrame.binary([1], isFinal: false) + ClientFrame.binary([2]), code: 1002),
        Violation(name: "fragmented ping", frames: ClientFrame(opcode: 9, isFinal: false).bytes, code: 1002),
        Violation(
            name: "long ping", frames: ClientFrame(opcode: 9, payload: [UInt8](repeating: 0, count: 126)).bytes,
            code: 1002),
        Violation(
            name: "length in a longer form than needed",
            frames: ClientFrame(opcode: 2, payload: [1], lengthForm: 126).bytes,
            code: 1002),
        Violation(
            name: "eight bytes of length for little",
            frames: ClientFrame(opcode: 2, payload: [UInt8](repeating: 0, count: 300), lengthForm: 127).bytes,
            code: 1002),
        Violation(
            name: "a length with its top bit set", frames: [0x82, 0xFF, 0x80] + [UInt8](repeating: 0, count: 11),
            code: 1002),
        Violation(name: "close of one byte", frames: ClientFrame(opcode: 8, payload: [3]).bytes, code: 1002),
        Violation(name: "close with 1005", frames: ClientFrame.close(1005), code: 1002),
        Violation(name: "close with 999", frames: ClientFrame.close(999), code: 1002),
        Violation(name: "close reason that is not UTF-8", frames: ClientFrame.close(1000, [0xFF]), code: 1007),
    ]) private func `what breaks the rules is closed with its code, after the bytes before it`(violation: Violation) {
        for size in [1, 3, .max] {
            let bench = FilterBench.openWebSocket()
            bench.receive(ClientFrame.binary([7]) + violation.frames, inPiecesOf: size)
            #expect(bench.plain.first == 7)
            #expect(bench.failure == FilterFailure.webSocket(violation.code))
            #expect(bench.wire == [0x88, 2, UInt8(violation.code >> 8), UInt8(violation.code & 0xFF)])
        }
    }

    @Test(arguments: [([] as [UInt8], [0x88, 0] as [UInt8]), ([0x03, 0xE8, 0x62], [0x88, 2, 0x03, 0xE8])])
    func `a close is answered with its code, and nothing after it is heard`(payload: [UInt8], answer: [UInt8]) {
        let bench = FilterBench.openWebSocket()
        bench.receive(ClientFrame(opcode: 8, payload: payload).bytes + ClientFrame.binary([1]))
        #expect(bench.hasEnded)
        #expect(bench.plain.isEmpty)
        #expect(bench.wire == answer)
        bench.finish()
        #expect(bench.wire == answer, "one close is enough")
    }

    @Test func `the broker's own farewell is a normal close`() {
        let bench = FilterBench.openWebSocket()
        bench.finish()
        #expect(bench.wire == [0x88, 2, 0x03, 0xE8])
    }

    @Test func `random bytes never trap and never grow what is kept`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let bench = FilterBench.openWebSocket()
            let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
            bench.receive(bytes, inPiecesOf: Int.random(in: 1...9, using: &random))
            #expect(bench.plain.count <= bytes.count)
        }
    }
}
