import Glibc
import Testing

@testable import BrokerCore

/// Nanoseconds per operation of the routing hot path. Opt-in, and only an optimised build tells the truth:
/// `HOOKLINE_BENCHMARK=1 swift test -c release -Xswiftc -enable-testing --filter RoutingBenchmark`
@Suite(.enabled(if: getenv("HOOKLINE_BENCHMARK") != nil), .serialized)
struct RoutingBenchmark {
    @Test("Time of find, match, insert and remove")
    func times() {
        Self.changes(count: 100_000)
        for topicCount in [1000, 60_000] { Self.lookUps(topicCount: topicCount, wildcardCount: 10_000) }
    }

    /// Topics of a site with devices; filters on single devices, on kinds of values and on everything below.
    private static func lookUps(topicCount: Int, wildcardCount: Int) {
        let shard = RoutingFixture(seed: 1)
        for number in 0..<wildcardCount {
            let filter =
                switch number % 3 {
                case 0: "site/\(number % 50)/device-\(number)/#"
                case 1: "site/+/device-\(number)/temperature"
                default: "site/\(number % 50)/+/kind-\(number)"
                }
            shard.subscribe(UInt64(number % 1000), filter, SubscriptionFlags(qos: 1))
        }
        let topics = (0..<topicCount).map { Array("site/\($0 % 50)/device-\($0)/temperature".utf8) }
        let order = topics.map { topic in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: topic.count, alignment: 1)
            copy.copyBytes(from: topic)
            return UnsafeRawBufferPointer(copy)
        }
        .shuffled()
        defer { for topic in order { topic.deallocate() } }
        for topic in order { _ = shard.tree.match(shard.entry(String(decoding: topic, as: UTF8.self))) }
        let rounds = max(1, 2_000_000 / topicCount)
        var sum = 0
        report("find, \(topicCount) topics", rounds * topicCount) {
            for _ in 0..<rounds {
                for topic in order where shard.cache.find(topic.baseAddress!, topic.count) != nil { sum &+= 1 }
            }
        }
        report("find and match hit, \(topicCount) topics", rounds * topicCount) {
            for _ in 0..<rounds {
                for topic in order {
                    guard let entry = shard.cache.find(topic.baseAddress!, topic.count) else { continue }
                    sum &+= shard.tree.match(entry).pointee.targets.count
                }
            }
        }
        report("match miss, \(topicCount) topics, \(wildcardCount) wildcard filters", topicCount * 5) {
            for _ in 0..<5 {
                shard.cache.beginTurn()
                for topic in order {
                    guard let entry = shard.cache.find(topic.baseAddress!, topic.count) else { continue }
                    entry.pointee.matchStamp = 0
                    sum &+= shard.tree.match(entry).pointee.targets.count
                }
            }
        }
        #expect(sum > 0)
    }

    private static func changes(count: Int) {
        let shard = RoutingFixture(seed: 1)
        for (kind, suffix) in [("exact", "/state"), ("wildcard", "/+")] {
            let filters = (0..<count).map { number in
                String(repeating: "0", count: 6 - String(number).count) + "\(number)"
            }
            .map { Array("factory/\($0)/sensor/7654\(suffix)".utf8) }
            var list = SessionSubscriptions()
            let before = residentBytes()
            report("insert \(kind)", count) {
                for filter in filters {
                    filter.withUnsafeBytes {
                        _ = shard.tree.insert(
                            $0, session: RoutingFixture.pointer(1), sessionID: 1, flags: SubscriptionFlags(qos: 1),
                            identifier: 0, into: &list)
                    }
                }
            }
            let used = residentBytes() - before
            print("    \(used / count) B per \(kind) subscription of \(filters[0].count) B, tables included")
            report("remove \(kind)", count) {
                for filter in filters {
                    filter.withUnsafeBytes { _ = shard.tree.remove($0, sessionID: 1, from: &list) }
                }
            }
        }
    }

    /// Resident memory of the process; coarse, but right over many subscriptions.
    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let text = String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
    }

    private static func report(_ name: String, _ count: Int, _ body: () -> Void) {
        let clock = ContinuousClock()
        let time = clock.measure(body)
        let nanoseconds = Double(time.components.attoseconds) / 1e9 + Double(time.components.seconds) * 1e9
        print("    \(name): \((nanoseconds / Double(count) * 10).rounded() / 10) ns")
    }
}
