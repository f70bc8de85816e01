import COpenSSL

/// Hash functions of OpenSSL, on bytes. Every call into C for them is in this file.
enum Digests {
    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        _ = SHA256(bytes, bytes.count, &digest)
        return digest
    }

    /// SHA-512 of two pieces, one behind the other.
    static func sha512(_ first: RawSpan, _ second: [UInt8]) -> [UInt8] {
        var bytes = first.withUnsafeBytes { Array($0) } + second
        defer { Scrypt.wipe(&bytes) }
        var digest = [UInt8](repeating: 0, count: Int(SHA512_DIGEST_LENGTH))
        _ = SHA512(bytes, bytes.count, &digest)
        return digest
    }

    static func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        var count: UInt32 = 0
        _ = HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &code, &count)
        return code
    }

    /// Which hash function PBKDF2 is built on.
    enum Function {
        case sha256
        case sha512
    }

    /// PBKDF2 with HMAC (RFC 8018, 5.2); nil when OpenSSL refuses.
    static func pbkdf2(
        _ function: Function, password: RawSpan, salt: [UInt8], iterations: Int, count: Int
    ) -> [UInt8]? {
        guard let iterations = Int32(exactly: iterations), iterations > 0 else { return nil }
        var key = [UInt8](repeating: 0, count: count)
        let done = password.withUnsafeBytes { password in
            PKCS5_PBKDF2_HMAC(
                password.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: password.count), salt,
                Int32(clamping: salt.count), iterations, function == .sha256 ? EVP_sha256() : EVP_sha512(),
                Int32(clamping: count), &key)
        }
        return done == 1 ? key : nil
    }
}
