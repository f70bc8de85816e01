import MQTTCodec
import Testing

@testable import BrokerCore

/// Listeners where a client's certificate is its log-in (`identity: cn` or `san`).
@Suite struct CertificateLogInTests {
    private func connect(
        certificate: String?, user: String? = nil, allowAnonymous: Bool = false, isLogin: Bool = true
    ) -> (client: TestClient, users: [String], identity: ClientIdentity?) {
        var listener = ListenerSettings(name: "tls", allowAnonymous: allowAnonymous)
        listener.certificateIsLogin = isLogin
        listener.layers = .tls
        let test = TestBroker(listener: listener)
        let client = test.open()
        test.broker.shards[0].identified(
            client.handle, address: "203.0.113.7:1", peer: certificate.map { TLSPeer.named($0) }, now: test.now)
        var connect = Connect(version: .v5_0, clientID: Array("dev".utf8))
        connect.userName = user.map { Array($0.utf8) }
        client.send(.connect(connect))
        let identities = test.events.compactMap { event in
            if case .connected(let identity, _, _, _, _, _) = event { identity } else { nil }
        }
        return (client, identities.map { String(decoding: $0.username, as: UTF8.self) }, identities.first)
    }

    @Test(arguments: [nil, "admin"]) func `the name in the certificate counts, whatever CONNECT says`(user: String?) {
        let (client, users, identity) = connect(certificate: "alice", user: user)
        #expect(users == ["alice"])
        #expect(identity?.address == "203.0.113.7:1")
        #expect(identity?.layers == .tls)
        #expect(identity?.certificate == Array("alice".utf8))
        #expect(!client.isClosed)
    }

    @Test func `without a certificate nobody takes a name by just saying it`() {
        #expect(connect(certificate: nil, user: "admin").client.isClosed)
        #expect(connect(certificate: nil, user: "admin", allowAnonymous: true).client.isClosed)
        #expect(connect(certificate: nil).client.isClosed)
        #expect(connect(certificate: nil, allowAnonymous: true).users == [""])
    }

    @Test func `where certificates are no log-in they change nothing`() {
        let (_, users, identity) = connect(certificate: "alice", user: "bob", isLogin: false)
        #expect(users == ["bob"])
        #expect(identity?.certificate == Array("alice".utf8))
    }
}

extension TLSPeer {
    /// A client with a certificate of that name.
    static func named(_ name: String) -> TLSPeer {
        TLSPeer(
            name: Array(name.utf8), subject: Array("CN=\(name)".utf8), commonName: Array(name.utf8),
            certificate: [1, 2], fingerprint: [UInt8](repeating: 7, count: 32))
    }
}
