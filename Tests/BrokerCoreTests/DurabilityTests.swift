import MQTTCodec
import Testing

@testable import BrokerCore

/// Acknowledged means durable: with a store, acknowledgements wait for the commit of what they promise.
@Suite struct DurabilityTests {
    private func broker(_ shards: Int, _ configure: (inout BrokerSettings) -> Void = { _ in }) -> TestBroker {
        TestBroker(shards: shards) {
            $0.storeEnabled = true
            configure(&$0)
        }
    }

    /// A connected client with a durable session, subscribed to `t`.
    private func durable(
        _ test: TestBroker, _ name: String = "s", _ version: ProtocolVersion = .v5_0, home: Int = 1, qos: UInt8 = 2,
        cleanStart: Bool = false
    ) -> TestClient {
        let client = test.connect(name, version, home: home, cleanStart: cleanStart, expiry: 1000)
        test.commitAll()
        client.subscribe("t", qos: qos)
        test.commitAll()
        _ = client.received()
        return client
    }

    @Test("CONNACK, SUBACK and UNSUBACK of a durable session wait for the commit", arguments: Setting.all)
    func sessionAnswers(_ setting: Setting) {
        let test = broker(setting.shards)
        let client = test.connect("c", setting.version, home: 1, expiry: 1000)
        let name = Array(test.clientID("c", home: 1).utf8)
        #expect(client.received().isEmpty && test.store.sessions[name] == nil)
        test.commit()
        #expect(client.received().map(\.type) == [.connack] && test.store.sessions[name] != nil)
        client.subscribe("t", qos: 1)
        #expect(client.received().isEmpty)
        test.commit()
        #expect(client.received().map(\.type) == [.suback])
        #expect(test.store.sessions[name]?.subscriptions == [[0x74]])
        client.unsubscribe("t", "never")
        #expect(client.received().isEmpty)
        test.commit()
        #expect(client.received().map(\.type) == [.unsuback])
        #expect(test.store.sessions[name]?.subscriptions == [])
        // Nothing to commit, nothing to wait for.
        client.unsubscribe("never")
        #expect(client.received().map(\.type) == [.unsuback])
    }

    @Test("A session that ends with its connection, and its messages, wait for nothing", arguments: Setting.all)
    func notDurable(_ setting: Setting) {
        let test = broker(setting.shards)
        let client = test.connect("c", setting.version, home: 1)
        client.subscribe("t", qos: 2)
        client.publish("t", "1", qos: 1)
        client.publish("t", "2", qos: 2, packetID: 2)
        client.send(.pubrel(Ack(packetID: 2)))
        #expect(
            client.received().map(\.type) == [
                .connack, .suback, .publish, .puback, .publish, .pubrec, .pubcomp,
            ])
        #expect(test.tickets.isEmpty)
    }

    @Test("A clean start is answered when the old session is gone from the store")
    func cleanStart() {
        let test = broker(1)
        durable(test).drop()
        test.commitAll()
        let fresh = test.connect("s", home: 1)
        #expect(fresh.received().isEmpty)
        test.commit()
        #expect(fresh.received().map(\.type) == [.connack] && test.store.sessions.isEmpty)
    }

    @Test("PUBACK and PUBREC wait until every receiver's shard has committed", arguments: [1, 2, 3])
    func publishAcknowledgement(shards: Int) {
        let test = broker(shards)
        let sleepers = (0..<3).map { number in durable(test, "s\(number)", home: number, cleanStart: true) }
        for sleeper in sleepers { sleeper.drop() }
        test.commitAll()
        let publisher = test.connect("p", home: 0)
        _ = publisher.received()
        publisher.publish("t", "one", qos: 1, packetID: 1)
        publisher.publish("t", "two", qos: 2, packetID: 2)
        for shard in (0..<shards).reversed() {
            #expect(publisher.received().isEmpty)
            test.commit(shard: shard)
        }
        #expect(publisher.received().map(\.type) == [.puback, .pubrec])
        for number in 0..<3 {
            #expect(test.store.undelivered(to: test.clientID("s\(number)", home: number)) == ["one", "two"])
        }
    }

    @Test("A duplicate of a QoS 2 message is not acknowledged before the first is durable", arguments: [1, 2])
    func duplicateBeforeCommit(shards: Int) {
        let test = broker(shards)
        durable(test, "sleeper", home: 1).drop()
        test.commitAll()
        let first = durable(test, "p", home: 0)
        first.publish("t", "once", qos: 2, packetID: 5)
        first.drop()
        let second = test.connect("p", home: 0, cleanStart: false, expiry: 1000)
        second.publish("t", "once", qos: 2, packetID: 5) { $0.dup = true }
        // Everything of the publisher's own shard is committed; the receiver's is not.
        if shards == 2 { test.commit(shard: 0) }
        #expect(second.received().isEmpty)
        test.commitAll()
        #expect(second.received().map(\.type).contains(.pubrec))
        #expect(test.store.undelivered(to: test.clientID("sleeper", home: 1)) == ["once"])
        second.send(.pubrel(Ack(packetID: 5)))
        #expect(!second.received().contains { $0.type == .pubcomp })
        test.commitAll()
        #expect(second.received().map(\.type).contains(.pubcomp))
    }

    @Test("PUBREL and an outgoing QoS 2 PUBLISH wait for their packet identifier", arguments: [1, 2])
    func outgoing(shards: Int) {
        let test = broker(shards)
        let client = durable(test)
        test.connect("p", home: 0).publish("t", "x", qos: 2)
        #expect(client.received().isEmpty)
        test.commitAll()
        let message = client.messages()[0]
        client.send(.pubrec(Ack(packetID: message.packetID)))
        #expect(client.received().isEmpty)
        test.commitAll()
        #expect(client.received() == [.pubrel(Ack(packetID: message.packetID))])
        client.send(.pubcomp(Ack(packetID: message.packetID)))
        test.commitAll()
        #expect(test.store.undelivered(to: test.clientID("s", home: 1)).isEmpty)
    }

    @Test("Answers leave in order, also when later ones have nothing to wait for [MQTT-4.6.0-2]", arguments: [1, 2])
    func order(shards: Int) {
        let test = broker(shards)
        durable(test).drop()
        test.commitAll()
        let publisher = test.connect("p", home: 0)
        _ = publisher.received()
        for number in UInt16(1)...6 {
            publisher.publish(number.isMultiple(of: 2) ? "t" : "nobody", qos: 1, packetID: number)
        }
        let early = publisher.received()
        test.commitAll()
        let all = (early + publisher.received()).map {
            if case .puback(let ack) = $0 { ack.packetID } else { UInt16(0) }
        }
        #expect(early.count == 1 && all == Array(1...6))
    }

    @Test(
        "When the store fails a 5.0 client is told 0x97, any is cut off, nothing is acknowledged",
        arguments: Setting.all)
    func failure(_ setting: Setting) {
        let test = broker(setting.shards)
        durable(test).drop()
        test.commitAll()
        let publisher = test.connect("p", setting.version, home: 0)
        _ = publisher.received()
        publisher.publish("t", "lost?", qos: 1)
        test.commit(succeeded: false)
        #expect(publisher.isClosed)
        let packets = publisher.received()
        #expect(packets.map(\.type) == (setting.version == .v5_0 ? [.disconnect] : []))
        // The rows go to the store again before anything later is acknowledged.
        test.recover()
        let again = test.connect("p", setting.version, home: 0)
        again.publish("t", "again", qos: 1)
        test.commitAll()
        #expect(again.received().map(\.type) == [.connack, .puback])
        #expect(test.store.undelivered(to: test.clientID("s", home: 1)) == ["lost?", "again"])
    }

    @Test(
        "A session the store cannot keep is refused in CONNACK, with nothing before it [MQTT-3.14.0-1]",
        arguments: ProtocolVersion.allCases)
    func failureAtConnect(version: ProtocolVersion) {
        let test = broker(1)
        let client = test.connect("c", version, expiry: 1000)
        test.commit(succeeded: false)
        #expect(client.connack()?.reason == (version == .v5_0 ? .quotaExceeded : .serverUnavailable))
        #expect(client.isClosed)
    }

    @Test("While the store fails, what would have to be kept is refused at the door and what is lost does not grow")
    func refusedAtTheDoor() {
        let test = broker(1)
        let online = durable(test)
        let publisher = test.connect("p")
        _ = publisher.received()
        publisher.publish("t", "lost", qos: 1)
        test.commit(succeeded: false)
        let lost = test.broker.shards[0].lostRows.count
        for number in 0..<20 {
            let new = test.connect("new\(number)", expiry: 1000)
            #expect(new.connack()?.reason == .quotaExceeded && new.isClosed)
            online.subscribe("more/\(number)", qos: 1)
            let reasons = online.received().compactMap { packet -> [ReasonCode]? in
                if case .suback(let ack) = packet { ack.reasons } else { nil }
            }
            #expect(reasons == [[.quotaExceeded]])
        }
        #expect(test.broker.shards[0].lostRows.count == lost && test.tickets.isEmpty)
        let passing = test.connect("passing")
        #expect(passing.connack()?.reason == .success)
        test.recover()
        let new = test.connect("new", expiry: 1000)
        test.commitAll()
        #expect(new.connack()?.reason == .success)
    }

    @Test("Of a topic whose retained message a plugin changes while the store fails, the last change is kept")
    func lostRetained() {
        let test = broker(1)
        let publisher = test.connect("p")
        _ = publisher.received()
        publisher.publish("t", "0", qos: 1, retain: true)
        test.commit(succeeded: false)
        for number in 1...5000 {
            test.tell(
                .publish(InjectedMessage(topic: [0x74], payload: Array("\(number)".utf8), qos: 1, retain: true)))
            test.commit(succeeded: false)
        }
        #expect(test.broker.shards[0].lostRows.count < 2000)
        test.recover()
        #expect(test.store.retained[[0x74]]?.payload == Array("5000".utf8))
    }

    @Test("Publishers wait while the store is behind, on whichever shard the changes are", arguments: [1, 2])
    func publishersWait(shards: Int) {
        let test = broker(shards)
        durable(test, home: 1, qos: 1).drop()
        test.commitAll()
        let publisher = test.connect("p", home: 0) { $0.properties.receiveMaximum = 1000 }
        test.commitAll()
        var sent: UInt16 = 0
        while sent < 90, !publisher.isPaused {
            sent += 1
            publisher.publish("t", String(repeating: "x", count: 100_000), qos: 1, packetID: sent)
        }
        #expect((80..<90).contains(sent), "8 MiB of 9 MB")
        publisher.publish("t", "waits", qos: 1, packetID: sent + 1)
        #expect(test.broker.shards[0].counters.messagesReceived.1 == UInt64(sent))
        test.commitAll()
        #expect(test.broker.shards[0].counters.messagesReceived.1 == UInt64(sent) + 1)
        #expect(publisher.received().filter { $0.type == .puback }.count == Int(sent) + 1)
    }

    @Test("A queue does not empty faster than the store commits what that changes")
    func storeBehind() {
        let test = broker(1)
        let sleeper = durable(test, qos: 1)
        sleeper.drop()
        test.commitAll()
        let publisher = test.connect("p")
        for number in 1...5 { publisher.publish("t", "\(number)", qos: 1, packetID: UInt16(number)) }
        test.commitAll()
        let again = test.connect("s", home: 1, cleanStart: false, expiry: 1000) { $0.properties.receiveMaximum = 1 }
        test.commitAll()
        let first = again.received().publishes
        #expect(first.map(\.text) == ["1"])
        durable(test, "other", qos: 1).drop()
        test.commitAll()
        for number in 0..<90 {
            publisher.publish("t", String(repeating: "x", count: 100_000), qos: 1, packetID: UInt16(100 + number))
        }
        again.send(.puback(Ack(packetID: first.first?.packetID ?? 0)))
        #expect(again.received().publishes.isEmpty, "the store has 8 MiB to commit")
        test.commitAll()
        #expect(again.received().publishes.map(\.text) == ["2"])
    }

    @Test("A QoS 2 message whose commit failed is acknowledged when repeated, after its commit", arguments: [1, 2])
    func repeatedAfterFailure(shards: Int) {
        let test = broker(shards)
        durable(test, "sleeper", home: 1).drop()
        test.commitAll()
        let first = durable(test, "p", home: 0)
        first.publish("t", "once", qos: 2, packetID: 5)
        test.commit(succeeded: false)
        #expect(first.isClosed && !first.received().contains { $0.type == .pubrec })
        test.recover()
        let second = test.connect("p", home: 0, cleanStart: false, expiry: 1000)
        second.publish("t", "once", qos: 2, packetID: 5) { $0.dup = true }
        #expect(second.received().isEmpty)
        test.commitAll()
        #expect(second.received().map(\.type).contains(.pubrec))
        #expect(test.store.undelivered(to: test.clientID("sleeper", home: 1)) == ["once"])
    }

    @Test("Retained messages are durable before their publisher is told", arguments: [1, 2])
    func retained(shards: Int) {
        let test = broker(shards)
        let publisher = test.connect("p", home: 0)
        _ = publisher.received()
        publisher.publish("t", "kept", qos: 1, retain: true)
        #expect(publisher.received().isEmpty)
        test.commitAll()
        #expect(publisher.received().count == 1)
        #expect(test.store.retained[[0x74]]?.payload == Array("kept".utf8))
        publisher.publish("t", "", qos: 1, retain: true)
        test.commitAll()
        #expect(test.store.retained.isEmpty)
    }

    @Test("A message for a shared group is durable where its member lives before PUBACK", arguments: [1, 2, 3])
    func sharedGroup(shards: Int) {
        for home in 0..<3 {
            let test = broker(shards)
            let member = test.connect("m", home: home, expiry: 1000)
            member.subscribe("$share/g/t", qos: 1)
            test.commitAll()
            member.window = 0
            let publisher = test.connect("p", home: 0)
            _ = publisher.received()
            publisher.publish("t", "one", qos: 1)
            #expect(publisher.received().isEmpty)
            test.commitAll()
            #expect(publisher.received().count == 1)
            #expect(test.store.undelivered(to: test.clientID("m", home: home)) == ["one"])
        }
    }

    @Test(
        "A message that waits for a group is durable, and leaves the store when a member's shard has it",
        arguments: [1, 2, 3])
    func groupQueue(shards: Int) {
        for home in 0..<3 {
            let test = broker(shards)
            let member = test.connect("m", home: home, expiry: 1000)
            member.subscribe("$share/g/t", qos: 1)
            test.commitAll()
            member.drop()
            test.commitAll()
            let publisher = test.connect("p", home: 0)
            _ = publisher.received()
            publisher.publish("t", "one", qos: 1)
            #expect(publisher.received().isEmpty)
            test.commitAll()
            #expect(publisher.received().count == 1)
            #expect(test.store.waitingForGroups == ["one"])
            let again = test.connect("m", home: home, cleanStart: false, expiry: 1000)
            let name = test.clientID("m", home: home)
            while !test.tickets.isEmpty {
                test.commit(shard: test.tickets[0].shard)
                #expect(test.store.waitingForGroups == ["one"] || test.store.undelivered(to: name) == ["one"])
            }
            #expect(test.store.waitingForGroups.isEmpty)
            #expect(again.takeAll().map(\.text) == ["one"])
            test.commitAll()
            #expect(test.store.undelivered(to: name).isEmpty)
        }
    }

    @Test("The store follows expiry, wills and the end of sessions")
    func sessionRows() {
        let test = broker(2)
        let name = Array(test.clientID("c", home: 1).utf8)
        let client = test.connect("c", home: 1, expiry: 1000) { $0.will = .init(topic: [0x77], payload: [1]) }
        test.commitAll()
        #expect(test.store.sessions[name]?.hasWill == true && test.store.sessions[name]?.isOffline == false)
        client.disconnect(expiry: 50)
        test.commitAll()
        #expect(test.store.sessions[name]?.hasWill == false && test.store.sessions[name]?.isOffline == true)
        #expect(test.store.sessions[name]?.expiry == 50)
        test.advance(seconds: 51)
        test.commitAll()
        #expect(test.store.sessions.isEmpty)
    }

    @Test("A message that is never sent leaves the store: expired, or too large for the client")
    func dropped() {
        let test = broker(1)
        durable(test, qos: 1).drop()
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", "expired", qos: 1) { $0.properties.messageExpiryInterval = 5 }
        publisher.publish("t", String(repeating: "x", count: 200), qos: 1)
        publisher.publish("t", "fine", qos: 1)
        test.commitAll()
        test.advance(seconds: 10)
        let client = test.connect("s", home: 1, cleanStart: false, expiry: 1000) {
            $0.properties.maximumPacketSize = 100
        }
        test.commitAll()
        #expect(client.takeAll().map(\.text) == ["fine"])
        publisher.publish("t", String(repeating: "x", count: 200), qos: 1)
        test.commitAll()
        #expect(test.store.undelivered(to: test.clientID("s", home: 1)).isEmpty)
    }
}
