import BrokerCore
import Configuration
import MQTTCodec

/// An answer that other threads work on.
struct WaitingAnswer {
    let answer: (ControlAnswer) -> Void
    /// Host clock, ns: by then somebody is in trouble, and the answer says so.
    let expires: Int64
}

/// Lists of what all event loops have, and single entries of them.
extension Supervisor {
    /// Items of a page, and of one that does not say how many it wants.
    private static let pageRange = 1...1_000
    private static let usualPage = 100
    /// A loop answers within a turn; one that is this late is stuck.
    static let loopPatience: Int64 = 5_000_000_000

    /// Hands a question to other threads. Whoever has the answer calls `finish` with what makes it; that runs here.
    func collect(
        within patience: Int64 = loopPatience, _ answer: @escaping (ControlAnswer) -> Void,
        _ ask: (Broker, _ finish: @escaping @Sendable (@escaping @Sendable () -> ControlAnswer) -> Void) -> Void
    ) {
        guard let broker = service?.broker, let mailbox else {
            return answer(.refused("the broker is starting", .unavailable))
        }
        lastQuery += 1
        let query = lastQuery
        waiting[query] = WaitingAnswer(answer: answer, expires: loop.now + patience)
        ask(broker) { make in _ = mailbox.post(.finished(query, make)) }
    }

    func expireAnswers(now: Int64) {
        for (query, late) in waiting where late.expires <= now {
            waiting[query] = nil
            late.answer(.refused("the event loops did not answer in time", .unavailable))
        }
    }

    private func limit(of parameters: ControlParameters) throws(UsageError) -> Int {
        try parameters.integer("limit", in: Self.pageRange) ?? Self.usualPage
    }

    private func cursor(of parameters: ControlParameters) throws(UsageError) -> UInt64 {
        guard let text = try parameters.text("cursor") else { return 0 }
        return try CursorText.number(text)
    }

    /// `clients`, `sessions`
    func listSessions(
        _ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        let (limit, cursor) = (try limit(of: parameters), try cursor(of: parameters))
        let connected = try parameters.boolean("connected")
        collect(answer) { broker, finish in
            PageWalk.run(broker, from: cursor, limit: limit) { shard, cursor, limit in
                shard.sessionReports(
                    from: cursor, limit: limit, visits: PageWalk.visitsPerStep, connected: connected)
            } then: { reports, next in
                finish {
                    let clock = AdministrationReports.Clock()
                    return AdministrationReports.list(
                        reports.map { AdministrationReports.session($0, clock) },
                        next: next.map { CursorText.make($0) }, total: connected == nil ? broker.sessionCount : nil)
                }
            }
        }
    }

    /// `client`, `session`
    func showSession(
        _ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        let name = try parameters.required("client_id")
        let clientID = Array(name.utf8)
        collect(answer) { broker, finish in
            broker.post(
                .administer { shard in
                    let report = shard.report(ofClient: clientID)
                    finish {
                        guard let report, case .object(let members) = AdministrationReports.session(report, .init())
                        else { return .refused("no session of a client '\(name)'", .notFound) }
                        return .done(members)
                    }
                }, to: broker.homeShard(ofClient: clientID))
        }
    }

    /// `subscriptions`
    func listSubscriptions(
        _ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        if let name = try parameters.text("client_id") { return listSubscriptions(of: name, answer) }
        let (limit, cursor) = (try limit(of: parameters), try cursor(of: parameters))
        let topic = try parameters.text("topic").map { Array($0.utf8) }
        if let topic, TopicName.validate(topic) != nil {
            throw UsageError("topic: not a topic name [MQTT-4.7.3-1]")
        }
        collect(answer) { broker, finish in
            PageWalk.run(broker, from: cursor, limit: limit) { shard, cursor, limit in
                shard.subscriptionReports(
                    from: cursor, limit: limit, visits: PageWalk.visitsPerStep, matching: topic)
            } then: { reports, next in
                PageWalk.everywhere(broker, { $0.subscriptionCount }) { counts in
                    finish {
                        AdministrationReports.list(
                            reports.map(AdministrationReports.subscription), next: next.map { CursorText.make($0) },
                            total: topic == nil ? counts.reduce(0, +) : nil)
                    }
                }
            }
        }
    }

    private func listSubscriptions(of name: String, _ answer: @escaping (ControlAnswer) -> Void) {
        let clientID = Array(name.utf8)
        collect(answer) { broker, finish in
            broker.post(
                .administer { shard in
                    let reports = shard.subscriptionReports(ofClient: clientID)
                    finish {
                        guard let reports else { return .refused("no session of a client '\(name)'", .notFound) }
                        return AdministrationReports.list(
                            reports.map(AdministrationReports.subscription), next: nil, total: reports.count)
                    }
                }, to: broker.homeShard(ofClient: clientID))
        }
    }

    /// `topics`
    func listTopics(
        _ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        let limit = try limit(of: parameters)
        var after: [UInt8] = []
        if let cursor = try parameters.text("cursor") { after = try CursorText.bytes(cursor) }
        let start = after
        collect(answer) { broker, finish in
            PageWalk.topics(broker, after: start, limit: limit) { topics, hasMore in
                finish {
                    AdministrationReports.list(
                        topics.map { ["topic": AdministrationReports.text($0)] },
                        next: hasMore ? topics.last.map { CursorText.make($0) } : nil, total: nil)
                }
            }
        }
    }

    /// `topic`
    func showTopic(_ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void) throws(UsageError) {
        let name = try parameters.required("topic")
        let topic = Array(name.utf8)
        guard TopicName.validate(topic) == nil else { throw UsageError("topic: not a topic name [MQTT-4.7.3-1]") }
        collect(answer) { broker, finish in
            PageWalk.everywhere(broker, { $0.receivers(of: topic) }) { counts in
                finish {
                    let kept = broker.retained(topic: topic, now: monotonicNow())
                    return .done([
                        ("topic", .string(name)),
                        ("subscribers", JSONText(counts.reduce(0) { $0 + $1.sessions })),
                        ("shared_groups", JSONText(counts.reduce(0) { $0 + $1.groups })),
                        ("retained", kept.map { AdministrationReports.retained($0, .init()) } ?? .null),
                    ])
                }
            }
        }
    }
}
