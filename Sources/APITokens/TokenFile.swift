/// The tokens that open the HTTP API, a line each: `name:role:digest:created:expires`, times in seconds since 1970, `-`
/// for never. Lines that are empty or begin with `#` are kept as they are.
public struct TokenFile: Sendable {
    /// One token.
    public struct Entry: Sendable, Hashable {
        /// What it is called; unique in the file.
        public var name: String
        /// What may be done with it.
        public var role: Role
        /// ``APIToken/digest(of:)``
        public var digest: String
        /// Seconds since 1970.
        public var created: Int64
        /// Seconds since 1970; nil: never.
        public var expires: Int64?

        /// A line of the file.
        public init(name: String, role: Role, digest: String, created: Int64, expires: Int64?) {
            self.name = name
            self.role = role
            self.digest = digest
            self.created = created
            self.expires = expires
        }

        /// Whether the token still opens anything.
        /// - Parameter now: seconds since 1970.
        public func isValid(at now: Int64) -> Bool { expires.map { now < $0 } ?? true }

        var line: String {
            "\(name):\(role.rawValue):\(digest):\(created):\(expires.map(String.init) ?? "-")"
        }
    }

    /// What may be done with a token.
    public enum Role: String, Sendable, CaseIterable {
        /// Look at everything.
        case read
        /// Look, change, and publish as the broker.
        case operate
    }

    /// What is wrong with a file: sentences with file and line.
    public struct Faults: Error, Sendable, Equatable, CustomStringConvertible {
        /// At least one.
        public let list: [String]
        /// One under the other.
        public var description: String { list.joined(separator: "\n") }
    }

    private enum Line: Sendable {
        case entry(Entry)
        case other(String)
    }

    /// Longest file that is read, in bytes.
    public static let maximumSize = 1 << 20
    private var lines: [Line] = []

    /// No token.
    public init() {}

    /// - Parameters:
    ///   - text: the whole file.
    ///   - file: its name as messages show it.
    public init(_ text: String, file: String) throws(Faults) {
        var faults: [String] = []
        var names: Set<String> = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty || line.hasPrefix("#") {
                lines.append(.other(String(line)))
                continue
            }
            switch TokenFile.entry(line) {
            case .success(let entry):
                lines.append(.entry(entry))
                if !names.insert(entry.name).inserted {
                    faults.append("\(file):\(index + 1): the name '\(entry.name)' is there already")
                }
            case .failure(let problem): faults.append("\(file):\(index + 1): \(problem.text)")
            }
        }
        // The end of the last line is no line.
        if case .other("") = lines.last { lines.removeLast() }
        guard faults.isEmpty else { throw Faults(list: faults) }
    }

    /// In the order of the file.
    public var entries: [Entry] {
        lines.compactMap { if case .entry(let entry) = $0 { entry } else { nil } }
    }

    /// The token with this text, whether it has expired or not.
    public func entry(of token: String) -> Entry? {
        let digest = APIToken.digest(of: token)
        return entries.first { $0.digest == digest }
    }

    /// Adds a token at the end.
    /// - Returns: false when the name is taken or none.
    public mutating func add(_ entry: Entry) -> Bool {
        guard TokenFile.isName(entry.name), !entries.contains(where: { $0.name == entry.name }) else { return false }
        lines.append(.entry(entry))
        return true
    }

    /// Takes a token out.
    /// - Returns: false when there is none of this name.
    public mutating func remove(_ name: String) -> Bool {
        let count = lines.count
        lines.removeAll { if case .entry(let entry) = $0 { entry.name == name } else { false } }
        return lines.count < count
    }

    /// The whole file.
    public var text: String {
        lines.map { line in
            switch line {
            case .entry(let entry): entry.line + "\n"
            case .other(let text): text + "\n"
            }
        }.joined()
    }

    /// 1 to 64 of `A-Z a-z 0-9 . _ -`.
    public static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private struct Problem: Error {
        let text: String
    }

    private static func entry(_ line: Substring) -> Result<Entry, Problem> {
        let parts = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5 else {
            return .failure(Problem(text: "expected name:role:digest:created:expires"))
        }
        guard isName(parts[0]) else { return .failure(Problem(text: "'\(parts[0])' is not a name")) }
        guard let role = Role(rawValue: parts[1]) else {
            return .failure(Problem(text: "'\(parts[1])' is neither read nor operate"))
        }
        guard parts[2].utf8.count == 64, parts[2].allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
            return .failure(Problem(text: "the digest is not 64 hexadecimal digits in lower case"))
        }
        guard let created = Int64(parts[3]), parts[4] == "-" || Int64(parts[4]) != nil else {
            return .failure(Problem(text: "created and expires are seconds since 1970"))
        }
        return .success(
            Entry(name: parts[0], role: role, digest: parts[2], created: created, expires: Int64(parts[4])))
    }
}
