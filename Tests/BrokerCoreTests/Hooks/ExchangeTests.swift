import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// auth.exchange: enhanced authentication (section 4.12), step by step, at once or later.
@Suite struct ExchangeTests {
    static let method = Array("HELLO".utf8)

    /// A plugin that asks once ("who?"), and lets "friend" in as "carol". The memo carries what the client began with.
    static func install(
        on test: TestBroker, deadline: Int64 = 0, expiresAfter: Int64? = nil, log: @escaping (String) -> Void = { _ in }
    ) {
        let plugin = TestPlugin()
        plugin.onExchange { call, exchange in
            guard exchange.method.text == "HELLO" else { return HL_ABSTAIN }
            let again = exchange.flags & HL_EXCHANGE_AGAIN != 0 ? "again " : ""
            log("\(again)\(exchange.step) '\(exchange.data.text)' memo '\(exchange.memo.text)'")
            if exchange.data.text == "direct" { return HL_ALLOW }
            if exchange.step == 0 {
                call.with("who?", call.api.set_data)
                call.with("began with \(exchange.data.text)", call.api.set_memo)
                return HL_CONTINUE
            }
            guard exchange.data.text == "friend" else { return HL_DENY }
            call.with("welcome", call.api.set_data)
            var name = "carol"
            name.withUTF8 { _ = call.api.set_identity(call, hl_view(UnsafeRawBufferPointer($0)), nil, 0, hl_view()) }
            if let expiresAfter { _ = call.api.set_expires_at(call, call.pointee.now + expiresAfter) }
            return HL_ALLOW
        }
        test.install(plugin, deadline: deadline)
    }

    static func connect(
        _ test: TestBroker, _ data: String? = nil, method: [UInt8] = method, home: Int = 0,
        _ configure: (inout Connect) -> Void = { _ in }
    ) -> TestClient {
        test.connect("c", home: home) {
            $0.properties.authenticationMethod = method
            $0.properties.authenticationData = data.map { Array($0.utf8) }
            configure(&$0)
        }
    }

    static func auth(_ reason: ReasonCode, _ data: String? = nil, method: [UInt8]? = method) -> Packet {
        var packet = Auth(reason: reason)
        packet.properties.authenticationMethod = method
        packet.properties.authenticationData = data.map { Array($0.utf8) }
        return .auth(packet)
    }

    /// A client that has logged in.
    static func online(_ test: TestBroker, home: Int = 0) -> TestClient {
        let client = connect(test, "hi", home: home)
        client.send(auth(.continueAuthentication, "friend"))
        _ = client.received()
        return client
    }

    @Test(
        "The server asks with 0x18, the client answers, CONNACK carries method and data [MQTT-4.12.0-2][MQTT-4.12.0-5]",
        arguments: [1, 2, 3])
    func logIn(shards: Int) {
        let test = TestBroker(shards: shards)
        var steps: [String] = []
        Self.install(on: test) { steps.append($0) }
        let client = Self.connect(test, "hi", home: 1)
        #expect(client.received() == [Self.auth(.continueAuthentication, "who?")])
        client.send(Self.auth(.continueAuthentication, "friend"))
        let answer = client.connack()
        #expect(answer?.reason == .success)
        #expect(answer?.properties.authenticationMethod == Self.method)
        #expect(answer?.properties.authenticationData == Array("welcome".utf8))
        #expect(steps == ["0 'hi' memo ''", "1 'friend' memo 'began with hi'"])
        #expect(test.connectedUsers == ["carol"])
    }

    @Test("A method that needs no step of its own lets in at once [MQTT-4.12.0-5]")
    func oneStep() {
        let test = TestBroker()
        Self.install(on: test)
        let answer = Self.connect(test, "direct").connack()
        #expect(answer?.reason == .success && answer?.properties.authenticationMethod == Self.method)
    }

    @Test(
        "A method nobody knows is refused with 0x8C and the connection closed [MQTT-4.12.0-1]",
        arguments: [true, false])
    func unknownMethod(hasPlugin: Bool) {
        let test = TestBroker()
        if hasPlugin { Self.install(on: test) }
        let client = Self.connect(test, "hi", method: Array("OTHER".utf8))
        #expect(client.connack()?.reason == .badAuthenticationMethod && client.isClosed)
    }

    @Test("A step that is denied is answered by CONNACK and the end [MQTT-4.12.0-4]")
    func denied() {
        let test = TestBroker()
        Self.install(on: test)
        let client = Self.connect(test, "hi")
        client.send(Self.auth(.continueAuthentication, "foe"))
        guard case .connack(let answer)? = client.received().last else {
            Issue.record("no CONNACK")
            return
        }
        #expect(answer.reason == .notAuthorized && client.isClosed)
        #expect(test.connectedUsers.isEmpty)
    }

    @Test(
        "Before CONNACK only DISCONNECT may come, and AUTH with 0x18 [MQTT-3.1.2-30][MQTT-4.12.0-3]",
        arguments: [
            Packet.pingreq, .subscribe(Subscribe(packetID: 1, subscriptions: [.init(filter: [0x74])])),
            .publish(Publish(topic: [0x74], payload: [])), ExchangeTests.auth(.reAuthenticate, "x"),
            ExchangeTests.auth(.continueAuthentication, "friend", method: [0x41]),
        ])
    func onlyAuth(packet: Packet) {
        let test = TestBroker()
        Self.install(on: test)
        let client = Self.connect(test, "hi")
        _ = client.received()
        client.send(packet)
        #expect(client.connack()?.reason == .protocolError && client.isClosed)
    }

    @Test("AUTH carries nothing that explains, and keeps to the client's limit [MQTT-3.15.2-2][MQTT-3.15.2-3]")
    func size() {
        let test = TestBroker()
        Self.install(on: test)
        let question = Self.auth(.continueAuthentication, "who?")
        let size = UInt32(question.encode(version: .v5_0).count)
        let client = Self.connect(test, "hi") { $0.properties.maximumPacketSize = size }
        #expect(client.received() == [question])
        let narrow = Self.connect(test, "hi") { $0.properties.maximumPacketSize = size - 1 }
        #expect(narrow.connack()?.reason == .packetTooLarge && narrow.isClosed)
    }

    @Test("A client that gives up with DISCONNECT, or says nothing, is let go")
    func givesUp() {
        let test = TestBroker()
        Self.install(on: test)
        let first = Self.connect(test, "hi")
        first.disconnect()
        #expect(first.isClosed)
        let second = Self.connect(test, "hi")
        test.advance(seconds: 9.9)
        #expect(!second.isClosed)
        test.advance(seconds: 0.2)
        #expect(second.isClosed)
    }

    @Test("Without a method there is no AUTH in either direction [MQTT-4.12.0-6][MQTT-4.12.0-7]")
    func noMethod() {
        let test = TestBroker()
        Self.install(on: test)
        let client = test.connect("plain")
        #expect(client.connack()?.properties.authenticationMethod == nil)
        client.send(Self.auth(.reAuthenticate, "hi"))
        #expect(client.disconnectReason() == .protocolError && client.isClosed)
    }

    @Test("A step may be answered later; what the client sends meanwhile waits", arguments: [1, 2])
    func pending(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onExchange { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin, deadline: 2_000_000_000)
        let client = Self.connect(test, "hi", home: 1)
        client.send(Self.auth(.continueAuthentication, "early"))
        #expect(client.received().isEmpty && client.isPaused)
        test.complete(token, HL_CONTINUE)
        #expect(client.received() == [Self.auth(.continueAuthentication)])
        test.complete(token, HL_ALLOW)
        #expect(client.connack()?.reason == .success)
        let slow = Self.connect(test, "hi")
        test.advance(seconds: 2.1)
        #expect(slow.connack()?.reason == .serverBusy && slow.isClosed)
    }

    @Test("The next steps go to the plugin that has the exchange, and to no other")
    func ownership() {
        let test = TestBroker()
        let first = TestPlugin()
        let second = TestPlugin()
        first.onExchange { _, exchange in exchange.method.text == "A" ? HL_CONTINUE : HL_ABSTAIN }
        second.onExchange { _, exchange in exchange.step == 0 ? HL_CONTINUE : HL_ALLOW }
        test.install([first, second])
        let client = Self.connect(test, "hi")
        _ = client.received()
        client.send(Self.auth(.continueAuthentication))
        #expect(client.connack()?.reason == .success)
        #expect(first.calls(HL_HOOK_AUTH_EXCHANGE) == 1 && second.calls(HL_HOOK_AUTH_EXCHANGE) == 2)
    }

    @Test("A client proves again who it is while messages flow [MQTT-4.12.1-1]", arguments: [1, 2])
    func reauthentication(shards: Int) {
        let test = TestBroker(shards: shards)
        var steps: [String] = []
        Self.install(on: test) { steps.append($0) }
        let client = Self.online(test, home: 1)
        client.subscribe("t")
        _ = client.received()
        steps = []
        client.send(Self.auth(.reAuthenticate, "hi"))
        #expect(client.received() == [Self.auth(.continueAuthentication, "who?")])
        client.publish("t")
        #expect(client.messages().count == 1)
        client.send(Self.auth(.continueAuthentication, "friend"))
        #expect(client.received() == [Self.auth(.success, "welcome")])
        #expect(steps == ["again 0 'hi' memo ''", "again 1 'friend' memo 'began with hi'"])
    }

    @Test("A re-authentication that fails ends it; another method is an error [MQTT-4.12.1-1][MQTT-4.12.1-2]")
    func reauthenticationFails() {
        let test = TestBroker()
        Self.install(on: test)
        let denied = Self.online(test)
        denied.send(Self.auth(.reAuthenticate, "hi"), Self.auth(.continueAuthentication, "foe"))
        #expect(denied.disconnectReason() == .notAuthorized && denied.isClosed)
        let other = Self.online(test)
        other.send(Self.auth(.reAuthenticate, "hi", method: [0x41]))
        #expect(other.disconnectReason() == .protocolError && other.isClosed)
        let unasked = Self.online(test)
        unasked.send(Self.auth(.continueAuthentication, "friend"))
        #expect(unasked.disconnectReason() == .protocolError && unasked.isClosed)
        let twice = Self.online(test)
        twice.send(Self.auth(.reAuthenticate, "hi"), Self.auth(.reAuthenticate, "hi"))
        #expect(twice.disconnectReason() == .protocolError && twice.isClosed)
    }

    @Test("Nobody becomes somebody else by authenticating again")
    func sameUser() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.onExchange { call, exchange in
            let name = exchange.data.text
            call.withIdentity(name)
            return HL_ALLOW
        }
        test.install(plugin)
        let client = Self.connect(test, "alice")
        _ = client.received()
        client.send(Self.auth(.reAuthenticate, "alice"))
        #expect(client.received() == [Self.auth(.success)])
        client.send(Self.auth(.reAuthenticate, "root"))
        #expect(client.disconnectReason() == .notAuthorized && client.isClosed)
    }

    @Test("Credentials end the connection with 0xA0; authenticating again extends them")
    func expiry() {
        let test = TestBroker()
        Self.install(on: test, expiresAfter: 10_000_000_000)
        let client = Self.online(test)
        test.advance(seconds: 9)
        client.send(Self.auth(.reAuthenticate, "hi"), Self.auth(.continueAuthentication, "friend"))
        _ = client.received()
        test.advance(seconds: 9)
        #expect(!client.isClosed)
        test.advance(seconds: 2)
        #expect(client.disconnectReason() == .maximumConnectTime && client.isClosed)
        #expect(test.causes("c") == [.credentialsExpired])
    }

    @Test("Credentials of a plain log-in end as well, in both versions", arguments: Setting.all)
    func plainExpiry(_ setting: Setting) {
        let test = TestBroker(shards: setting.shards)
        let plugin = TestPlugin()
        var left: Int64 = 5_000_000_000
        plugin.onConnect { call, _ in
            _ = call.api.set_expires_at(call, call.pointee.now + left)
            return HL_ALLOW
        }
        test.install(plugin)
        let client = test.connect("c", setting.version, home: 1) { $0.will = .init(topic: [0x77]) }
        #expect(client.connack()?.reason == .success)
        test.advance(seconds: 5.1)
        #expect(client.isClosed)
        #expect(test.causes("c") == [.credentialsExpired] && test.willOutcomes == [.published])
        left = 0
        let late = test.connect("d", setting.version)
        #expect(late.connack()?.reason == .notAuthorized && late.isClosed)
    }
}

extension TestBroker {
    /// Users that were let in, oldest first.
    var connectedUsers: [String] {
        events.compactMap { event in
            if case .connected(let identity, _, _, _, _, _) = event {
                String(decoding: identity.username, as: UTF8.self)
            } else {
                nil
            }
        }
    }
}
