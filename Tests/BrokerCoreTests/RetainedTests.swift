import MQTTCodec
import Testing

@testable import BrokerCore

/// Retained messages: the last value of a topic, for those who subscribe later.
@Suite struct RetainedTests {
    @Test(
        "The last retained message goes to a new subscriber with RETAIN set [v3 MQTT-3.3.1-6][v3 MQTT-3.3.1-8]",
        arguments: Setting.all)
    func lastValue(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let publisher = test.connect("p", setting.version, home: 0)
        for text in ["first", "second"] { publisher.publish("t", text, qos: 1, retain: true) }
        let late = test.connect("late", setting.version, home: 1)
        late.subscribe("t", qos: 1)
        let messages = late.messages()
        #expect(messages.map(\.text) == ["second"])
        #expect(messages.map(\.retain) == [true] && messages.map(\.qos) == [1])
    }

    @Test(
        "An empty payload clears the topic and is delivered as any other [MQTT-3.3.1-6][MQTT-3.3.1-7]",
        arguments: Setting.all)
    func clear(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let present = test.connect("present", setting.version, home: 1)
        present.subscribe("t")
        _ = present.received()
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", "value", retain: true)
        publisher.publish("t", "", retain: true)
        #expect(present.payloads() == ["value", ""])
        let late = test.connect("late", home: 1)
        late.subscribe("t")
        #expect(late.messages().isEmpty)
    }

    @Test("A message without RETAIN leaves the stored one alone [MQTT-3.3.1-8]")
    func untouched() {
        let test = TestBroker()
        let publisher = test.connect("p")
        publisher.publish("t", "kept", retain: true)
        publisher.publish("t", "passing")
        publisher.publish("t", "")
        let late = test.connect("late")
        late.subscribe("t")
        #expect(late.payloads() == ["kept"])
    }

    @Test(
        "Retain As Published keeps the flag, otherwise it is cleared [MQTT-3.3.1-12][MQTT-3.3.1-13]", arguments: [1, 2])
    func retainAsPublished(shards: Int) {
        let test = TestBroker(shards: shards)
        let keeps = test.connect("keeps", home: 1)
        keeps.subscribe("t") { $0.retainAsPublished = true }
        let clears = test.connect("clears", home: 0)
        clears.subscribe("t")
        let old = test.connect("old", .v3_1_1, home: 1)
        old.subscribe("t")
        _ = (keeps.received(), clears.received(), old.received())
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", retain: true)
        publisher.publish("t", retain: false)
        #expect(keeps.messages().map(\.retain) == [true, false])
        #expect(clears.messages().map(\.retain) == [false, false])
        #expect(old.messages().map(\.retain) == [false, false])
    }

    @Test("Retain Handling: always, only for a new subscription, never [MQTT-3.3.1-9][MQTT-3.3.1-10][MQTT-3.3.1-11]")
    func retainHandling() {
        let cases: [(MQTTCodec.Subscription.RetainHandling, [Int])] = [
            (.send, [1, 1]), (.sendIfNew, [1, 0]), (.doNotSend, [0, 0]),
        ]
        for (handling, expected) in cases {
            let test = TestBroker()
            test.connect("p").publish("t", retain: true)
            let client = test.connect("c")
            let counts = (0..<2).map { _ in
                client.subscribe("t") { $0.retainHandling = handling }
                return client.messages().count
            }
            #expect(counts == expected)
            client.unsubscribe("t")
            client.subscribe("t") { $0.retainHandling = handling }
            #expect(client.messages().count == expected[0], "after UNSUBSCRIBE the subscription is new")
        }
    }

    @Test("Wildcards find retained messages; those of $ topics only when named [MQTT-4.7.2-1]", arguments: [1, 2])
    func wildcards(shards: Int) {
        let test = TestBroker(shards: shards)
        let publisher = test.connect("p", home: 0)
        for topic in ["a", "a/b", "a/b/c", "b", "/a"] { publisher.publish(topic, topic, retain: true) }
        test.broker.publish(InjectedMessage(topic: Array("$SYS/x".utf8), payload: Array("$SYS/x".utf8), retain: true))
        test.settle()
        let cases: [(String, Set<String>)] = [
            ("#", ["a", "a/b", "a/b/c", "b", "/a"]), ("+", ["a", "b"]), ("a/#", ["a", "a/b", "a/b/c"]),
            ("a/+", ["a/b"]), ("+/+", ["a/b", "/a"]), ("$SYS/#", ["$SYS/x"]), ("+/x", []), ("/+", ["/a"]),
        ]
        for (number, (filter, expected)) in cases.enumerated() {
            let client = test.connect("c\(number)", home: number)
            client.subscribe(filter)
            #expect(Set(client.payloads()) == expected, "\(filter)")
        }
    }

    @Test("Thousands of retained messages come over many turns, each once", arguments: Setting.all)
    func thousands(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let publisher = test.connect("p", home: 0)
        for number in 0..<3000 { publisher.publish("r/\(number)/x", "\(number)", retain: true) }
        let client = test.connect("c", setting.version, home: 1)
        client.subscribe("r/+/x", qos: 1)
        let texts = client.takeAll().map(\.text)
        #expect(texts.count == 3000 && Set(texts).count == 3000)
    }

    @Test("A slow reader gets the rest when it reads, and the loop does not spin meanwhile")
    func slowReader() {
        let test = TestBroker { $0.maximumOutputBytes = 40_000 }
        let publisher = test.connect("p")
        for number in 0..<2000 { publisher.publish("r/\(number)", String(repeating: "x", count: 100), retain: true) }
        let slow = test.connect("slow")
        slow.window = 100
        slow.subscribe("r/#")
        #expect(test.broker.shards[0].nextDeadline == nil)
        let other = test.connect("other")
        other.subscribe("r/1")
        #expect(other.messages().count == 1)
        slow.widen(.max)
        #expect(slow.messages().count == 2000)
        #expect(test.dropped(.outputFull) == 0)
    }

    @Test("A subscriber that leaves in the middle ends the walk")
    func leavesInTheMiddle() {
        let test = TestBroker { $0.maximumOutputBytes = 40_000 }
        let publisher = test.connect("p")
        for number in 0..<2000 { publisher.publish("r/\(number)", String(repeating: "x", count: 100), retain: true) }
        let slow = test.connect("slow")
        slow.window = 0
        slow.subscribe("r/#")
        slow.drop()
        #expect(test.broker.shards[0].retainedDeliveries.isEmpty)
    }

    @Test(
        "An expired retained message is not sent; another carries what is left [MQTT-3.3.2-5][MQTT-3.3.2-6]",
        arguments: [1, 2])
    func expiry(shards: Int) {
        let test = TestBroker(shards: shards)
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", "value", retain: true) { $0.properties.messageExpiryInterval = 60 }
        test.advance(seconds: 20)
        let early = test.connect("early", home: 1)
        early.subscribe("t")
        #expect(early.messages().map(\.properties.messageExpiryInterval) == [40])
        test.advance(seconds: 41)
        let late = test.connect("late", home: 1)
        late.subscribe("t")
        #expect(late.messages().isEmpty)
    }

    @Test("A retained message goes out at the lower QoS and with the subscription's identifier")
    func qosAndIdentifier() {
        let test = TestBroker()
        test.connect("p").publish("t", qos: 2, retain: true)
        let client = test.connect("c")
        client.subscribe("t", qos: 1, identifier: 42)
        let messages = client.messages()
        #expect(messages.map(\.qos) == [1])
        #expect(messages.map(\.properties.subscriptionIdentifiers) == [[42]])
    }

    @Test("The properties of a retained message come with it, in order")
    func properties() {
        let test = TestBroker()
        let properties = [UserProperty("b", "1"), UserProperty("a", "2"), UserProperty("b", "3")]
        test.connect("p").publish("t", retain: true) {
            $0.properties.userProperties = properties
            $0.properties.contentType = [0x63]
        }
        let client = test.connect("c")
        client.subscribe("t")
        let message = client.messages().first
        #expect(message?.properties.userProperties == properties && message?.properties.contentType == [0x63])
    }

    @Test("At the bound of retained messages new topics are not kept, and it is counted")
    func bound() {
        let test = TestBroker { $0.maximumRetainedMessages = 2 }
        let present = test.connect("present")
        present.subscribe("#")
        _ = present.received()
        let publisher = test.connect("p")
        for topic in ["a", "b", "c"] { publisher.publish(topic, topic, retain: true) }
        publisher.publish("a", "new", retain: true)
        #expect(present.messages().count == 4)
        #expect(test.dropped(.retainedLimit) == 1)
        let late = test.connect("late")
        late.subscribe("#")
        #expect(Set(late.payloads()) == ["new", "b"])
    }

    @Test("With No Local a client's own retained message does not come back [MQTT-3.8.3-3]")
    func noLocal() {
        let test = TestBroker()
        let client = test.connect("c")
        client.publish("t", retain: true)
        client.subscribe("t") { $0.noLocal = true }
        #expect(client.messages().isEmpty)
        client.subscribe("t")
        #expect(client.messages().count == 1)
    }
}
