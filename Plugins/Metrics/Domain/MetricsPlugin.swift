public import PluginSDK
internal import Locking

/// Tells what the broker does, to whoever collects numbers (docs/metrics.md):
///
/// - `/metrics` for Prometheus, on a port of its own where `bind` says so and under the HTTP plugin where there is one;
/// - `$SYS/broker/...` for whoever reads mosquitto's;
/// - OTLP to an OpenTelemetry collector.
public final class MetricsPlugin: Plugin {
    private let bind: BindAddress?
    private let server: ScrapeServer?
    private let topics: SystemTopics?
    private let export: OTLPExport?

    /// How often a port that the generation before still holds is tried again, ns.
    private static let retryPeriod: Int64 = 250_000_000
    /// Of what is handed over.
    private static let schema = 1

    public override class var description: PluginDescription {
        var description = PluginDescription(
            id: "org.hookline.metrics", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: MetricsSettings.declared,
            requiredServices: ["log/1", "metrics/1", "timer/1", "clock/1", "reactor/1", "publish/1"])
        description.optionalServices = ["http/1", "http_server/1", "state/1"]
        description.handsOverState = true
        return description
    }

    /// Reads the settings.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        var faults: [ConfigurationFault] = []
        let settings = MetricsSettings(configuration, isEphemeral: host.isEphemeral, &faults)
        guard faults.isEmpty else { throw .refused(faults) }
        bind = settings.bind
        server = settings.bind.map { bind in
            ScrapeServer(bind, host: host) { format, answer in MetricsPlugin.expose(host, format, answer) }
        }
        topics = settings.systemInterval > 0 ? SystemTopics(host, interval: settings.systemInterval) : nil
        export = settings.endpoint.map { endpoint in
            OTLPExport(host, to: endpoint, interval: settings.exportInterval, attributes: settings.attributes)
        }
        try super.init(host: host, configuration: configuration)
    }

    public override func start() throws(PluginFailure) {
        let isRouted = host.route(["GET"], "/metrics") { [host] request, answer in
            let accept = request.headers.filter { $0.name == "accept" }.map(\.value).joined(separator: ",")
            let format = ExpositionFormat(accepting: accept)
            Self.expose(host, format) { body in
                answer(
                    body.map { HTTPResponse(status: 200, contentType: format.contentType, body: $0) }
                        ?? HTTPResponse(status: 503, contentType: "text/plain", body: []))
            }
        }
        if !isRouted { host.log(.warning, "metrics.not_routed", "another plugin has the path /metrics") }
        try listen()
        handOver()
        topics?.start()
        export?.start()
    }

    public override func drain() { server?.stop() }

    public override func stop() {
        server?.stop()
        export?.stop()
    }

    private static func expose(
        _ host: PluginHost, _ format: ExpositionFormat, _ answer: @escaping @Sendable ([UInt8]?) -> Void
    ) {
        let isAsked = host.collectMetrics { samples in answer(Exposition.text(of: samples, format)) }
        if !isAsked { answer(nil) }
    }

    private func listen() throws(PluginFailure) {
        guard let server, let bind else { return }
        // A free port was taken before, and stays the same.
        if bind.port == 0, host.generation > 1 { return Self.retry(server, host) }
        do throws(ListenFailure) {
            Self.tell(try server.start(), host)
        } catch {
            // The generation before has it and hands it over, or lets go of it when it is retired.
            guard error.isInUse, host.generation > 1 else {
                throw .failed("cannot listen on \(bind.text): \(error.words)")
            }
            host.announce("metrics", "http://\(bind.text)/metrics")
            Self.retry(server, host)
        }
    }

    /// Gives the sockets to the next generation, and takes those of the one before.
    private func handOver() {
        guard let server else { return }
        host.offerState(schema: Self.schema) { writer in
            guard writer.isBulk, let handover = server.handover else { return true }
            return writer.write(handover.utf8.span)
        }
        host.acceptState { [host] reader in
            guard reader.schema == Self.schema, let chunk = reader.next() else { return .taken }
            do throws(ListenFailure) {
                if let bound = try server.takeOver(String(decoding: chunk, as: UTF8.self)) { Self.tell(bound, host) }
            } catch {
                return .cold
            }
            return .taken
        }
    }

    private static func retry(_ server: ScrapeServer, _ host: PluginHost) {
        host.startTimer(after: retryPeriod) {
            guard !server.isListening else { return }
            do throws(ListenFailure) {
                tell(try server.start(), host)
            } catch {
                retry(server, host)
            }
        }
    }

    private static func tell(_ bound: BindAddress, _ host: PluginHost) {
        let shown = bound.host == "*" ? BindAddress(host: "0.0.0.0", port: bound.port) : bound
        host.announce("metrics", "http://\(shown.text)/metrics")
        host.log(.info, "metrics.listening", "", ["url": "http://\(shown.text)/metrics"])
    }
}
