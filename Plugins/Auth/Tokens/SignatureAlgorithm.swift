/// The signature algorithms of JSON Web Algorithms (RFC 7518, 3.1; RFC 8037, 3.1) that tokens may be signed with.
/// `none` is not one of them.
package enum SignatureAlgorithm: String, CaseIterable, Sendable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    /// What kind of key goes with it. A token that names an algorithm of another family than its key's is refused: a
    /// public key must never be taken for a shared secret.
    package enum Family: Hashable, Sendable {
        case secret
        case rsa
        /// Bytes of a coordinate: 32, 48 or 66.
        case ellipticCurve(Int)
        case edwards
    }

    package var family: Family {
        switch self {
        case .hs256, .hs384, .hs512: .secret
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
        case .es256: .ellipticCurve(32)
        case .es384: .ellipticCurve(48)
        case .es512: .ellipticCurve(66)
        case .edDSA: .edwards
        }
    }

    /// Bits of the hash; 0 for EdDSA, which has its own.
    var hashBits: Int {
        switch self {
        case .hs256, .rs256, .ps256, .es256: 256
        case .hs384, .rs384, .ps384, .es384: 384
        case .hs512, .rs512, .ps512, .es512: 512
        case .edDSA: 0
        }
    }

    var isPSS: Bool { [.ps256, .ps384, .ps512].contains(self) }
}
