/// What somebody may do with the administration of the broker.
enum Role: String, Sendable, Comparable {
    /// Look at everything.
    case read
    /// Look, and change.
    case operate

    static func < (left: Role, right: Role) -> Bool { left == .read && right == .operate }
}

/// Who asks.
enum Caller: Sendable {
    /// Nobody has said; what those may do.
    case anonymous(Role?)
    /// A token of the token file.
    case token(name: String, role: Role)
    /// Somebody whom the broker lets in as an MQTT client.
    case client(LogIn, Role?)

    /// The role in the administration.
    var role: Role? {
        switch self {
        case .anonymous(let role): role
        case .token(_, let role): role
        case .client(_, let role): role
        }
    }

    /// For the routes of other plugins and for the log; empty: nobody has said.
    var name: String {
        switch self {
        case .anonymous: ""
        case .token(let name, _): "token:\(name)"
        case .client(let logIn, _): logIn.userName
        }
    }

    var isAnonymous: Bool { if case .anonymous = self { true } else { false } }
}
