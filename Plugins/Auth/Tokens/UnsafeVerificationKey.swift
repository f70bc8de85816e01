internal import COpenSSL

/// A key that signatures are checked with. Immutable; every call into OpenSSL for tokens is in this file.
package final class VerificationKey: @unchecked Sendable {
    // Sendable: an EVP_PKEY is only read here, which OpenSSL 3 allows on all threads at once; it is freed with the last
    // reference to this object.
    private enum Material {
        case secret([UInt8])
        case publicKey(OpaquePointer)
    }

    private let material: Material
    package let family: SignatureAlgorithm.Family
    /// `kid` of a JSON Web Key; nil when the key has no name.
    package let identifier: String?
    /// `alg` of a JSON Web Key: it is good for this one only.
    package let onlyAlgorithm: SignatureAlgorithm?

    /// Why something is not a key; completes a sentence.
    package struct Fault: Error, Equatable, Sendable {
        package let reason: String
    }

    /// Below this, a secret can be found by trying (RFC 7518, 3.2).
    package static let minimumSecretBytes = 32
    private static let minimumRSABits: Int32 = 2_048

    package init(
        secret: [UInt8], identifier: String? = nil, onlyAlgorithm: SignatureAlgorithm? = nil
    ) throws(Fault) {
        guard secret.count >= Self.minimumSecretBytes else {
            throw Fault(reason: "a secret of \(secret.count) bytes; it takes \(Self.minimumSecretBytes) at least")
        }
        material = .secret(secret)
        family = .secret
        self.identifier = identifier
        self.onlyAlgorithm = onlyAlgorithm
    }

    /// A public key (or a certificate with one) in PEM.
    package convenience init(pem: [UInt8], identifier: String? = nil) throws(Fault) {
        var key: OpaquePointer?
        if let input = BIO_new_mem_buf(pem, Int32(clamping: pem.count)) {
            key = PEM_read_bio_PUBKEY(input, nil, nil, nil)
            BIO_free(input)
        }
        if key == nil, let input = BIO_new_mem_buf(pem, Int32(clamping: pem.count)) {
            if let certificate = PEM_read_bio_X509(input, nil, nil, nil) {
                key = X509_get_pubkey(certificate)
                X509_free(certificate)
            }
            BIO_free(input)
        }
        ERR_clear_error()
        guard let key else { throw Fault(reason: "neither a public key nor a certificate in PEM") }
        try self.init(taking: key, identifier: identifier, onlyAlgorithm: nil)
    }

    /// A SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    package convenience init(
        publicKeyInfo bytes: [UInt8], identifier: String?, onlyAlgorithm: SignatureAlgorithm?
    ) throws(Fault) {
        let key = bytes.withUnsafeBufferPointer { buffer in
            var start = buffer.baseAddress
            return d2i_PUBKEY(nil, &start, buffer.count)
        }
        ERR_clear_error()
        guard let key else { throw Fault(reason: "not a public key") }
        try self.init(taking: key, identifier: identifier, onlyAlgorithm: onlyAlgorithm)
    }

    /// - Parameter key: owned by the new object, or freed when it is refused.
    private init(
        taking key: OpaquePointer, identifier: String?, onlyAlgorithm: SignatureAlgorithm?
    ) throws(Fault) {
        let bits = EVP_PKEY_get_bits(key)
        let family: SignatureAlgorithm.Family? =
            switch EVP_PKEY_get_base_id(key) {
            case EVP_PKEY_RSA where bits >= Self.minimumRSABits: .rsa
            case EVP_PKEY_EC: Self.curve(of: key)
            case EVP_PKEY_ED25519: .edwards
            default: nil
            }
        guard let family else {
            EVP_PKEY_free(key)
            throw Fault(
                reason:
                    "a key of \(bits) bits and a kind that is not taken; RSA from 2048 bits, P-256, P-384, P-521 and "
                    + "Ed25519 are")
        }
        material = .publicKey(key)
        self.family = family
        self.identifier = identifier
        self.onlyAlgorithm = onlyAlgorithm
    }

    deinit {
        if case .publicKey(let key) = material { EVP_PKEY_free(key) }
    }

    private static func curve(of key: OpaquePointer) -> SignatureAlgorithm.Family? {
        var name = [CChar](repeating: 0, count: 64)
        guard EVP_PKEY_get_group_name(key, &name, name.count, nil) == 1 else { return nil }
        switch String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) {
        case "prime256v1", "P-256": return .ellipticCurve(32)
        case "secp384r1", "P-384": return .ellipticCurve(48)
        case "secp521r1", "P-521": return .ellipticCurve(66)
        default: return nil
        }
    }

    /// Whether this key may be used with `algorithm` at all.
    package func fits(_ algorithm: SignatureAlgorithm) -> Bool {
        family == algorithm.family && (onlyAlgorithm ?? algorithm) == algorithm
    }

    /// Whether `signature` is that of `message`.
    package func verifies(_ signature: [UInt8], of message: [UInt8], _ algorithm: SignatureAlgorithm) -> Bool {
        guard fits(algorithm) else { return false }
        defer { ERR_clear_error() }
        switch material {
        case .secret(let secret):
            var code = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
            var count: UInt32 = 0
            guard HMAC(digest(algorithm), secret, Int32(secret.count), message, message.count, &code, &count) != nil,
                signature.count == Int(count)
            else { return false }
            return CRYPTO_memcmp(code, signature, signature.count) == 0
        case .publicKey(let key): return verifies(signature, of: message, algorithm, key)
        }
    }

    private func verifies(
        _ signature: [UInt8], of message: [UInt8], _ algorithm: SignatureAlgorithm, _ key: OpaquePointer
    ) -> Bool {
        var signature = signature
        if case .ellipticCurve(let size) = algorithm.family {
            // JWS has the two numbers side by side (RFC 7518, 3.4), OpenSSL wants them in DER.
            guard signature.count == 2 * size else { return false }
            signature = DER.sequence(
                DER.integer(Array(signature[..<size])), DER.integer(Array(signature[size...])))
        }
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        var parameters: OpaquePointer?
        guard EVP_DigestVerifyInit(context, &parameters, digest(algorithm), nil, key) == 1 else { return false }
        if algorithm.isPSS {
            guard EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1,
                // As long as the hash (RFC 7518, 3.5).
                EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, Int32(algorithm.hashBits / 8)) == 1
            else { return false }
        }
        return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    private func digest(_ algorithm: SignatureAlgorithm) -> OpaquePointer? {
        switch algorithm.hashBits {
        case 256: EVP_sha256()
        case 384: EVP_sha384()
        case 512: EVP_sha512()
        default: nil
        }
    }
}
