import Configuration
import Testing

@Suite struct OverrideTests {
    /// A value other than the default for each type of setting.
    private static func sample(for setting: Setting) -> String {
        let text = setting.defaultText
        switch setting.path {
        case "broker.data_dir": return "/elsewhere"
        case "broker.plugin_dirs": return "[/a, /b]"
        case "broker.log.level": return "debug"
        case "broker.log.levels": return "{client: debug}"
        case "broker.log.format": return "json"
        case "broker.session.on_queue_full": return "pause"
        case "broker.session.duplicate_client_id": return "refuse"
        case "broker.limits.on_rate_exceeded": return "drop"
        case "broker.mqtt.strictness": return "lenient"
        case "broker.store.sync": return "never"
        case "broker.reload.preflight": return "prepare"
        default: break
        }
        if setting.type.hasPrefix("rate") { return "7/m" }
        if setting.type.hasPrefix("boolean") { return text == "true" ? "false" : "true" }
        if setting.type.hasPrefix("duration") { return "77s" }
        if setting.type.hasPrefix("size") { return "70000B" }
        return text == "1" ? "2" : "1"
    }

    private static let settings = SettingsTable.all.filter { $0.availability == .now }

    @Test func everySettingIsSetByFileEnvironmentAndOptionAndByThatOnly() throws {
        for setting in Self.settings {
            let sample = Self.sample(for: setting)
            let levels = setting.path.split(separator: ".")
            let file =
                levels.dropLast().map { "\($0): { " }.joined() + "\(levels.last!): \(sample)"
                + String(repeating: " }", count: levels.count - 1)
            for (text, environment, options, origin) in [
                (file, [:], [], "plugins.yaml:1:"),
                ("", [setting.environmentName: sample], [], setting.environmentName),
                ("", [:], ["--set", "\(setting.path)=\(sample)"], "--set \(setting.path)"),
            ] as [(String, [String: String], [String], String)] {
                let loaded = try load(text, options, environment: environment)
                for other in SettingsTable.all where other.availability == .now {
                    let value = other.text(in: loaded.configuration.broker)
                    let expected = other.path == setting.path ? sample : other.defaultText
                    #expect(value == expected, "\(other.path) after setting \(setting.path)")
                }
                #expect(loaded.origins.keys.sorted() == [setting.path])
                #expect(loaded.origins[setting.path]?.description.hasPrefix(origin) == true)
            }
        }
    }

    @Test func optionsWinOverTheEnvironmentWhichWinsOverTheFile() throws {
        let file = "broker: { threads: 1, mqtt: { max_qos: 0 }, log: { level: error } }"
        let environment = ["HOOKLINE_BROKER__THREADS": "2", "HOOKLINE_BROKER__MQTT__MAX_QOS": "1"]
        let loaded = try load(file, ["--set", "broker.threads=3", "-v"], environment: environment)
        #expect(loaded.configuration.broker.threads == 3)
        #expect(loaded.configuration.broker.mqtt.maxQoS == 1)
        #expect(loaded.configuration.broker.log.level == .debug)
        #expect(loaded.origins["broker.threads"] == .commandLine("--set broker.threads"))
        #expect(loaded.origins["broker.mqtt.max_qos"] == .environment("HOOKLINE_BROKER__MQTT__MAX_QOS"))
        #expect(loaded.origins["broker.log.level"] == .commandLine("-v"))
    }

    @Test func theLastOfTwoAssignmentsCountsAndSetBeatsItsShortForms() throws {
        #expect(
            try load("", ["--set", "broker.threads=3", "--set", "broker.threads=4"]).configuration.broker.threads == 4)
        #expect(
            try load("", ["--set", "broker.log.level=warn", "-v"]).configuration.broker.log.level == .warn)
    }

    @Test func listenersAreAddressedByName() throws {
        let file = "broker: { listeners: { my-tcp: { url: \"mqtt://127.0.0.1:1\" } } }"
        let loaded = try load(
            file, ["--set", "broker.listeners.extra.url=mqtt://[::1]:9"],
            environment: [
                "HOOKLINE_BROKER__LISTENERS__MY_TCP__ALLOW_ANONYMOUS": "true",
                "HOOKLINE_BROKER__LISTENERS__NEW__URL": "mqtt://127.0.0.1:5",
            ])
        #expect(loaded.configuration.listeners.map(\.name) == ["my-tcp", "new", "extra"])
        #expect(loaded.configuration.listeners.map(\.allowsAnonymous) == [true, false, false])
    }

    @Test func pluginsAreAddressedByTheirID() throws {
        let file = "plugins: [metrics, { id: history-raw, config: { keep-for: 1d, a: { b: 1 } } }]"
        let loaded = try load(
            file,
            [
                "--set", "plugins.metrics.config.bind=127.0.0.1:9", "--set", "plugins.history-raw.enabled=false",
                "--set", "plugins.history-raw.config.topics=[\"x/#\", y]",
            ],
            environment: [
                "HOOKLINE_PLUGINS__HISTORY_RAW__CONFIG__KEEP_FOR": "2d",
                "HOOKLINE_PLUGINS__HISTORY_RAW__CONFIG__A__B": "2",
                "HOOKLINE_PLUGINS__METRICS__ENABLED": "false",
            ])
        let plugins = loaded.configuration.plugins
        #expect(plugins.map(\.isEnabled) == [false, false])
        #expect(plugins[0].config.map { JSONText($0).rendered } == #"{"bind":"127.0.0.1:9"}"#)
        #expect(
            plugins[1].config.map { JSONText($0).rendered }
                == #"{"keep-for":"2d","a":{"b":2},"topics":["x/#","y"]}"#)
    }

    @Test(arguments: [
        (
            "HOOKLINE_BROKER__LIMITS__MAX_PAYLOD_SIZE",
            "no such setting; nearest is HOOKLINE_BROKER__LIMITS__MAX_PAYLOAD_SIZE"
        ),
        (
            "HOOKLINE_BROKER__LISTENERS__TCP__ALLOW_ANONYMUS",
            "no such setting; nearest is HOOKLINE_BROKER__LISTENERS__TCP__ALLOW_ANONYMOUS"
        ),
        ("HOOKLINE_PLUGINS__ACI__CONFIG__FILE", "no such setting; nearest is HOOKLINE_PLUGINS__ACL__CONFIG__FILE"),
        ("HOOKLINE_PLUGINS__ACL__PATH", "no such setting; nearest is HOOKLINE_PLUGINS__ACL__ENABLED"),
        ("HOOKLINE_PLUGINS__ACL__CONFIG", "no such setting; nearest is HOOKLINE_PLUGINS__ACL__CONFIG__FILE"),
        ("HOOKLINE_BROKER__X", "no such setting; unset it"),
        ("HOOKLINE_BROKER__THREADS", "'x' is not a whole number"),
        (
            "HOOKLINE_BROKER__STORE__SYNC",
            "'x' is not one of always, interval, never"
        ),
    ]) func wrongVariablesAreErrors(name: String, message: String) throws {
        let file = "plugins: [{ id: acl, config: { file: acl.yaml } }]"
        let found = try messages(file, environment: [name: "x"])
        #expect(found == ["\(name): \(message)"])
    }

    @Test(arguments: [
        "HOOKLINE_PORT", "HOOKLINE_SERVICE_HOST", "HOOKLINE_BROKER_THREADS", "PATH", "XHOOKLINE_BROKER__X",
    ])
    func otherVariablesAreNotLookedAt(name: String) throws {
        #expect(try messages("", environment: [name: "tcp://10.0.0.1"]).isEmpty)
    }

    @Test(arguments: [
        (
            "broker.limits.max_payload=1",
            "--set broker.limits.max_payload: unknown key 'max_payload' in broker.limits; "
                + "nearest is 'max_payload_size'"
        ),
        ("limits.max_connections=1", "--set limits.max_connections: unknown key 'limits'; it belongs in broker"),
        ("broker.threads=x", "--set broker.threads: 'x' is not a whole number"),
        ("plugins.nobody.config.x=1", "--set plugins.nobody.config.x: no plugin 'nobody' in the list 'plugins'"),
        (
            "broker.plugin_dirs=[a",
            "--set broker.plugin_dirs: not valid YAML: did not find expected ',' or ']' "
                + "while parsing a flow sequence that begins in line 1"
        ),
        (
            "broker..threads=1",
            "--set broker..threads: unknown key '' in broker; known here: "
                + "data_dir, threads, plugin_dirs, require_pins, containment, limits, log, mqtt, reload, session, "
                + "shutdown, store, tcp, listeners"
        ),
    ]) func wrongAssignmentsAreErrors(assignment: String, message: String) throws {
        let found = try messages("", ["--set", assignment])
        #expect(found == [message])
    }
}
