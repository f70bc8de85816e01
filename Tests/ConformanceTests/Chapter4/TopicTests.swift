import MQTTCodec
import Testing

/// Section 4.7: topic names and topic filters.
@Suite struct TopicTests {
    /// Filters of section 4.7 and topics that they do, or do not, match.
    private static let matches: [(filter: String, topic: String, matches: Bool)] = [
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/tennis/player1/#", "sport/tennis/player12", false),
        ("sport/#", "sport", true), ("sport/#", "sport/", true), ("sport/#", "sports", false),
        ("sport/tennis/+", "sport/tennis/player1", true), ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false), ("sport/+", "sport/", true), ("+/tennis/#", "sport/tennis", true),
        ("sport/+/player1", "sport/tennis/player1", true), ("sport/+/player1", "sport/player1", false),
        ("#", "any/thing", true), ("#", "/", true), ("+", "finance", true), ("+", "/finance", false),
        ("/+", "/finance", true), ("+/+", "/finance", true), ("+/+/#", "a/b", true), ("+/#", "a", true),
        ("a/+/c", "a//c", true), ("+/+/+", "//", true),
    ]

    @Test(
        """
        # matches the parent and everything below, + exactly one level [MQTT-4.7.1-1][MQTT-4.7.1-2]\
        [v3 MQTT-4.7.1-2][v3 MQTT-4.7.1-3]
        """, arguments: Wire.all)
    func wildcards(wire: Wire) throws {
        let stage = try Stage(wire, .alone)
        let publisher = try stage.connect("publisher")
        for (number, (filter, topic, isMatch)) in Self.matches.enumerated() {
            let client = try stage.connect("\(number)")
            #expect(try client.subscribe(filter) == .grantedQoS0, "\(filter)")
            try publisher.publish(topic)
            if isMatch {
                #expect(try client.takeMessage().topic == topic.bytes, "\(filter) and \(topic)")
            } else {
                try client.expectNothing()
            }
            try client.disconnect()
        }
    }

    @Test(
        "A wildcard in the wrong place is no filter [MQTT-4.7.1-1][MQTT-4.7.1-2][v3 MQTT-4.7.1-2][v3 MQTT-4.7.1-3]",
        arguments: Wire.all)
    func misplacedWildcards(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        for filter in [
            "sport/tennis#", "sport/tennis/#/ranking", "#/", "##", "#a", "sport+", "+sport", "a/+b/c", "++", "a/b+/c",
            "/+#", "+#",
        ] {
            #expect(try client.subscribe(stage.topic(filter)) == wire.version.filterRefused, "\(filter)")
        }
        // A level that only contains the other characters is fine.
        #expect(try client.subscribe(stage.topic("+/+/#")) == .grantedQoS0)
    }

    @Test(
        "A topic name with a wildcard ends the connection [MQTT-4.7.0-1][v3 MQTT-4.7.1-1]", arguments: Wire.all)
    func wildcardInName(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("#"), qos: 2)
        for (number, name) in ["a/+", "a/#", "a+b", "#", "a#/b"].enumerated() {
            for qos: UInt8 in 0...2 {
                let client = try stage.connect("\(number) \(qos)")
                client.send(.message(stage.topic(name), "x", qos: qos, packetID: 1))
                try client.expectEnd(.protocolError)
            }
        }
        try watcher.expectNothing()
    }

    @Test(
        "Topic names and filters are not empty [MQTT-4.7.3-1][v3 MQTT-4.7.3-1]", arguments: Wire.all)
    func empty(wire: Wire) throws {
        let stage = try Stage(wire)
        let packets: [Packet] = [
            .message("", "x", qos: 0, packetID: 0),
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: [])])),
            .unsubscribe(Unsubscribe(packetID: 1, filters: [[]])),
        ]
        for (number, packet) in packets.enumerated() {
            let client = try stage.connect("\(number)")
            client.send(packet)
            try client.expectEnd(.protocolError)
        }
        // One character is enough, also if it is a slash.
        let alone = try Stage(wire, .alone)
        let client = try alone.connect()
        try client.subscribe("/")
        try client.publish(expecting: "/")
    }

    @Test(
        "Topic names and filters have no U+0000 [MQTT-4.7.3-2][v3 MQTT-4.7.3-2]", arguments: Wire.all)
    func noNull(wire: Wire) throws {
        let stage = try Stage(wire)
        let packets: [Packet] = [
            .message("a\0b", "x", qos: 0, packetID: 0),
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: "a/\0".bytes)])),
            .unsubscribe(Unsubscribe(packetID: 1, filters: ["\0".bytes])),
        ]
        for (number, packet) in packets.enumerated() {
            let client = try stage.connect("\(number)")
            client.send(packet)
            try client.expectEnd(.malformedPacket)
        }
    }

    @Test(
        "Topics are compared byte by byte, nothing is normalized [MQTT-4.7.3-4][v3 MQTT-4.7.3-4]", arguments: Wire.all)
    func noNormalization(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        // Each stands for itself and none for another, though people might take some for the same.
        let names = [
            "Accounts", "ACCOUNTS", "accounts", "accounts/", "/accounts", "accounts//", "accounts payable",
            "accounts  payable", " accounts", "caf\u{E9}", "cafe\u{301}", "\u{FB01}n", "fin", "\u{FEFF}accounts",
            "a/../b",
            "b", "a/./b", "a/b", "%61/b",
        ]
        for name in names {
            try client.subscribe(stage.topic(name))
            for other in names where other.bytes != name.bytes { try client.publish(stage.topic(other)) }
            try client.publish(expecting: stage.topic(name))
            try client.unsubscribe(stage.topic(name))
        }
    }
}
