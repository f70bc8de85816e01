public import PositionedYAML

/// One setting a plugin declares in its descriptor, so that its configuration can be checked and documented without
/// running its code.
public struct DeclaredKey: Hashable, Sendable {
    /// Types of settings; the raw values are those of `HL_TEXT` and its neighbours in hookline/config.h.
    public enum ValueType: UInt64, CaseIterable, Hashable, Sendable {
        case text = 1
        case boolean = 2
        case integer = 3
        case number = 4
        case duration = 5
        case size = 6
        case path = 7
        case topic = 8
        case filter = 9
        /// Text that is masked wherever it is shown; `NAME_file` names a file that holds it.
        case secret = 10
        /// A list of anything.
        case list = 11
        /// A mapping of anything.
        case map = 12
        case any = 13

        /// As documentation names it.
        public var name: String { "\(self)" }
    }

    /// Key in `config`.
    public var name: String
    /// What its value must be.
    public var type: ValueType
    /// No default; must be given.
    public var isRequired: Bool
    /// As it would be typed; nil = none.
    public var defaultText: String?
    /// One line for people.
    public var help: String

    /// A declaration, as a descriptor gives it.
    public init(name: String, type: ValueType, isRequired: Bool = false, defaultText: String? = nil, help: String = "")
    {
        self.name = name
        self.type = type
        self.isRequired = isRequired
        self.defaultText = defaultText
        self.help = help
    }
}

/// The value of a declared key, read as its type.
public enum PluginValue: Hashable, Sendable {
    case text(String)
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case duration(Duration)
    /// Bytes.
    case size(Int)
    /// Absolute.
    case path(String)
    /// A valid topic name.
    case topic(String)
    /// A valid topic filter.
    case filter(String)
    /// Masked wherever it is shown.
    case secret(String)
    /// A list, a mapping, or anything: as written.
    case tree(YAMLNode)
}
