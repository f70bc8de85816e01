internal import Dispatch
internal import Glibc
internal import HummingbirdCore
internal import HummingbirdTLS
internal import Locking
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import ServiceLifecycle

/// Why a server does not listen.
enum ServerFailure: Error {
    /// Somebody else listens there.
    case addressInUse
    case other(String)
}

/// The servers of this plugin: one for each address, all on the event loops of one group.
final class HTTPServers: Sendable {
    private struct Running: Sendable {
        let group: ServiceGroup
        let task: Task<Void, Never>
    }

    private let group: any EventLoopGroup
    private let running = Locked<[Running]>([])
    // Hummingbird tells nothing that the broker's log should have.
    private let logger = Logger(label: "http") { _ in SwiftLogNoOpLogHandler() }
    /// How long requests may go on when the plugin stops.
    private static let shutdown = 5

    init(_ group: any EventLoopGroup) {
        self.group = group
    }

    /// What a server is like.
    struct Options: Sendable {
        var maximumConnections: Int
        var maximumHeader: Int
        var timeout: TimeAmount
        var tls: TLSConfiguration?
    }

    /// Listens, and answers with the port. Blocks until it does.
    func open(
        _ address: String, _ port: Int, _ options: Options, _ responder: Responder
    ) throws(ServerFailure) -> Int {
        let outcome = Outcome()
        let serviceGroup: ServiceGroup
        do {
            let service = try builder(options).buildServer(
                configuration: ServerConfiguration(
                    address: .hostname(address, port: port), backlog: 1024,
                    availableConnectionsDelegate: MaximumAvailableConnections(
                        options.maximumConnections, logger: logger)),
                eventLoopGroup: group, logger: logger,
                responder: { (request, writer: consuming ResponseWriter, channel) in
                    try await responder.respond(request, writer, channel)
                },
                onServerRunning: { outcome.set(.success($0.localAddress?.port ?? port)) })
            var configuration = ServiceGroupConfiguration(services: [service], logger: logger)
            configuration.maximumGracefulShutdownDuration = .seconds(Self.shutdown)
            serviceGroup = ServiceGroup(configuration: configuration)
        } catch {
            throw .other("\(error)")
        }
        let task = Task {
            do { try await serviceGroup.run() } catch { outcome.set(.failure(Self.failure(error))) }
            outcome.set(.failure(.other("the server ended before it began")))
        }
        let bound = try outcome.wait().get()
        running.withLock { $0.append(Running(group: serviceGroup, task: task)) }
        return bound
    }

    private func builder(_ options: Options) throws -> HTTPServerBuilder {
        let plain = HTTPServerBuilder.http1(
            configuration: HTTP1Channel.Configuration(
                idleTimeout: options.timeout,
                httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                    maxHeaderFieldSize: options.maximumHeader, maxHeaderListSize: options.maximumHeader,
                    maxHeaderFieldCount: 100)))
        guard let tls = options.tls else { return plain }
        return try .tls(plain, tlsConfiguration: tls)
    }

    private static func failure(_ error: any Error) -> ServerFailure {
        guard let error = error as? IOError else { return .other("\(error)") }
        return error.errnoCode == EADDRINUSE ? .addressInUse : .other(error.localizedReason)
    }

    /// Accepts nothing more, and lets what is under way come to its end. Does not wait.
    func drain() {
        for server in running.withLock({ $0 }) { Task { await server.group.triggerGracefulShutdown() } }
    }

    /// Ends everything; blocks some seconds at most.
    func stop() {
        drain()
        let servers = running.withLock { servers in
            let all = servers
            servers = []
            return all
        }
        let done = DispatchSemaphore(value: 0)
        Task {
            for server in servers { await server.task.value }
            done.signal()
        }
        if done.wait(timeout: .now() + .seconds(Self.shutdown + 1)) == .timedOut {
            for server in servers { server.task.cancel() }
            _ = done.wait(timeout: .now() + .seconds(1))
        }
    }

    /// What comes of listening, waited for by a thread.
    private final class Outcome: Sendable {
        private let result = Locked<Result<Int, ServerFailure>?>(nil)
        private let isThere = DispatchSemaphore(value: 0)

        func set(_ new: Result<Int, ServerFailure>) {
            let isFirst = result.withLock { result -> Bool in
                defer { result = result ?? new }
                return result == nil
            }
            if isFirst { isThere.signal() }
        }

        func wait() -> Result<Int, ServerFailure> {
            guard isThere.wait(timeout: .now() + .seconds(10)) == .success else {
                return .failure(.other("the server did not begin to listen within 10 s"))
            }
            return result.withLock { $0 } ?? .failure(.other("the server has no outcome"))
        }
    }
}

extension IOError {
    /// "permission denied"
    fileprivate var localizedReason: String {
        var text = [CChar](repeating: 0, count: 256)
        guard strerror_r(errnoCode, &text, text.count) == 0 else { return "error \(errnoCode)" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).lowercased()
    }
}
