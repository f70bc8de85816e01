/// What a token must say to be let in, and what it says about its bearer.
package struct TokenPolicy: Sendable {
    /// `iss` must be this; nil: anybody's.
    package var issuer: String?
    /// `aud` must be, or hold, this; nil: any.
    package var audience: String?
    /// Seconds by which clocks may differ.
    package var leeway: Int64 = 30
    /// Only these; all of them must fit their keys anyway.
    package var algorithms = Set(SignatureAlgorithm.allCases)
    /// A token without `exp` never ends, so it has to be asked for.
    package var requiresExpiry = true
    /// Claim that names the user. A dot leads into an object: "realm.name".
    package var userClaim = "sub"
    /// Claim with the groups: a list of texts, or one text of words.
    package var groupsClaim: String?
    /// Claim with the account.
    package var accountClaim: String?
    /// Claims that access rules may use as `%{name}`.
    package var claims: [String] = []

    package init() {}
}

/// Who the bearer of a token is.
package struct TokenIdentity: Equatable, Sendable {
    package var user: String
    /// With the claims that rules use, as `name=value`.
    package var groups: [String] = []
    package var account = ""
    /// Seconds since 1970 at which the token ends, leeway included; nil: never.
    package var expires: Int64?
}

/// Why a token is refused; for the log, never with the token itself.
package enum TokenRefusal: Error, Equatable, Sendable {
    case malformed(String)
    case algorithm(String)
    case unknownKey(String?)
    case signature
    case expired
    case notYetValid
    case noExpiry
    case issuer
    case audience
    case user(String)

    package var reason: String {
        switch self {
        case .malformed(let what): "not a token: \(what)"
        case .algorithm(let name): "signed by '\(name)', which is not allowed"
        case .unknownKey(let identifier):
            "no key \(identifier.map { "'\($0)'" } ?? "that fits") to check the token with"
        case .signature: "the token's signature is wrong"
        case .expired: "the token has expired"
        case .notYetValid: "the token is not valid yet"
        case .noExpiry: "the token never expires ('exp' is missing)"
        case .issuer: "the token is of another issuer"
        case .audience: "the token is for another audience"
        case .user(let claim): "the token's claim '\(claim)' names no user"
        }
    }
}
