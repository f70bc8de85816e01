import MQTTCodec
import Testing

/// Section 1.5.5 of 5.0.
@Suite struct VariableByteIntegerTests {
    @Test("[MQTT-1.5.5-1] a Remaining Length with a byte too many is malformed", arguments: Wire.v5)
    func remainingLength(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: [0xC0, 0x80, 0x00])
        try stage.expectRejected(bytes: [0x30, 0x84, 0x80, 0x00] + "t".bytes.prefixed + [0])
        let connect = stage.connectFrame(payload: "a".bytes.prefixed)
        try stage.expectRejected(bytes: [0x10, 0x80 | connect[1], 0x00] + connect[2...])
    }

    @Test("[MQTT-1.5.5-1] a Property Length with a byte too many is malformed", arguments: Wire.v5)
    func propertyLength(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: frame(0x30, "t".bytes.prefixed, [0x80, 0x00]))
        try stage.expectRejected(bytes: frame(0x82, [0, 1], [0x80, 0x80, 0x00], "t".bytes.prefixed, [0]))
    }

    @Test("[MQTT-1.5.5-1] a Subscription Identifier with a byte too many is malformed", arguments: Wire.v5)
    func subscriptionIdentifier(wire: Wire) throws {
        let stage = try Stage(wire)
        try stage.expectRejected(bytes: frame(0x82, [0, 1], [3, 0x0B, 0x85, 0x00], "t".bytes.prefixed, [0]))
    }

    @Test(
        "[MQTT-1.5.5-1] the broker's own lengths take as few bytes as they can", arguments: Wire.v5,
        [(127, 1), (128, 2), (16_383, 2), (16_384, 3)])
    func ownLengths(wire: Wire, size: (remaining: Int, bytes: Int)) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let topic = stage.topic("t")
        try client.subscribe(topic)
        let payload = String(repeating: "x", count: size.remaining - topic.utf8.count - 3)
        client.send(.publish(Publish(topic: topic.bytes, payload: payload.bytes)))
        #expect(try client.expect(\.publish).payload.count == payload.utf8.count)
        #expect(client.lastFrame.count == 1 + size.bytes + size.remaining)
    }
}
