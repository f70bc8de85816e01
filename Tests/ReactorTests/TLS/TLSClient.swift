import COpenSSL
import Certificates
import Glibc
import Testing

@testable import Reactor

/// The client's side of TLS, with OpenSSL and memory only: bytes are carried by hand.
final class TLSClient {
    struct Options {
        var certificate: (file: String, key: String)?
        var serverName: String?
        var protocols: [UInt8] = []
        var maximumVersion: Int32 = 0
        var minimumVersion: Int32 = 0
        var session: OpaquePointer?
        /// A pre-shared key; taken along with `ciphers`, which TLS 1.2 needs for it.
        var key: (identity: String, bytes: [UInt8])?
        var ciphers = ""
    }

    private var key: (identity: String, bytes: [UInt8])?

    private let context: OpaquePointer
    let connection: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private(set) var isConnected = false
    private(set) var hasFailed = false

    init(trusting authority: String, _ options: Options = Options()) throws {
        context = try #require(SSL_CTX_new(TLS_client_method()))
        #expect(SSL_CTX_load_verify_file(context, authority) == 1)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        if let certificate = options.certificate {
            #expect(SSL_CTX_use_certificate_file(context, certificate.file, SSL_FILETYPE_PEM) == 1)
            #expect(SSL_CTX_use_PrivateKey_file(context, certificate.key, SSL_FILETYPE_PEM) == 1)
        }
        if options.minimumVersion != 0 { _ = copenssl_set_min_version(context, options.minimumVersion) }
        if options.maximumVersion != 0 {
            _ = SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(options.maximumVersion), nil)
        }
        connection = try #require(SSL_new(context))
        incoming = try #require(BIO_new(BIO_s_mem()))
        outgoing = try #require(BIO_new(BIO_s_mem()))
        SSL_set_bio(connection, incoming, outgoing)
        SSL_set_connect_state(connection)
        if let name = options.serverName {
            var bytes = Array(name.utf8CString)
            _ = SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), &bytes)
        }
        if !options.protocols.isEmpty {
            _ = SSL_set_alpn_protos(connection, options.protocols, UInt32(options.protocols.count))
        }
        if !options.ciphers.isEmpty { #expect(SSL_set_cipher_list(connection, options.ciphers) == 1) }
        if let key = options.key {
            self.key = key
            SSL_set_ex_data(connection, 0, Unmanaged.passUnretained(self).toOpaque())
            SSL_set_psk_client_callback(connection) { connection, _, identity, capacity, room, roomSize in
                guard let me = SSL_get_ex_data(connection, 0),
                    let key = Unmanaged<TLSClient>.fromOpaque(me).takeUnretainedValue().key, let identity, let room,
                    key.identity.utf8.count < capacity, key.bytes.count <= roomSize
                else { return 0 }
                strcpy(identity, key.identity)
                for (index, byte) in key.bytes.enumerated() { room[index] = byte }
                return UInt32(key.bytes.count)
            }
        }
        if let session = options.session { #expect(SSL_set_session(connection, session) == 1) }
    }

    deinit {
        SSL_free(connection)
        SSL_CTX_free(context)
    }

    /// Carries bytes both ways until neither side has any left.
    func talk(to server: FilterBench, inPiecesOf size: Int = .max) {
        for _ in 0..<20 {
            if !isConnected, !hasFailed {
                let result = SSL_do_handshake(connection)
                if result == 1 {
                    isConnected = true
                } else if SSL_get_error(connection, result) != SSL_ERROR_WANT_READ {
                    hasFailed = true
                }
            }
            let toServer = drain()
            if !toServer.isEmpty { server.receive(toServer, inPiecesOf: size) }
            let toClient = server.takeWire()
            if !toClient.isEmpty { _ = BIO_write(incoming, toClient, Int32(toClient.count)) }
            if toServer.isEmpty, toClient.isEmpty { return }
        }
    }

    /// What TLS has for the server.
    func drain() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        let count = BIO_read(outgoing, &buffer, Int32(buffer.count))
        return Array(buffer.prefix(max(0, Int(count))))
    }

    func write(_ bytes: [UInt8]) { #expect(SSL_write(connection, bytes, Int32(bytes.count)) == bytes.count) }

    func read() -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 32 * 1024)
        while true {
            let count = SSL_read(connection, &buffer, Int32(buffer.count))
            guard count > 0 else { return result }
            result += buffer.prefix(Int(count))
        }
    }

    /// Whether the server said good-bye in order.
    var hasReceivedGoodbye: Bool { SSL_get_shutdown(connection) & SSL_RECEIVED_SHUTDOWN != 0 }
}

/// Certificates in a folder of their own, removed at the end.
final class TestCertificates {
    let path: String

    init(serverNames: [String] = [], clients: [String] = ["alice"]) throws {
        var template = Array("/tmp/hookline-tls-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
        var plan = CertificateFolder.Plan()
        plan.serverNames = serverNames
        plan.clients = clients
        _ = try CertificateFolder(path).make(plan)
    }

    deinit {
        guard let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            unlink("\(path)/\(name)")
        }
        closedir(directory)
        rmdir(path)
    }

    subscript(_ name: String) -> String { "\(path)/\(name)" }

    var server: TLSSettings.KeyPair { .init(certificate: self["server.pem"], key: self["server.key"]) }
    var settings: TLSSettings { TLSSettings(keyPairs: [server]) }
    func client(_ name: String = "alice") -> (file: String, key: String) { (self["\(name).pem"], self["\(name).key"]) }
}
