/// Why a topic filter of a SUBSCRIBE or UNSUBSCRIBE is refused. Each case names the rule it breaks.
public enum TopicFilterError: Error, Equatable, Sendable {
    /// A filter has at least one character [MQTT-4.7.3-1].
    case empty
    /// A filter has no NUL character [MQTT-4.7.3-2].
    case containsNUL(offset: Int)
    /// `#` is the last character and stands alone in its level [MQTT-4.7.1-1].
    case misplacedMultiLevelWildcard(offset: Int)
    /// `+` stands alone in its level [MQTT-4.7.1-2].
    case misplacedSingleLevelWildcard(offset: Int)
    /// More levels than the configured limit.
    case tooManyLevels(maximum: Int)
    /// More bytes than the configured limit.
    case tooLong(maximum: Int)
    /// `$share/` without a share name [MQTT-4.8.2-1].
    case emptyShareName
    /// `+` or `#` in the share name [MQTT-4.8.2-2].
    case wildcardInShareName(offset: Int)
    /// `$share/{name}` without a `/` and a filter after it [MQTT-4.8.2-2].
    case missingSharedFilter
}

extension TopicFilterError: CustomStringConvertible {
    /// One sentence for a person: what is wrong, where, and the statement that says so. Offsets are bytes from 0.
    public var description: String {
        switch self {
        case .empty:
            "the topic filter is empty; it needs at least one character [MQTT-4.7.3-1]"
        case .containsNUL(let offset):
            "the topic filter has a NUL character at byte \(offset); remove it [MQTT-4.7.3-2]"
        case .misplacedMultiLevelWildcard(let offset):
            "'#' at byte \(offset) must be the last character and alone in its level [MQTT-4.7.1-1]"
        case .misplacedSingleLevelWildcard(let offset):
            "'+' at byte \(offset) must be alone in its level [MQTT-4.7.1-2]"
        case .tooManyLevels(let maximum):
            "the topic filter has more than \(maximum) levels; shorten it or raise the limit"
        case .tooLong(let maximum):
            "the topic filter has more than \(maximum) bytes; shorten it or raise the limit"
        case .emptyShareName:
            "'$share/' must be followed by a share name [MQTT-4.8.2-1]"
        case .wildcardInShareName(let offset):
            "the share name has a wildcard at byte \(offset); it cannot contain '+' or '#' [MQTT-4.8.2-2]"
        case .missingSharedFilter:
            "the share name must be followed by '/' and a topic filter [MQTT-4.8.2-2]"
        }
    }
}
