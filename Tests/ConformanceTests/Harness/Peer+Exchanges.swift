import MQTTCodec

/// Whole exchanges, for cases that are about something else.
extension Peer {
    /// Subscribes to one filter and returns the code of the SUBACK.
    @discardableResult
    func subscribe(
        _ filter: String, qos: UInt8 = 0, line: UInt = #line,
        _ configure: (inout MQTTCodec.Subscription, inout Properties) -> Void = { _, _ in }
    ) throws -> ReasonCode {
        var subscription = Subscription(filter: filter.bytes, qos: qos)
        var properties = Properties()
        configure(&subscription, &properties)
        let packetID = freePacketID()
        send(.subscribe(Subscribe(packetID: packetID, subscriptions: [subscription], properties: properties)))
        let answer = try expect(\.suback, line: line)
        guard answer.packetID == packetID, answer.reasons.count == 1 else {
            throw Unmet("not the SUBACK: \(answer)", line: line)
        }
        return answer.reasons[0]
    }

    /// Publishes; returns when the broker has acknowledged the message (QoS 0: taken it in).
    func publish(
        _ topic: String, _ payload: String = "x", qos: UInt8 = 0, retain: Bool = false, line: UInt = #line,
        _ configure: (inout Publish) -> Void = { _ in }
    ) throws {
        var packet = Publish(topic: topic.bytes, payload: payload.bytes, qos: qos)
        packet.retain = retain
        packet.packetID = qos == 0 ? 0 : freePacketID()
        configure(&packet)
        send(.publish(packet))
        switch qos {
        case 0: try ping(line: line)
        case 1: try expect(\.puback, line: line)
        default:
            try expect(\.pubrec, line: line)
            send(.pubrel(Ack(packetID: packet.packetID)))
            try expect(\.pubcomp, line: line)
        }
    }

    /// The next packet is a message; it is acknowledged as its QoS wants.
    @discardableResult
    func takeMessage(line: UInt = #line) throws -> Publish {
        let message = try expect(\.publish, line: line)
        switch message.qos {
        case 0: break
        case 1: send(.puback(Ack(packetID: message.packetID)))
        default:
            send(.pubrec(Ack(packetID: message.packetID)))
            try expect(\.pubrel, line: line)
            send(.pubcomp(Ack(packetID: message.packetID)))
        }
        return message
    }

    /// Says good-bye; the broker has closed the connection.
    func disconnect(_ reason: ReasonCode = .normalDisconnection, line: UInt = #line) throws {
        send(.disconnect(Disconnect(reason: reason)))
        try expectClose(line: line)
    }
}

/// The content of a packet if it is of that kind, for ``Peer/expect(_:line:)``.
extension Packet {
    var connack: ConnAck? { if case .connack(let content) = self { content } else { nil } }
    var publish: Publish? { if case .publish(let content) = self { content } else { nil } }
    var puback: Ack? { if case .puback(let content) = self { content } else { nil } }
    var pubrec: Ack? { if case .pubrec(let content) = self { content } else { nil } }
    var pubrel: Ack? { if case .pubrel(let content) = self { content } else { nil } }
    var pubcomp: Ack? { if case .pubcomp(let content) = self { content } else { nil } }
    var suback: SubAck? { if case .suback(let content) = self { content } else { nil } }
    var unsuback: UnsubAck? { if case .unsuback(let content) = self { content } else { nil } }
    var pingresp: Void? { self == .pingresp ? () : nil }
    var disconnect: Disconnect? { if case .disconnect(let content) = self { content } else { nil } }
    var auth: Auth? { if case .auth(let content) = self { content } else { nil } }
}
