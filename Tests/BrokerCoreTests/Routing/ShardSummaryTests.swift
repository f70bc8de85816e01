import Synchronization
import Testing

@testable import BrokerCore

@Suite struct ShardSummaryTests {
    private func mayMatch(_ summary: ShardSummary, _ topic: String, _ hash: TopicHash) -> Bool {
        withBytes(topic) { bytes in
            guard let base = bytes.baseAddress else { return false }
            let firstEnd = TopicLevels.end(base, from: 0, count: bytes.count)
            return summary.mayMatch(
                topicHash: hash.hash(base, bytes.count), firstLevelHash: hash.hash(base, firstEnd),
                isDollar: bytes[0] == TopicFilter.dollar)
        }
    }

    @Test(
        "A filter announces the topics it matches, until it is withdrawn",
        arguments: [
            ("a/b", "a/b", "a/c"), ("a/+", "a/b", "b/b"), ("a/#", "a", "b"), ("+/b", "x/b", "$SYS/b"),
            ("#", "x", "$SYS/x"), ("$SYS/#", "$SYS/x", "a"), ("/+", "/x", "x"),
        ])
    func announce(_ filter: String, _ match: String, _ other: String) {
        let hash = TopicHash(seed: 1)
        let summary = ShardSummary(hash: hash)
        #expect(!mayMatch(summary, match, hash))
        withBytes(filter) { summary.announce($0) }
        #expect(mayMatch(summary, match, hash))
        #expect(!mayMatch(summary, other, hash))
        withBytes(filter) { summary.announce($0) }
        withBytes(filter) { summary.withdraw($0) }
        #expect(mayMatch(summary, match, hash))
        withBytes(filter) { summary.withdraw($0) }
        #expect(!mayMatch(summary, match, hash))
    }

    @Test("The interest kept in an entry follows every change of every shard")
    func interest() {
        let shard = RoutingFixture(seed: 9)
        let summaries = ShardSummaries(hash: shard.hash, shardCount: 3)
        let entry = shard.entry("a/b")
        #expect(summaries.interest(of: entry) == 0)
        withBytes("a/+") { summaries.shards[2].announce($0) }
        #expect(summaries.interest(of: entry) == 0b100)
        withBytes("a/b") { summaries.shards[0].announce($0) }
        #expect(summaries.interest(of: entry) == 0b101)
        withBytes("a/+") { summaries.shards[2].withdraw($0) }
        #expect(summaries.interest(of: entry) == 0b001)
    }

    /// All filters in floor...top are announced, whatever the writer does next.
    private final class Announced: Sendable {
        let floor = Atomic<Int>(0)
        let top = Atomic<Int>(-1)
    }

    @Test("No false negative while another thread announces and withdraws")
    func noFalseNegative() async {
        let hash = TopicHash(seed: 4)
        let summaries = ShardSummaries(hash: hash, shardCount: 1)
        let announced = Announced()
        let rounds = 20_000
        let kept = 4
        let misses = await withTaskGroup(of: Int.self) { group in
            group.addTask {
                for round in 0..<rounds {
                    withBytes("t\(round)/+") { summaries.shards[0].announce($0) }
                    announced.top.store(round, ordering: .releasing)
                    guard round >= kept else { continue }
                    announced.floor.store(round - kept + 1, ordering: .sequentiallyConsistent)
                    withBytes("t\(round - kept)/+") { summaries.shards[0].withdraw($0) }
                }
                return 0
            }
            group.addTask {
                let shard = RoutingFixture(seed: 4)
                var (round, misses) = (0, 0)
                while round < rounds - 1 {
                    round = announced.top.load(ordering: .acquiring)
                    guard round >= 0 else { continue }
                    shard.cache.beginTurn()
                    let interest = summaries.interest(of: shard.entry("t\(round)/x"))
                    let wasAnnounced = announced.floor.load(ordering: .sequentiallyConsistent) <= round
                    if wasAnnounced, interest != 1 { misses += 1 }
                }
                return misses
            }
            return await group.reduce(0, +)
        }
        #expect(misses == 0)
    }
}
