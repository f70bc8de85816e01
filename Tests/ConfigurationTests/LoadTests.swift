import Configuration
import PositionedYAML
import Testing

@Suite struct LoadTests {
    @Test func nothingGivenMeansOneAnonymousListenerOnLoopback() throws {
        let loaded = try load("")
        let listener = try #require(loaded.configuration.listeners.first)
        #expect(loaded.configuration.listeners.count == 1)
        #expect(listener.name == "tcp")
        #expect(listener.url.description == "mqtt://localhost:1883")
        #expect(listener.allowsAnonymous)
        #expect(loaded.configuration.broker == BrokerConfiguration())
        #expect(loaded.configuration.plugins.isEmpty)
    }

    @Test func theListenerNobodyAskedForIsNotAnonymousBesideAuth() throws {
        #expect(try load("plugins: [auth]").configuration.listeners.map(\.allowsAnonymous) == [false])
        #expect(
            try load("plugins: [{ id: auth, enabled: false }]").configuration.listeners.map(\.allowsAnonymous)
                == [true])
        #expect(try load("plugins: [auth]", ["--no-plugins"]).configuration.listeners.map(\.allowsAnonymous) == [true])
    }

    @Test func listenersAndPluginsKeepTheirOrder() throws {
        let loaded = try load(
            """
            broker:
              listeners:
                z: "mqtt://127.0.0.1:1"
                a: { url: "unix://x.sock", allow_anonymous: true }
            plugins: [b-1, { id: a, plugin: history, enabled: "false", config: { topics: ["raw/#"] } }]
            """)
        #expect(loaded.configuration.listeners.map(\.name) == ["z", "a"])
        #expect(loaded.configuration.listeners[1].url.path.hasPrefix("/"))
        #expect(loaded.configuration.plugins.map(\.id) == ["b-1", "a"])
        #expect(loaded.configuration.plugins[1].plugin == "history")
        #expect(!loaded.configuration.plugins[1].isEnabled)
        #expect(loaded.configuration.plugins[1].config?["topics"]?.elements?.first?.text == "raw/#")
    }

    @Test func aListenerMayHaveAMountPoint() throws {
        let listener = "broker: { listeners: { a: { url: \"mqtt://127.0.0.1:1\", mount_point: \"%\" } } }"
        let loaded = try load(listener.replacing("%", with: "tenants/7/"))
        #expect(loaded.configuration.listeners.map(\.mountPoint) == ["tenants/7/"])
        for wrong in ["a/+/", "a/#", "$SYS/", String(repeating: "m", count: 1025)] {
            let said = try messages(listener.replacing("%", with: wrong))
            #expect(said.contains { $0.contains("tenants/7/") && $0.contains(":") }, "\(said)")
        }
    }

    @Test func aListenerMayBeLessStrictThanTheOthers() throws {
        let loaded = try load(
            """
            broker:
              listeners:
                a: "mqtt://127.0.0.1:1"
                b: { url: "mqtt://127.0.0.1:2", strictness: lenient }
                c: { url: "mqtt://127.0.0.1:3", strictness: strict }
              mqtt: { strictness: lenient }
            """)
        #expect(loaded.configuration.listeners.map(\.strictness) == [nil, .lenient, .strict])
        #expect(loaded.configuration.broker.mqtt.strictness == .lenient)
        #expect(try load("").configuration.broker.mqtt.strictness == .strict)
        let wrong = "broker: { listeners: { a: { url: \"mqtt://127.0.0.1:1\", strictness: lax } } }"
        #expect(try messages(wrong).contains { $0.contains("'lax'") && $0.contains("strict, lenient") })
    }

    @Test(
        arguments: [
            ("x", [:], "x"), ("$x {y} $", [:], "$x {y} $"), ("${A}", ["A": "1"], "1"),
            ("a${A}b${B}", ["A": "1", "B": "2"], "a1b2"),
            ("${A:-d}", [:], "d"), ("${A:-d}", ["A": ""], "d"), ("${A:-}", [:], ""), ("${A}", ["A": "${B}"], "${B}"),
            ("$${A}", ["A": "1"], "${A}"), ("${A:-a:-b}", [:], "a:-b"),
        ] as [(String, [String: String], String)])
    func variablesAreReplacedInValues(text: String, environment: [String: String], expected: String) throws {
        let loaded = try load("plugins: [{ id: a, config: { k: \"\(text)\" } }]", environment: environment)
        #expect(loaded.configuration.plugins[0].config?["k"]?.text == expected)
    }

    @Test func relativePathsStartWhereTheyWereWritten() throws {
        let options = try ServeOptions.parse([])
        let text = "broker: { data_dir: data, plugin_dirs: [./p, /abs, ../up] }"
        let loaded = try ServerConfiguration.load(text: text, file: "/etc/hookline/plugins.yaml", options)
        #expect(loaded.configuration.broker.dataDirectory == "/etc/hookline/data")
        #expect(
            loaded.configuration.broker.pluginDirectories == ["/etc/hookline/p", "/abs", "/etc/hookline/../up"])
        let typed = try ServerConfiguration.load(
            text: text, file: "/etc/hookline/plugins.yaml", ServeOptions.parse(["--data-dir", "mine"]))
        #expect(typed.configuration.broker.dataDirectory == typed.paths.workingDirectory + "/mine")
        let nested = try ServerConfiguration.load(text: text, file: "conf/plugins.yaml", options)
        #expect(nested.configuration.broker.dataDirectory == nested.paths.workingDirectory + "/conf/data")
    }

    @Test func anOpenListenerIsFineWithAuthOrOnRequest() throws {
        let open = "broker: { listeners: { tcp: { url: \"mqtt://0.0.0.0:1883\" } } }\n"
        #expect(try messages(open + "plugins: [acl]").count == 1)
        #expect(try messages(open + "plugins: [{ id: auth, enabled: false }]").count == 1)
        #expect(try messages(open + "plugins: [auth]").isEmpty)
        #expect(try messages(open + "plugins: [auth]", ["--no-plugins"]).count == 1)
        #expect(try messages(open, ["--set", "broker.listeners.tcp.allow_anonymous=true"]).isEmpty)
        // A plugin nobody knows may be one that authenticates; the host asks again when it knows.
        let loaded = try load(open + "plugins: [mine]")
        #expect(loaded.configuration.exposedListeners { _ in true }.isEmpty)
        #expect(loaded.configuration.exposedListeners { _ in false }.count == 1)
    }

    @Test func whatIsRiskyButAllowedIsWarnedAbout() throws {
        let loaded = try load(
            "broker:\n  data_dir: d\n  listeners:\n    tcp: { url: \"mqtt://0.0.0.0:1883\", allow_anonymous: true }")
        #expect(
            loaded.warnings.map { "\($0)".prefix(while: { $0 != " " }) } == ["plugins.yaml:4:5:"])
    }

    @Test func emptySectionsAreEmpty() throws {
        #expect(try load("broker:\nplugins:\n").configuration.broker == BrokerConfiguration())
        #expect(try load("broker:\n  limits:\n  listeners:\n").configuration.listeners.count == 1)
    }
}

@Suite struct ModeTests {
    @Test func ephemeralKeepsNothingAndOpensFreePortsOnLoopback() throws {
        let text = """
            broker:
              data_dir: /var/lib/x
              listeners:
                tcp: { url: "mqtt://0.0.0.0:1883", allow_anonymous: true }
                v6: { url: "mqtt://[::]:1884" }
                sock: { url: "unix:///run/x.sock" }
            """
        let loaded = try load(text, ["--ephemeral"])
        #expect(loaded.configuration.isEphemeral)
        #expect(loaded.configuration.broker.dataDirectory.isEmpty)
        let urls = loaded.configuration.listeners.map(\.url.description)
        #expect(urls.prefix(2) == ["mqtt://127.0.0.1:0", "mqtt://127.0.0.1:0"])
        #expect(urls[2].hasPrefix("unix:///tmp/hookline-") && urls[2].hasSuffix("-sock.sock"))
        #expect(loaded.warnings.isEmpty)
        #expect(try load("", ["--ephemeral"]).configuration.listeners.map(\.url.description) == ["mqtt://127.0.0.1:0"])
        #expect(try load("", ["--ephemeral"]).configuration.listeners.map(\.allowsAnonymous) == [true])
    }

    @Test func whatIsTypedBesideEphemeralStaysAsTyped() throws {
        let loaded = try load("", ["--ephemeral", "--listen", "mqtt://127.0.0.1:18830"])
        #expect(loaded.configuration.listeners.map(\.url.description) == ["mqtt://127.0.0.1:18830"])
    }

    @Test func listenReplacesTheConfiguredListeners() throws {
        let text =
            "broker: { listeners: { a: { url: \"mqtt://[::1]:1\", allow_anonymous: true }, b: \"mqtt://[::1]:2\" } }"
        let loaded = try load(
            text,
            ["--listen", "a=mqtt://127.0.0.1:0", "--listen", "mqtt://[::1]:0", "-p", "77", "--listen", "unix:///x"])
        #expect(loaded.configuration.listeners.map(\.name) == ["a", "tcp", "tcp-2", "local"])
        #expect(
            loaded.configuration.listeners.map(\.url.description)
                == ["mqtt://127.0.0.1:0", "mqtt://[::1]:0", "mqtt://localhost:77", "unix:///x"])
        #expect(loaded.configuration.listeners.allSatisfy { !$0.allowsAnonymous })
    }

    @Test func anOpenListenerFromTheCommandLineIsRefusedThere() throws {
        #expect(
            try messages("", ["--listen", "mqtt://0.0.0.0:1883"]) == [
                "--listen mqtt://0.0.0.0:1883: listener 'tcp' is open to the network (0.0.0.0:1883) and no auth "
                    + "plugin is configured; add one, bind to localhost, or "
                    + "add --set broker.listeners.tcp.allow_anonymous=true"
            ])
        #expect(
            try messages("", ["--listen", "a=mqtt://[::1]:0", "--listen", "a=mqtt://[::1]:0"]).first
                == "--listen a=mqtt://[::1]:0: listener 'a' is given twice")
        #expect(
            try messages("", ["--listen", "tcp://localhost"]) == [
                "--listen tcp://localhost: 'tcp://localhost' is not a listener URL: "
                    + "the scheme for plain MQTT is mqtt://"
            ])
    }

    @Test(arguments: ["--no-plugins", "--test-mode"]) func testModesHaveNoConnectRateLimit(option: String) throws {
        let loaded = try load("plugins: [acl]", [option])
        #expect(loaded.configuration.broker.limits.connectRatePerIP == nil)
        #expect(loaded.configuration.plugins.isEmpty == (option == "--no-plugins"))
        #expect(loaded.configuration.isTestMode == (option == "--test-mode"))
    }
}
