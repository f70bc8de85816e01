/// What is wrong with a YAML file, and where.
public struct YAMLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of trouble. Everything YAML has and a settings file does not need is refused by name: it hides
    /// what a file means, or lets a small file grow without bound.
    public enum Problem: Hashable, Sendable {
        /// Not YAML; in the parser's words.
        case syntax(String)
        /// The file is not UTF-8, or holds control characters.
        case encoding(String)
        /// More bytes than allowed.
        case tooLarge(limit: Int)
        /// Lists and mappings nested deeper than allowed.
        case tooDeep(limit: Int)
        /// More values than allowed.
        case tooManyNodes(limit: Int)
        /// The same key twice in one mapping.
        case duplicateKey(String, first: SourcePosition)
        /// A list or mapping as a key.
        case keyIsNotText
        /// `&name`
        case anchor(String)
        /// `*name`
        case alias(String)
        /// `!tag`
        case tag(String)
        /// `<<:`
        case mergeKey
        /// `---` a second time.
        case secondDocument
    }

    /// Where.
    public var position: SourcePosition
    /// What.
    public var problem: Problem

    /// An error at a place.
    public init(_ problem: Problem, at position: SourcePosition) {
        self.problem = problem
        self.position = position
    }

    /// `file:line:column: what is wrong`
    public var description: String { "\(position): \(message)" }

    /// What is wrong, without the place.
    public var message: String {
        switch problem {
        case .syntax(let words): "not valid YAML: \(words)"
        case .encoding(let words): "not valid UTF-8 text: \(words)"
        case .tooLarge(let limit): "the file is larger than \(limit) bytes"
        case .tooDeep(let limit): "nested deeper than \(limit) levels"
        case .tooManyNodes(let limit): "more than \(limit) values in one file"
        case .duplicateKey(let key, let first):
            "duplicate key '\(key)'; it already stands in line \(first.line)"
        case .keyIsNotText: "a key must be plain text, not a list, a mapping or nothing"
        case .anchor(let name): "anchors ('&\(name)') are not supported; write the value where it is needed"
        case .alias(let name): "aliases ('*\(name)') are not supported; write the value here"
        case .tag(let name): "tags ('\(name)') are not supported; write the value without one"
        case .mergeKey: "merge keys ('<<') are not supported; write the keys here"
        case .secondDocument: "a second document begins here; one file holds one document"
        }
    }
}

/// All that is wrong with one YAML file; never empty.
public struct YAMLErrors: Error, Hashable, Sendable, CustomStringConvertible {
    /// In the order of the file.
    public var all: [YAMLError]

    /// At least one error.
    public init(_ all: [YAMLError]) {
        precondition(!all.isEmpty, "an error list says at least one thing")
        self.all = all
    }

    /// One line each.
    public var description: String { all.map(\.description).joined(separator: "\n") }
}
