import MQTTCodec

/// What clients have subscribed to, and since when it may and must have effect.
extension Model {
    func subscribing(_ link: SimulatedLink, _ plans: [FilterPlan], identifier: UInt32, packetID: UInt16) {
        let sentAt = nextTick()
        for plan in plans {
            let entry = ModelSubscription(
                plan, identifier: link.plan.version == .v5_0 ? identifier : 0, link: link.transport, packetID: packetID,
                sentAt: sentAt)
            if let generation = link.generation {
                guard sessions[link.client]?.generation == generation else { continue }
                leaving(link.client, plan.filter, except: packetID)
                sessions[link.client]?.subscriptions.append(entry)
            } else {
                for index in pendingSubscriptions.indices
                where pendingSubscriptions[index].link == link.transport
                    && pendingSubscriptions[index].plan.filter == plan.filter
                {
                    pendingSubscriptions[index].leavingAt = pendingSubscriptions[index].leavingAt ?? sentAt
                }
                pendingSubscriptions.append(entry)
            }
        }
    }

    func subscribed(_ link: SimulatedLink, packetID: UInt16, _ reasons: [ReasonCode], filters: [FilterPlan]) {
        guard sessions[link.client]?.generation == link.generation, filters.count == reasons.count else {
            if filters.count != reasons.count {
                fail("SUBACK", "c\(link.client): \(reasons.count) codes for \(filters.count) filters")
            }
            return
        }
        let at = nextTick()
        for (plan, reason) in zip(filters, reasons) where !reason.isError && reason.rawValue != plan.qos {
            fail("SUBACK", "c\(link.client): \(plan.filter) granted as \(reason), asked for \(plan.qos)")
        }
        // A filter that stands twice in a packet may be refused once and granted once.
        let granted = Set(zip(filters, reasons).filter { !$0.1.isError }.map(\.0.filter))
        let refused = Set(filters.map(\.filter)).subtracting(granted)
        var codes = reasons[...]
        updateSubscriptions(link.client) { entry in
            guard entry.link == link.transport, entry.packetID == packetID else { return }
            if codes.popFirst()?.isError == true {
                entry.leavingAt = entry.leavingAt ?? at
                entry.leftAt = at
            } else {
                entry.ackedAt = at
            }
        }
        // What each of them replaces is gone; within one packet the last one of a filter that was granted counts.
        for plan in filters where !refused.contains(plan.filter) {
            var isLast = true
            for index in (sessions[link.client]?.subscriptions ?? []).indices.reversed() {
                guard let entry = sessions[link.client]?.subscriptions[index], entry.plan.filter == plan.filter else {
                    continue
                }
                let isNewer = entry.packetID != packetID && entry.ackedAt == nil && entry.link == link.transport
                if isNewer { continue }
                if entry.packetID == packetID, entry.link == link.transport, isLast, entry.leftAt == nil {
                    isLast = false
                    continue
                }
                sessions[link.client]?.subscriptions[index].leavingAt = entry.leavingAt ?? entry.sentAt
                sessions[link.client]?.subscriptions[index].leftAt = entry.leftAt ?? at
            }
        }
    }

    /// UNSUBSCRIBE, or another SUBSCRIBE, was sent.
    func leaving(_ client: Int, _ filter: String, except packetID: UInt16 = 0) {
        let at = nextTick()
        updateSubscriptions(client) { entry in
            if entry.plan.filter == filter, entry.leavingAt == nil { entry.leavingAt = at }
        }
    }

    /// UNSUBACK has come for an UNSUBSCRIBE sent at `sentAt`.
    func unsubscribed(_ link: SimulatedLink, _ filter: String, sentAt: Int) {
        let at = nextTick()
        updateSubscriptions(link.client) { entry in
            guard entry.plan.filter == filter, entry.sentAt < sentAt, entry.leftAt == nil else { return }
            // Sent before CONNACK had come, it was not told to the session.
            entry.leavingAt = entry.leavingAt ?? sentAt
            entry.leftAt = at
        }
    }

    private func updateSubscriptions(_ client: Int, _ body: (inout ModelSubscription) -> Void) {
        for index in (sessions[client]?.subscriptions ?? []).indices {
            sessions[client]?.subscriptions[index].change(body)
        }
    }
}

extension ModelSubscription {
    fileprivate mutating func change(_ body: (inout ModelSubscription) -> Void) { body(&self) }
}
