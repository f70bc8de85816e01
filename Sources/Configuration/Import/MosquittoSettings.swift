/// The settings of mosquitto.conf that have one of ours, each with how its value is written here.
enum MosquittoSettings {
    /// What becomes of a value.
    enum Result {
        /// A path of the settings table, and the value in YAML.
        case value(String, String)
        /// Nothing needs to be said: it is so anyway.
        case nothing
        /// It cannot be carried over, and why.
        case remark(String)
    }

    typealias Rule = @Sendable (String) -> Result

    static let rules: [String: Rule] = [
        "max_inflight_messages": number("broker.session.max_inflight", whenZero: "65535"),
        "max_queued_messages": number("broker.session.max_queued_messages", whenZero: "100000000"),
        "max_queued_bytes": number("broker.session.max_queued_bytes", whenZero: "1024GiB"),
        "max_packet_size": number("broker.limits.max_packet_size", whenZero: nil),
        "message_size_limit": number("broker.limits.max_payload_size", whenZero: nil),
        "memory_limit": number("broker.limits.max_memory", whenZero: "0"),
        "max_topic_alias": number("broker.mqtt.max_topic_alias", whenZero: "0"),
        "max_topic_alias_broker": number("broker.mqtt.max_topic_alias", whenZero: "0"),
        "max_qos": number("broker.mqtt.max_qos", whenZero: "0"),
        "max_keepalive": seconds("broker.mqtt.max_keep_alive"),
        "autosave_interval": { _ in .nothing },
        "persistence_file": { _ in .nothing },
        "autosave_on_changes": { _ in .nothing },
        "persistent_client_expiration": expiration,
        "retain_available": truth("broker.mqtt.retain_available"),
        "set_tcp_nodelay": truth("broker.tcp.no_delay"),
        "log_type": logLevel,
        "log_timestamp": { _ in .nothing },
        "log_timestamp_format": { _ in .remark("times are RFC 3339, or the journal's") },
        "connection_messages": { $0 == "true" ? .nothing : .remark("connections are told at level info") },
        "sys_interval": { _ in .nothing },
        "queue_qos0_messages": {
            $0 == "true" ? .remark("QoS 0 messages do not wait for clients that are away") : .nothing
        },
        "upgrade_outgoing_qos": {
            $0 == "true" ? .remark("a message is never sent at a higher QoS than it was published with") : .nothing
        },
        "allow_zero_length_clientid": {
            $0 == "true" ? .nothing : .remark("an empty client identifier gets a new one, as MQTT has it")
        },
        "max_inflight_bytes": { $0 == "0" ? .nothing : .remark("what is in flight is bounded by number") },
        "retain_expiry_interval": { _ in .remark("a message says itself when it expires") },
        "socket_domain": { _ in .nothing },
        "accept_protocol_versions": { _ in .remark("MQTT 3.1.1 and 5.0 are always spoken, older ones never") },
        "websockets_log_level": { _ in .nothing },
        "websockets_headers_size": { _ in .nothing },
        "websockets_origin": { _ in .remark("write origins: [...] at the listener") },
        "check_retain_source": {
            $0 == "true" ? .nothing : .remark("who published a retained message does not matter once it is kept")
        },
    ]

    private static func number(_ path: String, whenZero: String?) -> Rule {
        { text in
            guard let number = Int(text), number >= 0 else { return .remark("'\(text)' is not a number") }
            guard number == 0 else { return .value(path, "\(number)") }
            return whenZero.map { .value(path, $0) } ?? .nothing
        }
    }

    private static func seconds(_ path: String) -> Rule {
        { text in Int(text).map { .value(path, "\($0)s") } ?? .remark("'\(text)' is not a number of seconds") }
    }

    private static func truth(_ path: String) -> Rule {
        { text in
            ["true", "false"].contains(text) ? .value(path, text) : .remark("'\(text)' is neither true nor false")
        }
    }

    /// `14d`, `2w`, `3m` (months), `1y`, `6h`
    private static let expiration: Rule = { text in
        let hours = ["h": 1, "d": 24, "w": 168, "m": 720, "y": 8_760]
        guard let unit = text.last.flatMap({ hours[String($0)] }), let number = Int(text.dropLast()), number > 0,
            number < 1_000
        else { return .remark("'\(text)' is not a time such as 14d") }
        return .value("broker.session.max_expiry_interval", "\(number * unit)h")
    }

    private static let logLevel: Rule = { text in
        switch text {
        case "error": .value("broker.log.level", "error")
        case "warning": .value("broker.log.level", "warn")
        case "notice", "information": .value("broker.log.level", "info")
        case "debug", "all", "subscribe", "unsubscribe", "websockets": .value("broker.log.level", "debug")
        case "none": .value("broker.log.level", "error")
        default: .remark("'\(text)' is not a kind of message")
        }
    }

    private static let levels = ["error", "warn", "info", "debug"]

    /// The settings as YAML under `broker:`; of a key given twice the last one holds, of log levels the most talkative.
    static func yaml(_ settings: [(path: String, value: String)]) -> [String] {
        var values: [(path: String, value: String)] = []
        for setting in settings {
            guard let index = values.firstIndex(where: { $0.path == setting.path }) else {
                values.append(setting)
                continue
            }
            let (old, new) = (levels.firstIndex(of: values[index].value), levels.firstIndex(of: setting.value))
            if let old, let new, old > new { continue }
            values[index].value = setting.value
        }
        // A packet must hold the largest payload, with room for its topic and properties.
        if let payload = values.first(where: { $0.path.hasSuffix("max_payload_size") }).flatMap({ Int($0.value) }),
            payload > BrokerConfiguration().limits.maxPacketSize,
            !values.contains(where: { $0.path.hasSuffix("max_packet_size") })
        {
            values.append(("broker.limits.max_packet_size", "\(min(268_435_460, payload + (128 << 10)))"))
        }
        var lines: [String] = []
        for setting in SettingsTable.all {
            guard let value = values.first(where: { $0.path == setting.path })?.value else { continue }
            let isTop = setting.section == "broker"
            let head = "  \(setting.section.dropFirst("broker.".count)):"
            if !isTop, !lines.contains(head) { lines.append(head) }
            lines.append("\(isTop ? "  " : "    ")\(setting.name): \(value)")
        }
        return lines
    }
}
