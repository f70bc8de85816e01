import MQTTCodec
import Testing

/// Section 4.3, the broker as the receiver: what a publisher sees, and what subscribers get of it.
@Suite struct QoSReceivingTests {
    /// A publisher that keeps its session, and a subscriber to `t` at QoS 2.
    private static func pair(_ stage: Stage) throws -> (publisher: Peer, subscriber: Peer) {
        let subscriber = try stage.connect("subscriber")
        try subscriber.subscribe(stage.topic("t"), qos: 2)
        return (try stage.connect("publisher", .kept), subscriber)
    }

    @Test(
        "QoS 1: PUBACK has the identifier, and the message is the broker's [MQTT-4.3.2-4][v3 MQTT-4.3.2-2]",
        arguments: Wire.all)
    func pubAck(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = try Self.pair(stage)
        for id: UInt16 in [1, 0x0100, 0xFFFF] {
            publisher.send(.message(stage.topic("t"), "\(id)", qos: 1, packetID: id))
            #expect(try publisher.expect(\.puback) == Ack(packetID: id))
        }
        publisher.cut()
        try subscriber.takeMessages(["1", "256", "65535"])
    }

    @Test(
        "QoS 1: after PUBACK the identifier means a new message, whatever DUP says [MQTT-4.3.2-5][v3 MQTT-4.3.2-2]",
        arguments: Wire.all)
    func newAfterPubAck(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = try Self.pair(stage)
        for (payload, dup) in [("first", false), ("second", true), ("third", false)] {
            publisher.send(.message(stage.topic("t"), payload, qos: 1, packetID: 7, dup: dup))
            #expect(try publisher.expect(\.puback).packetID == 7)
        }
        try subscriber.takeMessages(["first", "second", "third"])
    }

    @Test(
        """
        QoS 2: PUBREC for each copy, one delivery, PUBCOMP for PUBREL [MQTT-4.3.3-8][MQTT-4.3.3-10][MQTT-4.3.3-11]\
        [v3 MQTT-4.3.3-2]
        """, arguments: Wire.all)
    func onceEach(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = try Self.pair(stage)
        for id: UInt16 in [1, 0xFFFF] {
            for dup in [false, true, false] {
                publisher.send(.message(stage.topic("t"), "\(id)", qos: 2, packetID: id, dup: dup))
                #expect(try publisher.expect(\.pubrec) == Ack(packetID: id))
            }
        }
        publisher.cut()
        // The identifiers are kept with the session.
        let again = try stage.connect("publisher", .kept)
        #expect(again.greeting.sessionPresent)
        for id: UInt16 in [1, 0xFFFF] {
            again.send(.message(stage.topic("t"), "\(id)", qos: 2, packetID: id, dup: true))
            #expect(try again.expect(\.pubrec) == Ack(packetID: id))
            again.send(.pubrel(Ack(packetID: id)))
            #expect(try again.expect(\.pubcomp) == Ack(packetID: id))
        }
        try subscriber.takeMessages(["1", "65535"])
        try subscriber.expectNothing()
    }

    @Test(
        "QoS 2: after PUBCOMP the identifier means a new message [MQTT-4.3.3-12][v3 MQTT-4.3.3-2]",
        arguments: Wire.all)
    func newAfterPubComp(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = try Self.pair(stage)
        for (payload, dup) in [("first", false), ("second", true), ("third", false)] {
            publisher.send(.message(stage.topic("t"), payload, qos: 2, packetID: 7, dup: dup))
            #expect(try publisher.expect(\.pubrec).packetID == 7)
            publisher.send(.pubrel(Ack(packetID: 7)))
            #expect(try publisher.expect(\.pubcomp) == Ack(packetID: 7))
        }
        try subscriber.takeMessages(["first", "second", "third"])
    }

    @Test(
        "QoS 2: after a PUBREC that refuses, the identifier means a new message [MQTT-4.3.3-9]", arguments: Wire.v5)
    func newAfterRefusal(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, subscriber) = try Self.pair(stage)
        // Clients may not publish to topics that begin with $.
        publisher.send(.message("$refused", "no", qos: 2, packetID: 7))
        let refusal = try publisher.expect(\.pubrec)
        #expect(refusal.packetID == 7 && refusal.reason.isError)
        publisher.send(.message(stage.topic("t"), "yes", qos: 2, packetID: 7, dup: true))
        #expect(try publisher.expect(\.pubrec) == Ack(packetID: 7))
        try subscriber.takeMessages(["yes"])
    }

    @Test("QoS 2: the exchange goes on when the message has expired [MQTT-4.3.3-13]", arguments: Wire.v5Clock)
    func expired(wire: Wire) throws {
        let stage = try Stage(wire)
        let (publisher, _) = try Self.pair(stage)
        var message = Publish(topic: stage.topic("t").bytes, payload: [], qos: 2)
        message.packetID = 7
        message.properties.messageExpiryInterval = 1
        publisher.send(.publish(message))
        #expect(try publisher.expect(\.pubrec).reason == .success)
        stage.advance(seconds: 10)
        message.dup = true
        publisher.send(.publish(message))
        #expect(try publisher.expect(\.pubrec).reason == .success)
        publisher.send(.pubrel(Ack(packetID: 7)))
        #expect(try publisher.expect(\.pubcomp) == Ack(packetID: 7))
    }
}
