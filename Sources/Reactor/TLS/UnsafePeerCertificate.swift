internal import COpenSSL

/// A certificate that a peer showed and that chains to an authority of the listener.
public struct PeerCertificate: Hashable, Sendable {
    /// The identity by the rule of the listener, in UTF-8 without null bytes; empty when it has none that can be used.
    public var name: [UInt8] = []
    /// `CN=sensor-7,O=Example`, as in RFC 4514, in UTF-8.
    public var subject: [UInt8] = []
    /// The common name of the subject, in UTF-8; empty without one.
    public var commonName: [UInt8] = []
    /// DER.
    public var der: [UInt8] = []
    /// SHA-256 of `der`: 32 bytes.
    public var fingerprint: [UInt8] = []

    /// Borrowed during the call.
    init(_ certificate: OpaquePointer, identity: TLSSettings.Identity) {
        let common = CertificateName.common(of: certificate)
        let name: [UInt8]? =
            switch identity {
            case .commonName: common
            case .alternativeName: CertificateName.alternative(of: certificate)
            case .fingerprint: nil
            }
        commonName = common ?? []
        // A null byte would cut the name off for C plugins: "admin\0.example.org" must not become "admin".
        if let name, !name.contains(0), String(validating: name, as: UTF8.self) != nil { self.name = name }
        subject = CertificateName.subject(of: certificate)
        let length = i2d_X509(certificate, nil)
        guard length > 0 else { return }
        der = [UInt8](unsafeUninitializedCapacity: Int(length)) { room, count in
            var end = room.baseAddress
            count = max(0, Int(i2d_X509(certificate, &end)))
        }
        fingerprint = [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { room, count in
            SHA256(der, der.count, room.baseAddress)
            count = Int(SHA256_DIGEST_LENGTH)
        }
        if identity == .fingerprint { self.name = Self.hexadecimal(fingerprint) }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}

/// Names in a certificate.
private enum CertificateName {
    /// The common name of the subject, in UTF-8.
    static func common(of certificate: OpaquePointer) -> [UInt8]? {
        guard let subject = X509_get_subject_name(certificate) else { return nil }
        let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard index >= 0, let entry = X509_NAME_get_entry(subject, index),
            let data = X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        var text: UnsafeMutablePointer<UInt8>?
        let length = ASN1_STRING_to_UTF8(&text, data)
        guard length >= 0, let text else { return nil }
        defer { CRYPTO_free(text, "", 0) }
        return Array(UnsafeBufferPointer(start: text, count: Int(length)))
    }

    /// The whole subject in the form of RFC 4514, in UTF-8.
    static func subject(of certificate: OpaquePointer) -> [UInt8] {
        guard let subject = X509_get_subject_name(certificate), let text = BIO_new(BIO_s_mem()) else { return [] }
        defer { BIO_free(text) }
        guard copenssl_print_name(text, subject) == 1 else { return [] }
        var start: UnsafeMutablePointer<UInt8>?
        let length = copenssl_memory(text, &start)
        guard let start, length > 0 else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: length))
    }

    /// The first subject alternative name that is a DNS name, URI or e-mail address.
    static func alternative(of certificate: OpaquePointer) -> [UInt8]? {
        guard let names = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil).map({ OpaquePointer($0) })
        else { return nil }
        defer { GENERAL_NAMES_free(names) }
        var index: Int32 = 0
        while true {
            var bytes: UnsafePointer<UInt8>?
            var length: Int32 = 0
            let type = copenssl_alternative_name(names, index, &bytes, &length)
            if type == -1 { return nil }
            if type >= 0, let bytes, length > 0 { return Array(UnsafeBufferPointer(start: bytes, count: Int(length))) }
            index += 1
        }
    }
}
