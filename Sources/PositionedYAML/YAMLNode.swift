/// One value of a YAML file and the place where it starts.
public struct YAMLNode: Hashable, Sendable {
    /// What a node holds. Order of lists and mappings is the order of the file.
    public enum Content: Hashable, Sendable {
        /// Text, and how it was written.
        case scalar(String, YAMLScalarStyle)
        /// A list.
        case sequence([YAMLNode])
        /// Keys and values; a key occurs once.
        case mapping([YAMLEntry])
    }

    /// Where the value starts (for a block mapping: its first key).
    public var position: SourcePosition
    /// The value.
    public var content: Content

    /// A node made by hand; the parser makes all others.
    public init(_ content: Content, at position: SourcePosition) {
        self.content = content
        self.position = position
    }
}

/// How a scalar was written. Only a plain one may be a boolean, a number or null; quoted ones are text.
public enum YAMLScalarStyle: Hashable, Sendable {
    case plain, singleQuoted, doubleQuoted, literal, folded
}

/// A key and its value.
public struct YAMLEntry: Hashable, Sendable {
    /// The key's text; keys are always plain text here.
    public var name: String
    /// Where the key starts.
    public var position: SourcePosition
    /// What stands behind the key.
    public var value: YAMLNode

    /// An entry made by hand; the parser makes all others.
    public init(name: String, position: SourcePosition, value: YAMLNode) {
        self.name = name
        self.position = position
        self.value = value
    }
}

// Reading a node as one of the types of the YAML 1.2 core schema.
extension YAMLNode {
    /// Text of a scalar that is not null, however it was written; nil for lists, mappings and null.
    public var text: String? {
        guard case .scalar(let text, _) = content, !isNull else { return nil }
        return text
    }

    /// True for `key:` without a value, `~` and `null`.
    public var isNull: Bool {
        guard case .scalar(let text, .plain) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// `true` or `false`, written plain; nil for everything else, in particular for `yes`, `on` and `"true"`.
    public var boolean: Bool? {
        switch content {
        case .scalar("true", .plain): true
        case .scalar("false", .plain): false
        default: nil
        }
    }

    /// A plain decimal, `0x` or `0o` integer; nil for everything else and outside Int64.
    public var integer: Int64? {
        guard case .scalar(let text, .plain) = content else { return nil }
        if text.hasPrefix("0x") { return text.dropFirst(2).first == "-" ? nil : Int64(text.dropFirst(2), radix: 16) }
        if text.hasPrefix("0o") { return text.dropFirst(2).first == "-" ? nil : Int64(text.dropFirst(2), radix: 8) }
        return Int64(text)
    }

    /// Members of a list, nil for anything else.
    public var elements: [YAMLNode]? {
        guard case .sequence(let elements) = content else { return nil }
        return elements
    }

    /// Entries of a mapping in the order of the file, nil for anything else.
    public var entries: [YAMLEntry]? {
        guard case .mapping(let entries) = content else { return nil }
        return entries
    }

    /// Value of a key; nil when there is no such key or this is no mapping.
    public subscript(key: String) -> YAMLNode? {
        entries?.first { $0.name == key }?.value
    }

    /// What this is, as the middle of a sentence: "a list", "a mapping", "empty", "'text'".
    public var summary: String {
        switch content {
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .scalar(let text, _): isNull ? "empty" : "'\(text)'"
        }
    }
}
