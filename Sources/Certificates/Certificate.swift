internal import COpenSSL
import Glibc

/// An X.509 certificate with its private key, both in PEM form.
public struct IssuedCertificate: Sendable {
    /// `BEGIN CERTIFICATE`
    public let certificate: String
    /// `BEGIN PRIVATE KEY`; a secret.
    public let privateKey: String
}

/// Why no certificate was made.
public struct CertificateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What failed, and what to do.
    public let description: String

    init(_ description: String) {
        self.description = description
    }

    /// The failure OpenSSL noted last on this thread.
    static func openSSL(_ call: String) -> CertificateError {
        let words = ERR_reason_error_string(ERR_get_error()).map { String(cString: $0) } ?? "no reason given"
        ERR_clear_error()
        return CertificateError("OpenSSL: \(call): \(words)")
    }
}

/// A certificate authority of one's own: for tests, development and closed networks. Keys are ECDSA on P-256, which
/// every TLS 1.2 and 1.3 implementation of a device knows and which costs a server a twentieth of RSA per handshake.
public final class CertificateAuthority {
    /// What a certificate is for.
    public enum Purpose: Hashable, Sendable {
        /// A server under these DNS names and IP addresses.
        case server(names: [String])
        case client
    }

    private let key: OpaquePointer
    private let certificate: OpaquePointer

    /// The authority's own certificate and key.
    public let own: IssuedCertificate

    /// Makes a new authority with a new key, valid from one hour ago: clocks differ.
    public init(commonName: String, validDays: Int) throws(CertificateError) {
        let key = try Self.makeKey()
        let extensions = [
            (NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
            (NID_subject_key_identifier, "hash"),
        ]
        do throws(CertificateError) {
            certificate = try Self.sign(
                name: commonName, key: key, issuer: nil, issuerKey: key, validDays: validDays, extensions: extensions)
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
        self.key = key
        do throws(CertificateError) {
            own = try Self.export(certificate, key)
        } catch {
            EVP_PKEY_free(key)
            X509_free(certificate)
            throw error
        }
    }

    deinit {
        EVP_PKEY_free(key)
        X509_free(certificate)
    }

    /// Makes a key and a certificate for it, signed by this authority.
    public func issue(
        commonName: String, for purpose: Purpose, validDays: Int
    ) throws(CertificateError) -> IssuedCertificate {
        let subjectKey = try Self.makeKey()
        defer { EVP_PKEY_free(subjectKey) }
        var extensions = [
            (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
            (NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid"),
        ]
        switch purpose {
        case .server(let names):
            extensions.append((NID_ext_key_usage, "serverAuth"))
            extensions.append((NID_subject_alt_name, try Self.alternativeNames(names)))
        case .client: extensions.append((NID_ext_key_usage, "clientAuth"))
        }
        let issued = try Self.sign(
            name: commonName, key: subjectKey, issuer: certificate, issuerKey: key, validDays: validDays,
            extensions: extensions)
        defer { X509_free(issued) }
        return try Self.export(issued, subjectKey)
    }

    /// Names in OpenSSL's notation. Only what cannot be anything else in it: a name with a comma would be two.
    static func alternativeNames(_ names: [String]) throws(CertificateError) -> String {
        var entries: [String] = []
        for name in names {
            var address = in6_addr()
            if inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1 {
                entries.append("IP:\(name)")
                continue
            }
            let isName =
                !name.isEmpty && name.utf8.count <= 253
                && name.utf8.allSatisfy { byte in
                    UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
                        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "-._*".utf8.contains(byte)
                }
            guard isName else {
                throw CertificateError("'\(name)' is not a host name or address; write one such as broker.example.org")
            }
            entries.append("DNS:\(name)")
        }
        return entries.joined(separator: ",")
    }
}

// The steps, each with what OpenSSL wants freed.
extension CertificateAuthority {
    private static func makeKey() throws(CertificateError) -> OpaquePointer {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil) else { throw .openSSL("new key") }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { throw .openSSL("new key") }
        return key
    }

    /// A certificate for `key`; `issuer` nil means its own.
    private static func sign(
        name: String, key: OpaquePointer, issuer: OpaquePointer?, issuerKey: OpaquePointer, validDays: Int,
        extensions: [(Int32, String)]
    ) throws(CertificateError) -> OpaquePointer {
        guard !name.isEmpty, name.unicodeScalars.count <= 64, !name.utf8.contains(0) else {
            throw CertificateError("a common name has 1 to 64 characters; '\(name)' has not")
        }
        guard let made = X509_new() else { throw .openSSL("new certificate") }
        do throws(CertificateError) {
            try fill(made, name, key, issuer ?? made, validDays)
            for (kind, value) in extensions { try add(kind, value, to: made, issuer ?? made) }
            guard X509_sign(made, issuerKey, EVP_sha256()) > 0 else { throw .openSSL("sign") }
            return made
        } catch {
            X509_free(made)
            throw error
        }
    }

    private static func fill(
        _ made: OpaquePointer, _ name: String, _ key: OpaquePointer, _ issuer: OpaquePointer, _ validDays: Int
    ) throws(CertificateError) {
        // 63 random bits: positive, and never the same twice.
        var serial: UInt64 = 0
        guard withUnsafeMutableBytes(of: &serial, { RAND_bytes($0.baseAddress, Int32($0.count)) }) == 1 else {
            throw .openSSL("random number")
        }
        let seconds = validDays.multipliedReportingOverflow(by: 86_400)
        guard !seconds.overflow, validDays > 0, validDays <= 36_500 else {
            throw CertificateError("a certificate is valid for 1 to 36500 days; \(validDays) is neither")
        }
        guard X509_set_version(made, 2) == 1,
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial >> 1 | 1) == 1,
            X509_gmtime_adj(X509_getm_notBefore(made), -3_600) != nil,
            X509_gmtime_adj(X509_getm_notAfter(made), seconds.partialValue) != nil,
            X509_set_pubkey(made, key) == 1
        else { throw .openSSL("fill in certificate") }
        let bytes = Array(name.utf8)
        guard let subject = X509_get_subject_name(made),
            X509_NAME_add_entry_by_NID(
                subject, NID_commonName, MBSTRING_FLAG | 0, bytes, Int32(bytes.count), -1, 0) == 1,
            X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1
        else { throw .openSSL("name") }
    }

    private static func add(
        _ kind: Int32, _ value: String, to made: OpaquePointer, _ issuer: OpaquePointer
    ) throws(CertificateError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, made, nil, nil, 0)
        guard let made_extension = X509V3_EXT_conf_nid(nil, &context, kind, value) else { throw .openSSL(value) }
        defer { X509_EXTENSION_free(made_extension) }
        guard X509_add_ext(made, made_extension, -1) == 1 else { throw .openSSL(value) }
    }

    private static func export(
        _ certificate: OpaquePointer, _ key: OpaquePointer
    ) throws(CertificateError) -> IssuedCertificate {
        IssuedCertificate(
            certificate: try text { PEM_write_bio_X509($0, certificate) },
            privateKey: try text { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) })
    }

    private static func text(_ write: (OpaquePointer) -> Int32) throws(CertificateError) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { throw .openSSL("memory") }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw .openSSL("write PEM") }
        var bytes = [UInt8](repeating: 0, count: 16 * 1024)
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        guard count > 0 else { throw .openSSL("read PEM") }
        defer { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
    }
}
