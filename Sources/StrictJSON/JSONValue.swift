/// A JSON value (RFC 8259), read from bytes that an attacker may have written: nothing is guessed, nothing is repaired,
/// and no depth or size takes more than its share of stack or memory.
public enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// A number without fraction and exponent that fits.
    case integer(Int64)
    /// Any other number.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The text of a string.
    public var text: String? { if case .string(let text) = self { text } else { nil } }
    /// The members of an array.
    public var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
    /// The members of an object.
    public var members: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
    /// A member of an object; nil when it has none of this name, and for everything that is no object.
    public subscript(name: String) -> JSONValue? { members?[name] }
}

/// Why bytes are not a JSON text.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: String, Hashable, Sendable {
        case unexpectedEnd = "the text ends too early"
        case unexpectedCharacter = "a character that cannot stand here"
        case tooDeep = "nested too deeply"
        case duplicateName = "a name that the object has already"
        case invalidNumber = "not a number that JSON has"
        case invalidString = "not a string that JSON has"
        case trailingText = "something stands behind the value"
    }

    /// What is wrong.
    public var problem: Problem
    /// In bytes, from 0.
    public var offset: Int

    /// "at byte 12: a name that the object has already"
    public var description: String { "at byte \(offset): \(problem.rawValue)" }
}
