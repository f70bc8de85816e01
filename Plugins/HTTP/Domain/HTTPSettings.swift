internal import NIOCore
internal import PluginSDK

/// The settings of the plugin, checked.
struct HTTPSettings: Sendable {
    var bind: Bind
    var healthBind: Bind?
    /// Absolute paths; nil: no TLS.
    var certificate: (chain: String, key: String)?
    var tokens: String
    var requiresLogIn: Bool
    /// What those may do who have not said who they are, where no log-in is required.
    var anonymousRole: Role?
    var operators: Set<String>
    var readers: Set<String>
    /// nil: the first.
    var listener: String?
    var origin: RequestOrigin
    var maximumBody: Int
    var maximumHeader: Int
    var maximumConnections: Int
    var maximumSubscribers: Int
    var timeout: TimeAmount
    var subscription: EventSubscription.Limits

    /// What may be written in plugins.yaml.
    static let declared: [Setting] = [
        Setting("bind", .text, default: "localhost:8080", help: "where the API listens: localhost:8080, 0.0.0.0:8080"),
        Setting(
            "health_bind", .text, default: "localhost:8081",
            help: "where /health and /ready are answered, too, without log-in; empty: nowhere else"),
        Setting("cert", .path, help: "certificate chain (PEM): the API speaks TLS"),
        Setting("key", .path, help: "its private key (PEM)"),
        Setting("tokens", .path, default: "api-tokens", help: "tokens made by 'hookline token create'"),
        Setting(
            "require_login", .boolean,
            help: "also on loopback; off loopback log-in is always required"),
        Setting(
            "anonymous_role", .text, default: "operate",
            help: "what may be done without log-in, where none is required: operate, read or none"),
        Setting("operators", .list, help: "MQTT users, or group:NAME, that may look at and change everything"),
        Setting("readers", .list, help: "MQTT users, or group:NAME, that may look at everything"),
        Setting("mqtt_listener", .text, help: "listener whose rules hold for /publish and /subscribe; the first"),
        Setting("hosts", .list, help: "names of this server in the header Host, beside addresses and localhost"),
        Setting("origins", .list, help: "other sites whose pages may use the API: https://example.org"),
        Setting("max_body", .size, default: "1MiB", help: "longest body of a request"),
        Setting("max_header", .size, default: "16KiB", help: "longest header of a request, all fields"),
        Setting("max_connections", .integer, default: "4096", help: "HTTP connections at once"),
        Setting("max_subscribers", .integer, default: "2000", help: "readers of /subscribe at once"),
        Setting("timeout", .duration, default: "30s", help: "longest time for a request, and for an idle connection"),
        Setting("heartbeat", .duration, default: "15s", help: "silence of /subscribe after which a comment is sent"),
        Setting(
            "slow_subscriber_timeout", .duration, default: "10s",
            help: "how long a reader of /subscribe may take nothing"),
        Setting("subscriber_queue", .size, default: "256KiB", help: "what may wait for a reader of /subscribe"),
        Setting("resume_buffer", .size, default: "64KiB", help: "what is kept for Last-Event-ID"),
        Setting(
            "resume_time", .duration, default: "15s", help: "how long /subscribe waits for a reader to come back"),
    ]

    /// - Throws: everything that is wrong.
    init(_ given: Configuration, isEphemeral: Bool) throws(PluginFailure) {
        var reader = SettingsReader(given)
        bind = isEphemeral ? .ephemeral : reader.bind("bind") ?? .ephemeral
        healthBind = reader.bind("health_bind")
        if isEphemeral, healthBind != nil { healthBind = .ephemeral }
        certificate = reader.certificate()
        tokens = given["tokens"].path
        let isLocal = bind.isLoopback
        requiresLogIn = given["require_login"].boolean ?? !isLocal
        if !requiresLogIn, !isLocal {
            reader.refuse("require_login", "the API listens on \(bind.name), where strangers are: log-in is required")
            requiresLogIn = true
        }
        anonymousRole = reader.role("anonymous_role")
        if requiresLogIn { anonymousRole = nil }
        (operators, readers) = (reader.names("operators"), reader.names("readers"))
        listener = given["mqtt_listener"].text.isEmpty ? nil : given["mqtt_listener"].text
        origin = RequestOrigin(
            hosts: Set(reader.names("hosts").map { $0.lowercased() }).union([bind.name]),
            takesAnyHost: !isLocal && given["hosts"].items.isEmpty,
            origins: Set(reader.names("origins").map { $0.lowercased() }))
        maximumBody = reader.size("max_body", 1...(64 << 20))
        maximumHeader = reader.size("max_header", 1024...(1 << 20))
        maximumConnections = reader.count("max_connections", 1...1_000_000)
        maximumSubscribers = reader.count("max_subscribers", 0...100_000)
        timeout = reader.time("timeout")
        subscription = EventSubscription.Limits(
            queueLimit: reader.size("subscriber_queue", 1024...(64 << 20)),
            replayLimit: reader.size("resume_buffer", 0...(64 << 20)), heartbeat: reader.time("heartbeat"),
            patience: reader.time("slow_subscriber_timeout"), resume: reader.time("resume_time"))
        guard reader.faults.isEmpty else { throw .refused(reader.faults) }
    }

    /// Whether connections are made as with other settings.
    func listensLike(_ other: HTTPSettings) -> Bool {
        bind == other.bind && healthBind == other.healthBind && certificate?.chain == other.certificate?.chain
            && certificate?.key == other.certificate?.key && maximumHeader == other.maximumHeader
            && maximumConnections == other.maximumConnections && timeout == other.timeout
    }

    /// The role of somebody whom the broker has let in.
    func role(user: String, groups: [String]) -> Role? {
        let names = (user.isEmpty ? [] : [user]) + groups.map { "group:\($0)" }
        if names.contains(where: operators.contains) { return .operate }
        return names.contains(where: readers.contains) ? .read : nil
    }
}

/// Reads settings, and collects what is wrong with them.
private struct SettingsReader {
    private let given: Configuration
    var faults: [ConfigurationFault] = []

    init(_ given: Configuration) { self.given = given }

    mutating func refuse(_ key: String, _ message: String) {
        faults.append(ConfigurationFault(given[key], message))
    }

    mutating func bind(_ key: String) -> Bind? {
        let text = given[key].text
        if text.isEmpty { return nil }
        guard let bind = Bind(text) else {
            refuse(key, "'\(text)' is not an address and a port; write localhost:8080, 0.0.0.0:8080 or [::]:8080")
            return nil
        }
        return bind
    }

    mutating func certificate() -> (chain: String, key: String)? {
        let (chain, key) = (given["cert"].path, given["key"].path)
        if chain.isEmpty != key.isEmpty {
            refuse(chain.isEmpty ? "key" : "cert", "TLS needs both: cert and key")
        }
        return chain.isEmpty || key.isEmpty ? nil : (chain, key)
    }

    mutating func role(_ key: String) -> Role? {
        let text = given[key].text
        if text == "none" { return nil }
        guard let role = Role(rawValue: text) else {
            refuse(key, "'\(text)' is neither operate, read nor none")
            return nil
        }
        return role
    }

    func names(_ key: String) -> Set<String> { Set(given[key].items.map(\.text)) }

    mutating func size(_ key: String, _ range: ClosedRange<Int>) -> Int {
        let value = given[key].size.flatMap { Int(exactly: $0) }
        guard let value, range.contains(value) else {
            refuse(key, "from \(range.lowerBound) to \(range.upperBound) bytes")
            return range.lowerBound
        }
        return value
    }

    mutating func count(_ key: String, _ range: ClosedRange<Int>) -> Int {
        let value = given[key].integer.flatMap { Int(exactly: $0) }
        guard let value, range.contains(value) else {
            refuse(key, "from \(range.lowerBound) to \(range.upperBound)")
            return range.lowerBound
        }
        return value
    }

    mutating func time(_ key: String) -> TimeAmount {
        guard let value = given[key].duration, (1_000_000...86_400_000_000_000).contains(value) else {
            refuse(key, "from 1ms to 1d")
            return .seconds(1)
        }
        return .nanoseconds(value)
    }
}
