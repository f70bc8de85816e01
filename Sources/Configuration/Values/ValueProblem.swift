/// Why a text is not a value of the type a setting wants. Carries what to write instead.
public enum ValueProblem: Error, Hashable, Sendable, CustomStringConvertible {
    case notABoolean(String, suggestion: String?)
    case notAnInteger(String)
    case notANumber(String)
    case notASize(String, suggestion: String?)
    case notADuration(String, suggestion: String?)
    case notARate(String, suggestion: String?)
    case notOneOf(String, choices: [String], nearest: String?)
    case outOfRange(String, low: String, high: String)
    case notWholeSeconds(String)
    case notAURL(String, reason: String)
    case notAnAddressRange(String)
    case notATopic(String, reason: String)
    case notAFilter(String, reason: String)
    /// A NUL, at which the system's interfaces would cut the text off.
    case holdsNull
    /// A list or mapping (or nothing) where one value belongs; the text says what was found and what belongs there.
    case wrongShape(found: String, expected: String)

    /// The sentence for a person, without the place.
    public var description: String {
        switch self {
        case .notABoolean(let text, let suggestion):
            "'\(text)' is not a boolean; write \(suggestion ?? "true or false")"
        case .notAnInteger(let text): "'\(text)' is not a whole number"
        case .notANumber(let text): "'\(text)' is not a number"
        case .notASize(let text, let suggestion):
            suggestion.map { "'\(text)' is not a size; write \($0) or a plain number of bytes" }
                ?? "'\(text)' is not a size; write a number with B, KiB, MiB or GiB, or a plain number of bytes"
        case .notADuration(let text, let suggestion):
            "'\(text)' is not a duration; write \(suggestion ?? "a number with ms, s, m, h or d")"
        case .notARate(let text, let suggestion):
            "'\(text)' is not a rate; write \(suggestion ?? "a number per s, m or h, such as 100/s, or unlimited")"
        case .notOneOf(let text, let choices, let nearest):
            "'\(text)' is not one of \(choices.joined(separator: ", "))"
                + (nearest.map { "; nearest is '\($0)'" } ?? "")
        case .outOfRange(let text, let low, let high): "'\(text)' is out of range; allowed is \(low) to \(high)"
        case .notWholeSeconds(let text): "'\(text)' is not a whole number of seconds, which MQTT counts in here"
        case .notAURL(let text, let reason): "'\(text)' is not a listener URL: \(reason)"
        case .notAnAddressRange(let text):
            "'\(text)' is not an address; write one such as 10.0.0.7, ::1 or 10.0.0.0/8"
        case .notATopic(let text, let reason): "topic '\(text)': \(reason)"
        case .notAFilter(let text, let reason): "filter '\(text)': \(reason)"
        case .holdsNull: "the value holds a null character (\\0); remove it"
        case .wrongShape(let found, let expected): "expected \(expected), found \(found)"
        }
    }
}
