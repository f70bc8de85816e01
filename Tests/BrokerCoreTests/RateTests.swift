import MQTTCodec
import Testing

@testable import BrokerCore

/// Message and byte rates of one client, and the quotas beside them.
@Suite struct RateTests {
    private let second: Int64 = 1_000_000_000

    private func scene(
        _ version: ProtocolVersion = .v5_0, _ configure: @escaping (inout BrokerSettings) -> Void
    ) -> (test: TestBroker, publisher: TestClient, subscriber: TestClient) {
        let test = TestBroker(configure)
        let subscriber = test.connect("s")
        subscriber.subscribe("t", qos: 1)
        let publisher = test.connect("p", version)
        _ = publisher.received()
        _ = subscriber.received()
        return (test, publisher, subscriber)
    }

    @Test func `pause: a fast client loses nothing and gets its rate`() {
        let (test, publisher, subscriber) = scene {
            $0.maximumMessageRate = ClientRate(count: 10, interval: 1_000_000_000, burst: 500_000_000)
        }
        let packets = (1...20).map { number in
            Packet.publish(Publish(topic: Array("t".utf8), payload: Array("\(number)".utf8))).encode(version: .v5_0)
        }
        publisher.send(bytes: packets.flatMap { $0 })
        // Five at once, and one that was under way.
        let atOnce = subscriber.messages().count
        #expect((5...7).contains(atOnce))
        test.advance(seconds: 0.5)
        #expect((4...6).contains(subscriber.messages().count))
        test.advance(seconds: 2)
        let other = test.connect("q")
        other.publish("t", "other")
        #expect(subscriber.messages().last?.text == "other", "another client is not held")
        test.advance(seconds: 2)
        #expect(test.dropped(.rateLimited) == 0)
    }

    @Test func `drop: QoS 0 is counted, QoS 1 and 2 are answered 0x97`() {
        let (test, publisher, subscriber) = scene {
            $0.maximumMessageRate = ClientRate(count: 1, interval: 1_000_000_000, burst: 1_000_000_000)
            $0.ratePolicy = .drop
        }
        publisher.publish("t", "1")
        publisher.publish("t", "2")
        publisher.publish("t", "3")
        publisher.publish("t", "4", qos: 1, packetID: 4)
        publisher.publish("t", "5", qos: 2, packetID: 5)
        let answers = publisher.received()
        #expect(answers.count == 2)
        #expect(subscriber.messages().map(\.text) == ["1", "2"])
        #expect(test.dropped(.rateLimited) == 3)
        test.advance(seconds: 3)
        publisher.publish("t", "6")
        #expect(subscriber.messages().map(\.text) == ["6"])
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `disconnect: a client that is too fast is told 0x96`(version: ProtocolVersion) {
        let (_, publisher, subscriber) = scene(version) {
            $0.maximumByteRate = ClientRate(count: 1000, interval: 1_000_000_000, burst: 1_000_000_000)
            $0.ratePolicy = .disconnect
        }
        publisher.publish("t", String(repeating: "x", count: 900))
        publisher.publish("t", String(repeating: "x", count: 900))
        #expect(!publisher.isClosed)
        publisher.publish("t", String(repeating: "x", count: 900))
        #expect(publisher.isClosed)
        #expect(subscriber.messages().count == 2)
    }

    @Test func `a topic is as long as max_topic_length says, in PUBLISH and in SUBSCRIBE`() {
        let test = TestBroker { $0.maximumTopicLength = 10 }
        let client = test.connect("c")
        _ = client.received()
        client.publish("0123456789", "x")
        #expect(!client.isClosed)
        client.publish("0123456789a", "x")
        #expect(client.isClosed)
    }

    @Test func `a session more than max_sessions is refused; one that is there may come back`() {
        let test = TestBroker { $0.maximumSessions = 2 }
        let first = test.connect("a", expiry: 100)
        first.drop()
        _ = test.connect("b")
        let third = test.connect("c")
        #expect(third.isClosed)
        let again = test.connect("a", cleanStart: false, expiry: 100)
        #expect(!again.isClosed)
    }

    @Test func `while memory is short retained messages do not grow, but may be replaced and cleared`() {
        let test = TestBroker()
        let publisher = test.connect("p")
        publisher.publish("old", "long ago", retain: true)
        publisher.publish("gone", "x", retain: true)
        test.broker.post(.shortOfMemory(true), to: 0)
        test.settle()
        publisher.publish("new", "x", retain: true)
        publisher.publish("old", "longer than before", retain: true)
        #expect(test.dropped(.retainedLimit) == 2)
        publisher.publish("old", "short", retain: true)
        publisher.publish("gone", "", retain: true)
        let late = test.connect("late")
        late.subscribe("#")
        #expect(late.messages().map(\.text) == ["short"])
        test.broker.post(.shortOfMemory(false), to: 0)
        test.settle()
        publisher.publish("new", "x", retain: true)
        #expect(test.dropped(.retainedLimit) == 2)
    }

    @Test func `while memory is short a slow reader gets no more than 64 KiB of QoS 0`() {
        let test = TestBroker()
        let slow = test.connect("slow")
        slow.subscribe("t")
        _ = slow.received()
        slow.widen(0)
        let publisher = test.connect("p")
        let kilobyte = String(repeating: "x", count: 1 << 10)
        for _ in 0..<100 { publisher.publish("t", kilobyte) }
        #expect(test.dropped(.outputFull) == 0)
        test.broker.post(.shortOfMemory(true), to: 0)
        test.settle()
        publisher.publish("t", kilobyte)
        #expect(test.dropped(.outputFull) == 1)
        test.broker.post(.shortOfMemory(false), to: 0)
        test.settle()
        publisher.publish("t", kilobyte)
        #expect(test.dropped(.outputFull) == 1)
    }

    @Test func `while memory is short every queue counts as full`() {
        let test = TestBroker()
        let sleeper = test.connect("sleeper", expiry: 1000)
        sleeper.subscribe("t", qos: 1)
        sleeper.drop()
        let publisher = test.connect("p")
        test.broker.post(.shortOfMemory(true), to: 0)
        test.settle()
        publisher.publish("t", "1", qos: 1, packetID: 1)
        #expect(test.dropped(.queueFull) == 1)
        test.broker.post(.shortOfMemory(false), to: 0)
        test.settle()
        publisher.publish("t", "2", qos: 1, packetID: 2)
        #expect(test.connect("sleeper", cleanStart: false, expiry: 1000).takeAll().map(\.text) == ["2"])
    }
}
