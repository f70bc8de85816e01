internal import COpenSSL
import Glibc

/// The OpenSSL contexts of a listener, one per certificate. Never changed once made: other files make other contexts.
final class UnsafeTLSContexts: @unchecked Sendable {
    // Safe to share: all fields are constants, and OpenSSL's own locks guard a context that several threads make
    // connections from, which is the documented way to use one.

    private var contexts: [OpaquePointer] = []
    private let applicationProtocols: [UInt8]
    private let identity: TLSSettings.Identity
    private let keyLog: Int32
    /// Where clients must show a certificate, a key does not take its place.
    let allowsPreSharedKeys: Bool
    /// TLS 1.3 cipher suites of connections with pre-shared keys.
    let keySuites: String

    /// For clients that name no server.
    var standard: OpaquePointer { contexts[0] }

    init(_ settings: TLSSettings) throws(TLSError) {
        precondition(!settings.keyPairs.isEmpty, "a TLS listener has at least one certificate")
        identity = settings.identity
        allowsPreSharedKeys = settings.clientAuthentication != .require
        keySuites = UnsafePreSharedKeys.preferringSHA256(settings.cipherSuites)
        applicationProtocols = settings.applicationProtocols.flatMap { name in
            [UInt8(truncatingIfNeeded: name.utf8.count)] + Array(name.utf8)
        }
        keyLog = try Self.openKeyLog(settings.keyLogFile)
        for pair in settings.keyPairs {
            let context = try TLSContextBuilder.make(settings, pair)
            contexts.append(context)
        }
        // The callbacks get this object without a reference: every filter keeps it as long as its connection lives.
        let me = Unmanaged.passUnretained(self).toOpaque()
        for context in contexts {
            if contexts.count > 1 { copenssl_set_server_name_callback(context, Self.chooseByName, me) }
            if !applicationProtocols.isEmpty { SSL_CTX_set_alpn_select_cb(context, Self.chooseProtocol, me) }
            if allowsPreSharedKeys { SSL_CTX_set_client_hello_cb(context, UnsafePreSharedKeys.chooseSuites, nil) }
            if keyLog >= 0 {
                SSL_CTX_set_ex_data(context, 0, me)
                SSL_CTX_set_keylog_callback(context, Self.logKeys)
            }
        }
    }

    deinit {
        for context in contexts { SSL_CTX_free(context) }
        if keyLog >= 0 { close(keyLog) }
    }

    /// The certificate the client showed and OpenSSL verified; nil when it showed none.
    func peerCertificate(of connection: OpaquePointer) -> PeerCertificate? {
        guard SSL_get_verify_result(connection) == X509_V_OK,
            let certificate = SSL_get0_peer_certificate(connection)
        else { return nil }
        return PeerCertificate(certificate, identity: identity)
    }

    /// When the first of the certificates ends, seconds since 1970.
    var notAfter: Int64? {
        contexts.compactMap { context -> Int64? in
            var time = tm()
            guard let certificate = SSL_CTX_get0_certificate(context),
                ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1
            else { return nil }
            return Int64(timegm(&time))
        }.min()
    }

    private static func openKeyLog(_ path: String?) throws(TLSError) -> Int32 {
        guard let path else { return -1 }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw TLSError("cannot write the key log \(path): \(SystemError.text(of: errno))")
        }
        return descriptor
    }

    // MARK: Callbacks

    private typealias NameCallback =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?
        ) -> Int32

    /// Server name indication [RFC 6066, 3]: the first certificate that is for the name.
    private static let chooseByName: NameCallback = { connection, _, argument in
        guard let connection, let argument,
            let name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name)
        else { return SSL_TLSEXT_ERR_NOACK }
        let me = Unmanaged<UnsafeTLSContexts>.fromOpaque(argument).takeUnretainedValue()
        for context in me.contexts {
            guard let certificate = SSL_CTX_get0_certificate(context),
                X509_check_host(certificate, name, strlen(name), 0, nil) == 1
            else { continue }
            _ = SSL_set_SSL_CTX(connection, context)
            return SSL_TLSEXT_ERR_OK
        }
        return SSL_TLSEXT_ERR_NOACK
    }

    private typealias ProtocolCallback =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
            UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
        ) -> Int32

    private static let chooseProtocol: ProtocolCallback = { _, chosen, length, offered, offeredCount, argument in
        guard let argument, let chosen, let length, let offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let me = Unmanaged<UnsafeTLSContexts>.fromOpaque(argument).takeUnretainedValue()
        var selection: UnsafeMutablePointer<UInt8>?
        let ours = me.applicationProtocols
        let result = ours.withUnsafeBufferPointer {
            SSL_select_next_proto(
                &selection, length, $0.baseAddress, UInt32(truncatingIfNeeded: $0.count), offered, offeredCount)
        }
        // The pointer leads into what the client offered or into our own list: the latter outlives the call as well,
        // since the array's storage belongs to `me`.
        guard result == OPENSSL_NPN_NEGOTIATED, let selection else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        chosen.pointee = UnsafePointer(selection)
        return SSL_TLSEXT_ERR_OK
    }

    private static let logKeys: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?) -> Void = { connection, line in
        guard let connection, let line, let context = SSL_get_SSL_CTX(connection),
            let argument = SSL_CTX_get_ex_data(context, 0)
        else { return }
        let me = Unmanaged<UnsafeTLSContexts>.fromOpaque(argument).takeUnretainedValue()
        // One write per line: the loops share the file, and the kernel appends each as a whole.
        let text = String(cString: line) + "\n"
        _ = Array(text.utf8).withUnsafeBytes { write(me.keyLog, $0.baseAddress, $0.count) }
    }
}
