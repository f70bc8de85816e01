import COpenSSL
import Testing

@testable import Reactor

/// Clients that prove themselves by a pre-shared key.
@Suite struct PreSharedKeyTests {
    private static let key: [UInt8] = Array("sixteen bytes...".utf8)

    private func connect(
        _ identity: String, key: [UInt8] = key, known: [String: [UInt8]] = ["sensor": key], version: Int32,
        accepts: Bool = true, change: (TestCertificates, inout TLSSettings) -> Void = { _, _ in }
    ) throws -> (bench: FilterBench, client: TLSClient, asked: [String]) {
        let files = try TestCertificates()
        var settings = files.settings
        change(files, &settings)
        let filter = try TLSServer(settings).makeFilter()
        final class Asked { var names: [String] = [] }
        let asked = Asked()
        if accepts {
            filter.accept { identity in
                asked.names.append(String(decoding: identity, as: UTF8.self))
                return known[String(decoding: identity, as: UTF8.self)]
            }
        }
        let bench = FilterBench(filter)
        var options = TLSClient.Options()
        options.maximumVersion = version
        options.key = (identity, key)
        // No other cipher: with a certificate there is no connection.
        options.ciphers = "PSK-AES128-GCM-SHA256"
        let client = try TLSClient(trusting: files["ca.pem"], options)
        client.talk(to: bench)
        return (bench, client, asked.names)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a client with the key of its identity is let through, and its identity is known`(version: Int32) throws {
        let (bench, client, asked) = try connect("sensor", version: version)
        #expect(client.isConnected && bench.filter.acceptsPlain)
        #expect(bench.filter.discovery?.keyIdentity == Array("sensor".utf8))
        #expect(bench.filter.discovery?.certificate == nil)
        #expect(asked == ["sensor"])
        #expect(SSL_get0_peer_certificate(client.connection) == nil, "no certificate was shown")
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `another key, and an identity nobody knows, prove nothing`(version: Int32) throws {
        let wrong = try connect("sensor", key: Array("another 16 bytes".utf8), version: version)
        #expect(!wrong.bench.filter.acceptsPlain && wrong.bench.failure != nil)
        #expect(wrong.bench.filter.discovery == nil)
        let unknown = try connect("stranger", version: version)
        #expect(unknown.bench.filter.discovery?.keyIdentity == nil)
        #expect(unknown.asked == ["stranger"])
        // TLS 1.3 goes on with the certificate of the server, as with any client.
        #expect(unknown.bench.filter.acceptsPlain == (version == TLS1_3_VERSION))
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `where a certificate is required no key takes its place, and where nobody knows keys none is taken`(
        version: Int32
    ) throws {
        let (bench, _, asked) = try connect("sensor", version: version) { files, settings in
            settings.clientCA = files["ca.pem"]
            settings.clientAuthentication = .require
        }
        #expect(!bench.filter.acceptsPlain && asked.isEmpty)
        let nobody = try connect("sensor", version: version, accepts: false)
        #expect(nobody.bench.filter.discovery == nil)
        #expect(nobody.bench.filter.acceptsPlain == (version == TLS1_3_VERSION))
    }

    @Test func `a name that is not UTF-8 is not asked for, as a session ticket is not`() throws {
        let files = try TestCertificates()
        let server = try TLSServer(files.settings)
        func bench(_ asked: @escaping ([UInt8]) -> Void) -> FilterBench {
            let filter = server.makeFilter()
            filter.accept { identity in
                asked(identity)
                return nil
            }
            return FilterBench(filter)
        }
        let first = bench { _ in }
        let client = try TLSClient(trusting: files["ca.pem"])
        client.talk(to: first)
        _ = client.read()
        var options = TLSClient.Options()
        options.session = SSL_get1_session(client.connection)
        defer { SSL_SESSION_free(options.session) }
        var names: [[UInt8]] = []
        let second = bench { names.append($0) }
        let again = try TLSClient(trusting: files["ca.pem"], options)
        again.talk(to: second)
        #expect(SSL_session_reused(again.connection) == 1, "the ticket was taken")
        #expect(names.isEmpty && second.filter.discovery == nil)
    }
}
