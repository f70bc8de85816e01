import COpenSSL
import Certificates
import Glibc
import Testing

@testable import Reactor

@Suite struct ClientCertificateTests {
    private func connect(
        _ files: TestCertificates, _ mode: TLSSettings.ClientAuthentication,
        certificate: (file: String, key: String)?, version: Int32 = TLS1_3_VERSION,
        change: (inout TLSSettings) -> Void = { _ in }
    ) throws -> FilterBench {
        var settings = files.settings
        settings.clientCA = files["ca.pem"]
        settings.clientAuthentication = mode
        change(&settings)
        let server = FilterBench(try TLSServer(settings).makeFilter())
        var options = TLSClient.Options()
        options.certificate = certificate
        options.maximumVersion = version
        try TLSClient(trusting: files["ca.pem"], options).talk(to: server)
        return server
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a certificate that is required and verified gives a name`(version: Int32) throws {
        let files = try TestCertificates()
        let server = try connect(files, .require, certificate: files.client(), version: version)
        #expect(server.filter.acceptsPlain)
        let certificate = try #require(server.filter.discovery?.certificate)
        #expect(certificate.name == Array("alice".utf8) && certificate.commonName == certificate.name)
        #expect(certificate.subject == Array("CN=alice".utf8))
        let file = files.client().file
        let expected = try derOfPEM(file)
        #expect(certificate.der == expected)
        var digest = [UInt8](repeating: 0, count: 32)
        #expect(EVP_Digest(expected, expected.count, &digest, nil, EVP_sha256(), nil) == 1)
        #expect(certificate.fingerprint == digest)
    }

    @Test func `the fingerprint of a certificate can be its identity`() throws {
        let files = try TestCertificates()
        let server = try connect(files, .require, certificate: files.client()) { $0.identity = .fingerprint }
        let certificate = try #require(server.filter.discovery?.certificate)
        let digits = certificate.fingerprint.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(digits.utf8.count == 64 && certificate.name == Array(digits.utf8))
    }

    private func derOfPEM(_ path: String) throws -> [UInt8] {
        let file = try #require(BIO_new_file(path, "r"))
        defer { BIO_free(file) }
        let certificate = try #require(PEM_read_bio_X509(file, nil, nil, nil))
        defer { X509_free(certificate) }
        var der = [UInt8](repeating: 0, count: Int(i2d_X509(certificate, nil)))
        der.withUnsafeMutableBufferPointer { room in
            var end = room.baseAddress
            _ = i2d_X509(certificate, &end)
        }
        return der
    }

    @Test func `without a certificate nobody gets past a listener that requires one`() throws {
        let files = try TestCertificates()
        let server = try connect(files, .require, certificate: nil)
        #expect(!server.filter.acceptsPlain)
        #expect(
            FilterFailure.text(of: server.failure ?? 0) == "TLS: peer did not return a certificate")
    }

    @Test func `one that is only asked for may be missing, but not false`() throws {
        let files = try TestCertificates()
        let without = try connect(files, .request, certificate: nil)
        #expect(without.filter.acceptsPlain)
        #expect(without.filter.discovery == nil)
        let foreign = try TestCertificates(clients: ["alice"])
        let forged = try connect(files, .request, certificate: foreign.client())
        #expect(!forged.filter.acceptsPlain)
        #expect(FilterFailure.text(of: forged.failure ?? 0) == "TLS: certificate verify failed")
    }

    @Test func `a server's certificate does not make a client`() throws {
        let files = try TestCertificates()
        let server = try connect(files, .require, certificate: (files["server.pem"], files["server.key"]))
        #expect(!server.filter.acceptsPlain)
    }

    @Test func `the alternative name is taken when that is the rule, and none is none`() throws {
        let files = try TestCertificates()
        let server = try connect(files, .require, certificate: files.client()) { $0.identity = .alternativeName }
        #expect(server.filter.acceptsPlain)
        #expect(server.filter.discovery?.certificate?.name == [], "this certificate has no alternative name")
        #expect(server.filter.discovery?.certificate?.commonName == Array("alice".utf8))
    }

    @Test func `who is not asked shows nothing`() throws {
        let files = try TestCertificates()
        let server = try connect(files, .none, certificate: files.client())
        #expect(server.filter.acceptsPlain)
        #expect(server.filter.discovery == nil)
    }
}

@Suite struct TLSFileTests {
    private func failure(_ change: (TestCertificates, inout TLSSettings) throws -> Void) throws -> String {
        let files = try TestCertificates()
        var settings = files.settings
        try change(files, &settings)
        let error = #expect(throws: TLSError.self) { try TLSServer(settings) }
        return (error?.description ?? "").replacing(files.path, with: "DIR")
    }

    @Test func `a key that others may read is refused with the remedy`() throws {
        let message = try failure { files, _ in #expect(chmod(files["server.key"], 0o644) == 0) }
        #expect(
            message == "DIR/server.key holds a private key and others may use it (mode 0644); "
                + "close it: chmod 600 DIR/server.key")
    }

    @Test func `a group may read the key, as Debian's ssl-cert does`() throws {
        let files = try TestCertificates()
        #expect(chmod(files["server.key"], 0o640) == 0)
        _ = try TLSServer(files.settings)
    }

    @Test func `a key of another certificate is named`() throws {
        let message = try failure { files, settings in settings.keyPairs[0].key = files["alice.key"] }
        #expect(
            message == "DIR/alice.key is not the key of DIR/server.pem; give the two files that were made together")
    }

    @Test func `files that are missing or hold something else are named`() throws {
        #expect(
            try failure { files, settings in settings.keyPairs[0].certificate = files["nothing.pem"] }
                == "cannot read DIR/nothing.pem: No such file or directory")
        #expect(
            try failure { files, settings in settings.keyPairs[0].certificate = files["server.key"] }
                .hasPrefix("DIR/server.key does not hold a certificate in PEM form"))
        #expect(
            try failure { files, settings in
                settings.clientAuthentication = .require
                settings.clientCA = files["server.key"]
            }.hasPrefix("DIR/server.key does not hold certificates in PEM form"))
    }

    @Test func `words OpenSSL does not know are named with an example`() throws {
        #expect(try failure { _, settings in settings.ciphers = "NONSENSE" }.hasPrefix("ciphers: OpenSSL knows none"))
        #expect(try failure { _, settings in settings.cipherSuites = "X" }.hasPrefix("cipher_suites: 'X' is not"))
        #expect(try failure { _, settings in settings.groups = "X" }.hasPrefix("groups: 'X' is not"))
    }
}
