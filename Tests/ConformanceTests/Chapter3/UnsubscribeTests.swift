import MQTTCodec
import Testing

/// Sections 3.10 and 3.11: UNSUBSCRIBE and UNSUBACK.
@Suite struct UnsubscribeTests {
    @Test("Flags other than 0010 are malformed [MQTT-3.10.1-1][v3 MQTT-3.10.1-1]", arguments: Wire.all)
    func flags(wire: Wire) throws {
        let stage = try Stage(wire)
        for flags: UInt8 in [0b0000, 0b0011, 0b0110, 0b1010] {
            let client = try stage.connect("\(flags)")
            let packet = Packet.unsubscribe(Unsubscribe(packetID: 1, filters: ["t".bytes]))
            client.send(bytes: packet.encode(version: wire.version, flags: flags))
            try client.expectEnd(.malformedPacket)
        }
    }

    @Test("A filter that is not UTF-8 is malformed [MQTT-3.10.3-1][v3 MQTT-3.10.3-1]", arguments: Wire.all)
    func notUTF8(wire: Wire) throws {
        let stage = try Stage(wire)
        let broken: [[UInt8]] = [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80]]
        for (number, filter) in broken.enumerated() {
            let client = try stage.connect("\(number)")
            client.send(.unsubscribe(Unsubscribe(packetID: 1, filters: ["t".bytes, filter])))
            try client.expectEnd(.malformedPacket)
        }
        // Filters stand one after the other: a length that runs past the end of the packet is malformed too.
        let client = try stage.connect("long")
        let packet = Packet.unsubscribe(Unsubscribe(packetID: 1, filters: ["t".bytes, "u".bytes]))
        var bytes = packet.encode(version: wire.version)
        bytes[bytes.count - 2] = 2
        client.send(bytes: bytes)
        try client.expectEnd(.malformedPacket)
    }

    @Test("Without a filter it is a protocol error [MQTT-3.10.3-2][v3 MQTT-3.10.3-2]", arguments: Wire.all)
    func empty(wire: Wire) throws {
        let client = try Stage(wire).connect()
        client.send(.unsubscribe(Unsubscribe(packetID: 1, filters: [])))
        try client.expectEnd(.protocolError)
    }

    @Test(
        "The filter that is the same character by character goes, no other [MQTT-3.10.4-1][v3 MQTT-3.10.4-1]",
        arguments: Wire.all)
    func comparesCharacters(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let filters = ["a/b", "a/+", "a/#", "a/b/"].map(stage.topic)
        try client.subscribe(all: filters.map { Subscription(filter: $0.bytes) })
        // Filters that would match, or differ in one character, delete nothing.
        for other in ["+/b", "#", "a/B", "a/b//", "a", "a/"] {
            let codes = try client.unsubscribe(stage.topic(other))
            if wire.version == .v5_0 { #expect(codes == [.noSubscriptionExisted], "\(other)") }
        }
        try client.unsubscribe(stage.topic("a/+"))
        try client.unsubscribe(stage.topic("a/#"))
        // a/b and a/b/ are left, and nothing else.
        try client.publish(expecting: stage.topic("a/b"))
        try client.publish(expecting: stage.topic("a/b/"))
        try client.publish(stage.topic("a/c"))
        try client.unsubscribe(stage.topic("a/b"))
        try client.publish(stage.topic("a/b"))
        try client.publish(expecting: stage.topic("a/b/"))
    }

    @Test(
        "After UNSUBACK no new message is added for the client [MQTT-3.10.4-2][v3 MQTT-3.10.4-2]",
        arguments: Wire.all)
    func stops(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client", .kept), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 1)
        try publisher.publish(stage.topic("t"), "before", qos: 1)
        try client.takeMessages(["before"])
        try client.unsubscribe(stage.topic("t"))
        for qos: UInt8 in 0...2 { try publisher.publish(stage.topic("t"), "after", qos: qos) }
        try client.expectNothing()
        client.cut()
        try publisher.publish(stage.topic("t"), "away", qos: 1)
        let again = try stage.connect("client", .kept)
        #expect(again.greeting.sessionPresent)
        try again.expectNothing()
    }

    @Test(
        "QoS 1 and QoS 2 messages under way are completed [MQTT-3.10.4-3][v3 MQTT-3.10.4-3]", arguments: Wire.all)
    func completes(wire: Wire) throws {
        let stage = try Stage(wire)
        let (client, publisher) = (try stage.connect("client", .kept), try stage.connect("publisher"))
        try client.subscribe(stage.topic("t"), qos: 2)
        try publisher.publish(stage.topic("t"), "one", qos: 1)
        try publisher.publish(stage.topic("t"), "two", qos: 2)
        let (one, two) = (try client.expect(\.publish), try client.expect(\.publish))
        try client.unsubscribe(stage.topic("t"))
        client.send(.pubrec(Ack(packetID: two.packetID)))
        #expect(try client.expect(\.pubrel).packetID == two.packetID)
        client.cut()
        // Neither was acknowledged to the end: both go on with the session.
        let again = try stage.connect("client", .kept)
        let packets = [try again.next(), try again.next()]
        #expect(packets.contains { $0.pubrel?.packetID == two.packetID })
        #expect(packets.contains { $0.publish?.packetID == one.packetID && $0.publish?.dup == true })
        again.send(.puback(Ack(packetID: one.packetID)), .pubcomp(Ack(packetID: two.packetID)))
        try again.expectNothing()
    }

    @Test(
        """
        It is answered with its packet identifier, also when nothing was deleted [MQTT-3.10.4-4][MQTT-3.10.4-5]\
        [v3 MQTT-3.10.4-4][v3 MQTT-3.10.4-5]
        """, arguments: Wire.all)
    func answered(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        for id: UInt16 in [1, 0x0100, 0xFFFF] {
            client.send(.unsubscribe(Unsubscribe(packetID: id, filters: [stage.topic("never").bytes])))
            #expect(try client.expect(\.unsuback).packetID == id)
        }
        if wire.version == .v3_1_1 { #expect(client.lastFrame == [0xB0, 2, 0xFF, 0xFF]) }
    }

    @Test(
        "Several filters work like several UNSUBSCRIBEs, with one UNSUBACK [MQTT-3.10.4-6][v3 MQTT-3.10.4-6]",
        arguments: Wire.all)
    func several(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        try client.subscribe(all: ["a", "b", "c"].map { Subscription(filter: stage.topic($0).bytes) })
        try client.unsubscribe(stage.topic("a"), stage.topic("unknown"), stage.topic("c"))
        try client.publish(stage.topic("a"))
        try client.publish(stage.topic("c"))
        try client.publish(expecting: stage.topic("b"))
        try client.expectNothing()
    }

    @Test(
        "One code for each filter, in order, of the table [MQTT-3.11.3-1][MQTT-3.11.3-2]", arguments: Wire.v5)
    func codes(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        try client.subscribe(all: ["a", "b"].map { Subscription(filter: stage.topic($0).bytes) })
        // The second "a" finds nothing any more, as in a packet of its own.
        let codes = try client.unsubscribe(
            stage.topic("unknown"), stage.topic("a"), stage.topic("a"), stage.topic("b"))
        #expect(codes == [.noSubscriptionExisted, .success, .noSubscriptionExisted, .success])
    }

    @Test(
        "UNSUBACK keeps within the client's Maximum Packet Size [MQTT-3.11.2-1][MQTT-3.11.2-2]", arguments: Wire.v5)
    func size(wire: Wire) throws {
        let stage = try Stage(wire)
        // The smallest limit with which CONNACK still fits.
        let limit = try stage.connect("probe").lastFrame.count
        let client = try stage.connect { $0.properties.maximumPacketSize = UInt32(limit) }
        #expect(try client.unsubscribe(stage.topic("never")) == [.noSubscriptionExisted])
        #expect(client.lastFrame.count <= limit)
    }
}
