import BrokerCore
import MQTTCodec
import Testing

/// Bounds on what one connection may send, store or keep waiting.
@Suite struct BoundTests {
    /// A publisher that has to wait: the session it publishes to has no room.
    private func heldBack(_ bound: Int) -> (bench: HostileBench, publisher: Line, message: [UInt8]) {
        let bench = HostileBench {
            $0.maximumQueuedMessages = 1
            $0.queueFullPolicy = .pause
            $0.maximumPendingInput = bound
        }
        let receiver = bench.online(.v5_0, "receiver") { $0.properties.sessionExpiryInterval = 60 }
        receiver.send(
            .subscribe(Subscribe(packetID: 1, subscriptions: [.init(filter: Array("t".utf8), qos: 1)])), .v5_0)
        receiver.drop()
        let publisher = bench.online(.v5_0, "publisher")
        let message = Packet.publish(
            Publish(topic: Array("t".utf8), payload: Array(repeating: 1, count: 90), qos: 1, packetID: 1)
        ).encode(version: .v5_0)
        for _ in 0..<4 where !publisher.isPaused { publisher.send(message) }
        #expect(publisher.isPaused)
        return (bench, publisher, message)
    }

    @Test("What comes in although nobody reads ends the connection at the bound, and is counted as a limit")
    func pendingInput() {
        let (bench, publisher, message) = heldBack(1000)
        let good = GoodClient(bench)
        for _ in 0..<(1000 / message.count) { publisher.send(message) }
        #expect(!publisher.isClosed)
        publisher.output = []
        publisher.send(message)
        #expect(publisher.isClosed)
        #expect(reasonCode(publisher.output) == 0x97)
        guard case .limit? = bench.lastCause else {
            Issue.record("\(String(describing: bench.lastCause))")
            return
        }
        #expect(good.noticedNothing())
    }

    @Test("Input below the bound waits and is handled when there is room again")
    func pendingInputBelow() {
        let (bench, publisher, message) = heldBack(1000)
        publisher.send(message)
        publisher.output = []
        let receiver = bench.open()
        var connect = Connect(version: .v5_0, clientID: Array("receiver".utf8), cleanStart: false)
        connect.properties.sessionExpiryInterval = 60
        receiver.send(.connect(connect), .v5_0)
        #expect(!publisher.isPaused && !publisher.isClosed)
        #expect(publisher.takeOutput().contains(0x40), "what waited was taken")
    }

    @Test("A payload over the limit is 0x95 in 5.0 and the end in 3.1.1", arguments: ProtocolVersion.allCases)
    func payload(version: ProtocolVersion) {
        let bench = HostileBench { $0.maximumPayloadSize = 100 }
        let good = GoodClient(bench, version)
        let line = bench.online(version)
        let topic = Array("alive".utf8)
        line.send(.publish(Publish(topic: topic, payload: Array(repeating: 0, count: 101))), version)
        #expect(line.isClosed)
        #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x95 : nil))
        #expect(good.noticedNothing())
    }

    @Test("More open QoS 2 messages than the Receive Maximum is 0x93 [MQTT-3.3.4-7]")
    func receiveMaximum() {
        let bench = HostileBench { $0.receiveMaximum = 3 }
        let good = GoodClient(bench)
        let line = bench.online(.v5_0)
        for packetID in UInt16(1)...3 {
            line.send(.publish(Publish(topic: [0x74], qos: 2, packetID: packetID)), .v5_0)
        }
        #expect(!line.isClosed)
        line.output = []
        line.send(.publish(Publish(topic: [0x74], qos: 2, packetID: 4)), .v5_0)
        #expect(reasonCode(line.takeOutput()) == 0x93)
        #expect(bench.lastWords.contains("[MQTT-3.3.4-7]"))
        #expect(good.noticedNothing())
    }

    @Test("QoS or RETAIN that CONNACK has ruled out ends the connection [MQTT-3.2.2-11][MQTT-3.2.2-14]")
    func announced() {
        let bench = HostileBench {
            $0.maximumQoS = 1
            $0.retainAvailable = false
        }
        let line = bench.online(.v5_0)
        line.send(.publish(Publish(topic: [0x74], qos: 2, packetID: 4)), .v5_0)
        #expect(reasonCode(line.takeOutput()) == 0x9B && bench.lastWords.contains("[MQTT-3.2.2-11]"))
        let other = bench.online(.v5_0)
        other.send(.publish(Publish(topic: [0x74], retain: true)), .v5_0)
        #expect(reasonCode(other.takeOutput()) == 0x9A && bench.lastWords.contains("[MQTT-3.2.2-14]"))
    }

    @Test(
        "A peer that is silent for 1.5 times its keep alive is ended [MQTT-3.1.2-22]",
        arguments: ProtocolVersion.allCases)
    func keepAlive(version: ProtocolVersion) {
        let bench = HostileBench()
        let line = bench.online(version) { $0.keepAlive = 10 }
        bench.advance(seconds: 14.9)
        #expect(!line.isClosed)
        // Half a packet is no sign of life.
        line.send([0x30, 9])
        bench.advance(seconds: 0.2)
        #expect(line.isClosed)
        #expect(reasonCode(line.takeOutput()) == (version == .v5_0 ? 0x8D : nil))
        #expect(bench.lastWords.contains("MQTT-3.1.2-22"))
    }

    @Test("More levels than the limit: a topic ends the connection, a filter is refused alone")
    func levels() {
        let bench = HostileBench { $0.maximumTopicLevels = 3 }
        let line = bench.online(.v5_0)
        line.send(.subscribe(Subscribe(packetID: 1, subscriptions: [.init(filter: Array("a/b/c/d".utf8))])), .v5_0)
        #expect(line.takeOutput().last == 0x8F)
        line.send(.publish(Publish(topic: Array("a/b/c/d".utf8))), .v5_0)
        #expect(reasonCode(line.takeOutput()) == 0x90)
    }
}
