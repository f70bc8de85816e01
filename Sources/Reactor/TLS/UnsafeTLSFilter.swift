// HOT PATH: one SSL_read per record and one more to see that nothing is left; no allocation of our own.
internal import COpenSSL
import Glibc

/// The server's side of one TLS connection.
///
/// OpenSSL's state is made with the first byte of the client: who connects and says nothing costs little. It is
/// released buffer by buffer while the connection is silent (SSL_MODE_RELEASE_BUFFERS).
final class UnsafeTLSFilter: StreamFilter {
    /// The largest plain text of a record [RFC 8446, 5.1].
    private static let recordBytes = 16 * 1024

    /// Kept until the end: the callbacks of a handshake look into it.
    private let contexts: UnsafeTLSContexts
    private let pipe: UnsafeMutablePointer<TLSPipe>
    private var connection: OpaquePointer?
    /// Until the handshake is over.
    private var keys: UnsafePreSharedKeys?
    private var isEstablished = false
    /// A fatal error happened: OpenSSL allows no further call but freeing.
    private var isBroken = false

    init(_ contexts: UnsafeTLSContexts) {
        self.contexts = contexts
        pipe = .allocate(capacity: 1)
        pipe.initialize(to: TLSPipe())
        super.init()
    }

    deinit {
        // Frees the BIO along with it.
        SSL_free(connection)
        pipe.deallocate()
    }

    override var acceptsPlain: Bool { isEstablished }

    override func accept(_ keys: @escaping PreSharedKeys) {
        guard contexts.allowsPreSharedKeys else { return }
        self.keys = UnsafePreSharedKeys(keys, suites: contexts.keySuites)
    }

    override func decode(
        _ bytes: UnsafeRawBufferPointer, plain: inout UnsafeByteSink, wire: inout UnsafeByteSink
    ) -> FilterStatus {
        guard !isBroken, let connection = connection ?? open() else { return .failed(FilterFailure.tls(reason: 0)) }
        pipe.pointee.input = bytes.baseAddress
        pipe.pointee.inputCount = bytes.count
        return withUnsafeMutablePointer(to: &wire) { output in
            pipe.pointee.output = output
            defer { pipe.pointee = TLSPipe() }
            return take(connection, &plain)
        }
    }

    override func encode(_ bytes: UnsafeRawBufferPointer, wire: inout UnsafeByteSink) {
        guard let connection, !isBroken, let base = bytes.baseAddress, bytes.count > 0 else { return }
        withUnsafeMutablePointer(to: &wire) { output in
            pipe.pointee.output = output
            defer { pipe.pointee.output = nil }
            ERR_clear_error()
            let written = SSL_write(connection, base, Int32(clamping: bytes.count))
            // The pipe takes everything, so less is an error of OpenSSL itself, such as no memory.
            if written != bytes.count { isBroken = true }
        }
    }

    override func finish(wire: inout UnsafeByteSink) {
        guard let connection, isEstablished, !isBroken else { return }
        withUnsafeMutablePointer(to: &wire) { output in
            pipe.pointee.output = output
            defer { pipe.pointee.output = nil }
            ERR_clear_error()
            // close_notify; the peer's answer is not waited for [RFC 8446, 6.1].
            _ = SSL_shutdown(connection)
        }
        isBroken = true
    }

    private func open() -> OpaquePointer? {
        guard let method = TLSPipe.method, let made = SSL_new(contexts.standard) else { return nil }
        guard let bio = BIO_new(method) else {
            SSL_free(made)
            return nil
        }
        BIO_set_data(bio, pipe)
        SSL_set_bio(made, bio, bio)
        SSL_set_accept_state(made)
        keys?.attach(to: made)
        connection = made
        return made
    }

    private func take(_ connection: OpaquePointer, _ plain: inout UnsafeByteSink) -> FilterStatus {
        ERR_clear_error()
        if !isEstablished {
            let result = SSL_do_handshake(connection)
            guard result == 1 else { return status(connection, result) }
            guard learnPeer(connection) else {
                isBroken = true
                return .failed(FilterFailure.tls(reason: Int32(SSL_R_PSK_IDENTITY_NOT_FOUND)))
            }
            isEstablished = true
        }
        while true {
            var result: Int32 = 0
            plain.append(room: Self.recordBytes) { room in
                result = SSL_read(connection, room.baseAddress, Int32(truncatingIfNeeded: room.count))
                return max(0, Int(result))
            }
            guard result > 0 else { return status(connection, result) }
        }
    }

    /// What the handshake says about the peer. False: it rests on a pre-shared key that is not good any more.
    private func learnPeer(_ connection: OpaquePointer) -> Bool {
        var found = PeerDiscovery()
        found.certificate = contexts.peerCertificate(of: connection)
        found.keyIdentity = UnsafePreSharedKeys.identity(of: connection)
        if let identity = found.keyIdentity, UnsafePreSharedKeys.mustAskAgain(connection),
            keys?.withKey(of: identity, { _ in true }) == nil
        {
            return false
        }
        keys = nil
        if found != PeerDiscovery() { discovery = found }
        return true
    }

    private func status(_ connection: OpaquePointer, _ result: Int32) -> FilterStatus {
        switch SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .open
        case SSL_ERROR_ZERO_RETURN:
            return .ended
        default:
            isBroken = true
            let error = ERR_peek_error()
            ERR_clear_error()
            let isOurs = copenssl_error_library(error) == ERR_LIB_SSL
            return .failed(FilterFailure.tls(reason: isOurs ? copenssl_error_reason(error) : 0))
        }
    }
}
