import BrokerCore
import Configuration
import MQTTCodec

/// What administrators do to clients and messages.
extension Supervisor {

    private func reason(of parameters: ControlParameters) throws(UsageError) -> ReasonCode {
        // [MQTT-3.14.2-1]: codes of a DISCONNECT; below 0x80 only those a server may send.
        guard let code = try parameters.integer("reason_code", in: 0...255).map({ UInt8($0) }) else {
            return .administrativeAction
        }
        guard code == 0 || code >= 0x80 else {
            throw UsageError("reason_code: \(code) is no reason code of a DISCONNECT; use 0 or 128 to 255")
        }
        return ReasonCode(rawValue: code)
    }

    /// `disconnect`
    func disconnectClient(
        _ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        let name = try parameters.required("client_id")
        let (clientID, reason) = (Array(name.utf8), try reason(of: parameters))
        collect(answer) { broker, finish in
            broker.post(
                .kick(clientID: clientID, reason: reason) { wasConnected in
                    finish {
                        wasConnected
                            ? .done([("disconnected", .string(name)), ("reason_code", JSONText(reason.rawValue))])
                            : .refused("no client '\(name)' is connected", .notFound)
                    }
                }, to: broker.homeShard(ofClient: clientID))
        }
    }

    /// `delete_session`
    func deleteSession(
        _ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        let name = try parameters.required("client_id")
        let (clientID, reason) = (Array(name.utf8), try reason(of: parameters))
        collect(answer) { broker, finish in
            broker.post(
                .administer { shard in
                    let wasThere = shard.endSession(ofClient: clientID, reason: reason)
                    finish {
                        wasThere
                            ? .done([("deleted", .string(name))])
                            : .refused("no session of a client '\(name)'", .notFound)
                    }
                }, to: broker.homeShard(ofClient: clientID))
        }
    }

    /// `delete_retained`: an empty retained publish of the broker itself.
    func deleteRetained(
        _ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        let name = try parameters.required("topic")
        let topic = Array(name.utf8)
        guard TopicName.validate(topic) == nil else { throw UsageError("topic: not a topic name [MQTT-4.7.3-1]") }
        guard service?.broker.retained(topic: topic, now: loop.now) != nil else {
            return answer(.refused("no retained message of '\(name)'", .notFound))
        }
        collect(answer) { broker, finish in
            var message = InjectedMessage(topic: topic, payload: [], retain: true)
            message.done = { report in
                finish {
                    switch report.outcome {
                    case .refused(let reason):
                        .refused("a plugin refused it (0x\(String(reason.rawValue, radix: 16)))", .notAllowed)
                    default: .done([("deleted", .string(name))])
                    }
                }
            }
            if !broker.publish(message) { finish { .refused("too much waits for the event loop", .unavailable) } }
        }
    }

    /// `test_reset`
    func resetForTest(_ answer: @escaping (ControlAnswer) -> Void) {
        guard options.isTestMode else { return answer(.refused(Self.testModeOnly, .notAllowed)) }
        collect(answer) { broker, finish in
            PageWalk.everywhere(broker, { $0.forgetSessions() }) { _ in
                // A turn later: what the sessions' ends caused has happened, also on other shards.
                PageWalk.everywhere(
                    broker,
                    { shard in
                        if shard.index == 0 { shard.forgetRetained() }
                    }, then: { _ in PageWalk.everywhere(broker, { _ in }) { _ in finish { .done() } } })
            }
        }
    }

    /// `test_settle`
    func settleForTest(_ answer: @escaping (ControlAnswer) -> Void) {
        guard options.isTestMode else { return answer(.refused(Self.testModeOnly, .notAllowed)) }
        collect(within: Self.settlePatience, answer) { broker, finish in
            Self.settle(broker, last: [], stillRounds: 0, until: monotonicNow() + Self.settlePatience) {
                finish { .done() }
            }
        }
    }

    private static let testModeOnly = "only a broker with --test-mode does that"
    private static let settlePatience: Int64 = 30_000_000_000
    /// Rounds without any change that say that nothing is on its way between two shards either.
    private static let neededRounds = 3

    /// Asks all shards again and again until nothing has happened for some rounds.
    private static func settle(
        _ broker: Broker, last: [Shard.Motion], stillRounds: Int, until end: Int64,
        then: @escaping @Sendable () -> Void
    ) {
        PageWalk.everywhere(broker, { $0.motion }) { motions in
            let isStill = motions == last && motions.allSatisfy(\.isStill)
            if isStill, stillRounds + 1 >= neededRounds { return then() }
            // Nobody listens any more.
            guard monotonicNow() < end else { return }
            settle(broker, last: motions, stillRounds: isStill ? stillRounds + 1 : 0, until: end, then: then)
        }
    }
}
