import Configuration
import Testing

@testable import Host

@Suite("Repeated lines")
struct RepeatLimiterTests {
    private let second: Int64 = 1_000_000_000

    private func admit(_ limiter: inout RepeatLimiter, _ subject: String, at now: Int64) -> LogLine? {
        limiter.admit(RepeatLimiter.Key(.publishDenied, about: Array(subject.utf8)), now: now) {
            LogLine(time: now, level: .warn, event: .publishDenied, fields: [.init("client", subject)])
        }
    }

    @Test("The first is written at once, the others are counted and reported when the window ends")
    func counting() {
        var limiter = RepeatLimiter()
        #expect(admit(&limiter, "a", at: 0) != nil)
        for step in 1...41 { #expect(admit(&limiter, "a", at: Int64(step) * second / 10) == nil) }
        #expect(limiter.ended(by: 9 * second).isEmpty)
        let lines = limiter.ended(by: 10 * second)
        #expect(lines.map(\.repeats) == [41])
    }

    @Test("A lasting flood is one line per window; a quiet window forgets")
    func lasting() {
        var limiter = RepeatLimiter()
        _ = admit(&limiter, "a", at: 0)
        _ = admit(&limiter, "a", at: 1)
        #expect(limiter.ended(by: 10 * second).count == 1)
        #expect(admit(&limiter, "a", at: 11 * second) == nil)
        #expect(limiter.ended(by: 20 * second).map(\.repeats) == [1])
        #expect(limiter.ended(by: 30 * second).isEmpty)
        #expect(limiter.nextWindowEnd == nil)
        #expect(admit(&limiter, "a", at: 31 * second) != nil)
    }

    @Test("A count not yet written is not lost to the first line of the next window")
    func lateReport() {
        var limiter = RepeatLimiter()
        _ = admit(&limiter, "a", at: 0)
        _ = admit(&limiter, "a", at: 1)
        #expect(admit(&limiter, "a", at: 12 * second) == nil)
        #expect(limiter.ended(by: 12 * second).map(\.repeats) == [2])
    }

    @Test("Subjects do not hide each other")
    func subjects() {
        var limiter = RepeatLimiter()
        #expect(admit(&limiter, "a", at: 0) != nil)
        #expect(admit(&limiter, "b", at: 0) != nil)
    }

    @Test("A flood under ever new names is bounded in lines and memory")
    func newNames() {
        var limiter = RepeatLimiter()
        let written = (0..<10_000).count { admit(&limiter, "client-\($0)", at: 0) != nil }
        #expect(written == RepeatLimiter.maximumSubjects + 1)
        #expect(limiter.flush(now: 1).map(\.repeats) == [10_000 - RepeatLimiter.maximumSubjects - 1])
    }
}
