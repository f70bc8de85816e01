import MQTTCodec
import StoreFormat
import Testing

@testable import BrokerCore

/// Queues larger than memory: the front is in memory, the rest in the store.
@Suite struct QueueWindowTests {
    private func broker(_ shards: Int = 1, window: Int = 3) -> TestBroker {
        TestBroker(shards: shards) {
            $0.storeEnabled = true
            $0.queueWindow = window
            $0.maximumInflight = 2
        }
    }

    private func sleeper(_ test: TestBroker, _ name: String = "s") {
        let client = test.connect(name, cleanStart: false, expiry: 1000)
        test.commitAll()
        client.subscribe("t", qos: 2)
        test.commitAll()
        client.drop()
        test.commitAll()
    }

    private func queue(_ test: TestBroker, _ name: String = "s") -> MessageQueue? {
        let name = Array(name.utf8)
        return test.broker.shards[test.broker.homeShard(ofClient: name)].findSession(name)?.pointee.queue
    }

    private func publish(_ test: TestBroker, _ numbers: ClosedRange<Int>, expiry: UInt32? = nil) {
        let publisher = test.connect("p\(numbers.lowerBound)")
        for number in numbers {
            publisher.publish("t", "\(number)", qos: UInt8(1 + number % 2), packetID: UInt16(number)) {
                if let expiry { $0.properties.messageExpiryInterval = expiry }
            }
        }
        test.commitAll()
    }

    /// What a client gets when it comes back and acknowledges everything.
    private func drain(_ test: TestBroker, _ name: String = "s") -> [Publish] {
        let client = test.connect(name, cleanStart: false, expiry: 1000)
        test.commitAll()
        var messages: [Publish] = []
        var packets = client.received()
        while !packets.isEmpty {
            messages += packets.publishes
            client.send(bytes: packets.compactMap(\.answer).flatMap { $0.encode(version: .v5_0) })
            test.commitAll()
            packets = client.received()
        }
        return messages
    }

    @Test("A long queue is in memory at its front only, and comes in order", arguments: [1, 3])
    func order(shards: Int) {
        let test = broker(shards)
        sleeper(test)
        publish(test, 1...600)
        #expect(queue(test)?.loadedCount == 3 && queue(test)?.storedCount == 597)
        #expect(drain(test).map(\.text) == (1...600).map(String.init))
        #expect(test.store.messages.isEmpty && queue(test)?.count == 0 && queue(test)?.byteCount == 0)
    }

    @Test("After a restart the queue stays in the store until its turn comes", arguments: [(1, 1), (1, 3), (3, 2)])
    func restart(before: Int, after: Int) {
        let old = broker(before)
        for name in ["s", "s2", "s3"] { sleeper(old, name) }
        publish(old, 1...20)
        let test = TestBroker(after: old, shards: after, messagesElsewhere: true)
        test.commitAll()
        #expect(queue(test)?.loadedCount == 0 && queue(test)?.storedCount == 20)
        publish(test, 21...30)
        for name in ["s", "s2", "s3"] { #expect(drain(test, name).map(\.text) == (1...30).map(String.init)) }
        #expect(test.store.messages.isEmpty)
        #expect(test.broker.shards.allSatisfy { $0.storeReferences.isEmpty && $0.sharedMessages.isEmpty })
    }

    @Test("What has expired in the store is skipped, and what has not says how long it has left")
    func expiry() {
        let test = broker()
        sleeper(test)
        publish(test, 1...10, expiry: 5)
        publish(test, 11...20, expiry: 100)
        test.advance(seconds: 40)
        let messages = drain(test)
        #expect(messages.map(\.text) == (11...20).map(String.init))
        #expect(messages.allSatisfy { $0.properties.messageExpiryInterval == 60 })
        #expect(test.store.messages.isEmpty && test.dropped(.expired) == 10)
    }

    @Test("The end of a session takes its messages along, wherever they are", arguments: [1, 3])
    func sessionEnd(shards: Int) {
        let test = broker(shards)
        for name in ["s", "s2"] { sleeper(test, name) }
        publish(test, 1...20)
        _ = test.connect("s")
        test.commitAll()
        #expect(drain(test, "s2").count == 20)
        #expect(test.store.messages.isEmpty)
    }

    @Test("A message the store cannot give back is left out, and the others come")
    func damage() {
        let test = broker()
        sleeper(test)
        publish(test, 1...10)
        test.unreadable = [test.store.messages.keys.sorted()[6]]
        #expect(drain(test).map(\.text) == (1...10).filter { $0 != 7 }.map(String.init))
    }
}
