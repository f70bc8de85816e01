import BrokerCore
import MQTTCodec

/// What must be true when everything has come to rest and every client has been back.
extension Model {
    /// A publisher has been told what became of its message.
    func acknowledged(_ id: Int, _ reason: ReasonCode) {
        if reason.isError {
            messages[id].isRefused = messages[id].transmissions == 1
        } else if messages[id].acceptedAt == nil {
            messages[id].acceptedAt = nextTick()
        }
    }

    func dropped(client: Int?, topic: String) {
        drops[DropKey(client: client, topic: topic), default: 0] += 1
    }

    func denied(publisher: Int, topic: String) {
        denials[DropKey(client: publisher, topic: topic), default: 0] += 1
        for id in messages.indices
        where messages[id].publisher == publisher && messages[id].plan.topic == topic
            && messages[id].transmissions > 0 && messages[id].acceptedAt == nil && !messages[id].isRefused
        {
            messages[id].mayHaveBeenRefused = true
        }
    }

    /// Nothing acknowledged is lost: each message reached every session that had to get it, or a rule that was counted
    /// took it.
    func checkNothingIsLost() {
        var excuses = drops
        var refusals = denials
        for message in messages where message.plan.qos > 0 && !message.plan.topic.isEmpty && message.plan.size > 0 {
            guard let accepted = message.acceptedAt else { continue }
            let refusal = DropKey(client: message.publisher, topic: message.plan.topic)
            var isDenied = false
            for (client, session) in sessions.sorted(by: { $0.key < $1.key }) {
                let own = session.client(is: message.publisher, of: self)
                let wants = session.subscriptions.contains {
                    $0.share == nil && $0.plan.qos > 0 && $0.matches(message.plan.topic) && !($0.plan.noLocal && own)
                        && $0.isCertain(from: message.sentAt, until: accepted)
                }
                guard wants, session.received[message.id] == nil,
                    !session.wasAbsent(from: message.sentAt, until: accepted)
                else { continue }
                let key = DropKey(client: client, topic: message.plan.topic)
                if let left = excuses[key], left > 0 {
                    excuses[key] = left - 1
                } else if isDenied {
                    continue
                } else if message.expiry != nil, let left = excuses[DropKey(client: nil, topic: message.plan.topic)],
                    left > 0
                {
                    // Expired on its way between two shards, for everybody there.
                    excuses[DropKey(client: nil, topic: message.plan.topic)] = left - 1
                    isDenied = true
                } else if let left = refusals[refusal], left > 0 {
                    refusals[refusal] = left - 1
                    isDenied = true
                } else {
                    fail("lost", "\(message.label) was acknowledged and never reached c\(client)")
                }
            }
            if !isDenied { checkGroups(message, accepted, &excuses, &refusals) }
        }
    }

    /// A message for a group reached a member [MQTT-4.8.2-4].
    private func checkGroups(
        _ message: ModelMessage, _ accepted: Int, _ excuses: inout [DropKey: Int], _ refusals: inout [DropKey: Int]
    ) {
        let groups = Set(
            sessions.values.flatMap(\.subscriptions).filter {
                $0.share != nil && $0.matches(message.plan.topic)
                    && $0.isCertain(from: message.sentAt, until: accepted)
            }.map(\.plan.filter))
        guard !groups.isEmpty, !endedMembers.contains(where: { $0 >= message.sentAt }) else { return }
        let direct = sessions.values.contains { session in
            session.subscriptions.contains { $0.share == nil && $0.matches(message.plan.topic) }
        }
        let reached = sessions.values.reduce(0) { $0 + ($1.received[message.id]?.total ?? 0) }
        if reached >= (direct ? 1 : groups.count) { return }
        for client in [nil] + sessions.keys.map(Optional.some) {
            let key = DropKey(client: client, topic: message.plan.topic)
            if let left = excuses[key], left > 0 {
                excuses[key] = left - 1
                return
            }
        }
        let refusal = DropKey(client: message.publisher, topic: message.plan.topic)
        if let left = refusals[refusal], left > 0 {
            refusals[refusal] = left - 1
            return
        }
        fail("lost", "\(message.label) reached \(reached) members of \(groups.sorted())")
    }

    /// `found`: what the store holds of each topic at the end. It is what was published last, as far as that is known.
    func checkRetained(_ found: [String: Int], limited: Bool) {
        for (topic, id) in found {
            let message = messages[id]
            if !message.plan.retain { fail("retained", "\(message.label) is retained and should not be") }
            if message.hasExpired(at: now) { fail("retained", "\(message.label) is kept after its expiry") }
            if let newer = newest(topic, than: message) {
                fail("retained", "\(message.label) is kept, \(newer.label) is newer")
            }
        }
        guard !limited, !(hasRestarted && storeIsOff) else { return }
        let topics = Set(messages.filter { $0.plan.retain }.map(\.plan.topic)).subtracting(found.keys)
        for topic in topics {
            let all = messages.filter { $0.plan.retain && $0.plan.topic == topic && !$0.arrivals.isEmpty }
            let lastKept = all.last { $0.plan.size > 0 && $0.acceptedAt != nil && !$0.isRefused && $0.plan.qos > 0 }
            guard let lastKept, lastKept.expiry == nil, denials.isEmpty else { continue }
            let mayClear = all.contains {
                ($0.plan.size == 0 || $0.expiry != nil) && !isCertainlyBefore($0, lastKept)
            }
            if !mayClear { fail("retained", "\(lastKept.label) is gone, and nothing cleared it") }
        }
    }

    private func newest(_ topic: String, than message: ModelMessage) -> ModelMessage? {
        messages.first {
            $0.plan.retain && $0.plan.topic == topic && $0.acceptedAt != nil && !$0.isRefused && $0.id != message.id
                && denials[DropKey(client: $0.publisher, topic: topic)] == nil && isCertainlyBefore(message, $0)
        }
    }

    /// `first` was over before `second` began, each of them sent once.
    private func isCertainlyBefore(_ first: ModelMessage, _ second: ModelMessage) -> Bool {
        guard let end = first.acceptedAt, first.transmissions <= 1 || first.plan.qos == 2 else { return false }
        return end < second.sentAt
    }
}
