import MQTTCodec
import Testing

/// Section 3.9: SUBACK, and what section 3.8.4 says of it.
@Suite struct SubAckTests {
    @Test(
        """
        SUBSCRIBE is answered with a SUBACK of its packet identifier [MQTT-3.8.4-1][MQTT-3.8.4-2]\
        [v3 MQTT-3.8.4-1][v3 MQTT-3.8.4-2]
        """, arguments: Wire.all)
    func packetID(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let ids: [UInt16] = [1, 0x0100, 0xFFFF, 7]
        // Sent in one piece: each gets its own answer, in order.
        client.send(
            all: ids.map { id in
                .subscribe(Subscribe(packetID: id, subscriptions: [Subscription(filter: stage.topic("\(id)").bytes)]))
            })
        for id in ids { #expect(try client.expect(\.suback).packetID == id) }
    }

    @Test(
        """
        One code for each filter, in order: the QoS granted or a failure [MQTT-3.8.4-6][MQTT-3.8.4-7][MQTT-3.9.3-1]\
        [v3 MQTT-3.8.4-5][v3 MQTT-3.9.3-1]
        """, arguments: Wire.all)
    func codes(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let codes = try client.subscribe(all: [
            Subscription(filter: stage.topic("two").bytes, qos: 2),
            Subscription(filter: stage.topic("not/#/a/filter").bytes, qos: 1),
            Subscription(filter: stage.topic("zero").bytes, qos: 0),
            Subscription(filter: stage.topic("nor+this").bytes, qos: 0),
            Subscription(filter: stage.topic("one").bytes, qos: 1),
        ])
        let refused = wire.version.filterRefused
        #expect(codes == [.grantedQoS2, refused, .grantedQoS0, refused, .grantedQoS1])
        // What was granted is in force beside what was not.
        for (topic, qos) in [("two", 2), ("zero", 0), ("one", 1)] {
            client.send(.message(stage.topic(topic), topic, qos: 0, packetID: 0))
            #expect(try client.takeMessage().payload.text == topic, "granted at QoS \(qos)")
        }
    }

    @Test("Only the codes of the table are used [MQTT-3.9.3-2][v3 MQTT-3.9.3-2]", arguments: Wire.all)
    func table(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let filters = ["", "/#/", "#a", "a+", "ok", "$share/g", "$share//t", "$share/g+/t"].filter { !$0.isEmpty }
        for qos: UInt8 in 0...2 {
            try client.subscribe(all: filters.map { Subscription(filter: $0.bytes, qos: qos) })
            // The frame itself: 3.1.1 has four codes, 5.0 the success and error codes of section 3.9.3.
            let allowed: Set<UInt8> =
                wire.version == .v5_0
                ? [0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2] : [0, 1, 2, 0x80]
            let codes = client.lastFrame.suffix(filters.count)
            #expect(Set(codes).isSubset(of: allowed) && codes.contains { $0 >= 0x80 } && codes.contains(qos))
        }
    }

    @Test(
        "SUBACK keeps within the client's Maximum Packet Size, also to explain a failure [MQTT-3.9.2-1][MQTT-3.9.2-2]",
        arguments: Wire.v5)
    func size(wire: Wire) throws {
        let stage = try Stage(wire)
        // The smallest limit with which CONNACK still fits.
        let limit = try stage.connect("probe").lastFrame.count
        let client = try stage.connect { $0.properties.maximumPacketSize = UInt32(limit) }
        #expect(try client.subscribe(stage.topic("not/#/a/filter")) == .topicFilterInvalid)
        #expect(client.lastFrame.count <= limit)
    }
}
