import MQTTCodec

@testable import BrokerCore

/// Coming to rest, and the end of a run.
extension Simulator {
    /// Runs until nothing moves. With `answers` plugins, store and clients do everything they owe as well.
    func rest(delivers: Bool, answers: Bool) {
        for _ in 0..<3000 {
            hasMoved = false
            for shard in broker.shards.indices { turn(shard) }
            if delivers {
                for client in clients {
                    if let link = client.link { carry(link, .max) }
                    read(client, .max)
                    if answers { client.acknowledge(.max) }
                }
            }
            if answers {
                noticeAll()
                for shard in broker.shards.indices { commit(shard, .max) }
                if hasQuestions { answer(0) }
            }
            if model.failure != nil { return }
            let wantsTurn = broker.shards.contains { $0.nextDeadline.map { $0 <= now } ?? false }
            if !hasMoved, !wantsTurn, moving.isEmpty {
                if answers { model.cameToRest() }
                return
            }
        }
        model.fail("rest", "the broker does not come to rest")
    }

    /// Everybody comes back, gets what is there, and leaves; nothing may be owed or left.
    func finish() {
        rest(delivers: true, answers: true)
        for client in clients where client.link?.plan.isPatient != true {
            if let old = client.link { cut(old, .noticed) }
            connect(client, .patient)
            rest(delivers: true, answers: true)
        }
        rest(delivers: true, answers: true)
        guard model.failure == nil else { return }
        for client in clients {
            if client.link == nil { model.fail("answer", "c\(client.number) was disconnected by the broker") }
            if let owed = client.isOwed { model.fail("answer", "c\(client.number) still waits for \(owed)") }
            if !client.outgoing.isEmpty { model.fail("answer", "c\(client.number) has messages nobody acknowledged") }
        }
        model.checkNothingIsLost()
        checkRetained()
        leave()
    }

    /// Reads the retained store as a subscriber would find it.
    private func checkRetained() {
        guard model.failure == nil else { return }
        var found: [String: Int] = [:]
        for topic in StepMaker.topics + ["x/1"] {
            let bytes = Array(topic.utf8)
            let message = bytes.withUnsafeBytes { broker.shards[0].shared.retained.get($0, now: now) }
            if let message, let id = model.message(in: message.payload) { found[topic] = id }
        }
        model.checkRetained(found, limited: scenario.settings.maximumRetainedMessages < 10)
    }

    /// When everybody has gone and all time has passed, nothing is left behind.
    private func leave() {
        guard model.failure == nil else { return }
        for client in clients { client.disconnect(keepsWill: false, expiry: 0) }
        rest(delivers: true, answers: true)
        moveClock(to: now + 8 * 86_400_000_000_000)
        rest(delivers: true, answers: true)
        guard model.failure == nil else { return }
        for shard in broker.shards {
            let left: [(String, Int)] = [
                ("sessions", shard.sessions.count), ("connections", shard.state.pointee.connections.count),
                ("subscriptions", shard.state.pointee.tree.count), ("timers", shard.wheel.count),
                ("pending hooks", shard.pendingConnections.count), ("queue waiters", shard.queueWaiters.count),
                ("remote waiters", shard.remoteWaiters.count), ("group queues", shard.groupQueues.count),
                ("groups", shard.groupSerials.count), ("rows", shard.unansweredRows.count + shard.rows.count),
                ("retained walks", shard.retainedDeliveries.count),
            ]
            for (what, count) in left where count != 0 {
                model.fail("left over", "\(count) \(what) on shard \(shard.index)")
            }
        }
    }
}

extension ConnectPlan {
    /// A client without limits that keeps its session.
    static var patient: ConnectPlan {
        var plan = ConnectPlan()
        plan.expiry = 3000
        return plan
    }

    var isPatient: Bool { expiry == 3000 }
}
