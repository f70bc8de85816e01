/// Users and their password hashes, one `user:hash` a line; `#` begins a comment line.
///
/// A value: readers on any thread share it, and editing makes a new one. Names are compared as bytes, so that two
/// spellings of one character are two users, as they are for the broker.
public struct PasswordFile: Hashable, Sendable {
    private struct Line: Hashable, Sendable {
        var text: String
        var user: [UInt8]?
    }

    private var lines: [Line] = []
    private var hashes: [[UInt8]: PasswordHash] = [:]
    /// Largest file that is read, in bytes.
    public static let maxBytes = 64 << 20

    /// An empty file.
    public init() {}

    /// Number of users.
    public var count: Int { hashes.count }

    /// Users in the order of the file.
    public var users: [String] { lines.compactMap { $0.user.map { String(decoding: $0, as: UTF8.self) } } }

    /// The text to write to disk.
    public var description: String { lines.map { $0.text + "\n" }.joined() }

    /// Reads a file's text.
    ///
    /// - Parameter file: the name that messages carry.
    /// - Throws: everything that is wrong, by line.
    public init(_ text: String, file: String) throws(PasswordFileErrors) {
        var errors: [PasswordFileError] = []
        // By bytes: as a Character, CR LF is one and not a newline.
        var rows = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What follows the last newline is no line.
        if rows.last?.isEmpty == true { rows.removeLast() }
        for (index, row) in rows.enumerated() {
            let line = row.last == UInt8(ascii: "\r") ? row.dropLast() : row
            do throws(PasswordFileError.Problem) {
                try add(line: String(decoding: line, as: UTF8.self))
            } catch {
                errors.append(PasswordFileError(file: file, line: index + 1, problem: error))
            }
        }
        guard errors.isEmpty else { throw PasswordFileErrors(all: errors) }
    }

    private mutating func add(line: String) throws(PasswordFileError.Problem) {
        if line.isEmpty || line.hasPrefix("#") {
            lines.append(Line(text: line, user: nil))
            return
        }
        // Base64 and `$` hold no colon, so the last one ends the name; names made by `passwd` have none either.
        guard let colon = line.lastIndex(of: ":") else { throw .noColon }
        let name = String(line[..<colon])
        try Self.check(name)
        let user = Array(name.utf8)
        guard hashes[user] == nil else { throw .duplicateUser(name) }
        do throws(PasswordHash.Fault) {
            hashes[user] = try PasswordHash(String(line[line.index(after: colon)...]))
        } catch {
            throw .hash(user: name, error)
        }
        lines.append(Line(text: line, user: user))
    }

    /// Whether a file can hold this name: not empty, no `:`, no control character, no `#` in front.
    public static func check(_ user: String) throws(PasswordFileError.Problem) {
        guard !user.isEmpty, user.utf8.count <= 65_535, !user.hasPrefix("#"),
            !user.unicodeScalars.contains(where: { $0 == ":" || $0.value < 0x20 || $0.value == 0x7F })
        else { throw .badUserName }
    }

    /// Whether the file has this user, by the name's UTF-8 bytes.
    public func knows(_ user: [UInt8]) -> Bool { hashes[user] != nil }

    /// Whether `user` exists and this is the password. Takes some 100 ms (see ``ScryptCost/standard``), and as long
    /// for a user who does not exist: call it on a worker thread.
    ///
    /// - Parameter user: the name's UTF-8 bytes.
    public func verify(user: [UInt8], password: RawSpan) -> Bool {
        guard let hash = hashes[user] else {
            _ = stand(for: user).matches(password)
            return false
        }
        return hash.matches(password)
    }

    /// Whose hash is computed, in vain, for somebody the file does not know: always the same one of its users, chosen
    /// by the name, so that the time tells no more than it does for a user who exists, whatever mixture of schemes the
    /// file holds.
    func stand(for user: [UInt8]) -> PasswordHash {
        var hasher = Hasher()
        hasher.combine(user)
        let start = Int(UInt(bitPattern: hasher.finalize()) % UInt(max(lines.count, 1)))
        for line in [lines[start...], lines[..<start]].joined() {
            if let known = line.user, let hash = hashes[known] { return hash }
        }
        return PasswordHash(
            cost: .standard, salt: [UInt8](repeating: 0x5A, count: PasswordHash.saltBytes),
            hash: [UInt8](repeating: 0, count: PasswordHash.hashBytes))
    }

    /// What a user can prove to know by SCRAM; nil for one the file does not know or whose password is kept otherwise.
    public func scramSecret(of user: [UInt8]) -> ScramSecret? { hashes[user]?.scramSecret }

    /// Adds a user or replaces the password of one; the line keeps its place.
    public mutating func set(_ user: String, to hash: PasswordHash) throws(PasswordFileError.Problem) {
        try Self.check(user)
        let key = Array(user.utf8)
        let line = Line(text: "\(user):\(hash)", user: key)
        if let index = lines.firstIndex(where: { $0.user == key }) {
            lines[index] = line
        } else {
            lines.append(line)
        }
        hashes[key] = hash
    }

    /// Removes a user; false when there is none.
    public mutating func remove(_ user: String) -> Bool {
        let key = Array(user.utf8)
        lines.removeAll { $0.user == key }
        return hashes.removeValue(forKey: key) != nil
    }
}

/// One line of a password file that cannot be used. Never carries a hash or a password.
public struct PasswordFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Error, Hashable, Sendable, CustomStringConvertible {
        case noColon
        case badUserName
        case duplicateUser(String)
        case hash(user: String, PasswordHash.Fault)

        /// For a person.
        public var description: String {
            switch self {
            case .noColon: "a line is user:hash; add users with 'hookline passwd'"
            case .badUserName: "a user name is not empty, does not begin with '#' and has no ':' or control character"
            case .duplicateUser(let user): "user '\(user)' stands in the file twice; remove one of the lines"
            case .hash(let user, let fault): "user '\(user)': \(fault)"
            }
        }
    }

    /// Name of the file as it was given.
    public var file: String
    /// From 1.
    public var line: Int
    /// What is wrong.
    public var problem: Problem

    /// `passwd:3: what is wrong`
    public var description: String { "\(file):\(line): \(problem)" }
}

/// All that is wrong with a password file; never empty.
public struct PasswordFileErrors: Error, Hashable, Sendable, CustomStringConvertible {
    /// By line.
    public var all: [PasswordFileError]

    /// One line each.
    public var description: String { all.map(\.description).joined(separator: "\n") }
}
