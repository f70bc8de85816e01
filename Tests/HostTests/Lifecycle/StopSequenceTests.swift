import Testing

@testable import Host

@Suite("Stopping")
struct StopSequenceTests {
    @Test("The first signal drains, a second one ends at once with 128 and its number")
    func signals() {
        var stop = StopSequence(drain: 10)
        #expect(stop.signal(15, now: 100) == .drain(until: 110))
        #expect(stop.signal(2, now: 101) == .endNow(exitCode: 130))
    }

    @Test("A stop over the control socket drains once; a signal after it ends at once")
    func request() {
        var stop = StopSequence(drain: 10)
        #expect(stop.request(now: 0) == .drain(until: 10))
        #expect(stop.request(now: 1) == .nothing)
        #expect(stop.signal(15, now: 2) == .endNow(exitCode: 143))
    }
}
