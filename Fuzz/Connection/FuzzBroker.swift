import BrokerCore
import MQTTCodec
import StoreFormat

/// A broker whose clients are played by the fuzzer. What it writes must be packets that a server may send, in the
/// version of the connection, whatever was sent to it.
final class FuzzBroker: ShardTransport {
    private static let lines = 3
    private let broker: Broker
    private var now: Int64 = 1_000_000_000
    private var peers: [UInt64: Peer] = [:]
    private var slots: [UInt64]
    private var nextTransport: UInt64 = 0
    private var moved = false

    private final class Peer {
        var handle: UInt64 = 0
        var output: [UInt8] = []
        var version: ProtocolVersion?
        /// Bytes the socket takes before it is full.
        var window = Int.max
    }

    init(lenient: Bool, policy: QueueFullPolicy) {
        var settings = BrokerSettings()
        settings.maximumPacketSize = 4096
        settings.maximumPayloadSize = 1024
        settings.maximumTopicLevels = 8
        settings.maximumSubscriptionsPerSession = 6
        settings.maximumRetainedMessages = 4
        settings.maximumInflight = 3
        settings.receiveMaximum = 3
        settings.maximumQueuedMessages = 3
        settings.maximumOutputBytes = 1 << 16
        settings.queueFullPolicy = policy
        broker = Broker(
            settings: settings, listeners: [ListenerSettings(name: "f", allowAnonymous: true, isLenient: lenient)],
            shardCount: 1, seed: 1)
        slots = Array(repeating: 0, count: Self.lines)
        broker.shards[0].attach(self)
        for slot in slots.indices { reopen(slot) }
    }

    /// Takes one input: steps of an operation, a length, and that many bytes.
    func run(_ input: UnsafeRawBufferPointer) {
        var position = 0
        while position + 2 <= input.count {
            let (operation, count) = (input[position], Int(input[position + 1]))
            position += 2
            let slot = Int(operation & 3) % Self.lines
            switch operation >> 2 & 7 {
            case 0: reopen(slot)
            case 1: advance(Int64(count) * 250_000_000)
            case 2: widen(slot, count)
            default:
                let end = min(input.count, position + count)
                send(slot, UnsafeRawBufferPointer(rebasing: input[position..<end]))
                position = end
            }
        }
        advance(3_600_000_000_000)
    }

    private func reopen(_ slot: Int) {
        if peers.removeValue(forKey: slots[slot]) != nil, let handle = handles[slots[slot]] {
            broker.shards[0].closed(handle, now: now)
            settle()
        }
        nextTransport += 1
        let peer = Peer()
        peers[nextTransport] = peer
        slots[slot] = nextTransport
        peer.handle = broker.shards[0].opened(transport: nextTransport, listener: 0, peer: "f", now: now)
        handles[nextTransport] = peer.handle
    }

    private var handles: [UInt64: UInt64] = [:]

    private func send(_ slot: Int, _ bytes: UnsafeRawBufferPointer) {
        guard let peer = peers[slots[slot]], bytes.count > 0 else { return }
        broker.shards[0].received(peer.handle, bytes, now: now)
        settle()
    }

    private func widen(_ slot: Int, _ count: Int) {
        guard let peer = peers[slots[slot]] else { return }
        let wasFull = peer.window == 0
        peer.window = count == 255 ? .max : count
        if wasFull { broker.shards[0].writable(peer.handle, now: now) }
        settle()
    }

    private func advance(_ time: Int64) {
        now += time
        settle()
    }

    private func settle() {
        for _ in 0..<10_000 {
            moved = false
            broker.shards[0].processInbox(now: now)
            broker.shards[0].endOfTurn(now: now)
            if !moved { return }
        }
        preconditionFailure("the broker does not come to rest")
    }

    /// Every whole packet of a peer's output must be one a server may send.
    private func check(_ peer: Peer) {
        while let first = peer.output.first {
            let scan = peer.output.withUnsafeBytes { bytes in
                FrameScan.scan(bytes.baseAddress.unsafelyUnwrapped, count: bytes.count, maximumPacketSize: .max)
            }
            guard case .frame(let length, _) = scan else {
                if case .malformed(let error) = scan { preconditionFailure("the broker sent \(error)") }
                return
            }
            if peer.version == nil {
                precondition(first == 0x20, "the first packet of the broker is not CONNACK [MQTT-3.2.0-1]")
                peer.version = length == 4 ? .v3_1_1 : .v5_0
            }
            do throws(DecodeError) {
                _ = try Packet.decode(
                    Array(peer.output[..<length]), version: peer.version ?? .v5_0, role: .fromServer)
            } catch {
                preconditionFailure("the broker sent what no client may be sent: \(error)")
            }
            peer.output.removeFirst(length)
        }
    }

    // MARK: ShardTransport

    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let peer = peers[transport] else { return -1 }
        let taken = min(bytes.count, peer.window)
        if peer.window != .max { peer.window -= taken }
        peer.output.append(contentsOf: bytes[..<taken])
        if taken > 0 { moved = true }
        check(peer)
        return taken
    }

    func close(_ transport: UInt64, graceful: Bool) {
        peers[transport] = nil
        handles[transport] = nil
        moved = true
    }

    func pauseReading(_ transport: UInt64) {}
    func resumeReading(_ transport: UInt64) {}
    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer) {}
    func wake(shard target: Int) { moved = true }
    func load(_ messages: [UInt64], for session: UInt64) {}
    func persist(_ rows: [StoreRow], ticket: UInt64) {}
    func event(_ event: BrokerEvent) {}
}
