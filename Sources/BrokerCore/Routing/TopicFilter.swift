/// The grammar of topic filters (MQTT 5.0 and 3.1.1, section 4.7; shared subscriptions: 5.0, section 4.8.2) over
/// borrowed bytes. Pure functions, callable on any thread. UTF-8 validity is the codec's part and not checked again.
public enum TopicFilter {
    static let slash = UInt8(ascii: "/")
    static let plus = UInt8(ascii: "+")
    static let hash = UInt8(ascii: "#")
    static let dollar = UInt8(ascii: "$")
    private static let sharePrefix: StaticString = "$share/"

    /// A filter as SUBSCRIBE names it, split into its parts. Borrows the bytes it was parsed from.
    public struct Parsed {
        /// The share name of `$share/{name}/{filter}`; nil for an ordinary subscription.
        public let shareName: UnsafeRawBufferPointer?
        /// The filter that is matched against topics: without the `$share/{name}/` prefix.
        public let filter: UnsafeRawBufferPointer
        /// Whether `filter` contains `+` or `#`.
        public let hasWildcard: Bool
    }

    /// Checks a filter (without `$share/` prefix) against the grammar.
    /// - Parameter maximumLevels: the configured limit of levels, at least 1 (`a/b` has two).
    /// - Returns: the first rule it breaks, or nil when it is valid.
    public static func validate(_ filter: UnsafeRawBufferPointer, maximumLevels: Int) -> TopicFilterError? {
        guard !filter.isEmpty else { return .empty }
        var levels = 1
        var isFirstOfLevel = true
        for index in filter.indices {
            let byte = filter[index]
            let isLast = index == filter.endIndex - 1
            switch byte {
            case 0:
                return .containsNUL(offset: index)
            case hash where !isFirstOfLevel || !isLast:
                return .misplacedMultiLevelWildcard(offset: index)
            case plus where !isFirstOfLevel || !(isLast || filter[index + 1] == slash):
                return .misplacedSingleLevelWildcard(offset: index)
            case slash:
                levels += 1
                guard levels <= maximumLevels else { return .tooManyLevels(maximum: maximumLevels) }
            default:
                break
            }
            isFirstOfLevel = byte == slash
        }
        return nil
    }

    /// Splits a filter of a SUBSCRIBE or UNSUBSCRIBE into share name and filter, and validates both.
    /// `$share` without a slash after it is an ordinary filter.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, maximumLevels: Int
    ) throws(TopicFilterError) -> Parsed {
        guard isShared(bytes) else {
            if let error = validate(bytes, maximumLevels: maximumLevels) { throw error }
            return Parsed(shareName: nil, filter: bytes, hasWildcard: hasWildcard(bytes))
        }
        let nameStart = sharePrefix.utf8CodeUnitCount
        var nameEnd = nameStart
        while nameEnd < bytes.count, bytes[nameEnd] != slash {
            switch bytes[nameEnd] {
            case 0: throw .containsNUL(offset: nameEnd)
            case plus, hash: throw .wildcardInShareName(offset: nameEnd)
            default: nameEnd += 1
            }
        }
        guard nameEnd > nameStart else { throw .emptyShareName }
        guard nameEnd + 1 < bytes.count else { throw .missingSharedFilter }
        let name = UnsafeRawBufferPointer(rebasing: bytes[nameStart..<nameEnd])
        let filter = UnsafeRawBufferPointer(rebasing: bytes[(nameEnd + 1)...])
        if let error = validate(filter, maximumLevels: maximumLevels) { throw error }
        return Parsed(shareName: name, filter: filter, hasWildcard: hasWildcard(filter))
    }

    /// Whether the bytes start with `$share/` [MQTT-4.8.2-1].
    public static func isShared(_ filter: UnsafeRawBufferPointer) -> Bool {
        let prefix = UnsafeRawBufferPointer(start: sharePrefix.utf8Start, count: sharePrefix.utf8CodeUnitCount)
        return filter.count >= prefix.count && filter.prefix(prefix.count).elementsEqual(prefix)
    }

    /// Whether a filter contains `+` or `#`. Topic names must not [MQTT-3.3.2-2].
    public static func hasWildcard(_ filter: UnsafeRawBufferPointer) -> Bool {
        filter.contains { $0 == plus || $0 == hash }
    }

    /// The reference matcher: whether a valid filter (without `$share/` prefix) matches a topic name. Slow and
    /// simple; the subscription tree is tested against it. A filter that starts with a wildcard does not match a
    /// topic that starts with `$` [MQTT-4.7.2-1].
    public static func matches(filter: UnsafeRawBufferPointer, topic: UnsafeRawBufferPointer) -> Bool {
        guard let first = filter.first, let topicFirst = topic.first else { return false }
        if topicFirst == dollar, first == plus || first == hash { return false }
        var (f, t) = (0, 0)
        while f < filter.count {
            // Both stand at the beginning of a level.
            if filter[f] == hash { return true }
            if filter[f] == plus {
                f += 1
                while t < topic.count, topic[t] != slash { t += 1 }
            } else {
                while f < filter.count, filter[f] != slash {
                    guard t < topic.count, topic[t] == filter[f] else { return false }
                    f += 1
                    t += 1
                }
            }
            guard t == topic.count || topic[t] == slash else { return false }
            if f == filter.count { return t == topic.count }
            // `a/#` matches `a` too.
            if t == topic.count { return f + 2 == filter.count && filter[f + 1] == hash }
            f += 1
            t += 1
        }
        return t == topic.count
    }
}
