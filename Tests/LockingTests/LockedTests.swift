import Glibc
import Locking
import Testing

@Suite struct LockedTests {
    @Test func threadsThatCountTogetherLoseNoCount() async {
        let count = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10_000 { count.withLock { $0 += 1 } }
                }
            }
        }
        #expect(count.withLock { $0 } == 40_000)
    }

    @Test func anErrorPassesAndTheLockIsFreeAgain() {
        struct Refusal: Error {}
        let names = Locked(["a"])
        #expect(throws: Refusal.self) {
            try names.withLock { names throws(Refusal) in
                names.append("b")
                throw Refusal()
            }
        }
        #expect(names.withLock { $0 } == ["a", "b"])
    }

    @Test func aValueThatCannotBeCopiedMayStandBehindIt() {
        struct Purse: ~Copyable {
            var coins: Int
        }
        let purse = Locked(Purse(coins: 2))
        purse.withLock { $0.coins += 1 }
        #expect(purse.withLock { $0.coins } == 3)
    }
}
