import MQTTCodec
import Testing

@Test func publishRoundTrip() throws {
    let packet = Packet.publish(
        Publish(
            topic: Array("a/b".utf8), payload: [1, 2, 3], qos: 1, packetID: 7,
            properties: Properties { $0.userProperties = [UserProperty("k", "v")] }))
    let bytes = packet.encode(version: .v5_0)
    let decoded = try bytes.withUnsafeBytes { raw throws(DecodeError) in
        try Packet.decode(frame: raw, version: .v5_0, role: .fromClient)
    }
    #expect(decoded == packet)
}
