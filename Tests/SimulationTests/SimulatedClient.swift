import MQTTCodec

/// A client that keeps to the specification, over connections that do not last. Holds the client's half of the session
/// state [MQTT-4.1.0-1] and checks what every client can see by itself.
final class SimulatedClient {
    let number: Int
    let name: String
    let model: Model
    /// The connection it uses now.
    private(set) var link: SimulatedLink?
    /// CONNACK has come.
    private(set) var isOnline = false
    /// Messages sent at QoS 1 and 2 and not done with, oldest first.
    private(set) var outgoing: [Outgoing] = []
    /// QoS 2 messages received and not released.
    private var received: [UInt16: Int] = [:]
    private var nextPacketID: UInt16 = 1
    /// It has given up its half of the session, and no CONNACK has told it that the broker has as well.
    private(set) var mustStartClean = false
    /// What this connection knows.
    private var connection = ConnectionState()
    /// Clean Session 1 or a Session Expiry Interval of 0, as the broker has confirmed: nothing of it may be sent again
    /// later [MQTT-3.1.2-6 of 3.1.1, section 3.1.2.11.2 of 5.0].
    private var endsWithConnection = false
    /// What the application wrote down, for the trace.
    var trace: ((String) -> Void)?

    struct Outgoing {
        let packetID: UInt16
        let message: Int
        let packet: Publish
        var isReleased = false
    }

    /// What lives as long as one connection.
    private struct ConnectionState {
        var input: [UInt8] = []
        /// Acknowledgements the client has not sent yet, in order.
        var heldBack: [Packet] = []
        /// Packet identifiers of QoS 1 and 2 messages received here and not acknowledged to the end.
        var open: Set<UInt16> = []
        /// What the broker still owes, each in its own order [MQTT-4.6.0-2 ff].
        var expectedAcks: [PacketType: [UInt16]] = [:]
        var subscribes: [UInt16: [FilterPlan]] = [:]
        var unsubscribes: [UInt16: (filter: String, sentAt: Int)] = [:]
        var pings = 0
        var aliases: [UInt16: String] = [:]
        var serverReceiveMaximum = Int(UInt16.max)
        var serverAliasMaximum: UInt16 = 0
        var sentAliases: Set<UInt16> = []
        var isPresent = false
        /// Messages of earlier connections that go out again as the quota of this one allows, oldest first.
        var resending: [UInt16] = []
        /// Messages sent on this connection and not answered to the end.
        var unanswered: Int { [.puback, .pubrec, .pubcomp].reduce(0) { $0 + (expectedAcks[$1]?.count ?? 0) } }
    }

    init(number: Int, name: String, model: Model) {
        self.number = number
        self.name = name
        self.model = model
    }

    // MARK: Connecting

    /// Begins a connection; an older one is left to itself.
    func connect(_ link: SimulatedLink, will: Int?) {
        self.link = link
        isOnline = false
        connection = ConnectionState()
        let plan = link.plan
        var packet = Connect(version: plan.version, clientID: Array(name.utf8), keepAlive: plan.keepAlive)
        packet.cleanStart = plan.version == .v5_0 ? plan.cleanStart : plan.cleanStart || plan.expiry == 0
        if plan.version == .v5_0 {
            if plan.expiry > 0 { packet.properties.sessionExpiryInterval = plan.expiry }
            packet.properties.receiveMaximum = plan.receiveMaximum
            packet.properties.maximumPacketSize = plan.maximumPacketSize
            if plan.topicAliasMaximum > 0 { packet.properties.topicAliasMaximum = plan.topicAliasMaximum }
        }
        if let will, let planned = plan.will {
            var message = Will(
                topic: Array(planned.topic.utf8), payload: model.payload(of: will), qos: planned.qos,
                retain: planned.retain)
            if plan.version == .v5_0 {
                if plan.willDelay > 0 { message.properties.willDelayInterval = plan.willDelay }
                message.properties.messageExpiryInterval = planned.expiry
            }
            packet.will = message
        }
        if packet.cleanStart || endsWithConnection { forgetSession() }
        if packet.cleanStart { mustStartClean = true }
        endsWithConnection = false
        link.send(.connect(packet))
    }

    /// The connection is over for the client.
    func lose() {
        link = nil
        isOnline = false
        connection = ConnectionState()
    }

    private func forgetSession() {
        outgoing = []
        received = [:]
    }

    // MARK: Sending

    /// Whether packets may be sent: CONNACK has come, or no session of earlier days could matter.
    private var maySend: SimulatedLink? {
        guard let link, isOnline || link.plan.cleanStart, link.goodbye == nil else { return nil }
        return link
    }

    func publish(_ plan: PublishPlan) {
        guard let link = maySend, isOnline || plan.qos < 2 else { return }
        let version = link.plan.version
        if plan.qos > 0, version == .v5_0, outgoing.count >= connection.serverReceiveMaximum { return }
        let id = model.makeMessage(plan, publisher: number, version: version)
        var packet = Publish(
            topic: Array(plan.topic.utf8), payload: model.payload(of: id), qos: plan.qos, retain: plan.retain)
        if version == .v5_0 { packet.properties.messageExpiryInterval = plan.expiry }
        if plan.qos > 0 {
            packet.packetID = freePacketID()
            outgoing.append(Outgoing(packetID: packet.packetID, message: id, packet: packet))
            expect(plan.qos == 1 ? .puback : .pubrec, packet.packetID)
        }
        if plan.usesAlias, let alias = alias(of: plan.topic) {
            packet.properties.topicAlias = alias
            if !connection.sentAliases.insert(alias).inserted { packet.topic = [] }
        }
        model.messages[id].transmissions += 1
        link.send(.publish(packet), message: id)
    }

    private func alias(of topic: String) -> UInt16? {
        guard let index = StepMaker.topics.firstIndex(of: topic), index < Int(connection.serverAliasMaximum) else {
            return nil
        }
        return UInt16(index + 1)
    }

    func subscribe(_ plans: [FilterPlan], identifier: UInt32) {
        guard let link = maySend else { return }
        let isNew = link.plan.version == .v5_0
        let plans = plans.map { plan in
            var plan = plan
            if !isNew {
                (plan.noLocal, plan.retainAsPublished, plan.retainHandling) = (false, false, .send)
            }
            return plan
        }
        let packetID = freePacketID()
        var packet = Subscribe(
            packetID: packetID,
            subscriptions: plans.map {
                MQTTCodec.Subscription(
                    filter: Array($0.filter.utf8), qos: $0.qos, noLocal: $0.noLocal,
                    retainAsPublished: $0.retainAsPublished, retainHandling: $0.retainHandling)
            })
        if isNew, identifier > 0 { packet.properties.subscriptionIdentifiers = [identifier] }
        connection.subscribes[packetID] = plans
        model.subscribing(link, plans, identifier: identifier, packetID: packetID)
        link.send(.subscribe(packet))
    }

    func unsubscribe(_ filter: String) {
        guard let link = maySend else { return }
        let packetID = freePacketID()
        model.leaving(number, filter)
        connection.unsubscribes[packetID] = (filter, model.tick)
        link.send(.unsubscribe(Unsubscribe(packetID: packetID, filters: [Array(filter.utf8)])))
    }

    func ping() {
        guard let link = maySend, isOnline else { return }
        connection.pings += 1
        link.send(.pingreq)
    }

    func disconnect(keepsWill: Bool, expiry: UInt32?) {
        guard let link = maySend, isOnline else { return }
        var packet = Disconnect(reason: .normalDisconnection)
        var goodbye: (keepsWill: Bool, expiry: UInt32?) = (false, nil)
        if link.plan.version == .v5_0 {
            if keepsWill { packet.reason = .disconnectWithWill }
            if let expiry, link.plan.expiry > 0 { packet.properties.sessionExpiryInterval = expiry }
            goodbye = (keepsWill, link.plan.expiry > 0 ? expiry : nil)
        }
        link.goodbye = goodbye
        link.send(.disconnect(packet))
    }

    /// Sends up to `count` of the acknowledgements that were held back.
    func acknowledge(_ count: Int) {
        guard let link, link.goodbye == nil else { return }
        for packet in connection.heldBack.prefix(count) {
            switch packet {
            case .puback(let ack): connection.open.remove(ack.packetID)
            case .pubcomp(let ack): connection.open.remove(ack.packetID)
            default: break
            }
            link.send(packet)
        }
        connection.heldBack.removeFirst(min(count, connection.heldBack.count))
    }

    /// An identifier no exchange of this client uses.
    private func freePacketID() -> UInt16 {
        while true {
            let id = nextPacketID
            nextPacketID = nextPacketID == 200 ? 1 : nextPacketID + 1
            let isUsed =
                outgoing.contains { $0.packetID == id } || connection.subscribes[id] != nil
                || connection.unsubscribes[id] != nil
            if !isUsed { return id }
        }
    }

    private func expect(_ type: PacketType, _ id: UInt16) { connection.expectedAcks[type, default: []].append(id) }

    /// What the broker still owes on this connection.
    var isOwed: String? {
        guard link != nil else { return nil }
        if let type = connection.expectedAcks.first(where: { !$0.value.isEmpty }) { return "\(type)" }
        if !connection.subscribes.isEmpty { return "SUBACK" }
        if !connection.unsubscribes.isEmpty { return "UNSUBACK" }
        return connection.pings > 0 ? "PINGRESP" : (isOnline ? nil : "CONNACK")
    }
}

// MARK: - Receiving

extension SimulatedClient {
    /// Reads bytes from the connection.
    func read(_ bytes: [UInt8]) {
        connection.input += bytes
        while let link {
            let length = connection.input.withUnsafeBytes { bytes -> Int in
                guard let base = bytes.baseAddress,
                    case .frame(let length, _) = FrameScan.scan(base, count: bytes.count, maximumPacketSize: .max)
                else { return 0 }
                return length
            }
            guard length > 0 else { return }
            let frame = Array(connection.input.prefix(length))
            connection.input.removeFirst(length)
            let encoded = link.encodingTime(ofNext: length)
            do {
                let packet = try Packet.decode(frame, version: link.plan.version, role: .fromServer)
                trace?("    c\(number) <- \(packet.summary)")
                if let limit = link.plan.maximumPacketSize, link.plan.version == .v5_0, length > Int(limit) {
                    model.fail("maximum packet size", "c\(number) got \(length) bytes, its limit is \(limit)")
                }
                receive(packet, on: link, encoded: encoded)
            } catch {
                model.fail("malformed", "c\(number) was sent what no client may be sent: \(error)")
                return
            }
        }
    }

    private func receive(_ packet: Packet, on link: SimulatedLink, encoded: (earliest: Int64, latest: Int64)) {
        if case .connack(let answer) = packet {
            receiveConnAck(answer, link)
            return
        }
        guard isOnline else {
            model.fail("CONNACK", "c\(number) got \(packet.type) before CONNACK [MQTT-3.2.0-1]")
            return
        }
        switch packet {
        case .publish(let publish): receivePublish(publish, link, encoded)
        case .puback(let ack):
            checkNext(.puback, ack.packetID)
            if let index = outgoing.firstIndex(where: { $0.packetID == ack.packetID && $0.packet.qos == 1 }) {
                model.acknowledged(outgoing.remove(at: index).message, ack.reason)
            }
            resend(link)
        case .pubrec(let ack): receivePubRec(ack, link)
        case .pubrel(let ack):
            received[ack.packetID] = nil
            answer(.pubcomp(Ack(packetID: ack.packetID)), link)
        case .pubcomp(let ack):
            checkNext(.pubcomp, ack.packetID)
            outgoing.removeAll { $0.packetID == ack.packetID }
            resend(link)
        case .suback(let answer):
            guard let filters = connection.subscribes.removeValue(forKey: answer.packetID) else {
                model.fail("SUBACK", "c\(number) got one for \(answer.packetID)")
                return
            }
            model.subscribed(link, packetID: answer.packetID, answer.reasons, filters: filters)
        case .unsuback(let answer):
            guard let waiting = connection.unsubscribes.removeValue(forKey: answer.packetID) else {
                model.fail("UNSUBACK", "c\(number) got one for \(answer.packetID)")
                return
            }
            model.unsubscribed(link, waiting.filter, sentAt: waiting.sentAt)
        case .pingresp: connection.pings -= 1
        case .disconnect: break
        default: model.fail("packet", "c\(number) got \(packet.type)")
        }
    }

    private func receiveConnAck(_ answer: ConnAck, _ link: SimulatedLink) {
        if isOnline { model.fail("CONNACK", "c\(number) got two [MQTT-3.2.0-2]") }
        guard !answer.reason.isError else { return }
        isOnline = true
        mustStartClean = false
        let isClean = link.plan.version == .v3_1_1 && link.plan.cleanStart
        endsWithConnection = isClean || link.plan.expiry == 0
        model.confirmed(link)
        connection.isPresent = answer.sessionPresent
        connection.serverReceiveMaximum = Int(answer.properties.receiveMaximum ?? .max)
        connection.serverAliasMaximum = answer.properties.topicAliasMaximum ?? 0
        // Messages of this connection were sent with a clean start, before CONNACK.
        guard !link.plan.cleanStart else { return }
        guard answer.sessionPresent else {
            forgetSession()
            return
        }
        connection.resending = outgoing.map(\.packetID)
        resend(link)
    }

    /// [MQTT-4.4.0-1]: in the order of first sending, and not more at a time than the broker takes [MQTT-3.3.4-7].
    private func resend(_ link: SimulatedLink) {
        let limit = link.plan.version == .v5_0 ? connection.serverReceiveMaximum : .max
        while link.goodbye == nil, let next = connection.resending.first {
            guard let entry = outgoing.first(where: { $0.packetID == next }) else {
                connection.resending.removeFirst()
                continue
            }
            if !entry.isReleased, connection.unanswered >= limit { return }
            connection.resending.removeFirst()
            if entry.isReleased {
                expect(.pubcomp, entry.packetID)
                link.send(.pubrel(Ack(packetID: entry.packetID)))
            } else {
                expect(entry.packet.qos == 1 ? .puback : .pubrec, entry.packetID)
                var again = entry.packet
                again.dup = true
                if link.plan.version == .v3_1_1 {
                    // Sent again in a version that has no expiry.
                    again.properties = Properties()
                    model.messages[entry.message].waitedOutside = true
                }
                model.messages[entry.message].transmissions += 1
                link.send(.publish(again), message: entry.message)
            }
        }
    }

    private func receivePubRec(_ ack: Ack, _ link: SimulatedLink) {
        checkNext(.pubrec, ack.packetID)
        guard let index = outgoing.firstIndex(where: { $0.packetID == ack.packetID && $0.packet.qos == 2 }) else {
            return
        }
        model.acknowledged(outgoing[index].message, ack.reason)
        if ack.reason.isError {
            outgoing.remove(at: index)
            resend(link)
        } else {
            outgoing[index].isReleased = true
            expect(.pubcomp, ack.packetID)
            link.send(.pubrel(Ack(packetID: ack.packetID)))
        }
    }

    private func receivePublish(
        _ publish: Publish, _ link: SimulatedLink, _ encoded: (earliest: Int64, latest: Int64)
    ) {
        let id = publish.packetID
        let topic = resolve(publish, link)
        if publish.dup, !connection.isPresent { model.fail("DUP", "c\(number) got a DUP in a new session") }
        if publish.qos > 0 {
            // [MQTT-4.4.0-1]: nothing is sent twice on one connection.
            if !connection.open.insert(id).inserted {
                model.fail("packet identifier", "c\(number) got \(id) again while it is in use")
            }
            let limit = link.plan.version == .v5_0 ? Int(link.plan.receiveMaximum ?? .max) : .max
            if connection.open.count > limit {
                model.fail(
                    "receive maximum", "c\(number) has \(connection.open.count) open, its maximum is \(limit)")
            }
        }
        let isRepeated = publish.qos == 2 && received[id] != nil
        if isRepeated, let known = received[id], (model.message(in: publish.payload) ?? -1) != known {
            model.fail("packet identifier", "c\(number) got \(id) for another message while m\(known) is open")
        }
        model.received(publish, topic: topic, on: link, isRepeated: isRepeated, encoded: encoded)
        switch publish.qos {
        case 0: break
        case 1: answer(.puback(Ack(packetID: id)), link)
        default:
            received[id] = model.message(in: publish.payload) ?? -1
            answer(.pubrec(Ack(packetID: id)), link)
        }
    }

    private func resolve(_ publish: Publish, _ link: SimulatedLink) -> String {
        guard let alias = publish.properties.topicAlias else { return publish.topicText }
        if alias == 0 || alias > link.plan.topicAliasMaximum {
            model.fail("topic alias", "c\(number) got \(alias), its maximum is \(link.plan.topicAliasMaximum)")
        }
        if !publish.topic.isEmpty { connection.aliases[alias] = publish.topicText }
        if let topic = connection.aliases[alias] { return topic }
        model.fail("topic alias", "c\(number) got \(alias), which was never given a topic")
        return ""
    }

    private func answer(_ packet: Packet, _ link: SimulatedLink) {
        connection.heldBack.append(packet)
        if link.plan.acknowledgesAtOnce { acknowledge(.max) }
    }

    /// Acknowledgements come in the order of what they acknowledge [MQTT-4.6.0-2 ff].
    private func checkNext(_ type: PacketType, _ id: UInt16) {
        guard let first = connection.expectedAcks[type]?.first else {
            model.fail("acknowledgement", "c\(number) got \(type) \(id) for nothing")
            return
        }
        if first != id { model.fail("acknowledgement", "c\(number) got \(type) \(id), \(first) is next") }
        connection.expectedAcks[type]?.removeFirst()
    }
}

extension Packet {
    /// A few words for the trace.
    var summary: String {
        switch self {
        case .publish(let packet):
            "PUBLISH \(packet.topicText) \(String(decoding: packet.payload.prefix { $0 != 0x3B }, as: UTF8.self)) "
                + "qos \(packet.qos) id \(packet.packetID)\(packet.dup ? " dup" : "")\(packet.retain ? " retain" : "")"
        case .puback(let ack), .pubrec(let ack), .pubrel(let ack), .pubcomp(let ack):
            "\(type) \(ack.packetID) \(ack.reason)"
        case .suback(let ack): "SUBACK \(ack.packetID) \(ack.reasons)"
        case .connack(let ack): "CONNACK \(ack.reason)\(ack.sessionPresent ? " session present" : "")"
        case .disconnect(let packet): "DISCONNECT \(packet.reason)"
        default: "\(type)"
        }
    }
}
