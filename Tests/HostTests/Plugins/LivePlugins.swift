import BrokerCore
import Configuration
import Foundation
import PluginABI
import Reactor
import Testing

@testable import Host

/// Plugins in a broker that serves clients on a free port, with their log lines recorded.
///
/// @unchecked Sendable: its parts may be used on any thread; changes of the list are made one after the other.
final class LivePlugins: @unchecked Sendable {
    let host: PluginHost
    let port: UInt16
    /// Of the listener that asks for certificates; 0 without one.
    let securePort: UInt16
    let folder: TemporaryDirectory
    private let lines = Monitor<[PluginLogLine]>([])
    private let staging: StagingDirectory
    private let service: BrokerService
    private let control: EventLoop

    /// - Parameters:
    ///   - data: where keys are kept; nil: in memory.
    ///   - builtins: plugins that are linked in, by name.
    ///   - certificates: a folder as `hookline certs init` makes it, for a listener with TLS beside the plain one.
    init(
        loops: Int, data: String? = nil, builtins: [String: hl_plugin_entry_fn] = [:], certificates: String? = nil
    ) throws {
        let options = try ServeOptions.parse(["--ephemeral", "--no-plugins", "--set", "broker.threads=\(loops)"])
        let text = certificates.map(Self.configuration) ?? "{}"
        let loaded = try ServerConfiguration.load(text: text, file: "plugins.yaml", options)
        let listeners = try ListenerOpening.open(
            loaded.configuration.listeners, layers: try ListenerLayers.make(loaded.configuration))
        func port(_ name: String) -> UInt16 {
            UInt16(listeners.first { $0.configuration.name == name }?.open.port ?? 0)
        }
        self.port = certificates == nil ? UInt16(listeners[0].open.port) : port("tcp")
        securePort = port("tls")
        control = try EventLoop(index: -1, handler: QuietHandler())
        folder = try TemporaryDirectory()
        staging = try StagingDirectory(in: folder.path)
        let log = Log(level: .error, format: .text)
        service = try BrokerService(
            configuration: loaded.configuration, listeners: listeners, log: log, control: control,
            announcements: AnnouncementFiles(options), runDirectory: nil)
        var environment = PluginEnvironment(
            service.broker, log: log, configuration: loaded.configuration.broker, staging: staging, isEphemeral: true,
            isChecking: false, paths: PathBase(fileDirectory: "/", workingDirectory: "/"),
            administer: { request, answer in
                switch request {
                case .status: answer(.done("{\"state\":\"ready\"}"))
                case .command(let command): answer(.done("{\"command\":\"\(command.command.rawValue)\"}"))
                case .reload: answer(.refused("not here", .refused))
                }
                return true
            })
        environment.dataDirectory = data
        let inside = service.inside
        environment.broker.connect = { inside.open(listener: $0, address: $1) }
        environment.reload = .quiet
        environment.trust = .none
        let lines = lines
        environment.log = PluginLog(
            isEnabled: { $0 <= .info }, write: { line in lines.withLock { $0.append(line) } })
        host = PluginHost(environment, builtins: builtins)
        try service.start()
        service.accept()
    }

    deinit {
        host.stop()
        service.stop()
    }

    private static func configuration(certificates: String) -> String {
        """
        broker:
          listeners:
            tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true }
            tls:
              url: "mqtts://127.0.0.1:0"
              allow_anonymous: true
              cert: \(certificates)/server.pem
              key: \(certificates)/server.key
              client_ca: \(certificates)/ca.pem
              client_auth: request
        """
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

    /// Waits until an event was logged; the fields of its last line.
    func fields(_ event: String) -> [(key: String, value: String)] {
        let deadline = monotonicNow() + 20_000_000_000
        return lines.wait { lines, wakeUp in
            if let last = lines.last(where: { $0.event == event }) { return last.fields }
            if monotonicNow() > deadline { return [] }
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
