import MQTTCodec

/// What a client may be sent.
extension Model {
    /// A PUBLISH has arrived at a client. `isRepeated`: the client had it already under this packet identifier.
    func received(
        _ packet: Publish, topic: String, on link: SimulatedLink, isRepeated: Bool,
        encoded: (earliest: Int64, latest: Int64)
    ) {
        let client = link.client
        guard let session = sessions[client], session.generation == link.generation else { return }
        guard !packet.payload.isEmpty else { return }
        guard let id = message(in: packet.payload), id < messages.count, payload(of: id) == packet.payload else {
            fail("content", "c\(client) got a payload nobody sent on \(topic)")
            return
        }
        let message = messages[id]
        let what = "c\(client) got \(message.label) at QoS \(packet.qos)\(packet.dup ? ", dup" : "")"
        if topic != message.plan.topic { fail("content", "\(what) on \(topic)") }
        if message.isRefused { fail("refused", "\(what), which was refused") }
        if message.isWithdrawn { fail("will", "\(what), which was withdrawn") }
        if message.isWill, !message.isPublished { fail("will", "\(what), which is not due") }
        checkPath(packet, message, session, what)
        checkExpiry(packet, message, encoded, link, what)
        guard !isRepeated else { return }
        count(packet, message, client, what)
        checkOrder(packet, message, client, what)
    }

    /// Whether there is a subscription it can have come through, with these options.
    private func checkPath(_ packet: Publish, _ message: ModelMessage, _ session: ModelSession, _ what: String) {
        let own = session.client(is: message.publisher, of: self) && !message.isWill
        let possible = session.subscriptions.filter {
            $0.matches(message.plan.topic) && $0.isPossible(from: message.sentAt) && !($0.plan.noLocal && own)
        }
        let retained = retainedChances(session, message)
        guard !possible.isEmpty else {
            // A retained message may be older than the subscription, and the subscription gone since.
            if !(packet.retain && retained > 0) { fail("subscription", "\(what) without a subscription") }
            return
        }
        let highest = possible.map { min($0.plan.qos, message.plan.qos) }.max() ?? 0
        if packet.qos > highest { fail("granted QoS", "\(what), granted \(highest)") }
        let mayRetain = message.plan.retain && (retained > 0 || possible.contains { $0.plan.retainAsPublished })
        if packet.retain && !mayRetain { fail("RETAIN", "\(what) with RETAIN") }
        let identifiers = Set(packet.properties.subscriptionIdentifiers)
        let known = Set(possible.map(\.identifier)).union(
            session.subscriptions.filter { $0.matches(message.plan.topic) }.map(\.identifier))
        if !identifiers.isSubset(of: known) { fail("subscription identifier", "\(what) with \(identifiers)") }
    }

    /// SUBSCRIBEs of this session that may have brought the message from the retained store.
    private func retainedChances(_ session: ModelSession, _ message: ModelMessage) -> Int {
        guard message.plan.retain else { return 0 }
        return session.subscriptions.count {
            $0.matches(message.plan.topic) && $0.share == nil && $0.plan.retainHandling != .doNotSend
        }
    }

    /// It was alive when it was sent, and its remaining time is right [MQTT-3.3.2-5, -6].
    private func checkExpiry(
        _ packet: Publish, _ message: ModelMessage, _ encoded: (earliest: Int64, latest: Int64), _ link: SimulatedLink,
        _ what: String
    ) {
        guard let expiry = message.expiry else {
            if packet.properties.messageExpiryInterval != nil { fail("expiry", "\(what) with an expiry nobody set") }
            return
        }
        if !packet.dup, message.hasExpired(at: encoded.earliest) { fail("expiry", "\(what) after it had expired") }
        guard link.plan.version == .v5_0, !message.waitedOutside else { return }
        guard let remaining = packet.properties.messageExpiryInterval else {
            fail("expiry", "\(what) without its expiry")
            return
        }
        let bounds = message.arrivals.map { arrival -> (least: Int64, most: Int64) in
            let end = arrival + Int64(expiry) * 1_000_000_000
            func seconds(_ time: Int64) -> Int64 { max(1, (end - time + 999_999_999) / 1_000_000_000) }
            return (seconds(encoded.latest), seconds(encoded.earliest))
        }
        if !bounds.contains(where: { $0.least <= Int64(remaining) && Int64(remaining) <= $0.most }) {
            fail("expiry", "\(what) with \(remaining) s left, possible are \(bounds)")
        }
    }

    /// No QoS 2 message twice; others not more often than they were sent.
    private func count(_ packet: Publish, _ message: ModelMessage, _ client: Int, _ what: String) {
        guard let session = sessions[client] else { return }
        var seen = session.received[message.id] ?? .init()
        seen.total += 1
        if packet.qos == 2 || !packet.dup { seen.fresh += 1 }
        sessions[client]?.received[message.id] = seen
        let own = session.client(is: message.publisher, of: self) && !message.isWill
        let possible = session.subscriptions.filter {
            $0.matches(message.plan.topic) && $0.isPossible(from: message.sentAt) && !($0.plan.noLocal && own)
        }
        let groups = Set(possible.filter { $0.share != nil }.map(\.plan.filter)).count
        let direct = possible.contains { $0.share == nil } ? 1 : 0
        let sendings = message.plan.qos == 2 ? 1 : max(1, message.transmissions)
        let returned = packet.qos == 1 && groups > 0 ? endedMembers.count : 0
        let bound = (direct + groups) * sendings + retainedChances(session, message) + returned
        let excess = hasRestarted && packet.qos < 2 ? 100 : 0
        if seen.fresh > bound + excess {
            fail(packet.qos == 2 ? "QoS 2 duplicate" : "duplicate", "\(what), \(seen.fresh) times; \(bound) at most")
        }
        // A group gives each message to one member [MQTT-4.8.2-4].
        if packet.qos == 2, message.plan.topic.hasPrefix("g/"), direct == 0, !message.plan.retain {
            let everybody = sessions.values.reduce(0) { sum, other in
                other.subscriptions.contains { $0.share == nil && $0.matches(message.plan.topic) }
                    ? sum : sum + (other.received[message.id]?.fresh ?? 0)
            }
            let allGroups = Set(
                sessions.values.flatMap(\.subscriptions).filter {
                    $0.share != nil && $0.matches(message.plan.topic) && $0.isPossible(from: message.sentAt)
                }.map(\.plan.filter)
            ).count
            if everybody > allGroups { fail("shared group", "\(what): \(everybody) members have it, of \(allGroups)") }
        }
    }

    /// Order of one publisher's messages to one topic [MQTT-4.6.0-5, -6], and retained messages never after newer ones.
    private func checkOrder(_ packet: Publish, _ message: ModelMessage, _ client: Int, _ what: String) {
        guard let session = sessions[client], !packet.dup, !message.plan.topic.hasPrefix("g/") else { return }
        // What was sent and not acknowledged may come again after a restart, as if for the first time.
        if hasRestarted, packet.qos < 2 { return }
        let key = ModelSession.OrderKey(
            publisher: message.publisher, isWill: message.isWill, topic: message.plan.topic,
            publishedQoS: message.plan.qos, receivedQoS: packet.qos)
        let isOnce = message.hasOnePlace
        let isLive = !packet.retain
        // Each will of a client belongs to another connection, and a plugin may hold one back: they have no order.
        if isLive, isOnce, !message.isWill, let newest = session.latest[key], newest > message.id {
            fail("order", "\(what) after \(messages[newest].label)")
        }
        // Only a retained message takes the place of a retained one.
        let keeps = session.subscriptions.contains { $0.plan.retainAsPublished }
        if !isLive, isOnce, !keeps, let newest = session.latestRetained[key], newest > message.id {
            fail("stale retained", "\(what) from the retained store after \(messages[newest].label)")
        }
        guard isOnce, isLive else { return }
        sessions[client]?.latest[key] = max(message.id, session.latest[key] ?? 0)
        if message.plan.retain {
            sessions[client]?.latestRetained[key] = max(message.id, session.latestRetained[key] ?? 0)
        }
    }
}

extension ModelSession {
    func client(is publisher: Int, of model: Model) -> Bool { model.sessions[publisher]?.generation == generation }
}
