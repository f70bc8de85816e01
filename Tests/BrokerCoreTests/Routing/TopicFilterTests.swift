import Testing

@testable import BrokerCore

@Suite struct TopicFilterTests {
    @Test(
        "Valid filters pass [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1]",
        arguments: [
            "#", "+", "a", "/", "//", "a/#", "a/+", "+/+", "/+", "+/", "+/#", "/#", "a/+/b/#", "$SYS/#", "a b/ü",
            "$share", "sport/+/player1",
        ])
    func valid(_ filter: String) {
        #expect(withBytes(filter) { TopicFilter.validate($0, maximumLevels: 16) } == nil)
    }

    @Test(
        "Invalid filters are refused with the rule they break",
        arguments: [
            ("", TopicFilterError.empty),
            ("a\0b", .containsNUL(offset: 1)),
            ("#/a", .misplacedMultiLevelWildcard(offset: 0)),
            ("a#", .misplacedMultiLevelWildcard(offset: 1)),
            ("a/#/b", .misplacedMultiLevelWildcard(offset: 2)),
            ("a/b#", .misplacedMultiLevelWildcard(offset: 3)),
            ("##", .misplacedMultiLevelWildcard(offset: 0)),
            ("#+", .misplacedMultiLevelWildcard(offset: 0)),
            ("a+", .misplacedSingleLevelWildcard(offset: 1)),
            ("+a", .misplacedSingleLevelWildcard(offset: 0)),
            ("a/+b/c", .misplacedSingleLevelWildcard(offset: 2)),
            ("++", .misplacedSingleLevelWildcard(offset: 0)),
            ("+#", .misplacedSingleLevelWildcard(offset: 0)),
            ("a/b/c/d/e", .tooManyLevels(maximum: 4)),
            ("////", .tooManyLevels(maximum: 4)),
        ])
    func invalid(_ filter: String, _ error: TopicFilterError) {
        #expect(withBytes(filter) { TopicFilter.validate($0, maximumLevels: 4) } == error)
    }

    @Test("A filter at the limit of levels passes")
    func levelsAtLimit() {
        #expect(withBytes("a/b/c/d") { TopicFilter.validate($0, maximumLevels: 4) } == nil)
    }

    @Test(
        "A shared subscription splits into share name and filter [MQTT-4.8.2-1] [MQTT-4.8.2-2]",
        arguments: [
            ("$share/g/a/+", "g", "a/+", true), ("$share/group one/a", "group one", "a", false),
            ("$share/g//a", "g", "/a", false), ("$share/g/#", "g", "#", true),
            ("$share/g/$SYS/x", "g", "$SYS/x", false), ("$share/$share/$share/x", "$share", "$share/x", false),
        ])
    func shared(_ bytes: String, _ name: String, _ filter: String, _ hasWildcard: Bool) throws {
        try withBytes(bytes) {
            let parsed = try TopicFilter.parse($0, maximumLevels: 8)
            #expect(parsed.shareName.map { String(decoding: $0, as: UTF8.self) } == name)
            #expect(String(decoding: parsed.filter, as: UTF8.self) == filter)
            #expect(parsed.hasWildcard == hasWildcard)
        }
    }

    @Test("Filters that only look shared are ordinary ones", arguments: ["$share", "$shared/g/a", "$SHARE/g/a", "a"])
    func ordinary(_ bytes: String) throws {
        try withBytes(bytes) {
            let parsed = try TopicFilter.parse($0, maximumLevels: 8)
            #expect(parsed.shareName == nil)
            #expect(parsed.filter.count == bytes.utf8.count)
        }
    }

    @Test(
        "Broken shared subscriptions are refused [MQTT-4.8.2-1] [MQTT-4.8.2-2]",
        arguments: [
            ("$share/", TopicFilterError.emptyShareName), ("$share//a", .emptyShareName),
            ("$share/g", .missingSharedFilter), ("$share/g/", .missingSharedFilter),
            ("$share/g+/a", .wildcardInShareName(offset: 8)), ("$share/#/a", .wildcardInShareName(offset: 7)),
            ("$share/g\0/a", .containsNUL(offset: 8)), ("$share/g/a#", .misplacedMultiLevelWildcard(offset: 1)),
        ])
    func brokenShared(_ bytes: String, _ error: TopicFilterError) {
        withBytes(bytes) { borrowed in
            _ = #expect(throws: error) { try TopicFilter.parse(borrowed, maximumLevels: 8) }
        }
    }

    @Test(
        "Matching follows the examples of section 4.7",
        arguments: [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true), ("#", "a/b/c", true), ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false), ("sport/+", "sport", false),
            ("sport/+", "sport/", true), ("+/+", "/finance", true), ("/+", "/finance", true),
            ("+", "/finance", false), ("ACCOUNTS", "Accounts", false), ("a/b", "a/b/", false), ("a", "a", true),
            ("a/#", "ab", false),
        ])
    func matching(_ filter: String, _ topic: String, _ expected: Bool) {
        #expect(withBytes(filter) { f in withBytes(topic) { TopicFilter.matches(filter: f, topic: $0) } } == expected)
    }

    @Test(
        "A leading wildcard does not match a topic that begins with $ [MQTT-4.7.2-1]",
        arguments: [
            ("#", "$SYS/x", false), ("+/monitor/Clients", "$SYS/monitor/Clients", false), ("+", "$SYS", false),
            ("$SYS/#", "$SYS/x", true), ("$SYS/+", "$SYS/x", true), ("a/#", "a/$b", true), ("a/+", "a/$b", true),
        ])
    func dollar(_ filter: String, _ topic: String, _ expected: Bool) {
        #expect(withBytes(filter) { f in withBytes(topic) { TopicFilter.matches(filter: f, topic: $0) } } == expected)
    }
}
