internal import Locking
internal import NIOCore
internal import NIOSSL
internal import PluginSDK

/// Where the plugin listens now: the server of the API and that for health.
final class Listening: Sendable {
    private struct State {
        var servers: HTTPServers?
        var isStopped = false
    }

    private let host: PluginHost
    private let api: API
    private let group: any EventLoopGroup
    private let state = Locked(State())
    /// How often a port is tried that an older generation still has.
    private static let retryPeriod: Int64 = 100_000_000

    init(_ host: PluginHost, _ api: API, _ group: any EventLoopGroup) {
        self.host = host
        self.api = api
        self.group = group
    }

    /// Listens; blocks until it does.
    func begin(_ settings: HTTPSettings) throws(PluginFailure) {
        let servers = HTTPServers(group)
        state.withLock { $0.servers = servers }
        // What this generation replaces may still listen there for as long as it is on probation.
        let mayWait = host.generation > 1
        let tls = try certificate(settings)
        try listen(settings.bind, "api", settings, tls, servers, mayWait: mayWait)
        if let bind = settings.healthBind { try listen(bind, "health", settings, nil, servers, mayWait: mayWait) }
    }

    /// Listens elsewhere, or in another way, from now on; does not wait, and cannot fail but for the log.
    func change(to settings: HTTPSettings) {
        host.submit { [self] in
            let old = state.withLock { state -> HTTPServers? in
                defer { state.servers = nil }
                return state.servers
            }
            old?.stop()
            do throws(PluginFailure) {
                guard !state.withLock({ $0.isStopped }) else { return }
                try begin(settings)
                host.setHealth(.ready)
            } catch {
                let words = if case .failed(let words) = error { words } else { "\(error)" }
                host.log(.error, "http.not_listening", words)
                host.setHealth(.failed, words)
            }
        }
    }

    private func certificate(_ settings: HTTPSettings) throws(PluginFailure) -> TLSConfiguration? {
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
        _ bind: Bind, _ name: String, _ settings: HTTPSettings, _ tls: TLSConfiguration?, _ servers: HTTPServers,
        mayWait: Bool
    ) throws(PluginFailure) {
        let options = HTTPServers.Options(
            maximumConnections: settings.maximumConnections, maximumHeader: settings.maximumHeader,
            timeout: settings.timeout, tls: tls)
        let isHealthOnly = name == "health"
        let responder = Responder(
            api: api, endpoints: isHealthOnly ? Endpoints.health : Endpoints.all, isTLS: tls != nil,
            isHealthOnly: isHealthOnly)
        var port = bind.port
        for (index, address) in bind.addresses.enumerated() {
            do throws(ServerFailure) {
                port = try servers.open(address, port, options, responder)
            } catch {
                // A machine without IPv6 still has the other half of localhost.
                if index > 0, case .other = error { continue }
                guard case .addressInUse = error, mayWait, port != 0 else {
                    throw .failed(Self.message(error, "\(address):\(port)", name))
                }
                listenLater(address, port, options, responder, servers)
            }
        }
        host.announce(name, bind.url(port: port, isTLS: tls != nil))
    }

    /// Tries until the port is free.
    private func listenLater(
        _ address: String, _ port: Int, _ options: HTTPServers.Options, _ responder: Responder, _ servers: HTTPServers
    ) {
        host.log(.info, "http.waiting", "for \(address):\(port), where the code before this still answers")
        let timer = Locked<PluginTimer?>(nil)
        let started = host.startTimer(after: Self.retryPeriod, every: Self.retryPeriod) { [host, state] in
            let isWanted = state.withLock { !$0.isStopped && $0.servers === servers }
            do throws(ServerFailure) {
                if isWanted { _ = try servers.open(address, port, options, responder) }
                timer.withLock { $0 }.map(host.stop)
            } catch {
                guard case .other = error else { return }
                host.setHealth(.failed, Self.message(error, "\(address):\(port)", "http"))
                timer.withLock { $0 }.map(host.stop)
            }
        }
        timer.withLock { $0 = started }
    }

    private static func message(_ failure: ServerFailure, _ place: String, _ name: String) -> String {
        switch failure {
        case .addressInUse: "\(name): \(place) is in use by another program; stop it, or choose another port"
        case .other(let reason): "\(name): cannot listen on \(place): \(reason)"
        }
    }

    /// Accepts nothing more.
    func drain() { state.withLock { $0.servers }?.drain() }

    /// Ends everything; blocks some seconds at most.
    func stop() {
        let servers = state.withLock { state -> HTTPServers? in
            state.isStopped = true
            return state.servers
        }
        servers?.stop()
    }
}
