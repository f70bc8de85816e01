import Glibc
import Locking
import Testing

@testable import AuthPlugin

@Suite struct LogInWorkersTests {
    /// What the threads have said, and a way to wait for it.
    private final class Answers: Sendable {
        private let all = Locked<[SourceAnswer]>([])
        private let come = Semaphore()

        func add(_ answer: SourceAnswer) {
            all.withLock { $0.append(answer) }
            come.signal()
        }

        /// Waits for one more.
        func next() -> SourceAnswer? {
            guard come.wait(milliseconds: 60_000) else { return nil }
            return all.withLock { $0.removeFirst() }
        }
    }

    private let answers = Answers()

    private func workers(width: Int = 1, isIdle: Bool = true, patience: Int = 60_000) -> LogInWorkers {
        LogInWorkers(
            "test", width: width, isIdle: isIdle, usualTime: 1, limiter: FailureLimiter(FailureLimiter.Limits()),
            patience: patience
        ) { 0 }
    }

    private func attempt(deadline: Int64 = 1 << 60) -> Attempt {
        let none: [UInt8] = []
        return Attempt(
            user: none, password: none.span, client: none, address: Array("10.0.0.1:1".utf8), shard: 0,
            deadline: deadline)
    }

    private func submit(_ workers: LogInWorkers, _ body: @escaping @Sendable () -> SourceAnswer) {
        let answer = { @Sendable [answers] in answers.add($0) }
        workers.submit(attempt(), answer) {
            let result = body()
            return { answer(result) }
        }
    }

    @Test(arguments: [true, false])
    func stepsAreDoneOnThreadsThatEndWithStop(isIdle: Bool) {
        let workers = workers(width: 2, isIdle: isIdle)
        let caller = pthread_self()
        for number in 0..<20 {
            submit(workers) { pthread_equal(caller, pthread_self()) == 0 ? .refused("\(number)") : .unknown }
        }
        let said = Set((0..<20).compactMap { _ in answers.next().map { "\($0)" } })
        #expect(said == Set((0..<20).map { "\(SourceAnswer.refused("\($0)"))" }))
        workers.stop()
        submit(workers) { .accepted(Identity()) }
        #expect(answers.next() == .failed("too many log-ins at once"))
    }

    @Test func computingYieldsToEverybody() {
        let workers = workers()
        submit(workers) { sched_getscheduler(0) == 5 ? .unknown : .refused("policy \(sched_getscheduler(0))") }
        #expect(answers.next() == .unknown, "SCHED_IDLE")
        workers.stop()
    }

    @Test func answersComeFromAThreadThatIsNotStarved() {
        let workers = workers()
        let answer = { @Sendable [answers] in answers.add($0) }
        workers.submit(attempt(), answer) {
            { answer(sched_getscheduler(0) == SCHED_OTHER ? .unknown : .refused("it holds locks")) }
        }
        #expect(answers.next() == .unknown)
        workers.stop()
    }

    @Test func whoCannotBeAnsweredInTimeIsToldBeforeItsDeadline() {
        let workers = workers()
        let release = Semaphore()
        let answer = { @Sendable [answers] in answers.add($0) }
        workers.submit(attempt(deadline: 250_000_000 + 2_000_000), answer) {
            release.wait()
            return {}
        }
        #expect(answers.next() == .failed("too many log-ins at once"))
        release.signal()
        release.signal()
        workers.stop()
    }

    @Test func somebodyElseComputesWhatTakesTooLong() {
        let workers = workers(patience: 1)
        let release = Semaphore()
        // The thread of the lowest class gets stuck here; on a busy machine it may not even have begun.
        submit(workers) {
            // 5: SCHED_IDLE, which Glibc does not show to Swift.
            guard sched_getscheduler(0) == 5 else { return .refused("somebody else") }
            release.wait()
            return .refused("the first one")
        }
        #expect(answers.next() == .refused("somebody else"))
        // The first one is still at it: what comes now is not left to it.
        submit(workers) { .refused("next") }
        #expect(answers.next() == .refused("next"))
        release.signal()
        workers.stop()
    }
}
