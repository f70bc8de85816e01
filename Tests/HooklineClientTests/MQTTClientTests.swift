import Glibc
import MQTTCodec
import Testing

@testable import HooklineClient

/// The other end of a client's connection: what it will say is written ahead, what the client said is read afterwards.
private final class Peer {
    let descriptor: Int32
    private var version: ProtocolVersion

    init(_ descriptor: Int32, _ version: ProtocolVersion) {
        self.descriptor = descriptor
        self.version = version
    }

    deinit { close(descriptor) }

    func say(_ packets: Packet...) {
        let bytes = packets.flatMap { $0.encode(version: version) }
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
    }

    func heard() throws -> [Packet] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        var rest = bytes[..<max(count, 0)]
        var packets: [Packet] = []
        while case .frame(let length, _) = Array(rest).withUnsafeBytes({ raw in
            raw.isEmpty
                ? FrameScan.needMore(total: 0)
                : FrameScan.scan(raw.baseAddress!, count: raw.count, maximumPacketSize: 65_536)
        }) {
            packets.append(try Packet.decode(Array(rest.prefix(length)), version: version, role: .fromClient))
            rest = rest.dropFirst(length)
        }
        return packets
    }
}

@Suite("The client")
struct MQTTClientTests {
    /// A client whose CONNECT is answered with `answer`, and its peer.
    private func connected(
        _ version: ProtocolVersion = .v5_0, answer: ConnAck = ConnAck(reason: .success)
    ) throws -> (MQTTClient, Peer) {
        var ends: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let peer = Peer(ends[1], version)
        peer.say(.connack(answer))
        let client = try MQTTClient(
            socket: BlockingSocket(descriptor: ends[0]), connect: Connect(version: version, clientID: Array("c".utf8)),
            milliseconds: 1_000)
        return (client, peer)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func connects(version: ProtocolVersion) throws {
        let (client, peer) = try connected(version, answer: ConnAck(sessionPresent: true, reason: .success))
        #expect(client.connAck.sessionPresent)
        guard case .connect(let connect) = try peer.heard().first else {
            Issue.record("no CONNECT")
            return
        }
        #expect(connect.version == version && connect.clientIDText == "c")
    }

    @Test func saysWhyItWasRefused() {
        #expect(throws: ClientError.refused(.notAuthorized)) { try connected(answer: ConnAck(reason: .notAuthorized)) }
    }

    @Test func givesTheReasonCodesOfAnswers() throws {
        let (client, peer) = try connected()
        peer.say(.suback(SubAck(packetID: 1, reasons: [.grantedQoS1])))
        peer.say(.puback(Ack(packetID: 2, reason: .noMatchingSubscribers)))
        peer.say(.unsuback(UnsubAck(packetID: 3, reasons: [.noSubscriptionExisted])))
        #expect(try client.subscribe("a/#", qos: 1) == .grantedQoS1)
        #expect(try client.publish("a", [1], qos: 1) == .noMatchingSubscribers)
        #expect(try client.unsubscribe("b") == .noSubscriptionExisted)
    }

    @Test func goesThroughTheWholeExchangeOfQoS2() throws {
        let (client, peer) = try connected()
        peer.say(.pubrec(Ack(packetID: 1)), .pubcomp(Ack(packetID: 1)))
        #expect(try client.publish("a", [1], qos: 2) == .success)
        #expect(try peer.heard().map(\.type) == [.connect, .publish, .pubrel])
    }

    @Test func keepsAndAcknowledgesMessagesThatComeMeanwhile() throws {
        let (client, peer) = try connected()
        let twice = Publish(topic: Array("q2".utf8), qos: 2, packetID: 7)
        peer.say(
            .publish(Publish(topic: Array("q0".utf8))), .publish(Publish(topic: Array("q1".utf8), qos: 1, packetID: 5)),
            .publish(twice), .publish(twice), .pubrel(Ack(packetID: 7)), .pingresp)
        try client.ping()
        #expect(try (0..<3).map { _ in try client.message().topicText } == ["q0", "q1", "q2"])
        #expect(try peer.heard().map(\.type) == [.connect, .pingreq, .puback, .pubrec, .pubrec, .pubcomp])
    }

    @Test func endsWithTheReasonOfADisconnect() throws {
        let (client, peer) = try connected()
        peer.say(.disconnect(Disconnect(reason: .sessionTakenOver)))
        #expect(throws: ClientError.closed(.sessionTakenOver)) { try client.message() }
    }

    @Test func endsWhenTheConnectionDoes() throws {
        let (client, peer) = try connected()
        shutdown(peer.descriptor, Int32(SHUT_RDWR))
        #expect(throws: ClientError.closed(nil)) { try client.message() }
        #expect(throws: ClientError.closed(nil)) { try client.publish("a") }
    }

    @Test func doesNotWaitForever() throws {
        let (client, peer) = try connected()
        _ = withExtendedLifetime(peer) {
            #expect(throws: ClientError.timedOut(waitingFor: "SUBACK")) { try client.subscribe("a") }
        }
    }

    @Test func refusesWhatIsNoPacket() throws {
        let (client, peer) = try connected()
        #expect(write(peer.descriptor, [0x90, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 6) == 6)
        #expect(throws: ClientError.self) { try client.message() }
    }

    @Test func cannotConnectToAClosedPort() {
        #expect(throws: ClientError.cannotConnect(address: "127.0.0.1:1", errno: ECONNREFUSED)) {
            try MQTTClient(port: 1, connect: Connect(version: .v5_0, clientID: []))
        }
    }
}
