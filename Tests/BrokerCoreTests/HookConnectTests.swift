import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// auth.connect: who may come in, as whom, at once or later; and wills, which speak in the client's name.
@Suite struct HookConnectTests {
    private func logIn(_ test: TestBroker, _ user: String?, _ version: ProtocolVersion = .v5_0) -> TestClient {
        test.connect("c", version, home: 1) {
            $0.userName = user.map { Array($0.utf8) }
            $0.password = user.map { _ in Array("secret".utf8) }
        }
    }

    @Test("Allow lets in, deny refuses with the reason the plugin gives", arguments: Setting.all)
    func verdicts(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let plugin = TestPlugin()
        plugin.onConnect { call, connect in
            if connect.username.text == "alice" { return HL_ALLOW }
            if connect.username.text == "banned" { _ = call.api.set_reason(call, UInt32(ReasonCode.banned.rawValue)) }
            call.with("users.yaml:3", call.api.set_rule)
            return HL_DENY
        }
        test.install(plugin)
        #expect(logIn(test, "alice", setting.version).connack()?.reason == .success)
        let refused = logIn(test, "mallory", setting.version)
        #expect(refused.connack()?.reason == .badUserNameOrPassword && refused.isClosed)
        let banned = logIn(test, "banned", setting.version)
        // 3.1.1 has no code for it but "not authorized".
        #expect(banned.connack()?.reason == (setting.version == .v5_0 ? .banned : .notAuthorized))
        let rules = test.events.compactMap { event -> String? in
            if case .connectRefused(_, _, .refused(let text), _) = event { text } else { nil }
        }
        #expect(rules.allSatisfy { $0.contains("users.yaml:3") } && rules.count == 2)
    }

    @Test("The rule that refused is for the log, never for the client")
    func ruleIsSecret() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.onConnect { call, _ in
            call.with("secret rule", call.api.set_rule)
            return HL_DENY
        }
        test.install(plugin)
        #expect(logIn(test, "x").connack()?.properties.reasonString == nil)
    }

    @Test(
        "With an auth plugin the default is deny; anonymous clients come in where the listener says so",
        arguments: [false, true])
    func abstain(allowAnonymous: Bool) {
        let test = TestBroker(listener: ListenerSettings(name: "tcp", allowAnonymous: allowAnonymous))
        let plugin = TestPlugin()
        plugin.onConnect { _, _ in HL_ABSTAIN }
        test.install(plugin)
        #expect(logIn(test, "unknown").connack()?.reason == .badUserNameOrPassword)
        #expect(logIn(test, nil).connack()?.reason == (allowAnonymous ? .success : .notAuthorized))
    }

    @Test("A plugin that fails lets nobody in")
    func failure() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.onConnect { _, _ in HL_ERROR }
        test.install(plugin)
        let client = logIn(test, nil)
        #expect(client.connack()?.reason == .serverBusy && client.isClosed)
    }

    @Test("The plugin says who the client is; acl hooks see that", arguments: [1, 2])
    func identity(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        plugin.onConnect { call, connect in
            var name = "renamed"
            name.withUTF8 { name in
                var group = hl_view(UnsafeRawBufferPointer(name))
                _ = call.api.set_identity(call, group, &group, 1, hl_view())
            }
            return HL_ALLOW
        }
        var seen: [String] = []
        plugin.onPublish { _, msg in
            let publisher = msg.publisher.pointee
            seen.append("\(publisher.username.text) \(publisher.group_count) \(publisher.groups[0].text)")
            return HL_ALLOW
        }
        test.install(plugin)
        logIn(test, "alice").publish("t")
        #expect(seen == ["renamed 1 renamed"])
    }

    @Test(
        "A log-in that waits: later packets are kept, nothing is read, the answer goes on from there",
        arguments: [1, 2, 3])
    func pending(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onConnect { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin)
        for home in 0..<3 {
            let client = test.open()
            let name = test.clientID("c", home: home)
            client.send(
                .connect(Connect(version: .v5_0, clientID: Array(name.utf8))),
                .subscribe(Subscribe(packetID: 1, subscriptions: [.init(filter: [0x74])])))
            client.send(.publish(Publish(topic: [0x74], payload: [1])))
            #expect(client.received().isEmpty && client.isPaused)
            test.complete(token, HL_ALLOW)
            #expect(client.received().map(\.type) == [.connack, .suback, .publish])
            #expect(!client.isPaused)
            client.send(.pingreq)
            #expect(client.received() == [.pingresp])
        }
    }

    @Test("A log-in that is never answered is refused at its deadline; a late answer does not count")
    func deadline() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onConnect { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin, deadline: 2_000_000_000)
        let client = logIn(test, "alice")
        test.advance(seconds: 1.9)
        #expect(!client.isClosed)
        test.advance(seconds: 0.2)
        #expect(client.isClosed && client.connack()?.reason == .serverBusy, "not: your password is wrong")
        test.complete(token, HL_ALLOW)
        #expect(client.output.isEmpty)
        #expect(plugin.cancelled == [token])
    }

    @Test("A client that goes away cancels its call")
    func cancelled() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onConnect { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin)
        logIn(test, "alice").drop()
        #expect(plugin.cancelled == [token])
        test.complete(token, HL_ALLOW)
        let connected = test.events.contains { if case .connected = $0 { true } else { false } }
        #expect(!connected)
        #expect(test.broker.shards[0].pendingConnections.isEmpty && test.broker.shards[0].pendingTimers.isEmpty)
    }

    @Test("A will is authorised at CONNECT [hook acl.publish, origin will]", arguments: ProtocolVersion.allCases)
    func willAtConnect(version: ProtocolVersion) {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.onPublish { _, msg in msg.origin == HL_ORIGIN_WILL && msg.topic.text == "open" ? HL_ALLOW : HL_DENY }
        test.install(plugin)
        let allowed = test.connect("a", version) { $0.will = .init(topic: Array("open".utf8)) }
        #expect(allowed.connack()?.reason == .success)
        let denied = test.connect("b", version) { $0.will = .init(topic: Array("closed".utf8)) }
        #expect(denied.connack()?.reason == .notAuthorized && denied.isClosed)
    }

    @Test("A will is authorised again when it is published: rules may have changed", arguments: [1, 2])
    func willWhenPublished(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        var allows = true
        plugin.onPublish { _, _ in allows ? HL_ALLOW : HL_DENY }
        test.install(plugin)
        let watcher = test.connect("w", home: 0)
        watcher.subscribe("w")
        _ = watcher.received()
        let first = test.connect("c", home: 1) { $0.will = .init(topic: [0x77], payload: [1]) }
        first.drop()
        #expect(watcher.messages().count == 1)
        let second = test.connect("c", home: 1) { $0.will = .init(topic: [0x77], payload: [1]) }
        allows = false
        second.drop()
        #expect(watcher.messages().isEmpty)
        #expect(test.events.contains { if case .publishDenied = $0 { true } else { false } })
    }
}
