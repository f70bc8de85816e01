/// Checks a user name and a password against password files in their order.
enum LogIn {
    /// Why a log-in fails; for the log, never for the client.
    enum Result: Equatable, Sendable {
        case accepted(file: String)
        case wrongPassword(file: String)
        case unknownUser
    }

    /// The first file that knows the user decides. Exactly one password is hashed in every case, so that the time of
    /// the answer does not tell whether a user exists.
    /// - Parameter tables: at least one.
    static func check(_ user: [UInt8], password: RawSpan, in tables: [UserTable]) -> Result {
        guard let table = tables.first(where: { $0.knows(user) }) else {
            _ = tables.first?.verify(user, password: password)
            return .unknownUser
        }
        let isRight = table.verify(user, password: password)
        return isRight ? .accepted(file: table.name) : .wrongPassword(file: table.name)
    }
}
