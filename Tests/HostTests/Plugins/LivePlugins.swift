import BrokerCore
import Configuration
import Foundation
import Reactor
import Testing

@testable import Host

/// Plugins in a broker that serves clients on a free port, with their log lines recorded.
final class LivePlugins {
    let host: PluginHost
    let port: UInt16
    let folder: TemporaryDirectory
    private let lines = Monitor<[PluginLogLine]>([])
    private let staging: StagingDirectory
    private let loops: LoopGroup
    private let listeners: [BoundListener]
    private let control: EventLoop

    /// - Parameter data: where keys are kept; nil: in memory.
    init(loops count: Int, data: String? = nil) throws {
        let options = try ServeOptions.parse(["--ephemeral", "--no-plugins"])
        let loaded = try ServerConfiguration.load(text: "{}", file: "plugins.yaml", options)
        let configuration = loaded.configuration
        listeners = try ListenerOpening.open(configuration.listeners)
        port = UInt16(listeners[0].open.port)
        control = try EventLoop(index: -1, handler: QuietHandler())
        folder = try TemporaryDirectory()
        let broker = Broker(
            settings: BrokerSettings(configuration.broker),
            listeners: configuration.listeners.map {
                ListenerSettings(name: $0.name, allowAnonymous: $0.allowsAnonymous)
            }, shardCount: count, seed: 7)
        staging = try StagingDirectory(in: folder.path)
        let log = Log(level: .error, format: .text)
        loops = try LoopGroup(
            broker: broker, gate: AcceptGate(maximumConnections: 100, rate: nil, interval: 0),
            outlet: EventOutlet(log: log, listenerNames: configuration.listeners.map(\.name), control: control))
        var environment = PluginEnvironment(
            broker, log: log, configuration: configuration.broker, staging: staging,
            isEphemeral: true, isChecking: false,
            administer: { request, answer in
                answer(request == .status ? .done("{\"state\":\"ready\"}") : .refused("not here"))
                return true
            })
        environment.dataDirectory = data
        let lines = lines
        environment.log = PluginLog(
            isEnabled: { $0 <= .info }, write: { line in lines.withLock { $0.append(line) } })
        host = PluginHost(environment)
        try loops.start()
        loops.accept(listeners)
    }

    deinit {
        host.stop()
        loops.stop()
    }

    /// A client that is connected.
    func client(_ id: String) throws -> WireClient {
        let client = try WireClient(port: port)
        client.connect(id)
        try #require(client.packet()?.first == 0x20)
        return client
    }

    /// Makes these plugins what runs.
    @discardableResult
    func apply(_ entries: [PluginEntry], renewing: Set<String> = []) throws -> PluginChanges {
        try host.apply(
            entries, paths: PathBase(fileDirectory: folder.path, workingDirectory: folder.path), renewing: renewing)
    }

    /// Waits until `count` lines of an event were logged; their messages, in order of logging.
    func messages(_ event: String, count: Int = 1) -> [String] {
        let deadline = monotonicNow() + 20_000_000_000
        return lines.wait { lines, wakeUp in
            let messages = lines.filter { $0.event == event }.map(\.message)
            if messages.count >= count || monotonicNow() > deadline { return messages }
            wakeUp = deadline
            return nil
        }
    }

    /// What was logged of an event so far.
    func messagesNow(_ event: String) -> [String] {
        lines.read { lines in lines.filter { $0.event == event }.map(\.message) }
    }
}

private final class QuietHandler: StreamHandler {
    func opened(_ stream: StreamID, listener: Int, peer: SocketAddress, now: Int64) -> UInt64 { 0 }
    func received(_ stream: StreamID, context: UInt64, bytes: UnsafeRawBufferPointer, now: Int64) {}
    func writable(_ stream: StreamID, context: UInt64, now: Int64) {}
    func closed(_ stream: StreamID, context: UInt64, reason: CloseReason, now: Int64) {}
    func woken(now: Int64) {}
    func endOfTurn(now: Int64) {}
    func nextDeadline() -> Int64? { nil }
}
