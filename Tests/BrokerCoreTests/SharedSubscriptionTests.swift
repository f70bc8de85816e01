import MQTTCodec
import Testing

@testable import BrokerCore

/// `$share/{group}/{filter}` [MQTT-4.8.2-1 ff]: one member of the group receives each message.
@Suite struct SharedSubscriptionTests {
    /// Members of `$share/g/t`, spread over the shards.
    private func members(
        _ test: TestBroker, _ count: Int, _ version: ProtocolVersion = .v5_0, qos: UInt8 = 1, expiry: UInt32 = 0,
        filter: String = "$share/g/t"
    ) -> [TestClient] {
        (0..<count).map { number in
            let client = test.connect("m\(number)", version, home: number, expiry: expiry)
            client.subscribe(filter, qos: qos)
            _ = client.received()
            return client
        }
    }

    @Test("Messages go round the members, one each", arguments: Setting.all)
    func roundRobin(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let group = members(test, 4, setting.version)
        let publisher = test.connect("p", home: 0)
        for number in 0..<40 {
            publisher.publish("t", "\(number)", qos: UInt8(number % 3), packetID: UInt16(number + 1))
        }
        let counts = group.map { $0.takeAll().count }
        #expect(counts == [10, 10, 10, 10])
    }

    @Test("QoS 0 and QoS 1, mixed with ordinary subscriptions and a second group", arguments: [1, 2, 3])
    func mixed(shards: Int) {
        let test = TestBroker(shards: shards)
        let first = members(test, 2)
        let second = members(test, 3, filter: "$share/other/+")
        let ordinary = test.connect("ordinary", home: 1)
        ordinary.subscribe("t", qos: 1)
        _ = ordinary.received()
        let publisher = test.connect("p", home: 0)
        for number in 0..<12 { publisher.publish("t", "\(number)", qos: UInt8(number % 2)) }
        #expect(ordinary.takeAll().count == 12)
        // m0 and m1 belong to both groups: the second connection took the session over, with its subscription.
        #expect(first.allSatisfy { $0.isClosed })
        #expect(second.map { $0.takeAll().count }.reduce(0, +) == 12)
    }

    @Test("A member of two groups gets a message for each", arguments: [1, 2])
    func twoGroups(shards: Int) {
        let test = TestBroker(shards: shards)
        let client = test.connect("c", home: 1)
        client.subscribe("$share/a/t", "$share/b/+", "t", qos: 1)
        _ = client.received()
        test.connect("p", home: 0).publish("t", qos: 1)
        #expect(client.takeAll().count == 3)
    }

    @Test("A member that unsubscribes or ends gets nothing more", arguments: [1, 2, 3])
    func leave(shards: Int) {
        let test = TestBroker(shards: shards)
        let group = members(test, 3)
        let publisher = test.connect("p", home: 0)
        group[0].unsubscribe("$share/g/t")
        #expect(group[0].received().codes == [.success])
        group[1].drop()
        for number in 0..<6 { publisher.publish("t", "\(number)", qos: 1) }
        #expect(group[2].takeAll().count == 6)
        group[2].unsubscribe("$share/g/t")
        _ = (publisher.received(), group[2].received())
        publisher.publish("t", qos: 1)
        #expect(publisher.received() == [.puback(Ack(packetID: 1, reason: .noMatchingSubscribers))])
    }

    @Test("While one member is offline the others get everything", arguments: [1, 2])
    func offlineMember(shards: Int) {
        let test = TestBroker(shards: shards)
        let group = members(test, 2, expiry: 100)
        group[0].drop()
        let publisher = test.connect("p", home: 0)
        for number in 0..<6 { publisher.publish("t", "\(number)", qos: 1) }
        #expect(group[1].takeAll().count == 6)
        let again = test.connect("m0", home: 0, cleanStart: false, expiry: 100)
        #expect(again.takeAll().isEmpty)
        for number in 0..<6 { publisher.publish("t", "\(number)", qos: 1) }
        #expect(again.takeAll().count == 3 && group[1].takeAll().count == 3)
    }

    @Test(
        "When nobody is online the group queues, within its bound, and the first to come gets it", arguments: [1, 2, 3])
    func groupQueue(shards: Int) {
        let test = TestBroker(shards: shards) { $0.maximumQueuedMessages = 8 }
        let group = members(test, 2, expiry: 100)
        for member in group { member.drop() }
        let publisher = test.connect("p", home: 0)
        for number in 0..<10 { publisher.publish("t", "\(number)", qos: 1) }
        publisher.publish("t", "QoS 0 does not wait")
        #expect(test.dropped(.queueFull) == 2 && test.dropped(.noSharedMember) == 1)
        let again = test.connect("m1", home: 1, cleanStart: false, expiry: 100)
        #expect(again.takeAll().map(\.text) == (0..<8).map(String.init))
    }

    @Test("What waits for the group expires like any message")
    func groupQueueExpiry() {
        let test = TestBroker(shards: 2)
        members(test, 1, expiry: 1000)[0].drop()
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", "short", qos: 1) { $0.properties.messageExpiryInterval = 5 }
        publisher.publish("t", "long", qos: 1) { $0.properties.messageExpiryInterval = 500 }
        test.advance(seconds: 10)
        let again = test.connect("m0", home: 0, cleanStart: false, expiry: 1000)
        #expect(again.takeAll().map(\.text) == ["long"])
        #expect(test.dropped(.expired) == 1)
    }

    @Test("A QoS 1 message of a session that ends goes to another member", arguments: [1, 2, 3])
    func returned(shards: Int) {
        let test = TestBroker(shards: shards)
        let group = members(test, 2)
        let publisher = test.connect("p", home: 0)
        for number in 0..<6 { publisher.publish("t", "\(number)", qos: 1) }
        let held = group[0].messages().map(\.text)
        #expect(held.count == 3)
        let own = group[1].takeAll().map(\.text)
        group[0].drop()
        let back = group[1].takeAll()
        #expect(back.map(\.text) == held)
        #expect(back.allSatisfy { !$0.dup && $0.qos == 1 })
        #expect(Set(own + held).count == 6)
    }

    @Test("A message whose time has passed goes to no other member [MQTT-3.3.2-5]", arguments: [1, 2])
    func returnedTooLate(shards: Int) {
        let test = TestBroker(shards: shards)
        let group = members(test, 2)
        let publisher = test.connect("p", home: 0)
        for number in 0..<2 { publisher.publish("t", "\(number)", qos: 1) { $0.properties.messageExpiryInterval = 5 } }
        #expect(group[0].messages().count == 1 && group[1].takeAll().count == 1)
        test.advance(seconds: 10)
        group[0].drop()
        #expect(group[1].takeAll().isEmpty)
        #expect(test.dropped(.expired) == 1)
    }

    @Test(
        "A QoS 2 message once sent stays with its session, one that was not goes on [MQTT-4.8.2-5]", arguments: [1, 2])
    func qos2Stays(shards: Int) {
        let test = TestBroker(shards: shards) { $0.maximumInflight = 2 }
        let group = members(test, 2, qos: 2)
        let publisher = test.connect("p", home: 0)
        for number in 0..<8 {
            publisher.publish("t", "\(number)", qos: 2)
            publisher.send(.pubrel(Ack(packetID: 1)))
        }
        let sent = group[0].messages().map(\.text)
        #expect(sent.count == 2)
        var other = group[1].takeAll().map(\.text)
        group[0].drop()
        other += group[1].takeAll().map(\.text)
        #expect(other.count == 6 && Set(other).isDisjoint(with: sent))
    }

    @Test("The unacknowledged messages of a member that comes back are its own", arguments: [1, 2])
    func memberComesBack(shards: Int) {
        let test = TestBroker(shards: shards)
        let group = members(test, 2, expiry: 100)
        let publisher = test.connect("p", home: 0)
        for number in 0..<4 { publisher.publish("t", "\(number)", qos: 1) }
        let held = group[0].messages().map(\.text)
        group[0].drop()
        _ = group[1].takeAll()
        let again = test.connect("m0", home: 0, cleanStart: false, expiry: 100)
        #expect(again.takeAll().map(\.text) == held)
        #expect(group[1].takeAll().isEmpty)
    }

    @Test("With the last member the group and its queue go, counted", arguments: [1, 2])
    func lastMember(shards: Int) {
        let test = TestBroker(shards: shards)
        members(test, 1, expiry: 10)[0].drop()
        let publisher = test.connect("p", home: 0)
        for _ in 0..<3 { publisher.publish("t", qos: 1) }
        test.advance(seconds: 11)
        #expect(test.dropped(.noSharedMember) == 3)
        #expect(test.broker.shards.allSatisfy { $0.groupQueues.isEmpty && $0.groupSerials.isEmpty })
    }

    @Test("A member whose window is full is passed over", arguments: [1, 2])
    func busyMember(shards: Int) {
        let test = TestBroker(shards: shards)
        let slow = test.connect("slow", home: 0) { $0.properties.receiveMaximum = 1 }
        slow.subscribe("$share/g/t", qos: 1)
        let fast = test.connect("fast", home: 1)
        fast.subscribe("$share/g/t", qos: 1)
        _ = (slow.received(), fast.received())
        let publisher = test.connect("p", home: 0)
        for number in 0..<20 { publisher.publish("t", "\(number)", qos: 1) }
        let count = fast.takeAll().count
        #expect(count >= 17)
        #expect(slow.takeAll().count + count == 20)
    }

    @Test("A session that is busy when it joins a second group gets its share of both later", arguments: [1, 2])
    func joinsWhileBusy(shards: Int) {
        let test = TestBroker(shards: shards)
        let client = test.connect("c", home: 1) { $0.properties.receiveMaximum = 1 }
        client.subscribe("$share/a/a", qos: 1)
        _ = client.received()
        let publisher = test.connect("p", home: 0)
        for number in 0..<4 { publisher.publish("a", "a\(number)", qos: 1) }
        client.subscribe("$share/b/b", qos: 1)
        for number in 0..<4 { publisher.publish("b", "b\(number)", qos: 1) }
        #expect(client.takeAll().count == 8)
        publisher.publish("a", "last", qos: 1)
        #expect(client.takeAll().count == 1)
    }

    @Test("No retained messages for a shared subscription", arguments: [1, 2])
    func noRetained(shards: Int) {
        let test = TestBroker(shards: shards)
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", "retained", retain: true)
        let client = test.connect("c", home: 1)
        client.subscribe("$share/g/t", qos: 1)
        #expect(client.messages().isEmpty)
        publisher.publish("t", "live", retain: true)
        #expect(client.takeAll().map(\.text) == ["live"])
    }

    @Test(
        "Invalid share names are refused [MQTT-4.8.2-1][MQTT-4.8.2-2]",
        arguments: ["$share//t", "$share/g", "$share/g+/t", "$share/g#/t", "$share/g/"])
    func invalid(filter: String) {
        let client = TestBroker().connect("c")
        _ = client.received()
        client.subscribe(filter)
        let packets = client.received()
        #expect(packets.codes == [.topicFilterInvalid] || client.isClosed)
    }

    @Test("The subscription identifier of the chosen member comes along", arguments: [1, 2])
    func identifier(shards: Int) {
        let test = TestBroker(shards: shards)
        let group = (0..<2).map { number in
            let client = test.connect("m\(number)", home: number)
            client.subscribe("$share/g/t", qos: 1, identifier: UInt32(number + 1))
            _ = client.received()
            return client
        }
        let publisher = test.connect("p", home: 0)
        for _ in 0..<2 { publisher.publish("t", qos: 1) }
        #expect(group.map { $0.takeAll().map(\.properties.subscriptionIdentifiers) } == [[[1]], [[2]]])
    }

    @Test("SUBACK of a shared subscription waits until the group's shard knows the member")
    func subackWaits() {
        let test = TestBroker(shards: 2)
        // A group whose home is shard 1, a member on shard 0.
        let name = (0...).first { test.broker.homeShard(ofClient: Array("$share/g\($0)/t".utf8)) == 1 } ?? 0
        let client = test.connect("c", home: 0)
        _ = client.received()
        test.settlesByItself = false
        client.subscribe("$share/g\(name)/t", qos: 1)
        test.turn(0)
        test.turn(0)
        #expect(client.received().isEmpty)
        test.turn(1)
        test.turn(0)
        #expect(client.received().codes == [.grantedQoS1])
    }
}
