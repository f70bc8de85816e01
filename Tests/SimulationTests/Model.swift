import MQTTCodec

/// What the specification and the broker's own promises allow, kept apart from the broker: it sees what clients send
/// and receive, the clock, and the order in which the broker says that it took up connections.
final class Model {
    /// The first rule that was broken.
    private(set) var failure: SimulationFailure?
    var now: Int64 = 0
    /// Counts everything that happens; windows of time are kept in it, because the clock mostly stands still.
    private(set) var tick = 0
    var messages: [ModelMessage] = []
    /// By number of the client.
    var sessions: [Int: ModelSession] = [:]
    /// Messages the broker says it dropped, by client (nil: by nobody's queue) and topic.
    var drops: [DropKey: Int] = [:]
    /// Messages the broker says it refused, by publisher and topic.
    var denials: [DropKey: Int] = [:]
    /// The store has failed, or the broker was restarted: what was not acknowledged may come again.
    var hasRestarted = false
    /// Nothing is promised across restarts.
    var storeIsOff = false
    /// Sessions of group members that have ended: when.
    var endedMembers: [Int] = []
    var generation = 0
    /// Sessions that have ended, the last one of each client: a restart may bring them back.
    var ended: [Int: [ModelSession]] = [:]
    /// The session each client has in the store.
    var storedGenerations: [[UInt8]: Int] = [:]
    /// SUBSCRIBEs that were sent before the broker had taken up their connection.
    var pendingSubscriptions: [ModelSubscription] = []

    struct DropKey: Hashable {
        var client: Int?
        var topic: String
    }

    func fail(_ rule: String, _ text: @autoclosure () -> String) {
        if failure == nil { failure = SimulationFailure(rule: rule, text: text()) }
    }

    @discardableResult
    func nextTick() -> Int {
        tick += 1
        return tick
    }

    /// A new message, not yet sent.
    func makeMessage(_ plan: PublishPlan, publisher: Int, isWill: Bool = false, version: ProtocolVersion) -> Int {
        messages.append(
            ModelMessage(
                id: messages.count, publisher: publisher, plan: plan, isWill: isWill,
                expiry: version == .v5_0 ? plan.expiry : nil, sentAt: nextTick()))
        return messages.count - 1
    }

    /// The bytes that identify a message wherever it arrives.
    func payload(of id: Int) -> [UInt8] {
        let size = messages[id].plan.size
        guard size > 0 else { return [] }
        let text = Array("\(id);".utf8)
        return text + [UInt8](repeating: 0x2E, count: max(0, size - text.count))
    }

    /// The message a payload belongs to; nil for an empty one, which clears a topic.
    func message(in payload: [UInt8]) -> Int? {
        let digits = payload.prefix { $0 != 0x3B }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}

/// A rule was broken.
struct SimulationFailure: Error, CustomStringConvertible {
    let rule: String
    let text: String
    var description: String { "\(rule): \(text)" }
}

/// One application message as its publisher knows it.
struct ModelMessage {
    let id: Int
    /// Number of the client.
    let publisher: Int
    let plan: PublishPlan
    let isWill: Bool
    /// Seconds.
    let expiry: UInt32?
    /// Tick of the first sending (of a will: of its publication).
    var sentAt: Int
    /// Tick at which the publisher had its acknowledgement, or a will had reached everybody.
    var acceptedAt: Int?
    var isRefused = false
    /// The broker refused a message to its topic before the publisher had an answer: it may have been this one, and the
    /// refusal lost with the connection. What is repeated then is a new message to the broker.
    var mayHaveBeenRefused = false
    /// How often it was sent as a whole.
    var transmissions = 0
    /// When it reached the broker, each time; a will: when it was published.
    var arrivals: [Int64] = []
    /// It waited for something inside the broker before it was looked at, so its expiry counts from later.
    var waitedOutside = false
    /// Of a will: it was discarded or cancelled, and must never be seen.
    var isWithdrawn = false
    /// Of a will: the broker died before it had reached everybody.
    var isLostWill = false
    /// Of a will: it was published.
    var isPublished = false

    /// The broker can have taken it up only once, so it has one place in the order.
    var hasOnePlace: Bool { transmissions == 1 || (plan.qos == 2 && !mayHaveBeenRefused) }

    var label: String {
        "m\(id) (\(isWill ? "will of " : "")c\(publisher), \(plan.topic), "
            + "QoS \(plan.qos)\(plan.retain ? ", retain" : ""))"
    }

    /// Whether it has certainly run out at `time`.
    func hasExpired(at time: Int64) -> Bool {
        guard let expiry, !waitedOutside else { return false }
        return arrivals.allSatisfy { $0 + Int64(expiry) * 1_000_000_000 <= time }
    }
}

/// A session as the specification has it [MQTT-4.1.0-1].
struct ModelSession {
    /// Differs for every session, also of the same client.
    let generation: Int
    /// Seconds it outlives its connection.
    var expiry: UInt32
    /// Transport it is online with.
    var online: UInt64?
    var offlineSince: Int64 = 0
    /// Message of the will and its delay in seconds.
    var will: (message: Int, delay: UInt32)?
    var willDue: Int64?
    var subscriptions: [ModelSubscription] = []
    /// What the application of the client got, by message.
    var received: [Int: Received] = [:]
    /// Highest message seen, by order key.
    var latest: [OrderKey: Int] = [:]
    var latestRetained: [OrderKey: Int] = [:]

    struct Received {
        /// Times it arrived that no redelivery explains.
        var fresh = 0
        var total = 0
    }

    struct OrderKey: Hashable {
        var publisher: Int
        var isWill: Bool
        var topic: String
        var publishedQoS: UInt8
        var receivedQoS: UInt8
    }

    /// The client knows that it has this session.
    var isConfirmed = false
    /// Ticks between which it had ended, until a restart brought it back: its end was not committed.
    var absences: [ClosedRange<Int>] = []
    /// Tick at which it ended.
    var endedAt: Int?

    /// Whether there was no such session at some tick of the range.
    func wasAbsent(from: Int, until: Int) -> Bool { absences.contains { $0.overlaps(from...max(from, until)) } }

    /// When it ends, if its client stays away.
    var deadline: Int64? { online == nil ? offlineSince + Int64(expiry) * 1_000_000_000 : nil }
}

/// One SUBSCRIBE of one filter, with the window in which it may and the one in which it must have effect.
struct ModelSubscription {
    let plan: FilterPlan
    let identifier: UInt32
    let link: UInt64
    let packetID: UInt16
    /// Share name, nil for an ordinary subscription.
    let share: String?
    /// The filter without `$share/name/`.
    let filter: String
    let sentAt: Int
    var ackedAt: Int?
    /// UNSUBSCRIBE, or a SUBSCRIBE that replaces it, was sent; and answered.
    var leavingAt: Int?
    var leftAt: Int?

    init(_ plan: FilterPlan, identifier: UInt32, link: UInt64, packetID: UInt16, sentAt: Int) {
        self.plan = plan
        self.identifier = identifier
        self.link = link
        self.packetID = packetID
        self.sentAt = sentAt
        let parts = plan.filter.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts.count > 2, parts[0] == "$share" {
            share = parts[1]
            filter = parts[2...].joined(separator: "/")
        } else {
            share = nil
            filter = plan.filter
        }
    }

    func matches(_ topic: String) -> Bool { Self.matches(filter[...], topic[...]) }

    /// Has effect, whatever the timing, on what is published in `from ... until`.
    func isCertain(from: Int, until: Int) -> Bool {
        guard let ackedAt else { return false }
        return ackedAt <= from && (leavingAt.map { $0 > until } ?? true)
    }

    /// May have effect on something published at `from` or later.
    func isPossible(from: Int) -> Bool { leftAt.map { $0 >= from } ?? true }

    /// Level by level, as section 4.7 has it; none of the topics begins with `$`.
    private static func matches(_ filter: Substring, _ topic: Substring) -> Bool {
        if filter == "#" { return true }
        let (first, rest) = split(filter)
        let (level, below) = split(topic)
        guard first == "+" || first == level else { return false }
        switch (rest, below) {
        case (nil, nil): return true
        case (let rest?, nil): return rest == "#"
        case (nil, _?): return false
        case (let rest?, let below?): return matches(rest, below)
        }
    }

    private static func split(_ text: Substring) -> (Substring, Substring?) {
        guard let slash = text.firstIndex(of: "/") else { return (text, nil) }
        return (text[..<slash], text[text.index(after: slash)...])
    }
}
