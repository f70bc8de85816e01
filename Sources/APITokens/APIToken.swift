internal import Base64Coding
internal import COpenSSL

/// A token that opens the HTTP API: 256 random bits behind a prefix by which it is known, and by which leaked ones can
/// be searched for. Only its digest is kept.
public struct APIToken: Sendable {
    /// What every token begins with.
    public static let prefix = "hlt_"
    private static let randomBytes = 32

    /// What is handed out, once.
    public let text: String

    /// A new token; nil when the system has no randomness to give.
    public static func make() -> APIToken? {
        var bytes = [UInt8](repeating: 0, count: randomBytes)
        guard RAND_bytes(&bytes, Int32(bytes.count)) == 1 else { return nil }
        let encoded = Base64.encode(bytes).map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
        return APIToken(text: prefix + String(encoded))
    }

    /// SHA-256 of a token in hexadecimal. Plain hashing is enough: nobody can guess 256 random bits.
    public static func digest(of text: String) -> String {
        let bytes = Array(text.utf8)
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        _ = SHA256(bytes, bytes.count, &digest)
        let digits = Array("0123456789abcdef")
        return String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
