import Configuration
import Glibc
import Reactor
import Testing

@testable import Host

/// A broker on a free port of this machine, without plugins, stopped with the value.
private struct LiveBroker: ~Copyable {
    let service: BrokerService
    let port: UInt16
    private let control: EventLoop

    init(loops: Int, _ settings: String = "") throws {
        let options = try ServeOptions.parse(["--ephemeral", "--no-plugins", "--set", "broker.threads=\(loops)"])
        let loaded = try ServerConfiguration.load(text: settings, file: "plugins.yaml", options)
        let listeners = try ListenerOpening.open(loaded.configuration.listeners, layers: [:])
        let control = try EventLoop(index: -1, handler: SilentHandler())
        let service = try BrokerService(
            configuration: loaded.configuration, listeners: listeners,
            log: Log(level: .error, format: .text), control: control, announcements: AnnouncementFiles(options),
            runDirectory: nil)
        try service.start()
        service.accept()
        self.service = service
        self.control = control
        port = UInt16(listeners[0].open.port)
    }

    deinit { service.stop() }
}

private final class SilentHandler: StreamHandler {
    func opened(_ stream: StreamID, listener: Int, peer: SocketAddress, now: Int64) -> UInt64 { 0 }
    func received(_ stream: StreamID, context: UInt64, bytes: UnsafeRawBufferPointer, now: Int64) {}
    func writable(_ stream: StreamID, context: UInt64, now: Int64) {}
    func closed(_ stream: StreamID, context: UInt64, reason: CloseReason, now: Int64) {}
    func woken(now: Int64) {}
    func endOfTurn(now: Int64) {}
    func nextDeadline() -> Int64? { nil }
}

@Suite("A broker on real sockets")
struct BrokerServiceTests {
    @Test("Clients on every loop reach each other, wherever they were accepted", arguments: [1, 3])
    func exchange(loops: Int) throws {
        let broker = try LiveBroker(loops: loops)
        let clients = try (0..<9).map { _ in try WireClient(port: broker.port) }
        for (number, client) in clients.enumerated() {
            client.connect("client-\(number)")
            #expect(client.packet()?.first == 0x20)
            client.subscribe("to/\(number)")
            #expect(client.packet()?.first == 0x90)
        }
        for (number, client) in clients.enumerated() {
            for other in clients.indices { client.publish("to/\(other)", "from \(number)") }
        }
        for (number, client) in clients.enumerated() {
            let received = clients.indices.compactMap { _ in client.packet() }
            let prefix = 2 + "to/\(number)".utf8.count
            let payloads = received.map { String(decoding: $0.body.dropFirst(prefix), as: UTF8.self) }
            #expect(payloads.sorted() == clients.indices.map { "from \($0)" })
        }
        #expect(broker.service.connections == 9)
    }

    @Test("A drain says good-bye with 0x8B to MQTT 5 clients and takes no new ones", arguments: [1, 2])
    func drain(loops: Int) throws {
        let broker = try LiveBroker(loops: loops)
        let client = try WireClient(port: broker.port)
        client.connect("a", version: 5)
        #expect(client.packet()?.first == 0x20)
        broker.service.drain()
        let last = try #require(client.packet())
        #expect(last.first == 0xE0)
        #expect(last.body.first == 0x8B)
        #expect(client.packet() == nil)
        #expect(broker.service.listeners.isEmpty)
    }

    @Test("A drain waits for the acknowledgement of what is on its way", arguments: [1, 2])
    func drainWaits(loops: Int) throws {
        let broker = try LiveBroker(loops: loops)
        let (receiver, sender) = (try WireClient(port: broker.port), try WireClient(port: broker.port))
        receiver.connect("receiver")
        #expect(receiver.packet()?.first == 0x20)
        receiver.subscribe("t", qos: 1)
        #expect(receiver.packet()?.first == 0x90)
        sender.connect("sender")
        #expect(sender.packet()?.first == 0x20)
        sender.publishOnce("t", "kept")
        #expect(sender.packet()?.first == 0x40)
        let message = try #require(receiver.packet())
        broker.service.drain()
        #expect(sender.packet() == nil)
        receiver.subscribe("still served")
        #expect(receiver.packet()?.first == 0x90)
        receiver.acknowledge(message.body)
        #expect(receiver.packet() == nil)
    }

    @Test("A connection over the limit is closed before a byte of it is read")
    func limit() throws {
        let broker = try LiveBroker(loops: 1, "broker: { limits: { max_connections: 1 } }")
        let first = try WireClient(port: broker.port)
        first.connect("a")
        #expect(first.packet()?.first == 0x20)
        #expect(try WireClient(port: broker.port).packet() == nil)
        first.subscribe("a")
        #expect(first.packet()?.first == 0x90)
    }
}
