internal import COpenSSL
import Glibc

/// Turns settings and one certificate into an OpenSSL context; every failure names its file or setting.
enum TLSContextBuilder {
    static func make(_ settings: TLSSettings, _ pair: TLSSettings.KeyPair) throws(TLSError) -> OpaquePointer {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw TLSError("OpenSSL: \(lastWords())") }
        do throws(TLSError) {
            try setProtocol(context, settings)
            try load(context, pair)
            try setClients(context, settings)
            return context
        } catch {
            SSL_CTX_free(context)
            throw error
        }
    }

    private static func setProtocol(_ context: OpaquePointer, _ settings: TLSSettings) throws(TLSError) {
        let version = settings.minimumVersion == .v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION
        guard copenssl_set_min_version(context, version) == 1 else {
            throw TLSError("this OpenSSL does not speak the TLS version of min_version")
        }
        copenssl_set_server_options(context)
        copenssl_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        // Sessions are resumed from tickets, which the clients keep: a cache here would grow with their number.
        copenssl_disable_session_cache(context)
        _ = SSL_CTX_set_num_tickets(context, 1)
        _ = Array("hookline".utf8).withUnsafeBufferPointer {
            SSL_CTX_set_session_id_context(context, $0.baseAddress, UInt32($0.count))
        }
        guard SSL_CTX_set_cipher_list(context, settings.ciphers) == 1 else {
            throw TLSError("ciphers: OpenSSL knows none of '\(settings.ciphers)'; 'openssl ciphers' lists them")
        }
        guard settings.cipherSuites.isEmpty || SSL_CTX_set_ciphersuites(context, settings.cipherSuites) == 1 else {
            throw TLSError(
                "cipher_suites: '\(settings.cipherSuites)' is not a list of TLS 1.3 cipher suites; write for example "
                    + "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256")
        }
        guard settings.groups.isEmpty || copenssl_set_groups(context, settings.groups) == 1 else {
            throw TLSError("groups: '\(settings.groups)' is not a list of groups; write for example X25519:P-256")
        }
        ERR_clear_error()
    }

    private static func load(_ context: OpaquePointer, _ pair: TLSSettings.KeyPair) throws(TLSError) {
        try KeyFile.check(pair.key)
        // OpenSSL would ask at the terminal for the password of an encrypted key.
        SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in 0 }
        guard SSL_CTX_use_certificate_chain_file(context, pair.certificate) == 1 else {
            throw TLSError(readError(pair.certificate, holding: "a certificate in PEM form (BEGIN CERTIFICATE)"))
        }
        guard SSL_CTX_use_PrivateKey_file(context, pair.key, SSL_FILETYPE_PEM) == 1 else {
            let isForeign = copenssl_error_reason(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH
            if isForeign { throw mismatch(pair) }
            throw TLSError(
                readError(pair.key, holding: "a private key in PEM form without password")
                    + "; take a password off with: openssl pkey -in \(pair.key) -out NEW")
        }
        guard SSL_CTX_check_private_key(context) == 1 else { throw mismatch(pair) }
    }

    private static func setClients(_ context: OpaquePointer, _ settings: TLSSettings) throws(TLSError) {
        let mode =
            switch settings.clientAuthentication {
            case .none: SSL_VERIFY_NONE
            case .request: SSL_VERIFY_PEER
            case .require: SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
            }
        SSL_CTX_set_verify(context, mode, nil)
        guard settings.clientAuthentication != .none, let file = settings.clientCA else { return }
        guard SSL_CTX_load_verify_file(context, file) == 1, let names = SSL_load_client_CA_file(file) else {
            throw TLSError(readError(file, holding: "certificates in PEM form"))
        }
        SSL_CTX_set_client_CA_list(context, names)
        guard let list = settings.clientCRL else { return }
        guard let store = SSL_CTX_get_cert_store(context), X509_STORE_load_file(store, list) == 1 else {
            throw TLSError(readError(list, holding: "revocation lists in PEM form (BEGIN X509 CRL)"))
        }
        // Without a list of the issuer the certificate is refused: a file that lost it must not let everybody in.
        _ = X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK))
    }

    private static func mismatch(_ pair: TLSSettings.KeyPair) -> TLSError {
        ERR_clear_error()
        return TLSError(
            "\(pair.key) is not the key of \(pair.certificate); give the two files that were made together")
    }

    private static func readError(_ path: String, holding: String) -> String {
        // What OpenSSL says about a file that is missing is longer and says less.
        if access(path, R_OK) != 0 {
            let words = SystemError.text(of: errno)
            ERR_clear_error()
            return "cannot read \(path): \(words)"
        }
        return "\(path) does not hold \(holding): \(lastWords())"
    }

    private static func lastWords() -> String {
        let error = ERR_peek_error()
        ERR_clear_error()
        return ERR_reason_error_string(error).map { String(cString: $0) } ?? "error \(error)"
    }
}
