import COpenSSL
import Certificates
import Glibc
import Testing

@testable import Reactor

@Suite struct TLSTests {
    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION], [1, 100, .max])
    func `bytes go both ways, however they arrive`(version: Int32, size: Int) throws {
        let files = try TestCertificates()
        let server = FilterBench(try TLSServer(files.settings).makeFilter())
        var options = TLSClient.Options()
        options.maximumVersion = version
        let client = try TLSClient(trusting: files["ca.pem"], options)
        #expect(!server.filter.acceptsPlain)
        client.talk(to: server, inPiecesOf: size)
        #expect(client.isConnected && server.filter.acceptsPlain)
        #expect(SSL_version(client.connection) == version)
        let up = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        client.write(up)
        client.talk(to: server, inPiecesOf: size)
        #expect(server.takePlain() == up)
        server.write(up)
        client.talk(to: server)
        #expect(client.read() == up)
        server.finish()
        client.talk(to: server)
        #expect(client.read().isEmpty && client.hasReceivedGoodbye)
    }

    @Test func `the newest version is taken when both know it`() throws {
        let files = try TestCertificates()
        let server = FilterBench(try TLSServer(files.settings).makeFilter())
        let client = try TLSClient(trusting: files["ca.pem"])
        client.talk(to: server)
        #expect(SSL_version(client.connection) == TLS1_3_VERSION)
    }

    @Test func `a client that knows less than the least version is refused with an alert`() throws {
        let files = try TestCertificates()
        var settings = files.settings
        settings.minimumVersion = .v1_3
        let server = FilterBench(try TLSServer(settings).makeFilter())
        var options = TLSClient.Options()
        options.maximumVersion = TLS1_2_VERSION
        let client = try TLSClient(trusting: files["ca.pem"], options)
        client.talk(to: server)
        #expect(client.hasFailed && server.failure != nil)
        #expect(FilterFailure.text(of: server.failure ?? 0) == "TLS: unsupported protocol")
    }

    @Test func `MQTT on a TLS port ends the connection at once`() throws {
        let files = try TestCertificates()
        let server = FilterBench(try TLSServer(files.settings).makeFilter())
        server.receive([0x10, 0x0C, 0x00, 0x04, 0x4D, 0x51, 0x54, 0x54, 0x04, 0x02, 0x00, 0x3C, 0x00, 0x00])
        #expect(server.failure != nil)
        #expect(server.plain.isEmpty)
    }

    @Test func `the server's certificate is the one for the name the client asks for`() throws {
        let first = try TestCertificates()
        let second = try TestCertificates(serverNames: ["broker.example.org", "*.iot.example.org"])
        var settings = first.settings
        settings.keyPairs.append(second.server)
        let server = try TLSServer(settings)
        for (name, authority) in [
            ("localhost", first), ("broker.example.org", second), ("a.iot.example.org", second),
            ("unknown.example.org", first), (nil, first),
        ] {
            var options = TLSClient.Options()
            options.serverName = name
            let client = try TLSClient(trusting: authority["ca.pem"], options)
            client.talk(to: FilterBench(server.makeFilter()))
            #expect(client.isConnected, "\(name ?? "no name")")
        }
    }

    @Test(arguments: [
        ("mqtt", true), ("http/1.1,mqtt", true), ("", true), ("h2,http/1.1", false),
    ]) func `a client that offers other protocols only is refused [RFC 7301, 3.2]`(
        offered: String, isTaken: Bool
    ) throws {
        let files = try TestCertificates()
        var settings = files.settings
        settings.applicationProtocols = ["mqtt"]
        let server = FilterBench(try TLSServer(settings).makeFilter())
        var options = TLSClient.Options()
        options.protocols = offered.split(separator: ",").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        let client = try TLSClient(trusting: files["ca.pem"], options)
        client.talk(to: server)
        #expect(client.isConnected == isTaken)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a session is resumed, and not across a reload`(version: Int32) throws {
        let files = try TestCertificates()
        let server = try TLSServer(files.settings)
        var options = TLSClient.Options()
        options.maximumVersion = version
        let first = try TLSClient(trusting: files["ca.pem"], options)
        first.talk(to: FilterBench(server.makeFilter()))
        _ = first.read()
        options.session = SSL_get1_session(first.connection)
        defer { SSL_SESSION_free(options.session) }
        let second = try TLSClient(trusting: files["ca.pem"], options)
        second.talk(to: FilterBench(server.makeFilter()))
        #expect(SSL_session_reused(second.connection) == 1)
        try server.reload()
        let third = try TLSClient(trusting: files["ca.pem"], options)
        third.talk(to: FilterBench(server.makeFilter()))
        #expect(third.isConnected)
        #expect(SSL_session_reused(third.connection) == 0)
    }

    @Test func `a reload is for new connections; a wrong file changes nothing`() throws {
        let files = try TestCertificates()
        let others = try TestCertificates()
        let server = try TLSServer(files.settings)
        let open = FilterBench(server.makeFilter())
        let client = try TLSClient(trusting: files["ca.pem"])
        client.talk(to: open)
        for name in ["server.pem", "server.key"] { #expect(rename(others[name], files[name]) == 0) }
        try server.reload()
        let late = try TLSClient(trusting: others["ca.pem"])
        late.talk(to: FilterBench(server.makeFilter()))
        #expect(late.isConnected, "a new connection gets the new certificate")
        client.write([1, 2, 3])
        client.talk(to: open)
        #expect(open.plain == [1, 2, 3], "an open connection goes on")
        unlink(files["server.pem"])
        #expect(throws: TLSError.self) { try server.reload() }
        let later = try TLSClient(trusting: others["ca.pem"])
        later.talk(to: FilterBench(server.makeFilter()))
        #expect(later.isConnected)
    }
}
