import MQTTCodec

@testable import BrokerCore

/// A broker whose loops, sockets and clock are the test's: nothing moves unless the test says so.
final class TestBroker {
    let broker: Broker
    private(set) var now: Int64 = 1_000_000_000
    fileprivate var clients: [UInt64: TestClient] = [:]
    private var transports: [TestTransport] = []
    private var nextTransport: UInt64 = 1
    var events: [BrokerEvent] = []
    /// Rows handed to the store and not answered yet, by shard.
    var tickets: [(shard: Int, rows: [StoreRow], ticket: UInt64)] = []

    init(
        shards: Int = 1, settings: BrokerSettings = BrokerSettings(),
        listener: ListenerSettings = ListenerSettings(name: "tcp", allowAnonymous: true)
    ) {
        broker = Broker(settings: settings, listeners: [listener], shardCount: shards, seed: 42)
        transports = (0..<shards).map { TestTransport(shard: $0, test: self) }
        for (shard, transport) in zip(broker.shards, transports) { shard.attach(transport) }
    }

    /// A client connected to shard `shard`, before CONNECT.
    func open(_ version: ProtocolVersion = .v5_0, shard: Int = 0) -> TestClient {
        let client = TestClient(test: self, version: version, transport: nextTransport, shard: shard)
        nextTransport += 1
        clients[client.transport] = client
        client.handle = broker.shards[shard].opened(
            transport: client.transport, listener: 0, peer: "test:\(client.transport)", now: now)
        return client
    }

    /// A client that has connected with success.
    func connect(
        _ clientID: String, _ version: ProtocolVersion = .v5_0, cleanStart: Bool = true, shard: Int = 0,
        _ configure: (inout Connect) -> Void = { _ in }
    ) -> TestClient {
        let client = open(version, shard: shard)
        var connect = Connect(version: version, clientID: Array(clientID.utf8))
        connect.cleanStart = cleanStart
        connect.keepAlive = 0
        configure(&connect)
        client.send(.connect(connect))
        return client
    }

    /// Runs turns until nothing moves.
    func settle() {
        for _ in 0..<10_000 {
            var moved = false
            for (shard, transport) in zip(broker.shards, transports) {
                if transport.isWoken {
                    transport.isWoken = false
                    moved = true
                }
                shard.processInbox(now: now)
                shard.endOfTurn(now: now)
                if transport.movements > 0 {
                    transport.movements = 0
                    moved = true
                }
            }
            if !moved { return }
        }
        preconditionFailure("the broker does not come to rest")
    }

    /// Moves the clock; due timers run.
    func advance(seconds: Double) {
        now += Int64(seconds * 1e9)
        settle()
    }

    /// The store has committed, or lost, everything it was given.
    func commit(succeeded: Bool = true) {
        let pending = tickets
        tickets = []
        for entry in pending { broker.shards[entry.shard].stored(upTo: entry.ticket, succeeded: succeeded, now: now) }
        settle()
    }

    fileprivate func client(_ transport: UInt64) -> TestClient? { clients[transport] }
}

/// The test's end of the connections of one shard.
final class TestTransport: ShardTransport {
    let shard: Int
    unowned let test: TestBroker
    var isWoken = false
    var movements = 0

    init(shard: Int, test: TestBroker) {
        self.shard = shard
        self.test = test
    }

    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let client = test.client(transport), !client.isClosed else { return -1 }
        let taken = min(bytes.count, client.window)
        client.window -= taken
        client.output.append(contentsOf: bytes[..<taken])
        movements += 1
        return taken
    }
    func close(_ transport: UInt64, graceful: Bool) {
        test.client(transport)?.isClosed = true
        movements += 1
    }
    func pauseReading(_ transport: UInt64) { test.client(transport)?.isPaused = true }
    func resumeReading(_ transport: UInt64) { test.client(transport)?.isPaused = false }
    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer) {
        guard let client = test.client(transport) else { return }
        client.shard = target
        client.handle = test.broker.shards[target].adopt(transfer, transport: transport, now: test.now)
        movements += 1
    }
    func wake(shard target: Int) { movements += 1 }
    func persist(_ rows: [StoreRow], ticket: UInt64) { test.tickets.append((shard, rows, ticket)) }
    func event(_ event: BrokerEvent) { test.events.append(event) }
}

/// A client as the test plays it.
final class TestClient {
    unowned let test: TestBroker
    let version: ProtocolVersion
    let transport: UInt64
    var shard: Int
    var handle: UInt64 = 0
    var output: [UInt8] = []
    /// Bytes the socket takes before it is full.
    var window = Int.max
    var isClosed = false
    var isPaused = false

    init(test: TestBroker, version: ProtocolVersion, transport: UInt64, shard: Int) {
        self.test = test
        self.version = version
        self.transport = transport
        self.shard = shard
    }

    /// Sends a packet and lets the broker come to rest.
    func send(_ packet: Packet) { send(bytes: packet.encode(version: version)) }

    func send(bytes: [UInt8]) {
        bytes.withUnsafeBytes { test.broker.shards[shard].received(handle, $0, now: test.now) }
        test.settle()
    }

    /// The connection breaks.
    func drop() {
        isClosed = true
        test.broker.shards[shard].closed(handle, now: test.now)
        test.settle()
    }

    /// Everything received since the last call, decoded.
    func received() -> [Packet] {
        var packets: [Packet] = []
        output.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count,
                case .frame(let length, _) = FrameScan.scan(
                    bytes.baseAddress! + offset, count: bytes.count - offset, maximumPacketSize: .max)
            {
                let frame = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)])
                if let packet = try? Packet.decode(frame: frame, version: version, role: .fromServer) {
                    packets.append(packet)
                }
                offset += length
            }
            precondition(offset == bytes.count, "the broker sent half a packet")
        }
        output = []
        return packets
    }

    /// The PUBLISH packets among what was received.
    func messages() -> [Publish] {
        received().compactMap { if case .publish(let publish) = $0 { publish } else { nil } }
    }

    func subscribe(_ filter: String, qos: UInt8 = 0, _ configure: (inout Subscribe) -> Void = { _ in }) {
        var packet = Subscribe(packetID: 1, subscriptions: [.init(filter: Array(filter.utf8), qos: qos)])
        configure(&packet)
        send(.subscribe(packet))
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
}
