import Synchronization
import Testing

@testable import PluginSDK

@Suite struct ReplaceableTests {
    /// Knows whether it is alive, and is wrong when somebody reads it after its end.
    private final class Value: Sendable {
        static let endOfLife = 0
        let number: Int
        private let check: Atomic<Int>
        private let alive: Counter

        init(_ number: Int, alive: Counter) {
            self.number = number
            self.alive = alive
            check = Atomic(number)
            alive.count.wrappingAdd(1, ordering: .relaxed)
        }

        var isIntact: Bool { check.load(ordering: .relaxed) == number }

        deinit {
            check.store(Self.endOfLife, ordering: .relaxed)
            alive.count.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    private final class Counter: Sendable {
        let count = Atomic<Int>(0)
    }

    @Test func readSeesWhatWasPutInLast() {
        let alive = Counter()
        do {
            let box = Replaceable(Value(1, alive: alive), shards: 2)
            #expect(box.read(shard: 0) { $0.number } == 1)
            box.replace(with: Value(2, alive: alive))
            #expect(box.read(shard: 1) { $0.number } == 2)
            #expect(alive.count.load(ordering: .relaxed) == 1, "nobody read the old one")
        }
        #expect(alive.count.load(ordering: .relaxed) == 0)
    }

    @Test func objectBeingReadOutlivesItsReplacement() {
        let alive = Counter()
        let box = Replaceable(Value(1, alive: alive), shards: 2)
        box.read(shard: 1) { value in
            box.replace(with: Value(2, alive: alive))
            #expect(value.isIntact && alive.count.load(ordering: .relaxed) == 2)
            #expect(box.retiredCount == 1)
        }
        box.replace(with: Value(3, alive: alive))
        #expect(box.retiredCount == 0 && alive.count.load(ordering: .relaxed) == 1)
    }

    @Test func readersAndWritersAtOnceNeverMeetADeadObject() async {
        let alive = Counter()
        let box = Replaceable(Value(1, alive: alive), shards: 2)
        let intact = await withTaskGroup(of: Bool.self) { group in
            for reader in 0..<4 {
                group.addTask {
                    (0..<20_000).allSatisfy { _ in box.read(shard: reader) { $0.isIntact } }
                }
            }
            group.addTask {
                for number in 2..<2_000 { box.replace(with: Value(number, alive: alive)) }
                return true
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(intact)
        box.replace(with: Value(2_000, alive: alive))
        #expect(alive.count.load(ordering: .relaxed) == 1)
    }
}
