import BrokerCore
import Configuration
import MQTTCodec

/// The walks over the retained messages that somebody is in the middle of. A walk stands at its place in the store; its
/// cursor is a number, good for a minute and for one page. Belongs to the control thread.
struct RetainedListing {
    private struct Walk {
        let walk: RetainedWalk
        let expires: Int64
    }

    /// How long a walk waits for its next page, ns.
    private static let patience: Int64 = 60_000_000_000
    /// Walks at the same time; the one that waited longest makes room.
    private static let maximumWalks = 64
    /// Messages taken under the lock of their part of the store at a time.
    private static let piece = 64

    private var walks: [UInt64: Walk] = [:]
    private var last: UInt64 = 0

    /// A page of a new walk over what matches a filter.
    mutating func begin(_ broker: Broker, filter: [UInt8], limit: Int, now: Int64) -> ControlAnswer {
        page(broker.retained(matching: filter), limit, now, total: filter == [UInt8(ascii: "#")] ? broker : nil)
    }

    /// The next page of a walk.
    mutating func goOn(_ cursor: UInt64, limit: Int, now: Int64) throws(UsageError) -> ControlAnswer {
        forget(before: now)
        guard let known = walks.removeValue(forKey: cursor) else { throw CursorText.unknown }
        return page(known.walk, limit, now, total: nil)
    }

    /// Lets go of walks nobody goes on with.
    mutating func forget(before now: Int64) {
        walks = walks.filter { $0.value.expires > now }
    }

    private mutating func page(_ walk: RetainedWalk, _ limit: Int, _ now: Int64, total: Broker?) -> ControlAnswer {
        var found: [RetainedReport] = []
        var isOver = false
        while !isOver, found.count < limit {
            let step = walk.next(maximum: min(Self.piece, limit - found.count), now: now)
            found += step.messages
            isOver = step.isLast
        }
        var next: String?
        if !isOver {
            forget(before: now)
            if walks.count >= Self.maximumWalks, let oldest = walks.min(by: { $0.value.expires < $1.value.expires }) {
                walks[oldest.key] = nil
            }
            last += 1
            walks[last] = Walk(walk: walk, expires: now + Self.patience)
            next = CursorText.make(last)
        }
        let clock = AdministrationReports.Clock()
        return AdministrationReports.list(
            found.map { AdministrationReports.retained($0, clock) }, next: next,
            total: total?.retainedUsage.messages)
    }
}

extension Supervisor {
    /// Largest payload that is shown, in bytes.
    private static let largestPayload = 8 << 20

    /// `retained`
    func listRetained(_ parameters: ControlParameters) throws(UsageError) -> ControlAnswer {
        let limit = try parameters.integer("limit", in: 1...1_000) ?? 100
        let filter = Array((try parameters.text("filter") ?? "#").utf8)
        guard let broker = service?.broker else { return .refused("the broker is starting", .unavailable) }
        if let cursor = try parameters.text("cursor") {
            return try retainedListing.goOn(try CursorText.number(cursor), limit: limit, now: loop.now)
        }
        let fault = filter.withUnsafeBytes { TopicFilter.validate($0, maximumLevels: 65_535) }
        guard fault == nil, filter.count <= 65_535 else {
            throw UsageError("filter: not a topic filter [MQTT-4.7.1-1]")
        }
        return retainedListing.begin(broker, filter: filter, limit: limit, now: loop.now)
    }

    /// `retained_message`
    func showRetained(_ parameters: ControlParameters) throws(UsageError) -> ControlAnswer {
        let name = try parameters.required("topic")
        guard let broker = service?.broker else { return .refused("the broker is starting", .unavailable) }
        guard let report = broker.retained(topic: Array(name.utf8), now: loop.now) else {
            return .refused("no retained message of '\(name)'", .notFound)
        }
        let isShown = report.payload.count <= Self.largestPayload
        var members = AdministrationReports.retainedMembers(report, .init(), withPayload: isShown)
        if !isShown { members += [("payload", .null), ("payload_encoding", "too large")] }
        return .done(members)
    }
}
