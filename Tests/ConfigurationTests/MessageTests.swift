import Configuration
import Testing

/// One broken file and everything that must be said about it.
struct BrokenFile: Sendable, CustomTestStringConvertible {
    var text: String
    var expected: [String]
    var testDescription: String { text }

    init(_ text: String, _ expected: String...) {
        self.text = text
        self.expected = expected.map { "plugins.yaml:\($0)" }
    }
}

@Suite struct MessageTests {
    @Test(arguments: [
        BrokenFile(
            "broker:\n  session:\n    max_inflight_messages: 5",
            "3:5: unknown key 'max_inflight_messages' in broker.session; here it is called 'max_inflight'"),
        BrokenFile(
            "broker:\n  mqtt: { max_inflight_messages: 5 }",
            "2:11: unknown key 'max_inflight_messages' in broker.mqtt; "
                + "here it is called 'broker.session.max_inflight'"),
        BrokenFile(
            "broker: { mqtt: { max_inflight: 5 } }",
            "1:19: unknown key 'max_inflight' in broker.mqtt; it belongs in broker.session"),
        BrokenFile(
            "broker: { limits: { max_conections: 5 } }",
            "1:21: unknown key 'max_conections' in broker.limits; nearest is 'max_connections'"),
        BrokenFile(
            "broker: { limits: { max_payload: 5 } }",
            "1:21: unknown key 'max_payload' in broker.limits; nearest is 'max_payload_size'"),
        BrokenFile(
            "broker: { log: { max_topic_alais: 5 } }",
            "1:18: unknown key 'max_topic_alais' in broker.log; nearest is 'broker.mqtt.max_topic_alias'"),
        BrokenFile(
            "broker: { log: { colour: 5 } }",
            "1:18: unknown key 'colour' in broker.log; known here: level, levels, format"),
        BrokenFile("limits: {}", "1:1: unknown key 'limits'; it belongs in broker"),
        BrokenFile(
            "listener: 1883", "1:1: unknown key 'listener'; here listeners are a mapping: broker.listeners.NAME.url"),
        BrokenFile(
            "broker: { password_file: x }",
            "1:11: unknown key 'password_file' in broker; here it belongs to the auth plugin: "
                + "{ id: auth, config: { sources: [ { password_file: FILE } ] } }"),
        BrokenFile(
            "broker: { allow_anonymous: true }",
            "1:11: unknown key 'allow_anonymous' in broker; it belongs in broker.listeners.NAME"),
        BrokenFile("borker: {}", "1:1: unknown key 'borker'; nearest is 'broker'"),
        BrokenFile("xyz: {}", "1:1: unknown key 'xyz'; known here: broker, plugins"),
        BrokenFile(
            "broker: { threads: 1, threads: 2 }",
            "1:23: duplicate key 'threads'; it already stands in line 1"),
        BrokenFile(
            "broker:\n  store: { sync: often }",
            "2:18: 'often' is not one of always, interval, never"),
    ]) func keys(file: BrokenFile) throws {
        let found = try messages(file.text)
        #expect(found == file.expected)
    }

    @Test(arguments: [
        BrokenFile(
            "broker:\n  limits: { max_packet_size: 256KB }",
            "2:30: '256KB' is not a size; write 256KiB or a plain number of bytes"),
        BrokenFile(
            "broker: { limits: { max_packet_size: big } }",
            "1:38: 'big' is not a size; write a number with B, KiB, MiB or GiB, or a plain number of bytes"),
        BrokenFile(
            "broker: { limits: { max_packet_size: 1 } }",
            "1:38: '1' is out of range; allowed is 256B to 268435460B"),
        BrokenFile(
            "broker: { limits: { max_packet_size: -1 } }",
            "1:38: '-1' is not a size; write a number with B, KiB, MiB or GiB, or a plain number of bytes"),
        BrokenFile(
            "broker: { limits: { max_packet_size: } }", "1:38: expected a size, found nothing"),
        BrokenFile("broker: { threads: [1] }", "1:20: expected a whole number, found a list"),
        BrokenFile("broker: { threads: two }", "1:20: 'two' is not a whole number"),
        BrokenFile("broker: { threads: 1.5 }", "1:20: '1.5' is not a whole number"),
        BrokenFile("broker: { threads: 257 }", "1:20: '257' is out of range; allowed is 0 to 256"),
        BrokenFile(
            "broker: { shutdown: { drain: 5 minutes } }", "1:30: '5 minutes' is not a duration; write 5m"),
        BrokenFile(
            "broker: { shutdown: { drain: 10 } }",
            "1:30: '10' is not a duration; write 10s if seconds are meant (units: ms, s, m, h, d)"),
        BrokenFile("broker: { shutdown: { drain: 2h } }", "1:30: '2h' is out of range; allowed is 0s to 1h"),
        BrokenFile(
            "broker: { mqtt: { max_keep_alive: 1500ms } }",
            "1:35: '1500ms' is not a whole number of seconds, which MQTT counts in here"),
        BrokenFile(
            "broker: { mqtt: { retain_available: yes } }", "1:37: 'yes' is not a boolean; write true"),
        BrokenFile(
            "broker: { mqtt: { retain_available: maybe } }",
            "1:37: 'maybe' is not a boolean; write true or false"),
        BrokenFile(
            "broker: { limits: { connect_rate_per_ip: 100 } }", "1:42: '100' is not a rate; write 100/s"),
        BrokenFile(
            "broker: { limits: { connect_rate_per_ip: 0/s } }",
            "1:42: '0/s' is out of range; allowed is 1/s to 1000000000/s"),
        BrokenFile(
            "broker: { log: { level: warning } }",
            "1:25: 'warning' is not one of error, warn, info, debug, trace; nearest is 'warn'"),
        BrokenFile("broker: { log: { format: xml } }", "1:26: 'xml' is not one of text, json"),
        BrokenFile("broker: 5", "1:9: expected a mapping for broker, found '5'"),
        BrokenFile("broker: { limits: [] }", "1:19: expected a mapping for broker.limits, found a list"),
        BrokenFile("- a", "1:1: expected a mapping for the file, found a list"),
        BrokenFile("just text", "1:1: expected a mapping for the file, found 'just text'"),
        BrokenFile(
            "broker: { data_dir: \"/a\\0b\" }", "1:21: the value holds a null character (\\0); remove it"),
        BrokenFile("broker: { plugin_dirs: { a: b } }", "1:24: expected a path, found a mapping"),
        BrokenFile(
            "broker:\n  limits:\n    max_packet_size: 64KiB\n    max_payload_size: 128KiB",
            "4:23: max_payload_size (128KiB) is larger than max_packet_size (64KiB), which holds it; "
                + "raise that one as well"),
    ]) func values(file: BrokenFile) throws {
        let found = try messages(file.text)
        #expect(found == file.expected)
    }

    @Test(arguments: [
        BrokenFile(
            "broker:\n  listeners:\n    tcp: { url: \"mqtt://0.0.0.0:1883\" }",
            "3:5: listener 'tcp' is open to the network (0.0.0.0:1883) and no auth plugin is configured; "
                + "add one, bind to localhost, or set allow_anonymous: true here"),
        BrokenFile(
            "broker: { listeners: { tls: { url: \"mqtts://[::]:8883\", cert: /dev/null } } }\nplugins: [auth]",
            "1:24: listener 'tls': TLS needs key"),
        BrokenFile(
            "broker: { listeners: { tcp: { url: \"mqtt://localhost\", proxy_protocol: [lb.example] } } }",
            "1:73: 'lb.example' is not an address; write one such as 10.0.0.7, ::1 or 10.0.0.0/8"),
        BrokenFile(
            "broker: { listeners: { local: { url: \"unix:///tmp/a.sock\", proxy_protocol: 10.0.0.1 } } }",
            "1:60: listener 'local': 'proxy_protocol' belongs to listeners with a port only"),
        BrokenFile(
            "broker: { listeners: { tcp: { allow_anonymous: true } } }",
            "1:24: listener 'tcp': no url; write for example url: \"mqtt://localhost:1883\""),
        BrokenFile(
            "broker: { listeners: { TCP: { url: \"mqtt://localhost\" } } }",
            "1:24: listener name 'TCP': use a-z and 0-9, with single '-' between words"),
        BrokenFile(
            "broker: { listeners: [ { url: x } ] }",
            "1:24: expected a mapping of names, such as { tcp: { url: \"mqtt://localhost:1883\" } }, found a list"),
        BrokenFile(
            "broker: { listeners: { tcp: { url: localhost } } }",
            "1:36: 'localhost' is not a listener URL: it needs a scheme, such as mqtt://localhost:1883"),
        BrokenFile(
            "broker: { listeners: { tcp: { url: \"mqtt://localhost\", certfile: x } } }",
            "1:56: unknown key 'certfile' in listener 'tcp'; here it is called 'cert'"),
        BrokenFile(
            "broker: { listeners: { tcp: { url: \"mqtt://localhost\", max_connections: 5 } } }",
            "1:56: unknown key 'max_connections' in listener 'tcp'; it belongs in broker.limits"),
        BrokenFile(
            "broker: { listeners: { tcp: { url: \"mqtt://localhost\", allow_anonymus: true } } }",
            "1:56: unknown key 'allow_anonymus' in listener 'tcp'; nearest is 'allow_anonymous'"),
        BrokenFile(
            "broker: { listeners: { tcp: { url: \"mqtt://localhost\", cert: x, origins: [] } } }",
            "1:56: listener 'tcp': 'cert' belongs to mqtts:// and wss:// only",
            "1:65: listener 'tcp': 'origins' belongs to ws:// and wss:// only"),
        BrokenFile(
            "broker:\n  listeners:\n    a: \"mqtt://127.0.0.1:1883\"\n    b: \"mqtt://localhost:1883\"",
            "4:5: listener 'b': localhost:1883 is already taken by listener 'a'"),
        BrokenFile(
            "broker: { listeners: { tcp: { url: \"mqtt://localhost\", allow_anonymous: on } } }",
            "1:73: 'on' is not a boolean; write true"),
    ]) func listeners(file: BrokenFile) throws {
        let found = try messages(file.text)
        #expect(found == file.expected)
    }

    @Test(arguments: [
        BrokenFile(
            "plugins: { acl: {} }",
            "1:10: expected a list, such as [ { id: acl, config: { file: acl.yaml } }, metrics ], found a mapping"),
        BrokenFile("plugins:\n  - { plugin: acl }", "2:5: a plugin needs an id, such as { id: acl }"),
        BrokenFile(
            "plugins: [ My_Plugin ]",
            "1:12: plugin id 'My_Plugin': use a-z and 0-9, with single '-' between words"),
        BrokenFile(
            "plugins:\n  - acl\n  - { id: acl }",
            "3:5: plugin id 'acl' already stands in line 2; give this one its own id and 'plugin: acl'"),
        BrokenFile(
            "plugins: [ { id: acl, file: acl.yaml } ]",
            "1:23: unknown key 'file' in a plugin's entry; here it is called 'path'"),
        BrokenFile(
            "plugins: [ { id: acl, enabeld: true } ]",
            "1:23: unknown key 'enabeld' in a plugin's entry; nearest is 'enabled'"),
        BrokenFile(
            "plugins: [ { id: history, retention: 5d } ]",
            "1:27: unknown key 'retention' in a plugin's entry; it belongs in 'config'"),
        BrokenFile(
            "plugins: [ { id: acl, sha256: abc } ]",
            "1:31: expected 64 hexadecimal digits, as sha256sum prints them, found 'abc'"),
        BrokenFile(
            "plugins: [ { id: acl, config: acl.yaml } ]",
            "1:31: expected a mapping for config of plugin 'acl', found 'acl.yaml'"),
        BrokenFile("plugins: [ { id: acl, enabled: yes } ]", "1:32: 'yes' is not a boolean; write true"),
        BrokenFile("plugins: [ [] ]", "1:12: expected a plugin's id, or a mapping with one, found a list"),
        BrokenFile("plugins: [ { id: } ]", "1:18: expected an id, found nothing"),
    ]) func plugins(file: BrokenFile) throws {
        let found = try messages(file.text)
        #expect(found == file.expected)
    }

    @Test(arguments: [
        BrokenFile(
            "broker: { threads: \"${CPUS}\" }",
            "1:20: environment variable 'CPUS' is not set; set it, or write ${CPUS:-default}"),
        BrokenFile(
            "broker: { data_dir: \"${1}\" }",
            "1:21: '${1}' is not a variable; write ${NAME} or ${NAME:-default}, or $${ for the text itself"),
        BrokenFile(
            "broker: { data_dir: \"x${A\" }",
            "1:21: '${A' is not a variable; write ${NAME} or ${NAME:-default}, or $${ for the text itself"),
        BrokenFile(
            "broker: { data_dir: \"${A:+x}\" }",
            "1:21: '${A:+x}' is not a variable; write ${NAME} or ${NAME:-default}, or $${ for the text itself"),
    ]) func variables(file: BrokenFile) throws {
        let found = try messages(file.text)
        #expect(found == file.expected)
    }

    @Test func aPluginFileThatIsNotThereIsNamedWithTheFolderLookedIn() throws {
        let expected = "plugins.yaml:2:5: plugin 'geo': no file build/geo.so (looked in "
        let message = try #require(try messages("plugins:\n  - { id: geo, path: build/geo.so }").first)
        #expect(message.hasPrefix(expected))
        #expect(message.hasSuffix("/build; relative paths start at plugins.yaml)"))
        #expect(try messages("plugins:\n  - { id: geo, path: build/geo.so, enabled: false }").isEmpty)
    }

    @Test func aTLSKeyThatCannotBeReadIsNamed() throws {
        let text = """
            broker:
              listeners:
                tls: { url: "mqtts://0.0.0.0:8883", cert: /nowhere/c.pem, key: /nowhere/k.pem }
            plugins: [auth]
            """
        #expect(
            try messages(text, support: TransportSupport(schemes: [.mqtts])) == [
                "plugins.yaml:3:47: listener 'tls': cannot read /nowhere/c.pem: no such file or directory; "
                    + "'hookline certs init FOLDER' makes a set for tests",
                "plugins.yaml:3:68: listener 'tls': cannot read /nowhere/k.pem: no such file or directory; "
                    + "'hookline certs init FOLDER' makes a set for tests",
            ])
    }

    @Test func everythingWrongIsSaidInOneGoAndInOrder() throws {
        let text = """
            broker:
              threads: many
              limits: { max_packet_size: 1MB }
              listeners: { tcp: { url: "mqtt://0.0.0.0:1883" } }
              threads: 2
            plugins:
              - { id: acl, nonsense: 1 }
            """
        let found = try messages(text)
        #expect(
            found.map { $0.prefix(while: { $0 != " " }) } == [
                "plugins.yaml:2:12:", "plugins.yaml:3:30:", "plugins.yaml:4:16:", "plugins.yaml:5:3:",
                "plugins.yaml:7:16:",
            ])
    }

    @Test func aFileThatIsNoYAMLSaysWhere() throws {
        #expect(
            try messages("broker: {") == [
                "plugins.yaml:2:1: not valid YAML: did not find expected node content "
                    + "while parsing a flow node that begins in line 2"
            ])
    }

    @Test func aMissingFileIsAConfigurationError() throws {
        let options = try ServeOptions.parse(["-c", "nowhere/plugins.yaml"])
        let error = #expect(throws: ConfigurationErrors.self) {
            try ServerConfiguration.load(options, environment: [:])
        }
        #expect(error?.description == "nowhere/plugins.yaml: cannot be read: no such file or directory")
    }
}
