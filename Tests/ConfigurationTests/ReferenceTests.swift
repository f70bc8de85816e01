import Configuration
import Foundation
import Testing

/// Documents that must say what the table says.
@Suite struct ReferenceTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// With HOOKLINE_WRITE_DOCS=1 the tables of the document are written instead of compared.
    @Test func theDocumentHasTheTablesOfTheSettings() throws {
        let file = Self.repository.appending(path: "docs/configuration.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let marker = "\n## Settings\n\n"
        let range = try #require(text.range(of: marker))
        if ProcessInfo.processInfo.environment["HOOKLINE_WRITE_DOCS"] != nil {
            let updated = text[..<range.upperBound] + ConfigurationReference.markdown()
            try updated.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(String(text[range.upperBound...]) == ConfigurationReference.markdown())
        }
    }

    /// The shipped file, with its certificates where some file is.
    private static func shippedFile() throws -> String {
        let file = repository.appending(path: "plugins.yaml")
        return try String(contentsOf: file, encoding: .utf8).replacing(#/certs/[a-z]+\.(pem|key)/#, with: "/dev/null")
    }

    @Test func theShippedFileIsAcceptedAndAnonymousOnLoopbackOnly() throws {
        let loaded = try ServerConfiguration.load(text: try Self.shippedFile(), file: "plugins.yaml")
        #expect(
            loaded.configuration.listeners.map(\.url.description) == [
                "mqtt://localhost:1883", "ws://localhost:8083/mqtt", "mqtts://localhost:8883",
                "wss://localhost:8084/mqtt",
            ])
        #expect(loaded.configuration.listeners.allSatisfy { $0.allowsAnonymous && $0.url.isLocal })
        #expect(loaded.configuration.plugins.map(\.id) == ["store-sqlite", "http", "metrics"])
        #expect(loaded.configuration.broker.dataDirectory.hasSuffix("/data"))
        #expect(loaded.warnings.isEmpty)
    }

    @Test func whatTheShippedFileCommentsOutIsValidAsWell() throws {
        let text = try Self.shippedFile()
        // A commented setting looks like `# key:` or `# - {`; prose has no such beginning.
        let switchedOn = text.replacing(#/# (?=- \{|(limits|session|log): )/#, with: "")
        let loaded = try ServerConfiguration.load(text: switchedOn, file: "plugins.yaml")
        #expect(loaded.configuration.plugins.map(\.id) == ["store-sqlite", "http", "auth", "acl", "metrics"])
        var expected = BrokerConfiguration()
        expected.dataDirectory = loaded.configuration.broker.dataDirectory
        #expect(loaded.configuration.broker == expected)
        #expect(loaded.origins["broker.limits.max_connections"] != nil)
    }

    @Test func theDefaultsAreAFileThatChangesNothing() throws {
        let loaded = try ServerConfiguration.load(text: ConfigurationText.defaults(), file: "plugins.yaml")
        #expect(loaded.configuration.broker == BrokerConfiguration())
        #expect(loaded.configuration.listeners.map(\.url.description) == ["mqtt://localhost:1883"])
        let available = SettingsTable.all.filter { $0.availability == .now }
        #expect(Set(loaded.origins.keys) == Set(available.map(\.path)))
    }

    @Test func theEffectiveConfigurationIsAFileThatGivesItAgain() throws {
        let text = """
            broker:
              threads: 2
              plugin_dirs: [/opt/plugins, "with blank"]
              log: { level: debug }
              listeners: { tcp: "mqtt://[::1]:1883", sock: { url: "unix:///run/x.sock", allow_anonymous: true } }
            plugins:
              - { id: h-1, plugin: history, enabled: false, config: { topics: ["raw/#"], n: 7, on: true, s: "7" } }
            """
        let loaded = try ServerConfiguration.load(text: text, file: "plugins.yaml")
        let again = try ServerConfiguration.load(
            text: ConfigurationText.effective(loaded), file: "plugins.yaml")
        #expect(again.configuration.broker == loaded.configuration.broker)
        #expect(again.configuration.listeners.map(\.url) == loaded.configuration.listeners.map(\.url))
        let config = try #require(again.configuration.plugins.first?.config)
        #expect(JSONText(config).rendered == #"{"topics":["raw/#"],"n":7,"on":true,"s":"7"}"#)
    }

    @Test func theEffectiveConfigurationNamesOriginsAndHidesSecrets() throws {
        let text = """
            broker: { threads: 2 }
            plugins:
              - { id: web, config: { api_token: t0ps, password_file: pw, url: "https://u:t0ps@h/" } }
              - { id: two, config: { list: [{ secret: t0ps }], api-key: t0ps } }
            """
        var options = ServeOptions()
        options = try ServeOptions.parse(["--set", "broker.limits.max_connections=5", "-v"])
        let loaded = try ServerConfiguration.load(
            text: text, file: "conf/plugins.yaml", options, environment: ["HOOKLINE_BROKER__MQTT__MAX_QOS": "1"])
        let shown = ConfigurationText.effective(loaded)
        #expect(!shown.contains("t0ps"))
        #expect(shown.contains("password_file: pw"))
        for (setting, origin) in [
            ("threads: 2", "# conf/plugins.yaml:1:20"), ("max_connections: 5", "# --set broker.limits.max_connections"),
            ("level: debug", "# -v"), ("max_qos: 1", "# HOOKLINE_BROKER__MQTT__MAX_QOS"),
            ("max_inflight: 100", "# default"),
        ] {
            let line = shown.split(separator: "\n").first { $0.contains(" \(setting) ") }
            #expect(line?.hasSuffix(origin) == true, "\(setting)")
        }
    }
}
