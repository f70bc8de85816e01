/// A code of credentials that only its maker can compute, to know them again without keeping them.
public enum CredentialCode {
    /// HMAC-SHA256.
    /// - Parameter key: random, kept as long as the codes.
    public static func make(key: [UInt8], of credentials: [UInt8]) -> [UInt8] {
        Digests.hmacSHA256(key: key, credentials)
    }
}
