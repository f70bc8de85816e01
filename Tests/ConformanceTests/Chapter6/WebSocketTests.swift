import MQTTCodec
import Testing

/// Chapter 6: WebSocket as the transport.
@Suite struct WebSocketTests {
    @Test(
        "Only binary frames carry packets; any other data closes the connection [MQTT-6.0.0-1][v3 MQTT-6.0.0-1]",
        arguments: Wire.tcp)
    func binaryFrames(wire: Wire) throws {
        let stage = try Stage(wire, .webSocket)
        let socket = try stage.openWebSocket()
        let client = Peer(socket, wire.version)
        client.send(.connect(stage.connectPacket()))
        try client.expect(\.connack)
        // Everything the broker says comes in binary frames: WebSocketLink takes no other.
        try client.subscribe(stage.topic("t"))
        try client.publish(expecting: stage.topic("t"))
        socket.send(.text, Packet.pingreq.encode(version: wire.version))
        try client.expectClose()
    }

    @Test(
        "Packets and frames need not be aligned [MQTT-6.0.0-2][v3 MQTT-6.0.0-2]", arguments: Wire.tcp)
    func unaligned(wire: Wire) throws {
        let stage = try Stage(wire, .webSocket)
        let packets: [Packet] = [
            .connect(stage.connectPacket()),
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: stage.topic("t").bytes)])),
            .message(stage.topic("t"), String(repeating: "x", count: 300), qos: 0, packetID: 0), .pingreq,
        ]
        let bytes = packets.flatMap { $0.encode(version: wire.version) }
        // All in one frame, each byte in one of its own, and sizes that cut every packet somewhere.
        for size in [bytes.count, 1, 7, 50] {
            let socket = try stage.openWebSocket()
            for start in stride(from: 0, to: bytes.count, by: size) {
                socket.send(.binary, Array(bytes[start..<min(start + size, bytes.count)]))
            }
            let client = Peer(socket, wire.version)
            try client.expect(\.connack)
            try client.expect(\.suback)
            #expect(try client.expect(\.publish).payload.count == 300)
            try client.expect(\.pingresp)
            try client.disconnect()
        }
        // A message in fragments is one stream too.
        let socket = try stage.openWebSocket()
        socket.send(.binary, Array(bytes[..<3]), isFinal: false)
        socket.send(.continuation, Array(bytes[3...]))
        try Peer(socket, wire.version).expect(\.connack)
    }

    @Test(
        """
        The sub-protocol is "mqtt", among those a client offers [MQTT-6.0.0-3][MQTT-6.0.0-4][v3 MQTT-6.0.0-3]\
        [v3 MQTT-6.0.0-4]
        """, arguments: Wire.tcp)
    func subprotocol(wire: Wire) throws {
        let stage = try Stage(wire, .webSocket)
        for offer in ["mqtt", "chat, mqtt", "mqtt, mqttv3.1"] {
            let socket = try stage.openWebSocket(offering: offer)
            #expect(socket.isAccepted && socket.head.contains("\r\nSec-WebSocket-Protocol: mqtt\r\n"), "\(offer)")
        }
        // A client has to offer it.
        for offer in [nil, "chat", "mqttv3.1", "MQTT"] {
            #expect(try !stage.openWebSocket(offering: offer).isAccepted, "\(offer ?? "nothing")")
        }
    }
}
