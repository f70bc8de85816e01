import MQTTCodec
import Testing

@testable import BrokerCore

/// Bytes as sockets bring and take them.
@Suite struct StreamTests {
    /// A whole conversation of a client, in bytes.
    private func conversation(_ version: ProtocolVersion, clientID: String) -> [UInt8] {
        var connect = Connect(version: version, clientID: Array(clientID.utf8))
        connect.cleanStart = true
        let packets: [Packet] = [
            .connect(connect), .subscribe(Subscribe(packetID: 1, subscriptions: [.init(filter: [0x74], qos: 2)])),
            .publish(Publish(topic: [0x74], payload: [1])),
            .publish(Publish(topic: [0x74], payload: [UInt8](repeating: 2, count: 300), qos: 1, packetID: 2)),
            .publish(Publish(topic: [0x74], payload: [3], qos: 2, packetID: 3)), .pubrel(Ack(packetID: 3)), .pingreq,
            .unsubscribe(Unsubscribe(packetID: 4, filters: [[0x74]])), .publish(Publish(topic: [0x74])), .pingreq,
        ]
        return packets.flatMap { $0.encode(version: version) }
    }

    private static let answers: [PacketType] = [
        .connack, .suback, .publish, .publish, .puback, .publish, .pubrec, .pubcomp, .pingresp, .unsuback, .pingresp,
    ]

    @Test("One byte at a time, in pieces of any size, or all at once: the same answers", arguments: Setting.all)
    func pieces(_ setting: Setting) {
        for size in [1, 2, 3, 5, 7, 64, 100_000] {
            let test = TestBroker(shards: setting.shards)
            let client = test.open(setting.version)
            let bytes = conversation(setting.version, clientID: test.clientID("c", home: 1))
            for start in stride(from: 0, to: bytes.count, by: size) {
                client.send(bytes: Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(client.received().map(\.type) == Self.answers, "pieces of \(size)")
            #expect(!client.isClosed)
        }
    }

    @Test("A socket that takes little at a time gets everything in order", arguments: [1, 2])
    func partialWrites(shards: Int) {
        let test = TestBroker(shards: shards)
        let client = test.connect("c", home: 1)
        client.subscribe("t", qos: 1)
        _ = client.received()
        client.window = 0
        let publisher = test.connect("p", home: 0)
        for number in 1...80 { publisher.publish("t", "\(number)", qos: UInt8(number % 2)) }
        #expect(client.output.isEmpty)
        var texts: [String] = []
        for round in 0..<2000 where texts.count < 80 {
            client.widen(1 + round % 13)
            texts += client.payloads()
        }
        #expect(texts == (1...80).map(String.init))
    }

    @Test("A connection that breaks while output waits ends like any other")
    func brokenWhileBlocked() {
        let test = TestBroker()
        let client = test.connect("c", expiry: 100)
        client.subscribe("t", qos: 1)
        client.window = 3
        let publisher = test.connect("p")
        for _ in 0..<3 { publisher.publish("t", qos: 1) }
        client.drop()
        #expect(test.causes("c") == [.connectionLost])
        let again = test.connect("c", cleanStart: false, expiry: 100)
        #expect(again.takeAll().count == 3)
    }

    @Test("Nothing is handled after the packet that ended the connection")
    func afterTheEnd() {
        let test = TestBroker()
        let watcher = test.connect("w")
        watcher.subscribe("#")
        _ = watcher.received()
        let client = test.connect("c")
        client.send(
            .publish(Publish(topic: [0x61])), .disconnect(Disconnect()), .publish(Publish(topic: [0x62])), .pingreq)
        #expect(watcher.messages().map(\.topicText) == ["a"])
        #expect(client.isClosed)
    }

    @Test("Events for a connection that has ended are ignored")
    func staleHandles() {
        let test = TestBroker()
        let client = test.connect("c")
        client.disconnect()
        let shard = test.broker.shards[0]
        [UInt8]([0xC0, 0]).withUnsafeBytes { shard.received(client.handle, $0, now: test.now) }
        shard.writable(client.handle, now: test.now)
        shard.closed(client.handle, now: test.now)
        test.settle()
        #expect(test.causes("c") == [.clientDisconnect])
    }
}
