import BrokerCore
import MQTTCodec

/// Sessions, wills and their deadlines.
extension Model {
    /// The broker has taken up the connection of `link`.
    func connected(_ link: SimulatedLink, will: Int?, present: Bool, maximumExpiry: UInt32) {
        let plan = link.plan
        let client = link.client
        expireSessions()
        if let old = sessions[client], old.online != nil {
            fail("take-over", "c\(client) is connected twice")
        }
        let continues = sessions[client] != nil && !plan.cleanStart
        if continues != present {
            fail(
                "session present",
                "c\(client): the broker says \(present), the session is \(continues ? "" : "not ")there")
        }
        // Not its last connection's: a will that waits is cancelled by a session that goes on, else published.
        if let session = sessions[client], let will = session.will {
            if continues { messages[will.message].isWithdrawn = true } else { publishWill(will.message) }
            sessions[client]?.will = nil
            sessions[client]?.willDue = nil
        }
        if !continues {
            endSession(client)
            generation += 1
            sessions[client] = ModelSession(generation: generation, expiry: 0)
        }
        sessions[client]?.online = link.transport
        link.generation = sessions[client]?.generation
        let wanted = plan.version == .v5_0 ? plan.expiry : (plan.cleanStart ? 0 : maximumExpiry)
        sessions[client]?.expiry = min(wanted, maximumExpiry)
        sessions[client]?.will = will.map { ($0, plan.version == .v5_0 ? plan.willDelay : 0) }
        let pipelined = pendingSubscriptions.filter { $0.link == link.transport }
        pendingSubscriptions.removeAll { $0.link == link.transport }
        sessions[client]?.subscriptions += pipelined
        nextTick()
    }

    /// The broker has ended a connection that was online.
    func disconnected(_ link: SimulatedLink, cause: DisconnectCause, will outcome: WillOutcome, maximum: UInt32) {
        let client = link.client
        guard var session = sessions[client], session.online == link.transport else {
            fail("disconnected", "c\(client) was not connected with t\(link.transport)")
            return
        }
        session.online = nil
        session.offlineSince = now
        var discards = false
        if case .clientDisconnect = cause, let goodbye = link.goodbye {
            if let expiry = goodbye.expiry, session.expiry > 0 { session.expiry = min(expiry, maximum) }
            discards = !goodbye.keepsWill
        }
        sessions[client] = session
        settleWill(client, discards: discards, outcome)
        if session.expiry == 0 { endSession(client) }
        nextTick()
    }

    private func settleWill(_ client: Int, discards: Bool, _ outcome: WillOutcome) {
        guard let session = sessions[client], let will = session.will else {
            if outcome != .none { fail("will", "c\(client) had none, the broker says \(outcome)") }
            return
        }
        let expected: WillOutcome =
            discards ? .discarded : will.delay == 0 || session.expiry == 0 ? .published : .delayed
        if outcome != expected { fail("will", "c\(client): \(outcome) instead of \(expected)") }
        switch expected {
        case .discarded: messages[will.message].isWithdrawn = true
        case .published: publishWill(will.message)
        default:
            sessions[client]?.willDue = now + Int64(min(will.delay, session.expiry)) * 1_000_000_000
            return
        }
        sessions[client]?.will = nil
    }

    /// A session has ended by its expiry, says the broker.
    func sessionExpired(_ client: Int) {
        guard let session = sessions[client], let deadline = session.deadline, deadline <= now else {
            if sessions[client] != nil { fail("session expiry", "c\(client) expired before its time") }
            return
        }
        endSession(client)
    }

    private func publishWill(_ id: Int) {
        guard !messages[id].isWithdrawn else { return }
        // After a restart a second time, and what a receiver's queue kept of the first is still there.
        if !messages[id].isPublished {
            messages[id].transmissions = 1
            messages[id].sentAt = nextTick()
        }
        messages[id].isPublished = true
        messages[id].arrivals.append(now)
    }

    /// Publishes what is due and forgets what has expired. Called whenever the clock has moved, before anybody looks.
    func expireSessions() {
        for (client, session) in sessions {
            if let due = session.willDue, due <= now, let will = session.will {
                publishWill(will.message)
                sessions[client]?.will = nil
                sessions[client]?.willDue = nil
            }
        }
        for (client, session) in sessions {
            if let deadline = session.deadline, deadline <= now { endSession(client) }
        }
    }

    func endSession(_ client: Int) {
        guard var session = sessions.removeValue(forKey: client) else { return }
        session.endedAt = nextTick()
        if let will = session.will { publishWill(will.message) }
        ended[client, default: []].append(session)
        if session.subscriptions.contains(where: { $0.share != nil }) { endedMembers.append(nextTick()) }
    }

    /// The next moment at which a session or a will is due.
    var nextDeadline: Int64? {
        sessions.values.flatMap { [$0.deadline, $0.willDue].compactMap { $0 } }.filter { $0 > now }.min()
    }

    /// Everything the broker had to do is done: wills that were published have reached everybody.
    func cameToRest() {
        for index in messages.indices
        where messages[index].isPublished && messages[index].acceptedAt == nil && !messages[index].isLostWill {
            messages[index].acceptedAt = nextTick()
        }
    }
}
