internal import OTLP
internal import PluginSDK

/// What an operator may say about spans.
struct TraceExportSettings {
    /// Where they go.
    let endpoint: OTLPEndpoint
    /// Share of the traces that begin here, 0 ... 1.
    let ratio: Double
    /// Name of the JSON member with the correlation id, in payloads of 3.1.1 clients; empty: none.
    let correlationField: String
    /// Attributes of the resource.
    let attributes: [OTLPAttribute]
    /// Nanoseconds that a span waits for others at most.
    let interval: Int64

    static let all = [
        Setting(
            "endpoint", .text, default: "http://localhost:4318",
            help: "the collector's address for OTLP over HTTP; /v1/traces is added"),
        Setting(
            "ratio", .number, default: "0.1",
            help: "share of the traces that begin at the broker, 0 to 1; one that a client began is recorded when the "
                + "sampled flag of its traceparent says so"),
        Setting(
            "correlation_field", .text,
            help: "name of the JSON member that holds a correlation id in payloads of MQTT 3.1.1 clients"),
        Setting("authorization", .secret, help: "value of the Authorization header, such as 'Bearer ...'"),
        Setting("headers", .map, help: "more headers for the collector: { X-Tenant: blue }"),
        Setting("ca", .path, help: "PEM file with the authorities to trust; without it those of the system"),
        Setting("timeout", .duration, default: "10s", help: "how long the collector may take to answer"),
        Setting("interval", .duration, default: "1s", help: "how long a span waits for others, at most"),
        Setting(
            "attributes", .map,
            help: "attributes of the resource: { deployment.environment.name: production }"),
    ]

    init(_ configuration: Configuration) throws(PluginFailure) {
        var faults: [ConfigurationFault] = []
        let ratioText = configuration["ratio"].text
        let ratio = ratioText.isEmpty ? 0.1 : Double(ratioText)
        if ratio.map({ !(0...1).contains($0) }) ?? true {
            faults.append(
                ConfigurationFault(
                    configuration["ratio"],
                    "'\(ratioText)' is no share; write a number from 0 to 1, such as 0.1"))
        }
        correlationField = configuration["correlation_field"].text
        if correlationField.utf8.count > 128 || correlationField.contains("\"") {
            faults.append(
                ConfigurationFault(
                    configuration["correlation_field"], "a name of at most 128 bytes and without quotes is wanted"))
        }
        let ca = configuration["ca"].path
        let timeout = configuration["timeout"].duration ?? 10_000_000_000
        interval = configuration["interval"].duration ?? 1_000_000_000
        if !(1_000_000...60_000_000_000).contains(interval) {
            faults.append(ConfigurationFault(configuration["interval"], "write 1ms to 60s"))
        }
        let base = configuration["endpoint"].text
        let endpoint = OTLPEndpoint(
            base: base.isEmpty ? "http://localhost:4318" : base, path: "/v1/traces",
            headers: Self.headers(configuration), timeout: Int(clamping: max(1, timeout / 1_000_000)),
            authority: ca.isEmpty ? nil : ca)
        if endpoint == nil {
            faults.append(
                ConfigurationFault(
                    configuration["endpoint"],
                    "a URL such as http://localhost:4318 is wanted, and headers without line breaks"))
        }
        attributes = Self.pairs(configuration["attributes"]).map { OTLPAttribute($0.name, $0.value) }
        guard let endpoint, let ratio, faults.isEmpty else { throw .refused(faults) }
        self.endpoint = endpoint
        self.ratio = ratio
    }

    private static func headers(_ configuration: Configuration) -> [String] {
        let secret = configuration["authorization"].text
        return pairs(configuration["headers"]).map { "\($0.name): \($0.value)" }
            + (secret.isEmpty ? [] : ["Authorization: \(secret)"])
    }

    private static func pairs(_ map: ConfigurationNode) -> [(name: String, value: String)] {
        map.keys.map { ($0, map[$0].text) }
    }
}
