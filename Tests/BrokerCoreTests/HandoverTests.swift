import MQTTCodec
import Testing

@testable import BrokerCore

/// Messages that cross shards.
@Suite struct HandoverTests {
    /// `count` PUBLISH packets to `t`, numbered.
    private func burst(_ numbers: Range<Int>, qos: UInt8 = 0, size: Int = 0) -> [UInt8] {
        numbers.flatMap { number -> [UInt8] in
            let text = "\(number)" + String(repeating: ".", count: size)
            return Packet.publish(
                Publish(topic: [0x74], payload: Array(text.utf8), qos: qos, packetID: qos == 0 ? 0 : 1)
            ).encode(version: .v5_0)
        }
    }

    @Test("10,000 messages of one publisher keep their order across shards", arguments: [0, 1] as [UInt8])
    func order(qos: UInt8) {
        let test = TestBroker(shards: 3)
        let subscribers = (0..<3).map { (number: Int) in test.connect("s\(number)", home: number) }
        for subscriber in subscribers {
            subscriber.subscribe("t", qos: qos)
            _ = subscriber.received()
        }
        let publisher = test.connect("p", home: 0)
        var texts = subscribers.map { _ in [String]() }
        for start in stride(from: 0, to: 10_000, by: 500) {
            publisher.send(bytes: burst(start..<(start + 500), qos: qos))
            for (index, subscriber) in subscribers.enumerated() { texts[index] += subscriber.takeAll().map(\.text) }
        }
        let expected = (0..<10_000).map(String.init)
        #expect(texts.map { $0 == expected } == [true, true, true])
    }

    @Test("A message whose time passes between two shards is not delivered [MQTT-3.3.2-5]")
    func expiresOnItsWay() {
        let test = TestBroker(shards: 2)
        let subscriber = test.connect("s", home: 1)
        subscriber.subscribe("t", qos: 1)
        _ = subscriber.received()
        let publisher = test.connect("p", home: 0)
        test.settlesByItself = false
        publisher.publish("t", "late", qos: 1) { $0.properties.messageExpiryInterval = 5 }
        test.turn(0)
        test.settlesByItself = true
        test.advance(seconds: 5)
        #expect(subscriber.takeAll().isEmpty)
        #expect(test.dropped(.expired) == 1)
    }

    @Test("A shard that does not run holds its publishers back instead of filling the memory; nothing is lost")
    func fullRing() {
        let test = TestBroker(shards: 2)
        let subscriber = test.connect("s", home: 1)
        subscriber.subscribe("t", qos: 1)
        _ = subscriber.received()
        let publisher = test.connect("p", home: 0)
        test.settlesByItself = false
        var sent = 0
        // Shard 0 runs, shard 1 does not: the ring fills, then the batch behind it.
        while !publisher.isPaused, sent < 20_000 {
            publisher.send(bytes: burst(sent..<(sent + 10), qos: 1, size: 2000))
            sent += 10
            test.turn(0)
        }
        #expect(publisher.isPaused && sent < 20_000)
        #expect(test.broker.shards[0].nextDeadline != nil)
        // Bytes the loop had read already are kept.
        publisher.send(bytes: burst(sent..<(sent + 10), qos: 1, size: 2000))
        sent += 10
        test.settlesByItself = true
        var texts: [String] = []
        for _ in 0..<1000 where texts.count < sent {
            test.advance(seconds: 0.001)
            texts += subscriber.takeAll().map(\.text)
        }
        #expect(!publisher.isPaused)
        #expect(texts.map { $0.prefix { $0 != "." } } == (0..<sent).map { Substring("\($0)") })
        #expect(test.broker.shards[0].nextDeadline == nil)
    }

    @Test("A message crosses only to shards that have a receiver")
    func onlyWhereNeeded() {
        let test = TestBroker(shards: 3)
        let subscriber = test.connect("s", home: 1)
        subscriber.subscribe("a/b", "x/+/z")
        let publisher = test.connect("p", home: 0)
        func handedOver() -> UInt64 { test.broker.shards[0].counters.handedOver }
        publisher.publish("nothing/here")
        publisher.publish("a")
        #expect(handedOver() == 0)
        publisher.publish("a/b")
        publisher.publish("x/y/z")
        #expect(handedOver() == 2)
        subscriber.drop()
        publisher.publish("a/b")
        #expect(handedOver() == 2)
    }

    @Test("A publish that follows SUBACK reaches the subscriber, whichever shard it comes from")
    func afterSuback() {
        for home in 0..<3 {
            let test = TestBroker(shards: 3)
            let publishers = (0..<3).map { (number: Int) in test.connect("p\(number)", home: number) }
            for publisher in publishers { publisher.publish("t", "before") }
            let subscriber = test.connect("s", home: home)
            test.settlesByItself = false
            subscriber.subscribe("t")
            while !subscriber.received().contains(where: { $0.type == .suback }) { test.turn(home) }
            test.settlesByItself = true
            for publisher in publishers { publisher.publish("t", "after") }
            #expect(subscriber.payloads() == ["after", "after", "after"])
        }
    }

    @Test("Messages on their way to a session that ends are dropped without harm")
    func endsMeanwhile() {
        let test = TestBroker(shards: 2)
        let subscriber = test.connect("s", home: 1)
        subscriber.subscribe("t", qos: 1)
        let publisher = test.connect("p", home: 0)
        test.settlesByItself = false
        publisher.publish("t", qos: 1)
        test.turn(0)
        subscriber.drop()
        test.settlesByItself = true
        test.settle()
        publisher.send(.pingreq)
        #expect(publisher.received().last == .pingresp)
    }
}
