internal import OTLP
public import PluginSDK

/// Sends spans of messages and of other plugins to an OpenTelemetry collector (docs/traces.md). As long as it runs,
/// messages are traced; without it tracing costs nothing.
public final class TracesPlugin: Plugin {
    private let settings: TraceExportSettings
    private let sender: OTLPSender
    private let batches: SpanBatches

    /// The settings, for `hookline plugins describe` and the tests of the documentation.
    public override class var description: PluginDescription {
        PluginDescription(
            id: "org.hookline.traces", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: TraceExportSettings.all,
            requiredServices: ["log/1", "trace/1", "timer/1", "clock/1", "random/1"])
    }

    /// Reads the settings; nothing is traced before ``start()``.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        let settings = try TraceExportSettings(configuration)
        self.settings = settings
        let reports = DeliveryReports(host: host, url: settings.endpoint.url)
        let sender = OTLPSender(settings.endpoint) { reports.note($0) }
        self.sender = sender
        batches = SpanBatches(
            resource: OTLPResource(
                version: "1.0.0", instance: Self.makeInstance(host), scope: "hookline",
                attributes: settings.attributes),
            interval: settings.interval,
            after: { host.startTimer(after: $0, $1) != nil },
            send: { sender.send($0) }, lost: { reports.lose($0) })
        try super.init(host: host, configuration: configuration)
    }

    public override func start() throws(PluginFailure) {
        guard host.configureTracing(ratio: settings.ratio, correlationField: settings.correlationField),
            host.exportSpans({ [batches] spans, lost in batches.add(spans, lost: lost) })
        else { throw .failed("the host takes no exporter of spans") }
        host.log(
            .info, "traces.exporting", "", ["url": settings.endpoint.url, "ratio": "\(settings.ratio)"])
    }

    public override func drain() { batches.flush() }

    public override func stop() { sender.stop() }

    /// One process of the broker, among all that send spans.
    private static func makeInstance(_ host: PluginHost) -> String {
        let digits = Array("0123456789abcdef")
        let bytes = host.randomBytes(16) ?? []
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
