import Locking
import Testing

@testable import AuthPlugin

@Suite struct FairQueueTests {
    /// `#expect` takes no mutating calls.
    private final class Queue<Element> {
        private var queue: FairQueue<Element>

        init(maximumCount: Int, maximumPerLane: Int) {
            queue = FairQueue(maximumCount: maximumCount, maximumPerLane: maximumPerLane)
        }

        var count: Int { queue.count }
        func add(_ element: Element, lane: [UInt8]) -> Bool { queue.add(element, lane: lane) }
        func take() -> Element? { queue.take() }
        func remove(lane: [UInt8], where isMeant: (Element) -> Bool) { _ = queue.remove(lane: lane, where: isMeant) }
        func ahead(lane: [UInt8]) -> Int { queue.ahead(lane: lane) }
    }

    private static func lane(_ name: String) -> [UInt8] { Array(name.utf8) }

    @Test func lanesTakeTurnsAndKeepTheirOrder() {
        let queue = Queue<String>(maximumCount: 100, maximumPerLane: 50)
        for number in 1...40 { #expect(queue.add("flood-\(number)", lane: Self.lane("flood"))) }
        for number in 1...2 { #expect(queue.add("one-\(number)", lane: Self.lane("one"))) }
        #expect(queue.add("other", lane: Self.lane("other")))
        #expect((1...6).map { _ in queue.take() } == ["flood-1", "one-1", "other", "flood-2", "one-2", "flood-3"])
        #expect(queue.count == 37)
        for number in 4...40 { #expect(queue.take() == "flood-\(number)") }
        let none = queue.take()
        #expect(none == nil && queue.count == 0)
        _ = queue.add("again", lane: Self.lane("flood"))
        let again = queue.take()
        #expect(again == "again")
    }

    @Test func laneAndQueueAreBounded() {
        let queue = Queue<Int>(maximumCount: 5, maximumPerLane: 3)
        #expect((1...4).map { queue.add($0, lane: Self.lane("a")) } == [true, true, true, false])
        #expect((1...3).map { queue.add($0, lane: Self.lane("b")) } == [true, true, false])
        _ = queue.take()
        #expect(queue.add(4, lane: Self.lane("b")))
    }

    @Test func whatIsRemovedLosesItsPlaceAndNobodyElseDoes() {
        let queue = Queue<Int>(maximumCount: 10, maximumPerLane: 5)
        for number in 1...3 { _ = queue.add(number, lane: Self.lane("a")) }
        _ = queue.add(10, lane: Self.lane("b"))
        queue.remove(lane: Self.lane("a")) { $0 == 1 || $0 == 3 }
        queue.remove(lane: Self.lane("c")) { _ in true }
        #expect(queue.count == 2)
        queue.remove(lane: Self.lane("b")) { _ in true }
        let taken = [queue.take(), queue.take()]
        #expect(taken == [2, nil] && queue.count == 0)
        _ = queue.add(4, lane: Self.lane("b"))
        let again = queue.take()
        #expect(again == 4)
    }

    @Test func thousandsOfLanesCostWhatTheyHold() {
        let queue = Queue<Int>(maximumCount: 10_000, maximumPerLane: 2)
        for round in 0..<3 {
            for number in 0..<5_000 { _ = queue.add(number, lane: Self.lane("\(number)")) }
            for number in 0..<5_000 { #expect(queue.take() == number, "round \(round)") }
        }
        #expect(queue.count == 0)
    }

    @Test func whoeverIsAheadIsCounted() {
        let queue = Queue<Int>(maximumCount: 100, maximumPerLane: 100)
        #expect(queue.ahead(lane: Self.lane("a")) == 0)
        for number in 1...20 { _ = queue.add(number, lane: Self.lane("flood")) }
        #expect(queue.ahead(lane: Self.lane("flood")) == 20)
        #expect(queue.ahead(lane: Self.lane("a")) == 1, "a newcomer waits for one of each")
    }
}

@Suite struct LogInQueueTests {
    private static let second: Int64 = 1_000_000_000

    /// A clock the test moves.
    private final class Clock: Sendable {
        private let time = Locked<Int64>(0)
        var now: Int64 { time.withLock { $0 } }
        func move(to time: Int64) { self.time.withLock { $0 = time } }
    }

    private final class Answers: Sendable {
        private let all = Locked<[SourceAnswer]>([])
        var list: [SourceAnswer] { all.withLock { $0 } }
        func add(_ answer: SourceAnswer) { all.withLock { $0.append(answer) } }
    }

    private let clock = Clock()
    private let answers = Answers()
    private let limiter = FailureLimiter(FailureLimiter.Limits(allowed: 2, firstDelay: LogInQueueTests.second))

    private func queue(width: Int = 1, usualTime: Int64 = LogInQueueTests.second / 10) -> LogInQueue {
        LogInQueue(width: width, usualTime: usualTime, limiter: limiter) { [clock] in clock.now }
    }

    private func step(
        _ user: String, from address: String = "10.0.0.1:1", deadline: Int64 = 5 * LogInQueueTests.second
    ) -> LogInQueue.Step {
        let attempt = Attempt(
            user: Array(user.utf8), password: Array("secret".utf8).span, client: Array("c".utf8),
            address: Array(address.utf8), shard: 0, deadline: deadline)
        return LogInQueue.Step(attempt: attempt, answer: { [answers] in answers.add($0) }, run: { {} })
    }

    @Test func whoCannotHaveAnAnswerInTimeIsToldAtOnce() {
        let queue = queue(width: 2)
        let added = (0..<200).count { _ in queue.add(step("u")) }
        // Two at once, 100 ms each, 5 s.
        #expect((90...100).contains(added))
        #expect(answers.list == Array(repeating: .failed("too many log-ins at once"), count: 200 - added))
        #expect(queue.add(step("u", from: "10.0.0.2:1")), "another address does not stand behind it")
    }

    @Test func turnThatComesTooLateIsNotWorthTheWork() {
        let queue = queue()
        #expect(queue.add(step("u")))
        clock.move(to: 49 * Self.second / 10 + 1)
        #expect(queue.next() == nil)
        #expect(answers.list == [.failed("too many log-ins at once")])
    }

    @Test func attemptsOfAnAddressThatHasFailedMeanwhileAreNotLookedAt() {
        let queue = queue()
        for _ in 0..<5 { #expect(queue.add(step("u"))) }
        #expect(queue.add(step("v", from: "10.0.0.2:1")))
        #expect(queue.next()?.attempt.user == Array("u".utf8))
        for _ in 0..<3 { limiter.failed(address: Array("10.0.0.1:9".utf8), user: [], now: clock.now) }
        #expect(queue.next()?.attempt.user == Array("v".utf8))
        #expect(queue.next() == nil)
        #expect(answers.list == [.waits, .waits, .waits, .waits])
    }

    @Test func attemptsOnAUserThatFailedFromEverywhereAreNotLookedAt() {
        let queue = queue()
        #expect(queue.add(step("root", from: "10.0.9.1:1")))
        for host in 1...3 { limiter.failed(address: Array("10.0.0.\(host):9".utf8), user: Array("root".utf8), now: 0) }
        #expect(queue.next() == nil && answers.list == [.waits])
    }

    @Test func whoHasLeftIsNotLookedAtAndFreesItsPlace() {
        let queue = queue()
        let (first, second) = (step("u"), step("u"))
        #expect(queue.add(first) && queue.add(second) && queue.count == 2)
        first.attempt.end()
        queue.forget(first.attempt)
        #expect(queue.count == 1)
        second.attempt.end()
        #expect(queue.next() == nil && answers.list == [.abandoned])
    }

    @Test func slowStepsLowerTheBoundAndQuickOnesRaiseItAgain() {
        let queue = queue()
        for _ in 0..<40 { queue.done(2 * Self.second) }
        let slow = (0..<100).count { _ in queue.add(step("u")) }
        #expect(slow <= 6, "a second each is the most that is believed")
        while queue.next() != nil {}
        for _ in 0..<200 { queue.done(Self.second / 1_000) }
        #expect((0..<100).allSatisfy { _ in queue.add(step("u")) })
    }

    @Test func somebodyIsAlwaysTriedHoweverSlowItWas() {
        let queue = queue(usualTime: 60 * Self.second)
        #expect(queue.add(step("u")) && queue.next() != nil)
    }

    @Test func longNamesAreCountedByTheirBytes() {
        let queue = queue(width: 64, usualTime: 1)
        let name = String(repeating: "u", count: 65_535)
        let steps = (0..<300).map { step(name, from: "10.0.\($0).1:1") }
        let added = steps.count { queue.add($0) }
        #expect((250...256).contains(added), "16 MiB")
        #expect(queue.next() != nil && queue.add(steps[299]))
        queue.forget(steps[298].attempt)
        queue.forget(steps[1].attempt)
        #expect(queue.add(steps[1]) && !queue.add(steps[298]))
    }

    @Test func closedQueueTakesNothing() {
        let queue = queue()
        #expect(queue.add(step("u")))
        queue.close()
        #expect(!queue.add(step("u")) && queue.next() == nil)
    }
}

@Suite struct AcceptanceCacheTests {
    private static func cache(_ count: Int = 4) -> AcceptanceCache {
        AcceptanceCache(lifetime: 100, key: Array(repeating: 7, count: 32), maximumCount: count)
    }

    @Test func acceptanceIsRememberedUntilItIsTooOld() {
        let cache = Self.cache()
        let code = cache.code(of: [1, 2, 3])
        #expect(cache.recall(code, now: 0) == nil)
        cache.remember(Identity(user: "alice"), code, now: 0)
        #expect(cache.recall(code, now: 99)?.user == "alice")
        #expect(cache.recall(code, now: 100) == nil)
        #expect(cache.recall(cache.code(of: [1, 2, 4]), now: 1) == nil)
    }

    @Test func codeIsOfNoUseInAnotherProcess() {
        let other = AcceptanceCache(lifetime: 100, key: Array(repeating: 8, count: 32))
        #expect(Self.cache().code(of: [1]) != other.code(of: [1]))
    }

    @Test func cacheIsBoundedAndKeepsWhatIsAskedFor() {
        let cache = Self.cache(100)
        let kept = cache.code(of: [0])
        cache.remember(Identity(user: "kept"), kept, now: 0)
        for number in 1...1_000 {
            cache.remember(Identity(), cache.code(of: [UInt8(number & 255), UInt8(number >> 8)]), now: 1)
            #expect(cache.recall(kept, now: 2)?.user == "kept")
            #expect(cache.count <= 100)
        }
        #expect(cache.recall(cache.code(of: [1, 0]), now: 2) == nil, "long unused")
    }

    @Test func usingAnAcceptanceDoesNotProlongIt() {
        let cache = Self.cache(2)
        let code = cache.code(of: [1])
        cache.remember(Identity(), code, now: 0)
        cache.remember(Identity(), cache.code(of: [2]), now: 0)
        #expect(cache.recall(code, now: 50) != nil)
        #expect(cache.recall(code, now: 101) == nil)
    }
}

@Suite struct CircuitBreakerTests {
    private static let second: Int64 = 1_000_000_000

    @Test func opensAfterFiveFailuresInARowAndTriesAgainWithOne() {
        let breaker = CircuitBreaker()
        for _ in 0..<4 { breaker.ended(0, hasFailed: true) }
        breaker.ended(0, hasFailed: false)
        for _ in 0..<5 {
            #expect(breaker.begins(0))
            breaker.ended(0, hasFailed: true)
        }
        #expect(!breaker.begins(10 * Self.second - 1))
        #expect(breaker.begins(10 * Self.second))
        #expect(!breaker.begins(10 * Self.second), "one tries, the others wait for what it finds")
        breaker.ended(11 * Self.second, hasFailed: true)
        #expect(!breaker.begins(20 * Self.second))
        #expect(breaker.begins(21 * Self.second))
        breaker.ended(21 * Self.second, hasFailed: false)
        #expect(breaker.begins(21 * Self.second) && breaker.begins(21 * Self.second))
    }
}

@Suite struct OverloadReportTests {
    @Test func reasonIsToldOnceInAWhileWithItsCount() {
        let report = OverloadReport()
        let second: Int64 = 1_000_000_000
        #expect(report.note("down", now: 0) == 1)
        for _ in 0..<7 { #expect(report.note("down", now: second) == nil) }
        #expect(report.note("busy", now: second) == 1)
        #expect(report.note("down", now: 10 * second) == 8)
        for number in 0..<500 { _ = report.note("reason \(number)", now: 10 * second) }
        #expect(report.note("one more", now: 10 * second + 1) == nil, "bounded")
        #expect(report.note("one more", now: 100 * second) == 1)
    }
}
