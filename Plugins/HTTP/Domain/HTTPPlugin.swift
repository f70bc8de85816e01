internal import Dispatch
internal import Locking
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
public import PluginSDK

/// Speaks HTTP for the broker: messages, administration, health, and the routes of other plugins (docs/http.md).
///
/// - It reaches the broker through host services only. Who publishes or subscribes over HTTP is an MQTT client on a
///   connection inside the process (`connection/1`), so that log-in, rules and limits are those of every client.
/// - It has one thread of its own, an event loop, and computes on Swift's shared pool. While nobody asks, nothing runs.
/// - It listens before `start` returns, and announces where.
public final class HTTPPlugin: Plugin {
    private let settings: HTTPSettings
    private let tokens: FollowedFile<TokenTable>?
    private let group: MultiThreadedEventLoopGroup
    private let servers: HTTPServers
    private let api: API

    public override class var description: PluginDescription {
        var description = PluginDescription(
            id: "org.hookline.http", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: HTTPSettings.declared, hooks: [],
            requiredServices: [
                "log/1", "clock/1", "random/1", "timer/1", "watch/1", "client/1", "topic/1", "publish/1",
                "http_server/1", "connection/1",
            ])
        description.optionalServices = ["administration/1", "metrics/1", "trace/1"]
        return description
    }

    /// Checks the settings and reads the token file.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        settings = try HTTPSettings(configuration, isEphemeral: host.isEphemeral)
        tokens = try Self.open(configuration["tokens"], host)
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        servers = HTTPServers(group)
        let loop = group.next()
        let logIns = LogInPool(LogInDoor(host: host, loop: loop, listener: settings.listener))
        let counters = HTTPCounters(host)
        let subscriptions = EventSubscriptions(
            host, logIns, loop, settings.subscription, maximum: settings.maximumSubscribers, counters)
        api = API(host, settings, logIns, subscriptions, counters, tokens)
        try super.init(host: host, configuration: configuration)
    }

    private static func open(
        _ setting: ConfigurationNode, _ host: PluginHost
    ) throws(PluginFailure) -> FollowedFile<TokenTable>? {
        guard !setting.path.isEmpty else { return nil }
        do throws(FileRefusal) {
            return try FollowedFile(setting.path, subject: "http", host: host, absent: [])
        } catch {
            throw .refused(error.faults.map { ConfigurationFault(setting, $0) })
        }
    }

    public override func start() throws(PluginFailure) {
        try tokens?.follow()
        do throws(PluginFailure) {
            let tls = try certificate()
            try listen(settings.bind, "api", Endpoints.all, tls: tls, isHealthOnly: false)
            if let bind = settings.healthBind {
                try listen(bind, "health", Endpoints.health, tls: nil, isHealthOnly: true)
            }
        } catch {
            end()
            throw error
        }
    }

    private func certificate() throws(PluginFailure) -> TLSConfiguration? {
        guard let files = settings.certificate else { return nil }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.chain).map { NIOSSLCertificateSource.certificate($0) }
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain,
                privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem)))
            tls.minimumTLSVersion = .tlsv12
            tls.applicationProtocols = ["http/1.1"]
            return tls
        } catch {
            throw .failed("cannot use the certificate \(files.chain) with the key \(files.key): \(error)")
        }
    }

    private func listen(
        _ bind: Bind, _ name: String, _ endpoints: [Endpoint], tls: TLSConfiguration?, isHealthOnly: Bool
    ) throws(PluginFailure) {
        let options = HTTPServers.Options(
            maximumConnections: settings.maximumConnections, maximumHeader: settings.maximumHeader,
            timeout: settings.timeout, tls: tls)
        var origin = settings.origin
        if isHealthOnly { origin = RequestOrigin(hosts: origin.hosts, takesAnyHost: true, origins: []) }
        let responder = Responder(
            api: api, endpoints: endpoints, origin: origin, isTLS: tls != nil, isHealthOnly: isHealthOnly)
        var port = bind.port
        for (index, address) in bind.addresses.enumerated() {
            do throws(ServerFailure) {
                port = try servers.open(address, port, options, responder)
            } catch {
                // A machine without IPv6 still has the other half of localhost.
                if index > 0, case .other = error { continue }
                guard case .addressInUse = error, host.generation > 1, port != 0 else {
                    throw .failed(Self.message(error, "\(address):\(port)", name))
                }
                listenLater(address, port, options, responder)
            }
        }
        host.announce(name, bind.url(port: port, isTLS: tls != nil))
    }

    /// The generation that this one replaces still listens there: tried again until it has stopped.
    private func listenLater(
        _ address: String, _ port: Int, _ options: HTTPServers.Options, _ responder: Responder
    ) {
        host.setHealth(.starting, "waits for \(address):\(port)")
        let attempts = Locked(0)
        let timer = Locked<PluginTimer?>(nil)
        let started = host.startTimer(after: 50_000_000, every: 50_000_000) { [host, servers] in
            let count = attempts.withLock { count in
                count += 1
                return count
            }
            do throws(ServerFailure) {
                _ = try servers.open(address, port, options, responder)
                host.setHealth(.ready)
            } catch {
                // 30 s: longer than a generation takes to stop.
                guard count >= 600 else { return }
                host.setHealth(.failed, Self.message(error, "\(address):\(port)", "http"))
            }
            timer.withLock { $0 }.map(host.stop)
        }
        timer.withLock { $0 = started }
    }

    private static func message(_ failure: ServerFailure, _ place: String, _ name: String) -> String {
        switch failure {
        case .addressInUse: "\(name): \(place) is in use by another program; stop it, or choose another port"
        case .other(let reason): "\(name): cannot listen on \(place): \(reason)"
        }
    }

    public override func drain() {
        api.subscriptions.close()
        servers.drain()
    }

    public override func stop() { end() }

    /// Some seconds at most.
    private func end() {
        api.subscriptions.close()
        servers.stop()
        let logIns = api.logIns
        let group = group
        let done = DispatchSemaphore(value: 0)
        Task {
            await logIns.close()
            try? await group.shutdownGracefully()
            done.signal()
        }
        _ = done.wait(timeout: .now() + .seconds(2))
    }
}
