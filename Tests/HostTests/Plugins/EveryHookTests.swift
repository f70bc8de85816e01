import Certificates
import Configuration
import Foundation
import MQTTCodec
import PluginABI
import PositionedYAML
import Testing

@testable import Host

/// The whole interface through one C plugin: a broker with real event loops is driven until every hook of registry.json
/// has fired and every function of every service was called. What is added to the registry and not to the plugin fails.
@Suite("Every hook and every function, from C")
struct EveryHookTests {
    private struct Registry {
        let hooks: Set<String>
        /// "kv/1.get"
        let functions: Set<String>
    }

    private func registry() throws -> Registry {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: root.appending(path: "Sources/PluginABI/registry.json"))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let hooks = try #require(object["hooks"] as? [String: Int])
        let every = try #require(object["tables"] as? [String: [String: Int]])
        // What plugins offer to the host, or to each other, is not the host's to answer.
        let offered = Set(ServiceTables.byName.keys).union(["core/1", "config/1", "call/1"])
        let tables = every.filter { offered.contains($0.key) }
        #expect(Set(tables.keys) == offered, "a service of the host that no header describes")
        return Registry(
            hooks: Set(
                hooks.keys.map { name in
                    let words = name.dropFirst("HL_HOOK_".count).lowercased().split(separator: "_", maxSplits: 1)
                    return words.joined(separator: ".")
                }),
            functions: Set(tables.flatMap { table, functions in functions.keys.map { "\(table).\($0)" } }))
    }

    private func entry(_ name: String, _ flags: [String] = [], config: String = "{}") throws -> PluginEntry {
        let path = try PluginFixture.build(name, "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wpedantic")
        var entry = PluginEntry(
            id: name, path: path, position: SourcePosition(file: "plugins.yaml", line: 3, column: 5))
        entry.config = try YAMLParser.parse(Array(config.utf8), file: "plugins.yaml")
        return entry
    }

    @Test("A C plugin sees every hook fire and every function answer", arguments: [1, 2])
    func everything(loops: Int) throws {
        let folder = try TemporaryDirectory()
        var plan = CertificateFolder.Plan()
        plan.clients = ["alice"]
        _ = try CertificateFolder(folder.path).make(plan)
        try folder.write("before", to: "watched.txt")
        let live = try LivePlugins(loops: loops, certificates: folder.path)
        let config = """
            { name: ann, integer: 7, number: 1.5, boolean: true, duration: 250ms, size: 2KiB, list: [a, b], \
            watched: \(folder.path)/watched.txt }
            """
        try live.apply([try entry("everything", config: config), try entry("provider")])
        #expect(live.messages("test.config") == ["ann 7 250 2048 1 1.5 2 2 b name"])
        #expect(live.messages("test.config_place") == [#"plugins.yaml:1:9 ["a","b"] 1"#])

        let asker = try live.client("asker")
        try connections(live, folder.path)
        try enhanced(live)
        try subscriptions(live)
        try messages(live)
        try sessions(live)
        try services(live, asker, folder)
        try settings(live, config)
        try report(live, asker)
    }

    // MARK: Who comes in

    private func connections(_ live: LivePlugins, _ folder: String) throws {
        let certified = try WireClient(port: live.securePort)
        #expect(try certified.secure(certificate: ("\(folder)/alice.pem", "\(folder)/alice.key")))
        certified.connect("certified")
        #expect(certified.packet()?.first == 0x20)
        #expect(live.messages("test.peer") == ["CN=alice alice 32 1 1"])
        #expect(live.messages("test.certificate") == ["named by tls.peer 1"])

        let sensor = try WireClient(port: live.securePort)
        #expect(try sensor.secure(key: ("sensor", "sixteen bytes...")))
        sensor.connect("with a key")
        #expect(sensor.packet()?.first == 0x20)
        #expect(live.messages("test.psk") == ["sensor"])

        let refused = try WireClient(port: live.port)
        refused.connect("refused", version: 5)
        #expect(refused.packet()?.body[1] == 0x9C)
        let late = try WireClient(port: live.port)
        late.send(.connect(Connect(version: .v5_0, clientID: Array("late".utf8), userName: Array("late".utf8))))
        #expect(late.packet()?.first == 0x20)
        let tenant = try WireClient(port: live.port)
        tenant.send(.connect(Connect(version: .v5_0, clientID: Array("tenant".utf8), userName: Array("tenant".utf8))))
        #expect(tenant.packet()?.first == 0x20)
        tenant.send(.subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: [0x23], qos: 0)])))
        #expect(tenant.packet()?.first == 0x90)
        tenant.send(.publish(Publish(topic: Array("mine".utf8), payload: [1])))
        let own = try #require(tenant.packet())
        #expect(own.first == 0x30 && own.body.dropFirst(2).starts(with: Array("mine".utf8)), "without the mount point")
        let named = try WireClient(port: live.port)
        named.send(.connect(Connect(version: .v5_0, clientID: Array("named".utf8), userName: Array("bob".utf8))))
        #expect(named.packet()?.first == 0x20)
    }

    private func enhanced(_ live: LivePlugins) throws {
        let client = try WireClient(port: live.port)
        var connect = Connect(version: .v5_0, clientID: Array("step".utf8))
        connect.properties.authenticationMethod = Array("STEP".utf8)
        client.send(.connect(connect))
        guard case .auth(let question)? = try client.next() else {
            Issue.record("no AUTH")
            return
        }
        #expect(question.properties.authenticationData == Array("who are you?".utf8))
        var answer = Auth(reason: .continueAuthentication)
        answer.properties.authenticationMethod = Array("STEP".utf8)
        answer.properties.authenticationData = Array("a friend".utf8)
        client.send(.auth(answer))
        #expect(client.packet()?.first == 0x20)
    }

    // MARK: What it may do

    private func subscriptions(_ live: LivePlugins) throws {
        let client = try live.client("dev-3")
        for (filter, granted) in [("pended/#", 0), ("deferred/#", 1), ("rewritten", 0)] as [(String, UInt8)] {
            client.subscribe(filter, qos: 1)
            #expect(client.packet()?.body.last == granted, "\(filter)")
        }
        let publisher = try live.client("dev-4")
        publisher.publish("every/rewritten", "x")
        #expect(client.packet()?.first == 0x30)
        client.send(.unsubscribe(Unsubscribe(packetID: 9, filters: [Array("pended/#".utf8)])), .v3_1_1)
        #expect(client.packet()?.first == 0xB0)
        publisher.publish("forbidden", "x")
        #expect(publisher.packet() == nil, "set_disconnect")
    }

    private func messages(_ live: LivePlugins) throws {
        let receiver = try live.client("receiver")
        receiver.subscribe("edited/#", qos: 1)
        #expect(receiver.packet()?.first == 0x90)
        let publisher = try live.client("dev-5")
        publisher.publishOnce("edit/me", "plain")
        #expect(publisher.packet()?.first == 0x40)
        let edited = try #require(receiver.packet())
        #expect(String(decoding: edited.body, as: UTF8.self).contains("edited/out"))
        receiver.acknowledge(edited.body)
        // Kept, and read by a subscription that is made later.
        publisher.send(.publish(Publish(topic: Array("kept".utf8), payload: [1], retain: true)), .v3_1_1)
        publisher.subscribe("barrier")
        #expect(publisher.packet()?.first == 0x90)
        receiver.subscribe("kept")
        #expect(Set([receiver.packet()?.first, receiver.packet()?.first]) == [0x90, 0x31])
        publisher.publish("swallowed", "x")
    }

    // MARK: Sessions

    private func sessions(_ live: LivePlugins) throws {
        // Takes over, leaves a will, is offline, is sent what it does not get, and expires.
        func connect(_ change: (inout Connect) -> Void) throws -> WireClient {
            let client = try WireClient(port: live.port)
            var packet = Connect(version: .v5_0, clientID: Array("brief".utf8), cleanStart: false)
            packet.properties.sessionExpiryInterval = 1
            change(&packet)
            client.send(.connect(packet))
            #expect(client.packet()?.first == 0x20)
            return client
        }
        let first = try connect { _ in }
        var second: WireClient? = try connect { packet in
            packet.will = Will(topic: Array("will".utf8), payload: [1])
        }
        #expect(first.packet()?.first == 0xE0, "taken over")
        let watcher = try live.client("watcher")
        watcher.subscribe("will")
        #expect(watcher.packet()?.first == 0x90)
        second?.send(
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: Array("lost".utf8), qos: 0)])))
        #expect(second?.packet()?.first == 0x90)
        second = nil
        #expect(watcher.packet()?.first == 0x30, "the will")
        watcher.publish("lost", "nobody is there")
    }

    // MARK: Services

    private func services(_ live: LivePlugins, _ asker: WireClient, _ folder: borrowing TemporaryDirectory) throws {
        asker.publish("ask", "borrow")
        #expect(live.messages("test.borrowed") == ["42"])
        asker.publish("ask", "verdicts")
        #expect(live.messages("test.verdicts") == ["0 0"])
        asker.publish("ask", "all subscriptions")
        #expect(live.messages("test.subscription").allSatisfy { $0.hasPrefix("list ") })
        let first = try live.client("dev-1")
        first.publish("ask", "publish")
        _ = live.messages("test.published", count: 3)
        for question in ["sessions", "subscriptions", "retained", "look"] { asker.publish("ask", question) }
        _ = live.messages("test.retained_end", count: 2)
        asker.publish("ask", "identity")
        asker.publish("ask", "end")
        _ = live.messages("test.done", count: 2)
        asker.publish("ask", "clear")
        let second = try live.client("dev-2")
        let kicker = try live.client("kicker")
        kicker.publish("ask", "kick")
        #expect(second.packet() == nil && kicker.packet() == nil, "both are sent away")
        asker.publish("ask", "stop consuming")
        #expect(live.messages("test.stats").count == 1)
        try folder.write("after", to: "watched.txt")
        #expect(live.messages("test.watched").first == "changed")
        asker.publish("ask", "connect")
        #expect(live.messages("test.connack") == ["20 0"])
        #expect(live.messages("test.inside") == ["192.0.2.7:1 tcp"])
        let reader = try live.client("reader")
        reader.subscribe("counted", qos: 1)
        #expect(reader.packet()?.first == 0x90)
        asker.publish("ask", "count")
        #expect(live.messages("test.reported") == ["counted 0 0 1: 1 1 0 0 0"])
        reader.subscribe("cloned")
        #expect(reader.packet()?.first == 0x32, "the one that was counted")
        #expect(reader.packet()?.first == 0x90)
        asker.publish("clone/me", "payload")
        let clone = try #require(reader.packet())
        #expect(clone.first == 0x30 && String(decoding: clone.body, as: UTF8.self).hasSuffix("clonedpayload"))
        let keeper = try live.client("keeper")
        keeper.publish("ask", "keep")
        #expect(live.messages("test.kept") == ["ask keep keeper"])
        asker.publish("ask", "numbers")
        #expect(live.messages("test.numbers") == ["1 1 1 1"])
        asker.publish("ask", "reload")
        #expect(Set(live.messages("test.administration", count: 3)) == ["0 1", "12 1"])
    }

    private func settings(_ live: LivePlugins, _ config: String) throws {
        let refused = config.replacing("ann", with: "ben, refuse: true")
        #expect(throws: ConfigurationErrors.self) {
            try live.apply([try entry("everything", config: refused), try entry("provider")])
        }
        let changes = try live.apply([
            try entry("everything", config: config.replacing("ann", with: "ben")), try entry("provider"),
        ])
        #expect(changes.reconfigured == ["everything"])
        #expect(live.messages("test.commit") == ["ben"])
    }

    /// Waits until every hook has fired (statistics come every ten seconds), then compares.
    private func report(_ live: LivePlugins, _ asker: WireClient) throws {
        let registry = try registry()
        let fired = live.messages("test.first", count: registry.hooks.count)
        #expect(Set(fired) == registry.hooks, "missing: \(registry.hooks.subtracting(fired))")
        asker.publish("ask", "report")
        let fields = live.fields("test.covered")
        #expect(Set(fields.filter { $0.key != "function" && $0.value != "0" }.map(\.key)) == registry.hooks)
        let functions = Set(fields.filter { $0.key == "function" }.map(\.value))
        #expect(registry.functions.subtracting(functions).isEmpty, "functions nobody called")
        #expect(functions.subtracting(registry.functions).isEmpty, "functions registry.json does not have")
        #expect(live.messagesNow("test.wrong") == [])
    }
}
