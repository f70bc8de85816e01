internal import Locking
internal import PluginSDK

/// The plugin's own port: a listener that knows two paths and answers few clients at a time.
final class ScrapeServer: Sendable {
    private struct State {
        var sockets: [ListeningSocket] = []
        var watches: [DescriptorWatch] = []
        var connections: [Int32: ScrapeConnection] = [:]
        var isStopped = false
    }

    private let address: BindAddress
    private let host: PluginHost
    private let metrics: @Sendable (ExpositionFormat, @escaping @Sendable ([UInt8]?) -> Void) -> Void
    private let state = Locked(State())

    /// Scrapers that may be connected at a time; more are turned away.
    static let maximumConnections = 32
    /// A connection on which nothing happens for so long is ended, ns: four scrapes of the longest usual interval.
    private static let maximumIdle: Int64 = 240_000_000_000
    private static let sweepPeriod: Int64 = 30_000_000_000

    /// - Parameter metrics: makes the exposition and calls back, with `nil` when there is none.
    init(
        _ address: BindAddress, host: PluginHost,
        metrics: @escaping @Sendable (ExpositionFormat, @escaping @Sendable ([UInt8]?) -> Void) -> Void
    ) {
        self.address = address
        self.host = host
        self.metrics = metrics
    }

    /// Listens from now on.
    /// - Returns: the address with the port that was taken.
    func start() throws(ListenFailure) -> BindAddress { try listen(on: try ListeningSocket.open(address)) }

    /// It listens.
    var isListening: Bool { state.withLock { !$0.sockets.isEmpty } }

    /// The sockets for the next generation: the address and the descriptors, which stay open while it takes them.
    var handover: String? {
        let sockets = state.withLock { $0.sockets }
        return sockets.isEmpty ? nil : ([address.text] + sockets.map { "\($0.descriptor)" }).joined(separator: " ")
    }

    /// Listens on the sockets of the generation before, so that nobody who connects meets a closed port.
    /// - Returns: `nil` when they are for another address, or it listens already.
    func takeOver(_ handover: String) throws(ListenFailure) -> BindAddress? {
        let words = handover.split(separator: " ")
        guard !isListening, let given = words.first, given == address.text else { return nil }
        let sockets = words.dropFirst().compactMap { word in Int32(word).flatMap { ListeningSocket(sharing: $0) } }
        return sockets.isEmpty ? nil : try listen(on: sockets)
    }

    private func listen(on sockets: [ListeningSocket]) throws(ListenFailure) -> BindAddress {
        let watches = sockets.compactMap { socket in
            host.watch(descriptor: socket.descriptor, for: .read) { [self] _, _ in
                accept(socket)
                return true
            }
        }
        guard watches.count == sockets.count else {
            for watch in watches { host.end(watch) }
            throw ListenFailure(isInUse: false, words: "the broker does not wait for more descriptors of this plugin")
        }
        state.withLock { ($0.sockets, $0.watches) = (sockets, watches) }
        host.startTimer(after: Self.sweepPeriod, every: Self.sweepPeriod) { [self] in sweep() }
        return BindAddress(host: address.host, port: sockets.first?.port ?? address.port)
    }

    /// Takes no more connections, and ends those there are. The port is free when the plugin is gone.
    func stop() {
        let (watches, connections) = state.withLock { state in
            state.isStopped = true
            defer { (state.sockets, state.watches, state.connections) = ([], [], [:]) }
            return (state.watches, Array(state.connections.values))
        }
        for watch in watches { host.end(watch) }
        for connection in connections { connection.shut() }
    }

    private func accept(_ socket: ListeningSocket) {
        while let accepted = socket.accept() {
            let connection = ScrapeConnection(accepted, host: host) { [self] request, answer in serve(request, answer) }
            let isWelcome = state.withLock { state in
                guard !state.isStopped, state.connections.count < Self.maximumConnections else { return false }
                state.connections[connection.descriptor] = connection
                return true
            }
            guard isWelcome else { continue }
            let watch = host.watch(descriptor: connection.descriptor, for: .read) { [self] watch, ready in
                if connection.proceed(watch, ready) { return true }
                forget(connection)
                return false
            }
            if watch == nil { forget(connection) }
        }
    }

    private func forget(_ connection: ScrapeConnection) {
        state.withLock { state in
            if state.connections[connection.descriptor] === connection {
                state.connections[connection.descriptor] = nil
            }
        }
    }

    private func sweep() {
        let limit = host.monotonicTime - Self.maximumIdle
        for connection in state.withLock({ Array($0.connections.values) }) where connection.idleSince < limit {
            connection.shut()
        }
    }

    private func serve(_ request: ScrapeRequest, _ answer: @escaping @Sendable ([UInt8]) -> Void) {
        let stays = request.isPersistent
        guard address.accepts(host: request.host) else {
            return answer(
                ScrapeResponse.problem(403, "this port is reached as localhost only", isPersistent: stays))
        }
        guard request.path == "/metrics" else {
            return answer(ScrapeResponse.problem(404, "metrics are at /metrics", isPersistent: stays))
        }
        guard request.method == "GET" || request.method == "HEAD" else {
            return answer(ScrapeResponse.problem(405, "metrics are read with GET", isPersistent: stays))
        }
        let format = ExpositionFormat(accepting: request.accept)
        metrics(format) { body in
            guard let body else {
                return answer(
                    ScrapeResponse.problem(503, "the broker does not tell its metrics now", isPersistent: stays))
            }
            answer(
                ScrapeResponse.bytes(
                    200, contentType: format.contentType, body: body, isPersistent: stays,
                    withoutBody: request.method == "HEAD"))
        }
    }
}
