import MQTTCodec

/// Requests of more than one part, and packets whose every field the case chooses.
extension Peer {
    /// Sends all of these in one piece.
    func send(all packets: [Packet]) { send(bytes: packets.flatMap { $0.encode(version: version) }) }

    /// Subscribes to all of these in one SUBSCRIBE; returns the codes of its SUBACK.
    @discardableResult
    func subscribe(all subscriptions: [Subscription], line: UInt = #line) throws -> [ReasonCode] {
        let packetID = freePacketID()
        send(.subscribe(Subscribe(packetID: packetID, subscriptions: subscriptions)))
        let answer = try expect(\.suback, line: line)
        guard answer.packetID == packetID else { throw Unmet("not the SUBACK: \(answer)", line: line) }
        return answer.reasons
    }

    /// Unsubscribes in one UNSUBSCRIBE; returns the codes of its UNSUBACK, of which 3.1.1 has none.
    @discardableResult
    func unsubscribe(_ filters: String..., line: UInt = #line) throws -> [ReasonCode] {
        let packetID = freePacketID()
        send(.unsubscribe(Unsubscribe(packetID: packetID, filters: filters.map(\.bytes))))
        let answer = try expect(\.unsuback, line: line)
        guard answer.packetID == packetID else { throw Unmet("not the UNSUBACK: \(answer)", line: line) }
        return answer.reasons
    }

    /// The next messages have these payloads, in this order; each is acknowledged as its QoS wants, to the end.
    @discardableResult
    func takeMessages(_ payloads: [String], line: UInt = #line) throws -> [Publish] {
        var messages: [Publish] = []
        var open = 0
        while messages.count < payloads.count || open > 0 {
            let packet = try next(line: line)
            guard acknowledge(packet) else { throw Unmet("came instead of a message: \(packet)", line: line) }
            if let message = packet.publish {
                messages.append(message)
                open += message.qos == 2 ? 1 : 0
            } else {
                open -= 1
            }
        }
        guard messages.map(\.payload.text) == payloads else {
            throw Unmet("\(messages.map(\.payload.text)) came instead of \(payloads)", line: line)
        }
        return messages
    }

    /// The messages that have come so far, each acknowledged as its QoS wants.
    func takeMessagesSoFar(line: UInt = #line) throws -> [Publish] {
        var messages: [Publish] = []
        // Two rounds: the first PINGRESP may overtake what another event loop hands over.
        for _ in 0..<2 {
            send(.pingreq)
            while case let packet = try next(line: line), packet != .pingresp {
                guard acknowledge(packet) else { throw Unmet("came instead of a message: \(packet)", line: line) }
                if let message = packet.publish { messages.append(message) }
            }
        }
        return messages
    }

    /// Sends what a receiver answers to PUBLISH or PUBREL. False: it is neither.
    private func acknowledge(_ packet: Packet) -> Bool {
        switch packet {
        case .publish(let message):
            if message.qos == 1 { send(.puback(Ack(packetID: message.packetID))) }
            if message.qos == 2 { send(.pubrec(Ack(packetID: message.packetID))) }
        case .pubrel(let release): send(.pubcomp(Ack(packetID: release.packetID)))
        default: return false
        }
        return true
    }

    /// Everything that still comes, until the broker has closed the connection.
    func takeUntilClosed(line: UInt = #line) throws -> [Packet] {
        var packets: [Packet] = []
        while let packet = try? next(line: line) { packets.append(packet) }
        try expectClose(line: line)
        return packets
    }
}

extension Packet {
    /// A PUBLISH with a packet identifier of the case's choice.
    static func message(
        _ topic: String, _ payload: String, qos: UInt8, packetID: UInt16, dup: Bool = false
    ) -> Packet {
        var packet = Publish(topic: topic.bytes, payload: payload.bytes, qos: qos)
        packet.packetID = packetID
        packet.dup = dup
        return .publish(packet)
    }

    /// The bytes of the packet with other flags in the fixed header.
    func encode(version: ProtocolVersion, flags: UInt8) -> [UInt8] {
        var bytes = encode(version: version)
        bytes[0] = bytes[0] & 0xF0 | flags
        return bytes
    }
}

extension ProtocolVersion {
    /// What SUBACK says of a filter that is not one.
    var filterRefused: ReasonCode { self == .v5_0 ? .topicFilterInvalid : .unspecifiedError }
}

extension Wire {
    /// The cases that are about sockets.
    static let tcp = all.filter { $0.carrier == .tcp }
}
