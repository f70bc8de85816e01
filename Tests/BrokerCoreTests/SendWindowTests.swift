import MQTTCodec
import Testing

@testable import BrokerCore

/// QoS 1 and 2 from the broker to a subscriber: window, order, resending.
@Suite struct SendWindowTests {
    private func subscriber(
        _ test: TestBroker, _ version: ProtocolVersion = .v5_0, qos: UInt8 = 2, receiveMaximum: UInt16? = nil,
        cleanStart: Bool = true
    ) -> TestClient {
        let client = test.connect("s", version, home: 1, cleanStart: cleanStart, expiry: 100) {
            $0.properties.receiveMaximum = version == .v5_0 ? receiveMaximum : nil
        }
        if cleanStart { client.subscribe("t", qos: qos) }
        return client
    }

    private func publish(_ test: TestBroker, _ numbers: ClosedRange<Int>, qos: UInt8 = 2) {
        let publisher = test.connect("p", home: 0)
        for number in numbers {
            publisher.publish("t", "\(number)", qos: qos, packetID: UInt16(number))
            if qos == 2 { publisher.send(.pubrel(Ack(packetID: UInt16(number)))) }
        }
    }

    @Test("The client's Receive Maximum is never exceeded [MQTT-3.3.4-9]", arguments: [1, 2])
    func receiveMaximum(shards: Int) {
        let test = TestBroker(shards: shards)
        let client = subscriber(test, receiveMaximum: 3)
        _ = client.received()
        publish(test, 1...20)
        var delivered: [String] = []
        var open: [UInt16] = []
        for _ in 0..<100 where delivered.count < 20 || !open.isEmpty {
            for packet in client.received() {
                switch packet {
                case .publish(let publish):
                    delivered.append(publish.text)
                    #expect(!open.contains(publish.packetID), "an identifier in flight is not used again")
                    open.append(publish.packetID)
                case .pubrel(let release):
                    open.removeAll { $0 == release.packetID }
                    client.send(.pubcomp(Ack(packetID: release.packetID)))
                default: break
                }
                #expect(open.count <= 3)
            }
            if let first = open.first { client.send(.pubrec(Ack(packetID: first))) }
        }
        #expect(delivered == (1...20).map(String.init))
    }

    @Test(
        "A reconnect resends in order, with DUP, under the same identifiers [MQTT-4.4.0-1][MQTT-4.6.0-1]",
        arguments: Setting.all)
    func resend(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let first = subscriber(test, setting.version)
        _ = first.received()
        publish(test, 1...10)
        let before = first.messages()
        #expect(before.count == 10 && before.allSatisfy { !$0.dup })
        // The third is acknowledged, the fifth and sixth have come as far as PUBREL.
        first.send(.pubrec(Ack(packetID: before[2].packetID)))
        first.send(.pubcomp(Ack(packetID: before[2].packetID)))
        first.send(.pubrec(Ack(packetID: before[4].packetID)))
        first.send(.pubrec(Ack(packetID: before[5].packetID)))
        first.drop()
        let second = subscriber(test, setting.version, cleanStart: false)
        let packets = second.received()
        let releases = packets.compactMap { if case .pubrel(let ack) = $0 { ack.packetID } else { nil } }
        #expect(releases == [before[4].packetID, before[5].packetID])
        let expected = [0, 1, 3, 6, 7, 8, 9].map { before[$0] }
        #expect(packets.publishes.map(\.packetID) == expected.map(\.packetID))
        #expect(packets.publishes.map(\.text) == expected.map(\.text))
        #expect(packets.publishes.allSatisfy { $0.dup && $0.qos == 2 })
    }

    @Test("What is sent again keeps within a smaller Receive Maximum [MQTT-3.3.4-9]", arguments: [1, 2])
    func smallerWindow(shards: Int) {
        let test = TestBroker(shards: shards)
        let first = subscriber(test, qos: 1)
        _ = first.received()
        publish(test, 1...10, qos: 1)
        #expect(first.messages().count == 10)
        first.drop()
        publish(test, 11...15, qos: 1)
        let second = subscriber(test, receiveMaximum: 2, cleanStart: false)
        var texts: [String] = []
        var flags: [Bool] = []
        for _ in 0..<8 {
            let messages = second.messages()
            #expect(messages.count <= 2)
            texts += messages.map(\.text)
            flags += messages.map(\.dup)
            for message in messages { second.send(.puback(Ack(packetID: message.packetID))) }
        }
        #expect(texts == (1...15).map(String.init))
        #expect(flags == Array(repeating: true, count: 10) + Array(repeating: false, count: 5))
    }

    @Test("Messages that wait to be sent again survive another reconnect")
    func resendTwice() {
        let test = TestBroker()
        let first = subscriber(test, qos: 1)
        _ = first.received()
        publish(test, 1...6, qos: 1)
        let before = first.messages()
        first.drop()
        let second = subscriber(test, receiveMaximum: 2, cleanStart: false)
        // An acknowledgement of the first connection comes late: it counts.
        second.send(.puback(Ack(packetID: before[4].packetID)))
        second.drop()
        let third = subscriber(test, cleanStart: false)
        let messages = third.messages()
        #expect(messages.map(\.text) == ["1", "2", "3", "4", "6"])
        #expect(messages.allSatisfy { $0.dup })
    }

    @Test("PUBREC with an error ends the exchange, the next message follows [MQTT-4.4.0-2]")
    func refusedByTheReceiver() {
        let test = TestBroker()
        let client = subscriber(test, receiveMaximum: 1)
        _ = client.received()
        publish(test, 1...2)
        let first = client.messages()
        client.send(.pubrec(Ack(packetID: first[0].packetID, reason: .quotaExceeded)))
        let second = client.received()
        #expect(second.publishes.map(\.text) == ["2"] && second.count == 1)
        // Acknowledged for good: nothing comes again.
        client.drop()
        #expect(subscriber(test, cleanStart: false).messages().map(\.text) == ["2"])
    }

    @Test("PUBREC for an unknown identifier: PUBREL with 0x92, plain in 3.1.1", arguments: ProtocolVersion.allCases)
    func unknownReceived(version: ProtocolVersion) {
        let client = TestBroker().connect("c", version)
        _ = client.received()
        client.send(.pubrec(Ack(packetID: 5)))
        let reason: ReasonCode = version == .v5_0 ? .packetIdentifierNotFound : .success
        #expect(client.received() == [.pubrel(Ack(packetID: 5, reason: reason))])
    }

    @Test("Acknowledgements of the wrong kind, twice or for nothing are ignored and counted")
    func strangeAcknowledgements() {
        let test = TestBroker()
        let client = subscriber(test)
        _ = client.received()
        publish(test, 1...1)
        let message = client.messages()[0]
        client.send(.puback(Ack(packetID: message.packetID)))
        client.send(.pubcomp(Ack(packetID: message.packetID)))
        client.send(.puback(Ack(packetID: 999)))
        #expect(test.broker.shards[0].counters.unexpectedAcks == 3)
        client.send(.pubrec(Ack(packetID: message.packetID)), .pubrec(Ack(packetID: message.packetID)))
        #expect(client.received() == Array(repeating: .pubrel(Ack(packetID: message.packetID)), count: 2))
        client.send(.pubcomp(Ack(packetID: message.packetID)))
        #expect(!client.isClosed)
    }

    @Test("Identifiers run past 65,535 and never collide with one that is still open [MQTT-2.2.1-4]")
    func identifiersWrap() {
        let test = TestBroker { $0.maximumInflight = 1000 }
        let client = subscriber(test, qos: 1)
        _ = client.received()
        let publisher = test.connect("p", home: 0)
        publisher.publish("t", "stuck", qos: 1)
        let stuck = client.messages()[0].packetID
        var seen: Set<UInt16> = []
        let burst = (0..<1000).flatMap { _ in
            Packet.publish(Publish(topic: [0x74], qos: 1, packetID: 1)).encode(version: .v5_0)
        }
        for _ in 0..<70 {
            publisher.send(bytes: burst)
            seen.formUnion(client.takeAll().map(\.packetID))
        }
        #expect(!seen.contains(stuck) && !seen.contains(0))
        // Those that share a place in the table with the open one are passed over.
        #expect(seen.count > 60_000)
    }
}
