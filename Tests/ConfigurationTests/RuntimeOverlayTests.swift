import Configuration
import Glibc
import Testing

@Suite("The run-time overlay") struct RuntimeOverlayTests {
    private func load(
        _ text: String, _ overlay: [String: String], _ words: [String] = [], environment: [String: String] = [:]
    ) throws -> LoadedConfiguration {
        var options = try ServeOptions.parse(words)
        options.overlay = RuntimeOverlay()
        for (path, value) in overlay { options.overlay?.set(path, to: value) }
        return try ServerConfiguration.load(text: text, file: "plugins.yaml", options, environment: environment)
    }

    @Test("wins over the file and loses against environment and command line")
    func rank() throws {
        let file = "broker: { log: { level: warn } }"
        let name = "HOOKLINE_BROKER__LOG__LEVEL"
        func level(_ loaded: LoadedConfiguration) -> String {
            "\(loaded.configuration.broker.log.level) \(loaded.origins["broker.log.level"]?.description ?? "")"
        }
        let overlay = ["broker.log.level": "debug"]
        #expect(level(try load(file, [:])) == "warn plugins.yaml:1:25")
        #expect(level(try load(file, overlay)) == "debug run-time overlay")
        #expect(level(try load(file, overlay, environment: [name: "trace"])) == "trace \(name)")
        let set = ["--set", "broker.log.level=error"]
        #expect(level(try load(file, overlay, set, environment: [name: "trace"])) == "error --set broker.log.level")
    }

    @Test("switches plugins and changes their settings")
    func plugins() throws {
        let overlay = ["plugins.metrics.enabled": "false", "plugins.a.config.topics": "[x, y]"]
        let loaded = try load("plugins: [metrics, { id: a, config: { topics: [z] } }]", overlay)
        #expect(loaded.configuration.plugins.map(\.isEnabled) == [false, true])
        #expect(loaded.configuration.plugins[1].config?["topics"]?.elements?.map(\.text) == ["x", "y"])
        #expect(loaded.overlay.settings.count == 2)
    }

    @Test("says which of its settings are wrong; one of a plugin that is gone is only a warning")
    func faults() throws {
        #expect(throws: ConfigurationErrors.self) { try load("", ["broker.threads": "many"]) }
        #expect(throws: ConfigurationErrors.self) { try load("", ["broker.data_dir": "/elsewhere"]) }
        let loaded = try load("", ["plugins.gone.enabled": "true"])
        #expect(loaded.warnings.map(\.position.description) == ["run-time overlay plugins.gone.enabled"])
        do throws(ConfigurationErrors) {
            var options = ServeOptions()
            options.overlay = RuntimeOverlay()
            options.overlay?.set("broker.thraeds", to: "1")
            _ = try ServerConfiguration.load(text: "", file: "plugins.yaml", options)
            Issue.record("an unknown key was taken")
        } catch {
            #expect(error.description.hasPrefix("run-time overlay broker.thraeds: unknown key 'thraeds'"))
        }
    }

    @Test("is read back as it was written, from the data directory")
    func file() throws {
        var overlay = RuntimeOverlay()
        overlay.set("plugins.a.config.text", to: "quotes \" and\nlines: #")
        overlay.set("broker.log.level", to: "debug")
        overlay.set("broker.log.level", to: "info")
        #expect(try RuntimeOverlay(parsing: Array(overlay.fileText.utf8), file: "o") == overlay)
        #expect(overlay.settings.map(\.path) == ["broker.log.level", "plugins.a.config.text"])
        var folder = Array("/tmp/hookline-overlay-XXXXXX".utf8CString)
        let path = try #require(mkdtemp(&folder).map { String(cString: $0) })
        defer {
            unlink(RuntimeOverlay.file(in: path))
            rmdir(path)
        }
        #expect(try RuntimeOverlay.read(dataDirectory: path) == RuntimeOverlay())
        let stream = try #require(fopen(RuntimeOverlay.file(in: path), "w"))
        fputs(overlay.fileText, stream)
        fclose(stream)
        #expect(try RuntimeOverlay.read(dataDirectory: path) == overlay)
        overlay.remove("broker.log.level")
        let removesTwice = overlay.remove("broker.log.level")
        #expect(!removesTwice)
    }
}
