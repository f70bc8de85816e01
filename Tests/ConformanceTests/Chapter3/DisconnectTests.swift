import MQTTCodec
import Testing

/// Sections 3.12 to 3.14: PINGREQ, PINGRESP and DISCONNECT.
@Suite struct DisconnectTests {
    @Test("PINGREQ is answered with PINGRESP [MQTT-3.12.4-1][v3 MQTT-3.12.4-1]", arguments: Wire.all)
    func ping(wire: Wire) throws {
        let client = try Stage(wire).connect()
        for _ in 0..<3 {
            client.send(.pingreq)
            try client.expect(bytes: [0xD0, 0])
        }
        client.send(.pingreq, .pingreq)
        for _ in 0..<2 { try client.expect(bytes: [0xD0, 0]) }
    }

    @Test("No DISCONNECT before a CONNACK that accepts [MQTT-3.14.0-1]", arguments: Wire.v5)
    func notBeforeConnack(wire: Wire) throws {
        let stage = try Stage(wire)
        let connect = Packet.connect(stage.connectPacket())
        let refused = Packet.connect(stage.connectPacket { $0.properties.authenticationMethod = "nobody's".bytes })
        let starts: [[UInt8]] = [
            Packet.pingreq.encode(version: .v5_0),
            Packet.disconnect(Disconnect()).encode(version: .v5_0),
            connect.encode(version: .v5_0, flags: 0b0001),
            connect.encode(version: .v5_0).dropLast(),
            refused.encode(version: .v5_0) + Packet.pingreq.encode(version: .v5_0),
        ]
        for bytes in starts {
            let peer = try stage.open(sending: bytes)
            peer.send(bytes: [0xFF])
            let answers = try peer.takeUntilClosed()
            #expect(answers.allSatisfy { $0.connack?.reason.isError == true }, "\(bytes)")
        }
    }

    @Test(
        "Reserved bits end the connection, and the will is published [MQTT-3.14.1-1][v3 MQTT-3.14.1-1]",
        arguments: Wire.all)
    func flags(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("will"))
        for flags: UInt8 in [0b0001, 0b0010, 0b1000] {
            let client = try stage.connect("\(flags)") { $0.will = Will(topic: stage.topic("will").bytes) }
            client.send(bytes: Packet.disconnect(Disconnect()).encode(version: wire.version, flags: flags))
            try client.expectEnd(.malformedPacket)
            #expect(try watcher.takeMessage().topic == stage.topic("will").bytes)
        }
    }

    @Test("Only the reason codes of the table are used, and taken [MQTT-3.14.2-1]", arguments: Wire.v5)
    func reasonCodes(wire: Wire) throws {
        let stage = try Stage(wire)
        // 0x87 and 0x8E are a Server's; 0x01 and 0xFF are nobody's.
        for code: UInt8 in [0x01, 0x05, 0x87, 0x8E, 0xFF] {
            let client = try stage.connect("\(code)")
            client.send(.disconnect(Disconnect(reason: ReasonCode(rawValue: code))))
            try client.expectEnd(.protocolError)
        }
        for fault in Fault.allCases {
            let client = try stage.connect("\(fault)")
            client.send(bytes: fault.bytes)
            let farewell = try #require(try client.takeUntilClosed().last?.disconnect)
            #expect(farewell.reason == fault.reason && farewell.reason.isAllowed(in: .disconnect, from: .fromServer))
        }
    }

    @Test("The broker's DISCONNECT has no Session Expiry Interval [MQTT-3.14.2-2]", arguments: Wire.v5)
    func noSessionExpiry(wire: Wire) throws {
        let stage = try Stage(wire)
        for fault in Fault.allCases {
            let client = try stage.connect("\(fault)", .kept)
            client.send(bytes: fault.bytes)
            let farewell = try #require(try client.takeUntilClosed().last?.disconnect)
            #expect(farewell.properties.sessionExpiryInterval == nil)
        }
        let first = try stage.connect("twice", .kept)
        _ = try stage.connect("twice", .kept)
        #expect(try first.expectEnd(.sessionTakenOver)?.properties.sessionExpiryInterval == nil)
    }

    @Test(
        "It goes without what would make it too large for the client [MQTT-3.14.2-3][MQTT-3.14.2-4]",
        arguments: Wire.v5)
    func size(wire: Wire) throws {
        let stage = try Stage(wire)
        // The smallest limit with which CONNACK still fits.
        let limit = try stage.connect("probe").lastFrame.count
        for fault in Fault.allCases {
            let generous = try stage.connect("generous \(fault)")
            generous.send(bytes: fault.bytes)
            let farewell = try #require(try generous.takeUntilClosed().last?.disconnect)
            #expect(farewell.properties.reasonString != nil, "otherwise this case shows nothing")

            let narrow = try stage.connect("narrow \(fault)") { $0.properties.maximumPacketSize = UInt32(limit) }
            narrow.send(bytes: fault.bytes)
            #expect(try narrow.expect(\.disconnect).reason == fault.reason)
            #expect(narrow.lastFrame.count <= limit)
            try narrow.expectClose()
        }
    }

    @Test(
        """
        Nothing that follows DISCONNECT is taken, and the connection closes [MQTT-3.14.4-1][MQTT-3.14.4-2]\
        [v3 MQTT-3.14.4-2]
        """, arguments: Wire.all)
    func lastPacket(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("t"))
        let client = try stage.connect("client")
        client.send(
            .message(stage.topic("t"), "before", qos: 0, packetID: 0), .disconnect(Disconnect()),
            .message(stage.topic("t"), "after", qos: 0, packetID: 0), .pingreq)
        try client.expectClose()
        try watcher.takeMessages(["before"])
        try watcher.expectNothing()
        guard wire.version == .v5_0 else { return }
        // The broker's own DISCONNECT is its last packet, although a PINGREQ follows what it is about.
        let wrong = try stage.connect("wrong")
        wrong.send(bytes: Fault.malformed.bytes + Packet.pingreq.encode(version: .v5_0))
        try wrong.expectEnd(.malformedPacket)
    }

    @Test("A normal DISCONNECT discards the will [MQTT-3.14.4-3][v3 MQTT-3.14.4-3]", arguments: Wire.all)
    func discardsWill(wire: Wire) throws {
        let stage = try Stage(wire)
        let watcher = try stage.connect("watcher")
        try watcher.subscribe(stage.topic("will/+"))
        func withWill(_ name: String) throws -> Peer {
            try stage.connect(name) { $0.will = Will(topic: stage.topic("will/\(name)").bytes) }
        }
        try withWill("discarded").disconnect()
        try watcher.expectNothing()
        if wire.version == .v5_0 {
            // Any other reason leaves it in force.
            try withWill("kept").disconnect(.disconnectWithWill)
            #expect(try watcher.takeMessage().topic == stage.topic("will/kept").bytes)
        }
        // Discarded for good: the client's next connection has no will.
        try stage.connect("discarded").cut()
        try watcher.expectNothing()
    }
}

/// What a client can do wrong after it is connected, and what a 5.0 client is told.
enum Fault: CaseIterable {
    case malformed, reservedType, secondConnect, serverPacket, wildcardTopic, aliasZero, emptySubscribe, badAuth

    var bytes: [UInt8] {
        switch self {
        case .malformed: [0xC0, 1, 0]  // PINGREQ with a body.
        case .reservedType: [0x00, 0]
        case .secondConnect: Packet.connect(Connect(version: .v5_0, clientID: "second".bytes)).encode(version: .v5_0)
        case .serverPacket: Packet.pingresp.encode(version: .v5_0)
        case .wildcardTopic: Packet.message("a/#", "x", qos: 0, packetID: 0).encode(version: .v5_0)
        case .aliasZero: [0x30, 0x08, 0, 1, 0x61, 3, 0x23, 0, 0, 0x78]
        case .emptySubscribe:
            Packet.subscribe(Subscribe(packetID: 1, subscriptions: [])).encode(version: .v5_0)
        case .badAuth: Packet.auth(Auth(reason: .reAuthenticate)).encode(version: .v5_0)
        }
    }

    var reason: ReasonCode {
        switch self {
        case .malformed, .reservedType: .malformedPacket
        case .aliasZero: .topicAliasInvalid
        default: .protocolError
        }
    }
}
