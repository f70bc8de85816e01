import Configuration
import Testing

@testable import Host

@Suite("Lines of plugins")
struct PluginLineLimiterTests {
    private func line(_ event: String, _ text: String = "") -> LogLine {
        LogLine(time: 0, level: .info, event: event, fields: [LogField("message", text)])
    }

    @Test("A plugin may write a burst of one event; the rest is told as repeats of the last line")
    func burst() {
        var limiter = PluginLineLimiter()
        for _ in 0..<PluginLineLimiter.burst { #expect(limiter.admit(line("a.b"), of: "p", now: 0) != nil) }
        #expect(limiter.nextWindowEnd == PluginLineLimiter.window)
        for number in 1...5 { #expect(limiter.admit(line("a.b", "\(number)"), of: "p", now: 1) == nil) }
        #expect(limiter.admit(line("a.c"), of: "p", now: 1) != nil)
        #expect(limiter.admit(line("a.b"), of: "q", now: 1) != nil)
        #expect(limiter.ended(by: PluginLineLimiter.window - 1).isEmpty)
        let told = limiter.ended(by: PluginLineLimiter.window)
        #expect(told.map(\.repeats) == [5] && told.first?.fields == [LogField("message", "5")])
        #expect(limiter.nextWindowEnd == nil)
        #expect(limiter.admit(line("a.b"), of: "p", now: PluginLineLimiter.window) != nil)
    }

    @Test("Invented event names share one window once there are too many, and a window that is over makes room")
    func manyNames() {
        var limiter = PluginLineLimiter()
        for number in 0..<PluginLineLimiter.maximumKinds { _ = limiter.admit(line("a.\(number)"), of: "p", now: 0) }
        var admitted = 0
        for number in 0..<PluginLineLimiter.burst + 50 where limiter.admit(line("b.\(number)"), of: "p", now: 1) != nil
        { admitted += 1 }
        #expect(admitted == PluginLineLimiter.burst)
        #expect(limiter.admit(line("c.c"), of: "p", now: PluginLineLimiter.window) != nil)
    }
}
