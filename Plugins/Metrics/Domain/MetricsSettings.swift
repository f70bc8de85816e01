internal import OTLP
internal import PluginSDK

/// The settings of the plugin, checked.
struct MetricsSettings {
    /// Address of a port of its own.
    var bind: BindAddress?
    /// Nanoseconds between two rounds of `$SYS`; 0: none.
    var systemInterval: Int64
    var endpoint: OTLPEndpoint?
    /// Nanoseconds between two exports.
    var exportInterval: Int64
    /// What the operator says about this broker.
    var attributes: [OTLPAttribute]

    static let declared: [Setting] = [
        Setting(
            "bind", .text,
            help: "address of a port of its own for /metrics, such as localhost:9883; without it the http plugin "
                + "serves /metrics"),
        Setting(
            "sys_interval", .duration, default: "10s",
            help: "how often $SYS/broker/... is published; 0s: never"),
        Setting(
            "otlp_endpoint", .text,
            help: "URL of an OpenTelemetry collector that takes OTLP over HTTP, such as http://localhost:4318"),
        Setting("otlp_interval", .duration, default: "60s", help: "how often metrics are sent there; 1s to 1h"),
        Setting("otlp_timeout", .duration, default: "10s", help: "time for one request to it; 100ms to 5m"),
        Setting("otlp_ca", .path, help: "certificates to trust for it; without it those of the system"),
        Setting("otlp_token", .secret, help: "token to send to it as 'Authorization: Bearer'"),
        Setting("otlp_headers", .map, help: "other headers to send to it; no secrets: they are shown"),
        Setting(
            "otlp_resource", .map, help: "attributes of this broker, such as { deployment.environment: production }"),
    ]

    private static let second: Int64 = 1_000_000_000

    init(_ configuration: Configuration, isEphemeral: Bool, _ faults: inout [ConfigurationFault]) {
        bind = Self.bind(configuration["bind"], &faults)
        if bind != nil, isEphemeral { bind = BindAddress(host: "127.0.0.1", port: 0) }
        let system = configuration["sys_interval"]
        systemInterval = system.duration ?? 10 * Self.second
        if systemInterval != 0, !(Self.second / 10...3_600 * Self.second).contains(systemInterval) {
            faults.append(ConfigurationFault(system, "100ms to 1h, or 0s to publish nothing"))
        }
        exportInterval = Self.duration(
            configuration["otlp_interval"], 60 * Self.second, Self.second...3_600 * Self.second, "1s to 1h", &faults)
        attributes = Self.pairs(configuration["otlp_resource"], &faults).map { OTLPAttribute($0.key, $0.value) }
        endpoint = Self.endpoint(configuration, &faults)
    }

    private static func bind(
        _ setting: ConfigurationNode, _ faults: inout [ConfigurationFault]
    ) -> BindAddress? {
        guard setting.kind != .none, !setting.text.isEmpty else { return nil }
        let bind = BindAddress(setting.text)
        if bind == nil {
            faults.append(
                ConfigurationFault(setting, "'\(setting.text)' is not an address; write localhost:9883 or [::1]:9883"))
        }
        return bind
    }

    private static func endpoint(
        _ configuration: Configuration, _ faults: inout [ConfigurationFault]
    ) -> OTLPEndpoint? {
        let setting = configuration["otlp_endpoint"]
        let timeout = duration(
            configuration["otlp_timeout"], 10 * second, second / 10...300 * second, "100ms to 5m", &faults)
        var headers = pairs(configuration["otlp_headers"], &faults).map { "\($0.key): \($0.value)" }
        let token = configuration["otlp_token"].text
        guard setting.kind != .none, !setting.text.isEmpty else { return nil }
        if !token.isEmpty {
            headers.append("Authorization: Bearer \(token)")
            if !setting.text.hasPrefix("https://") {
                faults.append(ConfigurationFault(setting, "otlp_token travels by https:// only"))
            }
        }
        let authority = configuration["otlp_ca"].path
        let endpoint = OTLPEndpoint(
            base: setting.text, path: "/v1/metrics", headers: headers, timeout: Int(timeout / 1_000_000),
            authority: authority.isEmpty ? nil : authority)
        if endpoint == nil {
            faults.append(
                ConfigurationFault(setting, "a URL such as http://localhost:4318; /v1/metrics is put behind it"))
        }
        return endpoint
    }

    private static func duration(
        _ setting: ConfigurationNode, _ standard: Int64, _ range: ClosedRange<Int64>, _ words: String,
        _ faults: inout [ConfigurationFault]
    ) -> Int64 {
        guard let value = setting.duration else { return standard }
        guard range.contains(value) else {
            faults.append(ConfigurationFault(setting, words))
            return standard
        }
        return value
    }

    private static func pairs(
        _ setting: ConfigurationNode, _ faults: inout [ConfigurationFault]
    ) -> [(key: String, value: String)] {
        zip(setting.keys, setting.items).compactMap { key, item -> (key: String, value: String)? in
            guard item.kind == .scalar, !key.isEmpty, !key.contains(":") else {
                faults.append(ConfigurationFault(item, "'\(key)' needs a text"))
                return nil
            }
            return (key, item.text)
        }
    }
}
