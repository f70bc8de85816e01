import StoreFormat

@testable import BrokerCore

/// What a restart may change: what nobody was promised.
extension Model {
    /// CONNACK has come: from here on the session is promised.
    func confirmed(_ link: SimulatedLink) {
        guard sessions[link.client]?.generation == link.generation else { return }
        sessions[link.client]?.isConfirmed = true
    }

    /// The session of a client that lives, or that ended last.
    func lastGeneration(of client: Int) -> Int? {
        (sessions[client] ?? ended[client]?.last)?.generation
    }

    func committed(_ rows: [StoreRow], generations: [[UInt8]: Int]) {
        for row in rows {
            switch row {
            case .session(let client, _): storedGenerations[client] = generations[client] ?? storedGenerations[client]
            case .sessionEnded(let client): storedGenerations[client] = nil
            default: break
            }
        }
    }

    /// The broker has died and come back with `stored`.
    func restarted(_ stored: StoredState, names: [[UInt8]]) {
        hasRestarted = true
        nextTick()
        for (client, name) in names.enumerated() {
            if let kept = stored.sessions[name] {
                resume(client, kept, generation: storedGenerations[name])
            } else if let session = sessions.removeValue(forKey: client) {
                if session.expiry > 0, session.isConfirmed, !storeIsOff { fail("lost", "the session of c\(client)") }
                if let will = session.will { messages[will.message].isWithdrawn = true }
                if session.subscriptions.contains(where: { $0.share != nil }) { endedMembers.append(nextTick()) }
            }
        }
        pendingSubscriptions = []
        // A will that had not reached everybody may be published again, or be lost with the rest of its turn.
        for index in messages.indices where messages[index].isPublished && messages[index].acceptedAt == nil {
            messages[index].transmissions += 1
            messages[index].isLostWill = true
        }
        expireSessions()
    }

    /// The session goes on as it is in the store: what the store had not been told did not happen.
    private func resume(_ client: Int, _ kept: StoredState.Session, generation: Int?) {
        if sessions[client]?.generation != generation {
            if let never = sessions.removeValue(forKey: client), let will = never.will {
                messages[will.message].isWithdrawn = true
            }
            sessions[client] = ended[client]?.last { $0.generation == generation }
        }
        guard var session = sessions[client] else {
            fail("store", "a session of c\(client) that never was")
            return
        }
        if let endedAt = session.endedAt {
            session.absences.append(endedAt...nextTick())
            session.endedAt = nil
        }
        session.online = nil
        session.offlineSince = kept.offlineSince ?? now
        session.expiry = kept.expiry
        session.will = nil
        session.willDue = nil
        if let will = kept.will, let id = message(in: will.message.payload) {
            messages[id].isWithdrawn = false
            if messages[id].isPublished { messages[id].transmissions += 1 }
            session.will = (id, will.delay)
            session.willDue = session.offlineSince + Int64(min(will.delay, kept.expiry)) * 1_000_000_000
        }
        sessions[client] = session
    }
}
