import MQTTCodec
import Testing

/// Section 4.8: shared subscriptions.
@Suite struct SharedSubscriptionTests {
    @Test(
        "A share name of at least one character, then a slash and a filter [MQTT-4.8.2-1][MQTT-4.8.2-2]",
        arguments: Wire.v5)
    func names(wire: Wire) throws {
        let stage = try Stage(wire)
        let client = try stage.connect()
        let topic = stage.topic("t")
        for filter in [
            "$share//\(topic)", "$share/", "$share/group", "$share/group/", "$share/gr+up/\(topic)",
            "$share/gr#up/\(topic)", "$share/+/\(topic)", "$share/#/\(topic)", "$share/group/\(topic)#",
        ] {
            #expect(try client.subscribe(filter) == .topicFilterInvalid, "\(filter)")
        }
        try client.publish(topic)
        // The shortest name, and a filter that begins with a slash of its own.
        #expect(try client.subscribe("$share/g/\(topic)") == .grantedQoS0)
        #expect(try client.subscribe("$share/g//\(topic)") == .grantedQoS0)
        try client.publish(expecting: topic)
        try client.publish(expecting: "/\(topic)")
    }

    @Test("Each member is sent messages at the QoS granted to it [MQTT-4.8.2-3]", arguments: Wire.v5)
    func grantedQoS(wire: Wire) throws {
        let stage = try Stage(wire)
        let publisher = try stage.connect("publisher")
        for qos: UInt8 in 0...2 {
            let member = try stage.connect("\(qos)")
            try member.subscribe("$share/group/\(stage.topic("t"))", qos: qos)
            // The others are gone: this one is chosen.
            for sent: UInt8 in 0...2 {
                try publisher.publish(stage.topic("t"), qos: sent)
                #expect(try member.takeMessage().qos == min(sent, qos))
            }
            try member.disconnect()
        }
    }

    @Test("Members of different QoS side by side: never above one's own [MQTT-4.8.2-3]", arguments: Wire.v5)
    func mixedQoS(wire: Wire) throws {
        let stage = try Stage(wire)
        let members = try (0...2).map { qos in
            let member = try stage.connect("\(qos)")
            try member.subscribe("$share/group/\(stage.topic("t"))", qos: UInt8(qos))
            return member
        }
        let publisher = try stage.connect("publisher")
        for _ in 0..<9 { try publisher.publish(stage.topic("t"), qos: 2) }
        var total = 0
        for (qos, member) in members.enumerated() {
            let messages = try member.takeMessagesSoFar()
            #expect(messages.allSatisfy { $0.qos == UInt8(qos) })
            total += messages.count
        }
        #expect(total == 9)
    }

    @Test("A QoS 2 message under way is completed with its member when it is back [MQTT-4.8.2-4]", arguments: Wire.v5)
    func completesWithMember(wire: Wire) throws {
        let stage = try Stage(wire)
        for released in [false, true] {
            let (first, second, message) = try Self.underWay(stage, "completes \(released)")
            if released {
                first.send(.pubrec(Ack(packetID: message.packetID)))
                try first.expect(\.pubrel)
            }
            first.cut()
            try second.expectNothing()
            let again = try stage.connect("completes \(released) first", .kept)
            if released {
                #expect(try again.expect(\.pubrel).packetID == message.packetID)
                again.send(.pubcomp(Ack(packetID: message.packetID)))
            } else {
                #expect(try again.takeMessage().packetID == message.packetID)
            }
            try again.expectNothing()
            try second.expectNothing()
        }
    }

    @Test("A QoS 2 message of a member whose session ends goes to no other [MQTT-4.8.2-5]", arguments: Wire.v5)
    func endsWithMember(wire: Wire) throws {
        let stage = try Stage(wire)
        for released in [false, true] {
            let (first, second, message) = try Self.underWay(stage, "ends \(released)")
            if released {
                first.send(.pubrec(Ack(packetID: message.packetID)))
                try first.expect(\.pubrel)
            }
            var farewell = Disconnect()
            farewell.properties.sessionExpiryInterval = 0
            first.send(.disconnect(farewell))
            try first.expectClose()
            #expect(try !stage.connect("ends \(released) first", .kept).greeting.sessionPresent)
            try second.expectNothing()
        }
    }

    @Test("What a member refuses goes to no other [MQTT-4.8.2-6]", arguments: Wire.v5)
    func refused(wire: Wire) throws {
        let stage = try Stage(wire)
        for qos: UInt8 in 1...2 {
            let (first, second, message) = try Self.underWay(stage, "refused \(qos)", qos: qos)
            let refusal = Ack(packetID: message.packetID, reason: .implementationSpecificError)
            first.send(qos == 1 ? .puback(refusal) : .pubrec(refusal))
            try first.expectNothing()
            // Not even when the session of the one that refused ends.
            var farewell = Disconnect()
            farewell.properties.sessionExpiryInterval = 0
            first.send(.disconnect(farewell))
            try first.expectClose()
            try second.expectNothing()
        }
    }

    /// Two members of a group; a message is on its way to the first.
    private static func underWay(
        _ stage: Stage, _ name: String, qos: UInt8 = 2
    ) throws -> (first: Peer, second: Peer, message: Publish) {
        let topic = stage.topic(name)
        let first = try stage.connect("\(name) first", .kept)
        try first.subscribe("$share/group/\(topic)", qos: qos)
        try stage.connect("\(name) publisher").publish(topic, qos: qos)
        let message = try first.expect(\.publish)
        let second = try stage.connect("\(name) second", .kept)
        try second.subscribe("$share/group/\(topic)", qos: qos)
        return (first, second, message)
    }
}
