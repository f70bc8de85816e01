import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// conn.accept, tls.psk, tls.peer and session.open: before and after somebody is known.
@Suite struct SessionHookTests {
    @Test("conn.accept closes a connection before a byte of it is read, and lets others through")
    func accept() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_CONN_ACCEPT) { _, input in
            let accept = input.load(as: hl_accept.self)
            return accept.address.text == "test:2" && accept.listener.text == "tcp" ? HL_DENY : HL_ABSTAIN
        }
        test.install(plugin)
        let first = test.connect("a")
        let second = test.open()
        test.settle()
        #expect(first.connack()?.reason == .success)
        #expect(second.isClosed && second.output.isEmpty)
        #expect(test.refusals == [.banned])
    }

    @Test("A failing conn.accept is the listener's rule", arguments: [false, true])
    func acceptFails(allowAnonymous: Bool) {
        let test = TestBroker(listener: ListenerSettings(name: "tcp", allowAnonymous: allowAnonymous))
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_CONN_ACCEPT) { _, _ in HL_ERROR }
        test.install(plugin)
        let client = test.open()
        test.settle()
        #expect(client.isClosed == !allowAnonymous)
    }

    @Test("tls.psk gives the key of an identity, or none")
    func preSharedKey() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_TLS_PSK) { call, input in
            guard input.load(as: hl_psk.self).identity.text == "sensor" else { return HL_ABSTAIN }
            call.with("key", call.api.set_data)
            return HL_ALLOW
        }
        let shard = test.broker.shards[0]
        let client = test.open()
        #expect(shard.preSharedKey(client.handle, identity: Array("sensor".utf8), now: test.now) == nil)
        #expect(!shard.hasPreSharedKeys)
        test.install(plugin)
        #expect(shard.hasPreSharedKeys)
        let key = shard.preSharedKey(client.handle, identity: Array("sensor".utf8), now: test.now)
        #expect(key == Array("key".utf8))
        #expect(shard.preSharedKey(client.handle, identity: Array("other".utf8), now: test.now) == nil)
    }

    @Test("Who proved to have a pre-shared key is told to auth.connect, and tls.peer is not asked")
    func keyIdentity() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_TLS_PEER) { _, _ in HL_DENY }
        var identity = ""
        plugin.onConnect { _, connect in
            identity = connect.client.pointee.psk_identity.text
            return HL_ALLOW
        }
        test.install(plugin)
        let client = test.open()
        let peer = TLSPeer(keyIdentity: Array("sensor".utf8))
        test.broker.shards[0].identified(client.handle, address: nil, peer: peer, now: test.now)
        client.send(.connect(Connect(version: .v5_0, clientID: Array("c".utf8))))
        #expect(client.connack()?.reason == .success && identity == "sensor")
    }

    @Test("A certificate is whole until the client is let in; name, subject and fingerprint stay", arguments: [1, 2])
    func certificateParts(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        var connect: (Int, String, Int) = (0, "", 0)
        var later: (Int, String, Int) = (0, "", 0)
        func parts(_ client: hl_client) -> (Int, String, Int) {
            (Int(client.certificate_der.len), client.subject.text, Int(client.fingerprint.len))
        }
        plugin.onConnect { _, input in
            connect = parts(input.client.pointee)
            return HL_ALLOW
        }
        plugin.on(HL_HOOK_ACL_PUBLISH) { _, input in
            if let publisher = input.load(as: hl_msg.self).publisher { later = parts(publisher.pointee) }
            return HL_ALLOW
        }
        test.install(plugin)
        let client = test.open()
        test.broker.shards[0].identified(client.handle, address: nil, peer: .named("seven"), now: test.now)
        client.send(.connect(Connect(version: .v5_0, clientID: Array("c\(shards)".utf8))))
        #expect(client.connack()?.reason == .success)
        client.publish("t", "x")
        #expect(connect == (2, "CN=seven", 32))
        #expect(later == (0, "CN=seven", 32))
    }

    @Test("tls.peer names the certificate, at once or later; CONNECT waits for it", arguments: [false, true])
    func tlsPeer(pends: Bool) {
        let test = TestBroker()
        let plugin = TestPlugin()
        var token: UInt64 = 0
        var seen = ""
        plugin.on(HL_HOOK_TLS_PEER) { call, input in
            seen = input.load(as: hl_peer.self).subject.text
            if pends {
                token = call.pend()
                return HL_PENDING
            }
            call.withIdentity("device 7")
            return HL_ALLOW
        }
        var certificate = ""
        plugin.onConnect { _, connect in
            certificate = connect.client.pointee.certificate.text
            return HL_ALLOW
        }
        test.install(plugin)
        let client = test.open()
        test.broker.shards[0].identified(client.handle, address: nil, peer: .named("seven"), now: test.now)
        client.send(.connect(Connect(version: .v5_0, clientID: Array("c".utf8))))
        if pends {
            #expect(client.output.isEmpty && client.isPaused)
            test.complete(token, HL_ALLOW)
        }
        #expect(client.connack()?.reason == .success)
        #expect(seen == "CN=seven" && certificate == (pends ? "seven" : "device 7"))
    }

    @Test("tls.peer closes who it denies")
    func tlsPeerDenied() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_TLS_PEER) { _, _ in HL_DENY }
        test.install(plugin)
        let client = test.open()
        test.broker.shards[0].identified(client.handle, address: nil, peer: .named("revoked"), now: test.now)
        test.settle()
        #expect(client.isClosed && client.output.isEmpty)
    }

    @Test("session.open lowers what the client gets, and CONNACK says so", arguments: [1, 2, 3])
    func limits(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        plugin.on(HL_HOOK_SESSION_OPEN) { call, input in
            let session = input.load(as: hl_session.self)
            guard session.client.pointee.client_id.text.hasPrefix("c") else { return HL_ABSTAIN }
            #expect(session.session_expiry == 7200 && session.keep_alive == 60)
            _ = call.api.set_limit(call, HL_LIMIT_SESSION_EXPIRY, 60)
            _ = call.api.set_limit(call, HL_LIMIT_RECEIVE_MAX, 1)
            _ = call.api.set_limit(call, HL_LIMIT_KEEP_ALIVE, 10)
            return HL_ALLOW
        }
        test.install(plugin)
        let client = test.connect("c", home: 1, expiry: 7200) { $0.keepAlive = 60 }
        let answer = client.connack()
        #expect(answer?.properties.sessionExpiryInterval == 60 && answer?.properties.serverKeepAlive == 10)
        client.subscribe("t", qos: 1)
        _ = client.received()
        let publisher = test.connect("p", home: 0)
        for number in 1...2 { publisher.publish("t", "\(number)", qos: 1, packetID: UInt16(number)) }
        #expect(client.payloads() == ["1"], "one message under way at a time")
    }

    @Test("session.open refuses, at once or later; a pending one holds nobody else up", arguments: [1, 2, 3])
    func refuses(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        var tokens: [UInt64] = []
        plugin.on(HL_HOOK_SESSION_OPEN) { call, input in
            if input.load(as: hl_session.self).client.pointee.client_id.text.hasPrefix("free") { return HL_ABSTAIN }
            tokens.append(call.pend())
            return HL_PENDING
        }
        test.install(plugin)
        for home in 0..<3 {
            let waiting = test.connect("w", home: home)
            #expect(waiting.output.isEmpty && waiting.isPaused)
            #expect(test.connect("free", home: home).connack()?.reason == .success)
            test.complete(tokens.removeLast(), home == 0 ? HL_DENY : HL_ALLOW)
            #expect(waiting.connack()?.reason == (home == 0 ? .notAuthorized : .success))
            #expect(waiting.isClosed == (home == 0))
            if home > 0 {
                waiting.send(.pingreq)
                #expect(waiting.received() == [.pingresp])
            }
        }
    }
}
