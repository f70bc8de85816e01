import BrokerCore
import StoreFormat

/// `BrokerCore` with two shards, no sockets, and a clock that stands still unless the case moves it.
final class CoreBroker: Carried {
    private let broker: Broker
    private var transports: [CoreTransport] = []
    private var links: [UInt64: CoreLink] = [:]
    private(set) var now: Int64 = 1_000_000_000

    init(_ options: [BrokerOption]) {
        var settings = BrokerSettings()
        for option in options { option.apply(to: &settings) }
        broker = Broker(
            settings: settings, listeners: [ListenerSettings(name: "tcp", allowAnonymous: true)], shardCount: 2,
            seed: 7)
        transports = broker.shards.map { _ in CoreTransport(self) }
        for (shard, transport) in zip(broker.shards, transports) { shard.attach(transport) }
    }

    func open() -> any Link {
        let number = UInt64(links.count + 1)
        let link = CoreLink(self, transport: number)
        links[number] = link
        link.shard = Int(number) % broker.shards.count
        link.handle = broker.shards[link.shard].opened(
            transport: number, listener: 0, peer: "case:\(number)", now: now)
        return link
    }

    func advance(seconds: Double) {
        now += Int64(seconds * 1e9)
        settle()
    }

    fileprivate func link(_ transport: UInt64) -> CoreLink? { links[transport] }

    fileprivate func received(_ bytes: [UInt8], from link: CoreLink) {
        bytes.withUnsafeBytes { broker.shards[link.shard].received(link.handle, $0, now: now) }
        settle()
    }

    fileprivate func closed(_ link: CoreLink) {
        broker.shards[link.shard].closed(link.handle, now: now)
        settle()
    }

    fileprivate func adopt(_ transfer: ConnectionTransfer, _ link: CoreLink, shard: Int) {
        link.shard = shard
        link.handle = broker.shards[shard].adopt(transfer, transport: link.transport, now: now)
    }

    /// Runs turns until nothing moves any more.
    private func settle() {
        for _ in 0..<100_000 {
            for transport in transports { transport.moved = false }
            for shard in broker.shards {
                shard.processInbox(now: now)
                shard.endOfTurn(now: now)
            }
            let isDue = broker.shards.contains { $0.nextDeadline.map { $0 <= now } ?? false }
            if !isDue, !transports.contains(where: \.moved) { return }
        }
        preconditionFailure("the broker does not come to rest")
    }
}

/// One connection to a ``CoreBroker``.
final class CoreLink: Link {
    fileprivate let transport: UInt64
    fileprivate var shard = 0
    fileprivate var handle: UInt64 = 0
    fileprivate var output: [UInt8] = []
    fileprivate var isClosed = false
    private let broker: CoreBroker

    fileprivate init(_ broker: CoreBroker, transport: UInt64) {
        self.broker = broker
        self.transport = transport
    }

    func send(_ bytes: [UInt8]) {
        if !isClosed { broker.received(bytes, from: self) }
    }

    func receive() -> [UInt8]? {
        defer { output = [] }
        return output.isEmpty && !isClosed ? nil : output
    }

    func cut() {
        guard !isClosed else { return }
        isClosed = true
        broker.closed(self)
    }
}

/// The sockets of one shard, as far as it can tell.
private final class CoreTransport: ShardTransport {
    private unowned let broker: CoreBroker
    /// Something was asked since the last turn.
    var moved = false

    init(_ broker: CoreBroker) { self.broker = broker }

    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let link = broker.link(transport), !link.isClosed else { return -1 }
        link.output.append(contentsOf: bytes)
        moved = true
        return bytes.count
    }

    func close(_ transport: UInt64, graceful: Bool) {
        broker.link(transport)?.isClosed = true
        moved = true
    }

    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer) {
        moved = true
        guard let link = broker.link(transport), !link.isClosed else { return }
        broker.adopt(transfer, link, shard: target)
    }

    func wake(shard target: Int) { moved = true }
    func pauseReading(_ transport: UInt64) {}
    func resumeReading(_ transport: UInt64) {}
    func load(_ messages: [UInt64], for session: UInt64) {}
    func persist(_ rows: [StoreRow], ticket: UInt64) {}
    func event(_ event: BrokerEvent) {}
}
