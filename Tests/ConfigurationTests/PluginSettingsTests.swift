import Configuration
import Foundation
import PositionedYAML
import Testing

@Suite struct PluginSettingsTests {
    private static let keys = [
        DeclaredKey(name: "name", type: .text, defaultText: "x"),
        DeclaredKey(name: "on", type: .boolean, defaultText: "false"),
        DeclaredKey(name: "count", type: .integer, defaultText: "3"),
        DeclaredKey(name: "ratio", type: .number, defaultText: "0.5"),
        DeclaredKey(name: "ttl", type: .duration, defaultText: "5m"),
        DeclaredKey(name: "room", type: .size, defaultText: "1KiB"),
        DeclaredKey(name: "file", type: .path),
        DeclaredKey(name: "reply", type: .topic, defaultText: "hello/count"),
        DeclaredKey(name: "filter", type: .filter, defaultText: "hello/#"),
        DeclaredKey(name: "api-key", type: .secret),
        DeclaredKey(name: "topics", type: .list, defaultText: "[\"#\"]"),
        DeclaredKey(name: "map", type: .map),
        DeclaredKey(name: "extra", type: .any),
    ]

    private func resolve(
        _ config: String, _ keys: [DeclaredKey] = keys, environment: [String: String] = [:]
    ) throws -> PluginSettings {
        let loaded = try load("plugins:\n  - id: geo\n    config: \(config)\n", environment: environment)
        return try PluginSettings.resolve(loaded.configuration.plugins[0], keys: keys, paths: loaded.paths)
    }

    private func messages(_ config: String, _ keys: [DeclaredKey] = keys) throws -> [String] {
        do {
            _ = try resolve(config, keys)
            return []
        } catch let errors as ConfigurationErrors {
            return errors.all.map(\.description)
        }
    }

    @Test func defaultsFillWhatIsNotGiven() throws {
        let settings = try resolve("{}")
        #expect(
            settings.values.map(\.key.name) == [
                "name", "on", "count", "ratio", "ttl", "room", "reply", "filter", "topics",
            ])
        #expect(settings["ttl"]?.value == .duration(.seconds(300)))
        #expect(settings["topics"]?.text == "[\"#\"]")
        #expect(settings.values.allSatisfy { $0.origin == .builtIn })
        #expect(settings.root["filter"]?.text == "hello/#")
    }

    @Test func valuesAreReadAsDeclared() throws {
        let settings = try resolve(
            "{ name: \"7\", on: true, count: -4, ratio: 1e3, ttl: 2d, room: 5, file: a/b, reply: r, filter: a/+/#, "
                + "api-key: s, topics: [a, 1], map: { a: b }, extra: 7 }")
        let paths = try load("").paths
        #expect(settings["name"]?.value == .text("7"))
        #expect(settings["on"]?.value == .boolean(true))
        #expect(settings["count"]?.value == .integer(-4))
        #expect(settings["ratio"]?.value == .number(1000))
        #expect(settings["ttl"]?.value == .duration(.seconds(172_800)))
        #expect(settings["room"]?.value == .size(5))
        #expect(settings["file"]?.value == .path(paths.workingDirectory + "/a/b"))
        #expect(settings["filter"]?.value == .filter("a/+/#"))
        #expect(settings["api-key"]?.value == .secret("s"))
        #expect(settings["topics"]?.text == "[\"a\",1]")
        #expect(settings["map"]?.text == "{\"a\":\"b\"}")
        #expect(settings.root.entries?.count == 13)
        #expect(settings["ttl"]?.origin.description == "plugins.yaml:3:64")
    }

    @Test(arguments: [
        ("{ ttl: 5 minutes }", "3:20: plugin 'geo': config.ttl: '5 minutes' is not a duration; write 5m"),
        ("{ on: yes }", "3:19: plugin 'geo': config.on: 'yes' is not a boolean; write true"),
        ("{ ratio: nan }", "3:22: plugin 'geo': config.ratio: 'nan' is not a number"),
        ("{ topics: a }", "3:23: plugin 'geo': config.topics: expected a list, found 'a'"),
        ("{ map: [] }", "3:20: plugin 'geo': config.map: expected a mapping, found a list"),
        ("{ name: [] }", "3:21: plugin 'geo': config.name: expected text, found a list"),
        ("{ tll: 5m }", "3:15: plugin 'geo': unknown key 'tll' in config; nearest is 'ttl'"),
        ("{ api-key_fil: x }", "3:15: plugin 'geo': unknown key 'api-key_fil' in config; nearest is 'api-key_file'"),
        (
            "{ reply: a/# }",
            "3:22: plugin 'geo': config.reply: topic 'a/#': a topic name has no '+' or '#' [MQTT-3.3.2-2]"
        ),
        (
            "{ filter: sensors/#/temp }",
            "3:23: plugin 'geo': config.filter: filter 'sensors/#/temp': '#' must be the last level [MQTT-4.7.1-1]"
        ),
        (
            "{ filter: a+ }",
            "3:23: plugin 'geo': config.filter: filter 'a+': "
                + "'+' and '#' stand alone in their level [MQTT-4.7.1-1] [MQTT-4.7.1-2]"
        ),
        (
            "{ filter: \"\" }",
            "3:23: plugin 'geo': config.filter: filter '': it needs at least one character [MQTT-4.7.3-1]"
        ),
        (
            "{ filter: $share/g }",
            "3:23: plugin 'geo': config.filter: filter '$share/g': write $share/GROUP/FILTER [MQTT-4.8.2-1]"
        ),
        (
            "{ api-key_file: /nowhere/key }",
            "3:29: plugin 'geo': config.api-key_file: cannot read /nowhere/key: no such file or directory"
        ),
        (
            "{ api-key: a, api-key_file: b }",
            "3:27: plugin 'geo': config.api-key_file: 'api-key' is given as well; keep one of the two"
        ),
    ]) func wrongSettingsAreNamed(config: String, message: String) throws {
        #expect(try messages(config).first == "plugins.yaml:\(message)")
    }

    @Test(arguments: ["#", "+", "a/#", "/", "a//b", "+/+/#", "$share/g/a/#", "$SYS/#", "a b/ü"])
    func validFiltersAreAccepted(filter: String) throws {
        #expect(try resolve("{ filter: \"\(filter)\" }")["filter"]?.text == filter)
    }

    @Test func allFaultsAreCollected() throws {
        #expect(try messages("{ ttl: x, on: x, zzzz: 1 }").count == 3)
    }

    @Test func aRequiredKeyMustBeThere() throws {
        let keys = [DeclaredKey(name: "url", type: .text, isRequired: true, help: "where to ask")]
        let message = "plugins.yaml:2:5: plugin 'geo': config.url is missing (where to ask); it has no default"
        #expect(try messages("{}", keys) == [message])
        #expect(try messages("{ url: x }", keys).isEmpty)
    }

    @Test func aPluginWithoutSettingsSaysSo() throws {
        #expect(
            try messages("{ a: 1 }", []) == [
                "plugins.yaml:3:15: plugin 'geo': unknown key 'a' in config; it has no settings"
            ])
    }

    @Test func secretsComeFromFilesWithoutTheirLastNewline() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "hookline-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        for (content, secret) in [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("a\nb\n\n", "a\nb\n"), ("", "")] {
            try content.write(to: file, atomically: true, encoding: .utf8)
            let settings = try resolve("{ api-key_file: \(file.path) }")
            #expect(settings["api-key"]?.value == .secret(secret))
            #expect(settings.root["api-key"]?.text == secret)
            #expect(settings.root["api-key_file"] == nil)
        }
    }

    @Test func theEnvironmentSpellsKeysItsOwnWay() throws {
        let settings = try resolve("{}", environment: ["HOOKLINE_PLUGINS__GEO__CONFIG__API_KEY": "s"])
        #expect(settings["api-key"]?.value == .secret("s"))
        #expect(settings["api-key"]?.origin == .environment("HOOKLINE_PLUGINS__GEO__CONFIG__API_KEY"))
    }
}
