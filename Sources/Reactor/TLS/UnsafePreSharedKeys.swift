internal import COpenSSL
import Glibc

/// Pre-shared keys of one connection, TLS 1.2 [RFC 4279] and 1.3 [RFC 8446, 4.2.11].
///
/// OpenSSL asks in the middle of the handshake and cannot wait for the answer. It asks about session tickets as well,
/// which look the same on the wire; an identity is UTF-8 [RFC 4279, 5.1], which those are not.
final class UnsafePreSharedKeys {
    private static let longestIdentity = 256
    private static let extensionType: UInt32 = 41
    private let find: PreSharedKeys
    /// TLS 1.3 cipher suites for clients that offer a key, those with SHA-256 first: with another hash OpenSSL passes
    /// over the key [RFC 8446, 4.2.11].
    private let suites: String

    init(_ find: @escaping PreSharedKeys, suites: String) {
        self.find = find
        self.suites = suites
    }

    /// The cipher suites of a listener (empty: OpenSSL's choice) in the order that is right for keys.
    static func preferringSHA256(_ suites: String) -> String {
        let all = suites.isEmpty ? "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384" : suites
        let names = all.split(separator: ":")
        return (names.filter { !$0.hasSuffix("SHA384") } + names.filter { $0.hasSuffix("SHA384") })
            .joined(separator: ":")
    }

    /// From here on OpenSSL asks this object, which must outlive the handshake.
    func attach(to connection: OpaquePointer) {
        SSL_set_ex_data(connection, 0, Unmanaged.passUnretained(self).toOpaque())
        SSL_set_psk_server_callback(connection, Self.keyOfTLS12)
        SSL_set_psk_find_session_callback(connection, Self.sessionOfTLS13)
    }

    /// Who has proved to have a key, once the handshake is over; nil: nobody, the connection rests on certificates.
    static func identity(of connection: OpaquePointer) -> [UInt8]? {
        if let name = SSL_get_psk_identity(connection) { return Array(String(cString: name).utf8) }
        // Set on sessions this file made and on no other; so it is no other ticket that was resumed.
        var bytes: UnsafeMutableRawPointer?
        var count = 0
        guard let session = SSL_get_session(connection),
            SSL_SESSION_get0_ticket_appdata(session, &bytes, &count) == 1, let bytes, count > 0
        else { return nil }
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// A resumed session of TLS 1.2 rests on a key that may have been withdrawn since.
    static func mustAskAgain(_ connection: OpaquePointer) -> Bool {
        SSL_session_reused(connection) == 1 && SSL_version(connection) < TLS1_3_VERSION
    }

    /// Runs `use` on the key of an identity and wipes it; nil: there is none.
    func withKey<Result>(of identity: [UInt8], _ use: (UnsafeRawBufferPointer) -> Result?) -> Result? {
        guard Self.isIdentity(identity), var key = find(identity), !key.isEmpty else { return nil }
        return key.withUnsafeMutableBytes { bytes in
            defer { OPENSSL_cleanse(bytes.baseAddress, bytes.count) }
            return use(UnsafeRawBufferPointer(bytes))
        }
    }

    private static func isIdentity(_ bytes: [UInt8]) -> Bool {
        !bytes.isEmpty && bytes.count <= longestIdentity && !bytes.contains(0)
            && String(validating: bytes, as: UTF8.self) != nil
    }

    // MARK: Callbacks

    private static func keys(of connection: OpaquePointer?) -> UnsafePreSharedKeys? {
        guard let connection, let me = SSL_get_ex_data(connection, 0) else { return nil }
        return Unmanaged<UnsafePreSharedKeys>.fromOpaque(me).takeUnretainedValue()
    }

    /// Before the cipher suite is chosen: does the client offer a key that is no session ticket?
    static let chooseSuites:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?
        ) -> Int32 = { connection, _, _ in
            var bytes: UnsafePointer<UInt8>?
            var count = 0
            guard let connection, let keys = keys(of: connection),
                SSL_client_hello_get0_ext(connection, extensionType, &bytes, &count) == 1, let bytes, count > 4
            else { return SSL_CLIENT_HELLO_SUCCESS }
            // Length of the list, length of its first identity, the identity.
            let length = Int(bytes[2]) << 8 | Int(bytes[3])
            guard length <= count - 4, isIdentity(Array(UnsafeBufferPointer(start: bytes + 4, count: length)))
            else { return SSL_CLIENT_HELLO_SUCCESS }
            _ = SSL_set_ciphersuites(connection, keys.suites)
            return SSL_CLIENT_HELLO_SUCCESS
        }

    private static let keyOfTLS12:
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, UnsafeMutablePointer<UInt8>?, UInt32
        ) -> UInt32 = { connection, identity, room, capacity in
            // TLS 1.3 falls back on this one.
            guard let identity, let room, let keys = keys(of: connection), SSL_version(connection) < TLS1_3_VERSION
            else { return 0 }
            let count = keys.withKey(of: Array(String(cString: identity).utf8)) { key -> UInt32? in
                guard let base = key.baseAddress, key.count <= Int(capacity) else { return nil }
                room.update(from: base.assumingMemoryBound(to: UInt8.self), count: key.count)
                return UInt32(truncatingIfNeeded: key.count)
            }
            return count ?? 0
        }

    private static let sessionOfTLS13:
        @convention(c) (
            OpaquePointer?, UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<OpaquePointer?>?
        ) -> Int32 = { connection, identity, count, found in
            found?.pointee = nil
            guard let connection, let keys = keys(of: connection), let found else { return 1 }
            let identity = Array(UnsafeBufferPointer(start: identity, count: count))
            found.pointee = keys.withKey(of: identity) { makeSession(connection, identity, key: $0) }
            // A ticket would be as good as the key, and outlive it.
            if found.pointee != nil { SSL_set_num_tickets(connection, 0) }
            return 1
        }

    /// A session that stands for a key, with the cipher suite RFC 8446 takes for keys from elsewhere (SHA-256).
    private static func makeSession(
        _ connection: OpaquePointer, _ identity: [UInt8], key: UnsafeRawBufferPointer
    ) -> OpaquePointer? {
        guard let session = SSL_SESSION_new() else { return nil }
        let bytes = key.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let suite: [UInt8] = [0x13, 0x01]  // TLS_AES_128_GCM_SHA256
        guard let cipher = SSL_CIPHER_find(connection, suite),
            SSL_SESSION_set1_master_key(session, bytes, key.count) == 1,
            SSL_SESSION_set_cipher(session, cipher) == 1,
            SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1,
            SSL_SESSION_set1_ticket_appdata(session, identity, identity.count) == 1
        else {
            SSL_SESSION_free(session)
            return nil
        }
        return session
    }
}
