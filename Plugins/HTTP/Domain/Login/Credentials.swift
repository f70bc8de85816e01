internal import Base64Coding
internal import HTTPTypes

/// What somebody says to prove who they are.
enum Credentials: Sendable, Hashable {
    /// A token of the token file.
    case token(String)
    /// For the log-in of MQTT: a user and a password, or a token that the auth plugin knows, which is a password alone.
    case client(user: [UInt8]?, password: [UInt8])

    /// MQTT's own bound of both [MQTT-3.1.3-11], [MQTT-1.5.6].
    private static let maximumLength = 65_535

    /// Reads the header Authorization; nil: there is none.
    static func read(_ fields: HTTPFields, tokenPrefix: String) throws(Problem) -> Credentials? {
        guard let header = fields[.authorization] else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        let value = parts.count > 1 ? parts[1].drop { $0 == " " } : ""
        switch parts.first?.lowercased() {
        case "bearer" where !value.isEmpty:
            if value.hasPrefix(tokenPrefix) { return .token(String(value)) }
            return .client(user: nil, password: Array(value.utf8))
        case "basic":
            guard let bytes = Base64.decodePadded(String(value)),
                let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
            else { throw .unauthorized("the header Authorization is not 'Basic' and base64 of 'user:password'") }
            let (user, password) = (Array(bytes[..<colon]), Array(bytes[(colon + 1)...]))
            guard user.count <= maximumLength, password.count <= maximumLength,
                String(validating: user, as: UTF8.self) != nil
            else { throw .unauthorized("the user name is not UTF-8, or too long") }
            return .client(user: user, password: password)
        default: throw .unauthorized("the header Authorization is neither 'Basic ...' nor 'Bearer ...'")
        }
    }
}
