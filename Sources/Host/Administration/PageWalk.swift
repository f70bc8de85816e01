import BrokerCore
import Locking

/// A page of a list that is spread over all shards, collected in small steps: each is a turn of its own, between two of
/// which the loop serves its clients.
enum PageWalk {
    /// Sessions that one step looks at: well below a millisecond.
    static let visitsPerStep = 256

    /// One step on a shard's thread: from a cursor, at most so many reports.
    typealias Step<Report: Sendable> =
        @Sendable (_ shard: Shard, _ cursor: UInt64, _ limit: Int) -> ReportPage<Report>

    /// Collects until there are `limit` reports or nothing is left.
    /// - Parameters:
    ///   - cursor: the shard's number in the upper byte, the place in it below; 0 begins.
    ///   - then: gets the page, and where the next one begins; on a shard's thread.
    static func run<Report: Sendable>(
        _ broker: Broker, from cursor: UInt64, limit: Int, found: [Report] = [], step: @escaping Step<Report>,
        then: @escaping @Sendable (_ reports: [Report], _ next: UInt64?) -> Void
    ) {
        let number = Int(cursor >> 56)
        guard number < broker.shards.count else { return then(found, nil) }
        broker.post(
            .administer { shard in
                let page = step(shard, cursor & 0x00ff_ffff_ffff_ffff, limit - found.count)
                let all = found + page.reports
                let isLast = number + 1 >= broker.shards.count
                let next = page.next.map { UInt64(number) << 56 | $0 } ?? (isLast ? nil : UInt64(number + 1) << 56)
                guard let next, all.count < limit else { return then(all, next) }
                run(broker, from: next, limit: limit, found: all, step: step, then: then)
            }, to: number)
    }

    /// Collects the smallest `limit` topics after one, each once.
    /// - Parameter then: gets the topics in order, and whether there are more; on a shard's thread.
    static func topics(
        _ broker: Broker, after: [UInt8], limit: Int, shard number: Int = 0, slot: Int = 0, found: [[UInt8]] = [],
        then: @escaping @Sendable (_ topics: [[UInt8]], _ hasMore: Bool) -> Void
    ) {
        broker.post(
            .administer { shard in
                let step = shard.recentTopics(from: slot, visits: 2 * visitsPerStep, after: after)
                var all = found
                if !step.topics.isEmpty {
                    // One more than wanted says that there are more.
                    all = Array(
                        Set(found + step.topics).sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit + 1))
                }
                let isLast = number + 1 >= broker.shards.count
                guard step.next != nil || !isLast else { return then(Array(all.prefix(limit)), all.count > limit) }
                topics(
                    broker, after: after, limit: limit, shard: step.next == nil ? number + 1 : number,
                    slot: step.next ?? 0, found: all, then: then)
            }, to: number)
    }

    /// Asks every shard, and gives what they say in the order of their numbers; `then` on a shard's thread.
    static func everywhere<Value: Sendable>(
        _ broker: Broker, _ ask: @escaping @Sendable (Shard) -> Value, then: @escaping @Sendable ([Value]) -> Void
    ) {
        let said = Locked<[Int: Value]>([:])
        let count = broker.shards.count
        broker.postToAll(
            .administer { shard in
                let value = ask(shard)
                let all = said.withLock { said in
                    said[shard.index] = value
                    return said
                }
                if all.count == count { then(all.sorted { $0.key < $1.key }.map(\.value)) }
            })
    }
}
