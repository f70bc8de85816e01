import MQTTCodec
import Testing

@testable import BrokerCore

/// A client as the test plays it.
final class TestClient {
    /// Kept alive as long as a test holds one of its clients.
    let test: TestBroker
    let version: ProtocolVersion
    let transport: UInt64
    /// The shard that has the connection, and its name for it.
    var shard: Int
    var handle: UInt64 = 0
    /// Bytes the broker has written that the test has not looked at.
    var output: [UInt8] = []
    /// Bytes the socket takes before it is full.
    var window = Int.max
    /// The broker has closed the connection, or the test has.
    var isClosed = false
    /// The broker does not read.
    var isPaused = false

    init(test: TestBroker, version: ProtocolVersion, transport: UInt64, shard: Int) {
        self.test = test
        self.version = version
        self.transport = transport
        self.shard = shard
    }

    // MARK: Sending

    /// Sends packets in one piece and lets the broker come to rest.
    func send(_ packets: Packet...) { send(bytes: packets.flatMap { $0.encode(version: version) }) }

    func send(bytes: [UInt8]) {
        guard !isClosed, !bytes.isEmpty else { return }
        bytes.withUnsafeBytes { test.broker.shards[shard].received(handle, $0, now: test.now) }
        test.settle()
    }

    func subscribe(
        _ filters: String..., qos: UInt8 = 0, identifier: UInt32? = nil,
        _ configure: (inout MQTTCodec.Subscription) -> Void = { _ in }
    ) {
        var packet = Subscribe(
            packetID: 1,
            subscriptions: filters.map { filter in
                var entry = MQTTCodec.Subscription(filter: Array(filter.utf8), qos: qos)
                configure(&entry)
                return entry
            })
        if let identifier { packet.properties.subscriptionIdentifiers = [identifier] }
        send(.subscribe(packet))
    }

    func unsubscribe(_ filters: String...) {
        send(.unsubscribe(Unsubscribe(packetID: 2, filters: filters.map { Array($0.utf8) })))
    }

    func publish(
        _ topic: String, _ payload: String = "x", qos: UInt8 = 0, retain: Bool = false, packetID: UInt16 = 1,
        _ configure: (inout Publish) -> Void = { _ in }
    ) {
        var packet = Publish(topic: Array(topic.utf8), payload: Array(payload.utf8), qos: qos)
        packet.retain = retain
        if qos > 0 { packet.packetID = packetID }
        configure(&packet)
        send(.publish(packet))
    }

    /// The client says good-bye.
    func disconnect(_ reason: ReasonCode = .normalDisconnection, expiry: UInt32? = nil) {
        var packet = Disconnect(reason: reason)
        packet.properties.sessionExpiryInterval = expiry
        send(.disconnect(packet))
    }

    /// The connection breaks.
    func drop() {
        guard !isClosed else { return }
        isClosed = true
        test.broker.shards[shard].closed(handle, now: test.now)
        test.settle()
    }

    /// The socket takes `bytes` more.
    func widen(_ bytes: Int) {
        window = bytes
        test.broker.shards[shard].writable(handle, now: test.now)
        test.settle()
    }

    // MARK: Receiving

    /// All whole packets received since the last call.
    func received() -> [Packet] {
        var packets: [Packet] = []
        var used = 0
        output.withUnsafeBytes { bytes in
            while used < bytes.count,
                case .frame(let length, _) = FrameScan.scan(
                    bytes.baseAddress! + used, count: bytes.count - used, maximumPacketSize: .max)
            {
                let frame = UnsafeRawBufferPointer(rebasing: bytes[used..<(used + length)])
                do {
                    packets.append(try Packet.decode(frame: frame, version: version, role: .fromServer))
                } catch {
                    preconditionFailure("the broker sent what no client may be sent: \(error)")
                }
                used += length
            }
        }
        output.removeFirst(used)
        return packets
    }

    /// The PUBLISH packets among what was received.
    func messages() -> [Publish] { received().publishes }

    /// The payloads of these, as text.
    func payloads() -> [String] { messages().map(\.text) }

    /// The CONNACK, which comes first [MQTT-3.2.0-1].
    func connack() -> ConnAck? {
        if case .connack(let packet)? = received().first { packet } else { nil }
    }

    /// The reason code of the DISCONNECT that came last.
    func disconnectReason() -> ReasonCode? {
        if case .disconnect(let packet)? = received().last { packet.reason } else { nil }
    }

    /// Takes every message there is, acknowledges it as its QoS wants, and goes on until none comes.
    func takeAll() -> [Publish] {
        var taken: [Publish] = []
        while true {
            let packets = received()
            if packets.isEmpty { return taken }
            taken += packets.publishes
            send(bytes: packets.compactMap(\.answer).flatMap { $0.encode(version: version) })
        }
    }

    /// PUBACK or PUBREC.
    func acknowledge(_ publish: Publish) {
        if let answer = Packet.publish(publish).answer { send(answer) }
    }
}

extension Packet {
    /// What a client answers to a packet of the broker.
    var answer: Packet? {
        switch self {
        case .publish(let publish) where publish.qos == 1: .puback(Ack(packetID: publish.packetID))
        case .publish(let publish) where publish.qos == 2: .pubrec(Ack(packetID: publish.packetID))
        case .pubrel(let release): .pubcomp(Ack(packetID: release.packetID))
        default: nil
        }
    }
}

extension Publish {
    /// The payload as text.
    var text: String { String(decoding: payload, as: UTF8.self) }
}

extension [Packet] {
    var publishes: [Publish] { compactMap { if case .publish(let publish) = $0 { publish } else { nil } } }

    /// The reason codes of the one SUBACK or UNSUBACK.
    var codes: [ReasonCode] {
        for packet in self {
            if case .suback(let answer) = packet { return answer.reasons }
            if case .unsuback(let answer) = packet { return answer.reasons }
        }
        return []
    }
}

/// Versions and numbers of shards most behaviour is checked with.
struct Setting: CustomTestStringConvertible, Sendable {
    let version: ProtocolVersion
    let shards: Int

    var testDescription: String { "MQTT \(version), \(shards) shards" }

    static let all = ProtocolVersion.allCases.flatMap { version in
        [1, 2, 3].map { Setting(version: version, shards: $0) }
    }
}
