import BrokerCore
import Locking
import MQTTCodec
import StoreFormat
import Testing

/// A broker without sockets or clock: the test plays both ends of every connection and sees what the log would hear.
final class HostileBench: ShardTransport {
    let broker: Broker
    private(set) var now: Int64 = 1_000_000_000
    private var lines: [UInt64: Line] = [:]
    private var nextLine: UInt64 = 0
    private var moved = false
    /// Everything a log would have heard of.
    private(set) var events: [BrokerEvent] = []

    init(lenient: Bool = false, _ configure: (inout BrokerSettings) -> Void = { _ in }) {
        var settings = BrokerSettings()
        configure(&settings)
        broker = Broker(
            settings: settings, listeners: [ListenerSettings(name: "tcp", allowAnonymous: true, isLenient: lenient)],
            shardCount: 1, seed: 7)
        broker.shards[0].attach(self)
    }

    /// A connection before its CONNECT.
    func open() -> Line {
        nextLine += 1
        let line = Line(bench: self, transport: nextLine)
        lines[nextLine] = line
        line.handle = broker.shards[0].opened(transport: nextLine, listener: 0, peer: "192.0.2.1:1", now: now)
        return line
    }

    /// A connection that is online, its CONNACK taken.
    func online(
        _ version: ProtocolVersion, _ clientID: String = "bad", _ configure: (inout Connect) -> Void = { _ in }
    ) -> Line {
        let line = open()
        var connect = Connect(version: version, clientID: Array(clientID.utf8))
        configure(&connect)
        line.send(Packet.connect(connect).encode(version: version))
        #expect(line.output.first == 0x20, "CONNECT of a good client was not answered")
        line.output = []
        return line
    }

    /// Runs turns until nothing moves.
    func settle() {
        for _ in 0..<1000 {
            moved = false
            broker.shards[0].processInbox(now: now)
            broker.shards[0].endOfTurn(now: now)
            if !moved { return }
        }
        Issue.record("the broker does not come to rest")
    }

    func advance(seconds: Double) {
        now += Int64(seconds * 1e9)
        settle()
    }

    /// Why the connection ended that ended last.
    var lastCause: DisconnectCause? {
        for event in events.reversed() {
            switch event {
            case .disconnected(_, _, let cause, _, _, _, _, _), .connectRefused(_, _, let cause, _): return cause
            default: continue
            }
        }
        return nil
    }

    /// What the log says of it.
    var lastWords: String { lastCause?.detail ?? "" }

    /// Sessions the broker has.
    func sessions() -> Int {
        let count = Locked(-1)
        broker.post(.snapshot { snapshot in count.withLock { $0 = snapshot.sessions } }, to: 0)
        settle()
        return count.withLock { $0 }
    }

    func forget(_ line: Line) { lines[line.transport] = nil }

    // MARK: ShardTransport

    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let line = lines[transport], !line.isClosed else { return -1 }
        line.output.append(contentsOf: bytes)
        moved = true
        return bytes.count
    }
    func close(_ transport: UInt64, graceful: Bool) {
        lines[transport]?.isClosed = true
        moved = true
    }
    func pauseReading(_ transport: UInt64) { lines[transport]?.isPaused = true }
    func resumeReading(_ transport: UInt64) { lines[transport]?.isPaused = false }
    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer) {}
    func wake(shard target: Int) { moved = true }
    func load(_ messages: [UInt64], for session: UInt64) {}
    func persist(_ rows: [StoreRow], ticket: UInt64) {}
    func event(_ event: BrokerEvent) { events.append(event) }
}

/// One connection as its peer sees it: bytes in, bytes out.
final class Line {
    private unowned let bench: HostileBench
    let transport: UInt64
    var handle: UInt64 = 0
    var output: [UInt8] = []
    var isClosed = false
    var isPaused = false

    init(bench: HostileBench, transport: UInt64) {
        self.bench = bench
        self.transport = transport
    }

    /// Memory that holds exactly these bytes: under the address sanitizer a read of one too many is a fault.
    func send(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        let exact = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { exact.deallocate() }
        exact.copyBytes(from: bytes)
        bench.broker.shards[0].received(handle, UnsafeRawBufferPointer(exact), now: bench.now)
        bench.settle()
    }

    func send(_ packet: Packet, _ version: ProtocolVersion) { send(packet.encode(version: version)) }

    /// The peer goes away.
    func drop() {
        if !isClosed {
            isClosed = true
            bench.broker.shards[0].closed(handle, now: bench.now)
            bench.settle()
        }
        bench.forget(self)
    }

    /// The bytes written since the last call.
    func takeOutput() -> [UInt8] {
        defer { output = [] }
        return output
    }

    /// Whether the broker still talks to this peer.
    func isAlive() -> Bool {
        output = []
        send([0xC0, 0])
        return !isClosed && takeOutput() == [0xD0, 0]
    }
}

/// A client that keeps to the rules beside those that do not.
struct GoodClient {
    let line: Line
    let version: ProtocolVersion

    init(_ bench: HostileBench, _ version: ProtocolVersion = .v5_0) {
        self.version = version
        line = bench.online(version, "good")
        line.send(
            .subscribe(Subscribe(packetID: 1, subscriptions: [.init(filter: Array("alive".utf8))])), version)
        line.output = []
    }

    /// A message to itself comes back, and nothing else has come.
    func noticedNothing() -> Bool {
        let message = Packet.publish(Publish(topic: Array("alive".utf8), payload: [1])).encode(version: version)
        guard line.output.isEmpty else { return false }
        line.send(message)
        return line.takeOutput() == message
    }
}

/// Whether a log line names a numbered statement of the specification.
func namesAStatement(_ words: String) -> Bool { words.contains("MQTT-") && words.last == "]" }

/// The code of a CONNACK or DISCONNECT of MQTT 5.0 that is all the broker said; nil when it said nothing or more.
func reasonCode(_ said: [UInt8]) -> UInt8? {
    guard let last = said.dropFirst().firstIndex(where: { $0 < 0x80 }),
        said.dropFirst().prefix(last).enumerated().reduce(0, { $0 | Int($1.element & 0x7F) << (7 * $1.offset) })
            == said.count - last - 1
    else { return nil }
    switch said[0] {
    case 0x20: return said.dropFirst(last + 2).first
    case 0xE0: return said.dropFirst(last + 1).first
    default: return nil
    }
}
