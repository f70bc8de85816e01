import MQTTCodec
import Testing

@testable import BrokerCore

/// The bounds of a session's queue, and what happens at them.
@Suite struct QueueTests {
    /// A session that sleeps, subscribed to `t`.
    private func sleeper(_ test: TestBroker, home: Int = 1) {
        let client = test.connect("sleeper", home: home, expiry: 1000)
        client.subscribe("t", qos: 1)
        client.drop()
    }

    private func wake(_ test: TestBroker, home: Int = 1) -> TestClient {
        test.connect("sleeper", home: home, cleanStart: false, expiry: 1000)
    }

    @Test("deadLetter: what exceeds the bound is dropped, counted and reported", arguments: [1, 2])
    func deadLetter(shards: Int) {
        let test = TestBroker(shards: shards) { $0.maximumQueuedMessages = 5 }
        sleeper(test)
        let publisher = test.connect("p", home: 0)
        _ = publisher.received()
        for number in 1...8 { publisher.publish("t", "\(number)", qos: 1, packetID: UInt16(number)) }
        #expect(publisher.received().count == 8)
        #expect(test.dropped(.queueFull) == 3)
        let reported = test.events.filter {
            if case .dropped(let client, let topic, .queueFull) = $0 {
                client == Array(test.clientID("sleeper", home: 1).utf8) && topic == [0x74]
            } else {
                false
            }
        }
        #expect(reported.count == 3)
        #expect(wake(test).takeAll().map(\.text) == ["1", "2", "3", "4", "5"])
    }

    @Test("The bound of bytes works like that of messages")
    func bytes() {
        let test = TestBroker { $0.maximumQueuedBytes = 4000 }
        sleeper(test)
        let publisher = test.connect("p")
        for _ in 0..<10 { publisher.publish("t", String(repeating: "x", count: 1000), qos: 1) }
        #expect(test.dropped(.queueFull) == 6)
        #expect(wake(test).takeAll().count == 4)
    }

    @Test(
        "refuse: the publisher is told 0x97, a 3.1.1 publisher is closed [v3 MQTT-4.8.0-2]",
        arguments: ProtocolVersion.allCases)
    func refuse(version: ProtocolVersion) {
        let test = TestBroker {
            $0.maximumQueuedMessages = 2
            $0.queueFullPolicy = .refuse
        }
        sleeper(test)
        let online = test.connect("online")
        online.subscribe("t", qos: 1)
        let publisher = test.connect("p", version)
        for number in 1...2 { publisher.publish("t", "\(number)", qos: 1, packetID: UInt16(number)) }
        _ = (publisher.received(), online.received())
        publisher.publish("t", "3", qos: 1, packetID: 3)
        if version == .v5_0 {
            #expect(publisher.received() == [.puback(Ack(packetID: 3, reason: .quotaExceeded))])
            publisher.publish("t", "4", qos: 2, packetID: 4)
            #expect(publisher.received() == [.pubrec(Ack(packetID: 4, reason: .quotaExceeded))])
        } else {
            #expect(publisher.isClosed && publisher.received().isEmpty)
        }
        // Refused for one receiver is refused for all.
        #expect(online.messages().isEmpty)
        #expect(wake(test).takeAll().map(\.text) == ["1", "2"])
    }

    @Test("pause: the publisher is not read until the queue has room, nothing is lost", arguments: [1, 2, 3])
    func pause(shards: Int) {
        let test = TestBroker(shards: shards) {
            $0.maximumQueuedMessages = 10
            $0.queueFullPolicy = .pause
        }
        sleeper(test)
        let publisher = test.connect("p", home: 0)
        _ = publisher.received()
        var sent = 0
        while !publisher.isPaused, sent < 100 {
            sent += 1
            publisher.publish("t", "\(sent)", qos: 1, packetID: UInt16(sent))
        }
        #expect((11...13).contains(sent))
        // Whatever the loop had read already is kept and not acknowledged.
        let acknowledged = publisher.received().count
        publisher.publish("t", "kept", qos: 1, packetID: 500)
        #expect(publisher.received().isEmpty && acknowledged == sent)
        let woken = wake(test)
        #expect(woken.takeAll().map(\.text) == (1...sent).map(String.init) + ["kept"])
        #expect(!publisher.isPaused)
        #expect(publisher.received() == [.puback(Ack(packetID: 500))])
        #expect(test.dropped(.queueFull) == 0)
    }

    @Test("pause: clients that wait for each other do not wait for ever", arguments: [1, 2])
    func mutualPause(shards: Int) {
        let test = TestBroker(shards: shards) {
            $0.maximumQueuedMessages = 4
            $0.maximumInflight = 1
            $0.queueFullPolicy = .pause
        }
        let clients = [test.connect("a", home: 0), test.connect("b", home: 1)]
        clients[0].subscribe("to-a", "to-both", qos: 1)
        clients[1].subscribe("to-b", "to-both", qos: 1)
        for number in 1...30 {
            clients[0].publish("to-b", qos: 1, packetID: UInt16(number))
            clients[1].publish("to-a", qos: 1, packetID: UInt16(number))
            clients[0].publish("to-both", qos: 1, packetID: UInt16(100 + number))
        }
        var rounds = 0
        while rounds < 200, clients.contains(where: { !$0.takeAll().isEmpty }) { rounds += 1 }
        #expect(!clients[0].isPaused && !clients[1].isPaused)
        for client in clients {
            client.send(.pingreq)
            #expect(client.received().contains(.pingresp))
        }
    }

    @Test("pause: the end of the sleeping session lets the publisher go on", arguments: [1, 2])
    func pausedForAnEndingSession(shards: Int) {
        let test = TestBroker(shards: shards) {
            $0.maximumQueuedMessages = 2
            $0.queueFullPolicy = .pause
        }
        sleeper(test)
        let publisher = test.connect("p", home: 0)
        for number in 1...4 where !publisher.isPaused { publisher.publish("t", qos: 1, packetID: UInt16(number)) }
        #expect(publisher.isPaused)
        test.advance(seconds: 1001)
        #expect(!publisher.isPaused)
    }

    @Test("QoS 0 does not queue for a session that is offline", arguments: [1, 2])
    func offlineQoS0(shards: Int) {
        let test = TestBroker(shards: shards)
        sleeper(test)
        test.connect("p", home: 0).publish("t", qos: 0)
        #expect(test.dropped(.offlineQoS0) == 1)
        #expect(wake(test).takeAll().isEmpty)
    }

    @Test(
        "A queued message that has expired is dropped; another one carries what is left [MQTT-3.3.2-5][MQTT-3.3.2-6]",
        arguments: [1, 2])
    func expiry(shards: Int) {
        let test = TestBroker(shards: shards)
        sleeper(test)
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", "short", qos: 1) { $0.properties.messageExpiryInterval = 10 }
        publisher.publish("t", "long", qos: 1) { $0.properties.messageExpiryInterval = 100 }
        publisher.publish("t", "for ever", qos: 1)
        test.advance(seconds: 30)
        let messages = wake(test).takeAll()
        #expect(messages.map(\.text) == ["long", "for ever"])
        #expect(messages.map(\.properties.messageExpiryInterval) == [70, nil])
        #expect(test.dropped(.expired) == 1)
    }

    @Test("A reader that does not keep up loses QoS 0 beyond the output bound, not QoS 1", arguments: [false, true])
    func slowReader(withAlias: Bool) {
        let test = TestBroker { $0.maximumOutputBytes = 20_000 }
        let slow = test.connect("slow") { if withAlias { $0.properties.topicAliasMaximum = 5 } }
        slow.subscribe("t", qos: 1)
        _ = slow.received()
        slow.window = 0
        let publisher = test.connect("p")
        for _ in 0..<50 { publisher.publish("t", String(repeating: "x", count: 1000)) }
        for number in 1...50 { publisher.publish("t", "\(number)", qos: 1, packetID: UInt16(number)) }
        #expect((25...35).contains(test.dropped(.outputFull)))
        slow.widen(.max)
        let messages = slow.takeAll()
        #expect(messages.filter { $0.qos == 1 }.map(\.text) == (1...50).map(String.init))
        #expect(messages.filter { $0.qos == 0 }.count + test.dropped(.outputFull) == 50)
    }

    @Test(
        "A message larger than the client's Maximum Packet Size counts as delivered [MQTT-3.1.2-24][MQTT-3.1.2-25]",
        arguments: [0, 1, 2] as [UInt8])
    func clientPacketLimit(qos: UInt8) {
        let test = TestBroker { $0.maximumInflight = 1 }
        let client = test.connect("c", expiry: 100) { $0.properties.maximumPacketSize = 60 }
        client.subscribe("t", qos: qos)
        _ = client.received()
        let publisher = test.connect("p")
        for text in ["small", String(repeating: "x", count: 100), "also small"] {
            publisher.publish("t", text, qos: qos)
            if qos == 2 { publisher.send(.pubrel(Ack(packetID: 1))) }
        }
        #expect(client.takeAll().map(\.text) == ["small", "also small"])
        #expect(test.dropped(.packetTooLarge) == 1)
        publisher.publish("t", String(repeating: "x", count: 100), qos: qos) { $0.retain = true }
        client.subscribe("t", qos: qos)
        #expect(client.takeAll().isEmpty)
    }
}
