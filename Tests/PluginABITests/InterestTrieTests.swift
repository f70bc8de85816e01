import Testing

@testable import BrokerCore

/// The tree that matches interests says the same as the matching of one filter after the other.
@Suite struct InterestTrieTests {
    private static let filters = [
        "#", "+", "a", "a/#", "a/+", "a/b", "+/b", "+/+", "a/+/c", "a/b/#", "/", "/+", "+/", "$SYS/#", "$SYS/+", "a//b",
    ]
    private static let topics = [
        "a", "b", "a/b", "a/b/c", "a/x/c", "/", "/a", "a/", "$SYS", "$SYS/x", "$SYS/x/y", "a//b", "b/b",
    ]

    @Test("Every filter, every topic [MQTT-4.7.1-1][MQTT-4.7.2-1]", arguments: topics)
    func agrees(topic: String) {
        var trie = InterestTrie()
        for (bit, filter) in Self.filters.enumerated() { trie.insert(Array(filter.utf8), bit: 1 << UInt64(bit)) }
        let bytes = Array(topic.utf8)
        bytes.withUnsafeBytes { topic in
            let mask = trie.match(topic)
            for (bit, filter) in Self.filters.enumerated() {
                let expected = Array(filter.utf8).withUnsafeBytes { TopicFilter.matches(filter: $0, topic: topic) }
                #expect((mask & 1 << UInt64(bit) != 0) == expected, "\(filter)")
            }
        }
    }
}
