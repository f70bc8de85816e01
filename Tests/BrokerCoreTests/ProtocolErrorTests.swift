import MQTTCodec
import Testing

@testable import BrokerCore

/// Packets that break the rules: a 5.0 client is told which code, a 3.1.1 client is closed [MQTT-4.13.1-1].
@Suite struct ProtocolErrorTests {
    struct Fault: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let reason: ReasonCode
    }

    static let faults = [
        Fault(testDescription: "reserved packet type", bytes: [0x00, 0], reason: .malformedPacket),
        Fault(testDescription: "reserved flags of PINGREQ", bytes: [0xC1, 0], reason: .malformedPacket),
        Fault(testDescription: "reserved flags of SUBSCRIBE", bytes: [0x80, 0], reason: .malformedPacket),
        Fault(testDescription: "QoS 3", bytes: [0x36, 7, 0, 1, 0x74, 0, 1, 0, 0x78], reason: .malformedPacket),
        Fault(testDescription: "packet identifier 0", bytes: [0x32, 6, 0, 1, 0x74, 0, 0, 0], reason: .protocolError),
        Fault(testDescription: "DUP with QoS 0", bytes: [0x38, 4, 0, 1, 0x74, 0], reason: .malformedPacket),
        Fault(
            testDescription: "remaining length of five bytes", bytes: [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1],
            reason: .malformedPacket),
        Fault(testDescription: "topic longer than the packet", bytes: [0x30, 3, 0, 9, 0x74], reason: .malformedPacket),
        Fault(testDescription: "CONNACK from a client", bytes: [0x20, 3, 0, 0, 0], reason: .protocolError),
        Fault(testDescription: "SUBSCRIBE without a filter", bytes: [0x82, 3, 0, 1, 0], reason: .protocolError),
        Fault(testDescription: "PINGREQ with a body", bytes: [0xC0, 1, 0], reason: .malformedPacket),
    ]

    @Test("Told and closed", arguments: faults)
    func version5(fault: Fault) {
        let test = TestBroker()
        let client = test.connect("c")
        _ = client.received()
        client.send(bytes: fault.bytes)
        #expect(client.isClosed)
        #expect(client.disconnectReason() == fault.reason)
        guard case .protocolViolation(let text)? = test.causes("c").first else {
            Issue.record("no cause")
            return
        }
        #expect(!text.isEmpty)
    }

    @Test("Closed without a word", arguments: faults)
    func version3(fault: Fault) {
        let test = TestBroker()
        let client = test.connect("c", .v3_1_1)
        _ = client.received()
        client.send(bytes: fault.bytes)
        #expect(client.isClosed && client.output.isEmpty)
    }

    @Test("AUTH without an authentication method is a protocol error [MQTT-4.12.0-7]")
    func auth() {
        let client = TestBroker().connect("c")
        _ = client.received()
        client.send(.auth(Auth(reason: .reAuthenticate, properties: Properties { $0.authenticationMethod = [0x78] })))
        #expect(client.disconnectReason() == .protocolError)
    }

    @Test(
        "The reason string names the fault, unless the client wants none or takes no packets of that size",
        arguments: [0, 1, 2])
    func reasonString(kind: Int) {
        let client = TestBroker().connect("c") {
            if kind == 1 { $0.properties.requestProblemInformation = 0 }
            if kind == 2 { $0.properties.maximumPacketSize = 30 }
        }
        _ = client.received()
        client.send(.connect(Connect(version: .v5_0, clientID: [0x63])))
        guard case .disconnect(let packet)? = client.received().last else {
            Issue.record("no DISCONNECT")
            return
        }
        #expect(packet.reason == .protocolError)
        #expect((packet.properties.reasonString != nil) == (kind == 0))
    }

    @Test("No Local on a shared subscription is a protocol error [MQTT-3.8.3-4]")
    func noLocalShared() {
        let client = TestBroker().connect("c")
        _ = client.received()
        client.subscribe("$share/g/t") { $0.noLocal = true }
        #expect(client.disconnectReason() == .protocolError)
    }

    @Test("A client whose CONNACK does not fit into its Maximum Packet Size is closed, not left waiting")
    func tinyPackets() {
        let client = TestBroker().connect("c") { $0.properties.maximumPacketSize = 5 }
        #expect(client.isClosed)
    }

    @Test("Others do not notice", arguments: [1, 2])
    func isolated(shards: Int) {
        let test = TestBroker(shards: shards)
        let good = test.connect("good", home: 0)
        good.subscribe("t")
        _ = good.received()
        for fault in Self.faults { test.connect("bad", home: 1).send(bytes: fault.bytes) }
        good.publish("t")
        #expect(good.messages().count == 1)
    }
}
