import BrokerCore
import Locking
import PluginABI
import StoreFormat
import Testing

@testable import Host

/// Rows become batches and answers find their way back, also when the store fails.
@Suite struct StoreDriverTests {
    /// Two shards' worth of loops, without the loops.
    private final class Bench {
        let fake = FakeStore()
        let driver: StoreDriver
        let woken = Locked<[Int]>([])
        let events = Locked<[String]>([])
        var retried: [Int] = []

        init() throws {
            let broker = Broker(settings: BrokerSettings(), listeners: [], shardCount: 2, seed: 1)
            let (woken, events) = (woken, events)
            driver = StoreDriver(
                try fake.open(), broker, lastOrder: 0, wake: { shard in woken.withLock { $0.append(shard) } },
                events: { event in
                    events.withLock {
                        switch event {
                        case .failed(let status): $0.append("failed \(status)")
                        case .recovered: $0.append("recovered")
                        }
                    }
                })
        }

        func persist(_ name: String, ticket: UInt64, shard: Int) {
            driver.persist([.session(clientID: Array(name.utf8), expiry: 1)], ticket: ticket, shard: shard, now: 0)
        }

        /// Tickets that were answered to a shard; negative: they failed.
        func answers(_ shard: Int) -> [Int] {
            driver.takeAnswers(of: shard).map { $0.succeeded ? Int($0.ticket) : -Int($0.ticket) }
        }

        func retry(_ shard: Int, _ name: String?, ticket: UInt64) {
            driver.retry(shard, now: .max - 1_000_000_000) {
                retried.append(shard)
                if let name { persist(name, ticket: ticket, shard: shard) }
            }
        }

        var sessions: [String] {
            fake.pairs.compactMap { key, value in
                guard case .session(let name, _)? = try? StoreRecord(key: key, value: value) else { return nil }
                return String(decoding: name, as: UTF8.self)
            }.sorted()
        }
    }

    @Test("Each ticket is answered to its shard when the store has it, not before")
    func answers() throws {
        let bench = try Bench()
        bench.persist("a", ticket: 1, shard: 0)
        bench.persist("b", ticket: 1, shard: 1)
        bench.persist("c", ticket: 2, shard: 0)
        #expect(bench.answers(0).isEmpty && bench.woken.withLock { $0 }.isEmpty)
        bench.fake.answer(2)
        #expect(bench.answers(0) == [1] && bench.answers(1) == [1])
        bench.fake.answer()
        #expect(bench.answers(0) == [2] && bench.sessions == ["a", "b", "c"])
        #expect(bench.woken.withLock { $0 } == [0, 1, 0])
        #expect(bench.driver.nextRetry == nil)
    }

    @Test("After a failure nothing is taken until all shards have handed over again what they lost, in one batch")
    func failure() throws {
        let bench = try Bench()
        bench.persist("a", ticket: 1, shard: 0)
        bench.persist("b", ticket: 1, shard: 1)
        bench.fake.answer(.max, HL_NO_SPACE)
        #expect(bench.answers(0) == [-1] && bench.answers(1) == [-1])
        #expect(bench.events.withLock { $0 } == ["failed \(HL_NO_SPACE)"])
        #expect(bench.driver.failure == HL_NO_SPACE)
        // While it fails, what comes is refused at once.
        bench.persist("x", ticket: 2, shard: 1)
        #expect(bench.answers(1) == [-2] && bench.fake.waiting.isEmpty)
        #expect(bench.driver.nextRetry != nil)
        bench.retry(0, "a", ticket: 2)
        // The other shard has not had its turn: its rows would come too early.
        bench.persist("y", ticket: 3, shard: 1)
        #expect(bench.answers(1) == [-3])
        bench.persist("c", ticket: 3, shard: 0)
        #expect(bench.fake.waiting.isEmpty)
        bench.retry(1, "b", ticket: 4)
        #expect(bench.fake.waiting.count == 1 && bench.driver.nextRetry == nil)
        bench.persist("d", ticket: 5, shard: 1)
        bench.fake.answer(1)
        #expect(bench.sessions == ["a", "b", "c"])
        bench.fake.answer()
        #expect(bench.answers(0).filter { $0 != 0 } == [2, 3] && bench.answers(1).filter { $0 != 0 } == [4, 5])
        #expect(bench.sessions == ["a", "b", "c", "d"] && bench.driver.failure == nil)
        #expect(bench.events.withLock { $0 } == ["failed \(HL_NO_SPACE)", "recovered"])
    }

    @Test("A store that stays broken is tried again and again, and told of once; a shard without losses learns it too")
    func staysBroken() throws {
        let bench = try Bench()
        bench.persist("a", ticket: 1, shard: 0)
        bench.fake.answer(.max, HL_IO_ERROR)
        #expect(bench.answers(0) == [-1])
        for ticket in 2...4 as ClosedRange<UInt64> {
            bench.retry(0, "a", ticket: ticket)
            bench.retry(1, nil, ticket: 0)
            bench.persist("held", ticket: 9, shard: 1)
            bench.fake.answer(.max, HL_IO_ERROR)
            #expect(bench.answers(0) == [-Int(ticket)] && bench.answers(1) == [-9])
        }
        bench.retry(1, nil, ticket: 0)
        bench.retry(0, "a", ticket: 5)
        bench.fake.answer()
        #expect(bench.answers(0) == [5, 0] && bench.answers(1) == [0])
        #expect(bench.retried == [0, 1, 0, 1, 0, 1, 1, 0])
        #expect(bench.events.withLock { $0 } == ["failed \(HL_IO_ERROR)", "recovered"])
    }

    @Test("Closing answers what is under way; what comes later is refused")
    func close() throws {
        let bench = try Bench()
        bench.persist("a", ticket: 1, shard: 0)
        bench.driver.close()
        #expect(bench.answers(0) == [1] && bench.fake.isClosed)
        bench.persist("b", ticket: 2, shard: 0)
        #expect(bench.answers(0) == [-2])
    }

    @Test("A store is read in pieces; what is damaged is named and the rest is there")
    func reading() throws {
        var pairs: [[UInt8]: [UInt8]] = [:]
        for number in 0..<10 {
            let (key, value) = StoreRecord.session(clientID: Array("c\(number)".utf8), expiry: 60).encoded
            pairs[key] = value
        }
        let (key, value) = StoreRecord.session(clientID: [0x78], expiry: 1).encoded
        pairs[key] = Array(value.dropLast())
        let fake = FakeStore(pairs)
        let reading = try StoreReading(try fake.open(), clock: StoreClock(host: 0, wall: 0), progress: { _ in })
        #expect(reading.state.problems.count == 1 && !reading.isNew)
        var steps: [Int] = []
        for number in 0..<9000 {
            let (key, value) = StoreRecord.session(clientID: Array("d\(number)".utf8), expiry: 60).encoded
            pairs[key] = value
        }
        let many = FakeStore(pairs)
        _ = try StoreReading(try many.open(), clock: StoreClock(host: 0, wall: 0)) { steps.append($0) }
        #expect(steps == [4000, 8000] && !many.isClosed)
        let broker = Broker(settings: BrokerSettings(), listeners: [], shardCount: 1, seed: 1)
        #expect(broker.restore(reading.state, now: 1).sessions == 10)
    }

    @Test("A store of a newer format is refused in one sentence")
    func newer() throws {
        let (key, value) = StoreRecord.format(version: 9).encoded
        let fake = FakeStore([key: value])
        #expect {
            try StoreReading(try fake.open(), clock: StoreClock(host: 0, wall: 0), progress: { _ in })
        } throws: { "\($0)".contains("format 9") }
    }
}
