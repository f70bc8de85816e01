import Glibc
import PluginABI
import Testing

@testable import BrokerCore

/// A deadline of a hook that cannot wait is a budget: counted where calls are looked at, never a verdict.
@Suite struct BudgetTests {
    private func clock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Asks about a message at a time; the plugin is busy for so many nanoseconds.
    private func deliver(_ fixture: HookFixture, at now: Int64) -> UInt64 {
        let receivers = [hl_receiver(client: client(1), filter: hl_view(), qos: 0, flags: 0)]
        var deny: UInt64 = 0
        var msg = message("a")
        receivers.withUnsafeBufferPointer { receivers in
            fixture.dispatcher.aclDeliver(&msg, receivers, deny: &deny, abstainDenies: true, mask: .max, now: now)
        }
        return deny & 1
    }

    @Test("calls of one turn in a tenth of a second are looked at, and those over budget are counted")
    func sampled() {
        let fixture = HookFixture()
        let slow = Script(HL_ALLOW) { [self] _, _, _ in
            let end = clock() + 100_000
            while clock() < end {}
        }
        let instance = fixture.add(slow, HL_HOOK_ACL_DELIVER)
        #expect(deliver(fixture, at: 0) == 0 && instance.overruns == 0, "not looked at yet")
        fixture.dispatcher.sampleBudgets(now: 1)
        #expect(deliver(fixture, at: 1) == 0 && instance.overruns == 1, "the verdict holds all the same")
        fixture.dispatcher.sampleBudgets(now: 2)
        #expect(deliver(fixture, at: 2) == 0 && instance.overruns == 1)
        fixture.dispatcher.sampleBudgets(now: 100_000_001)
        #expect(deliver(fixture, at: 100_000_001) == 0 && instance.overruns == 1, "a tenth of a second later")
        fixture.dispatcher.sampleBudgets(now: 100_000_003)
        #expect(deliver(fixture, at: 100_000_003) == 0 && instance.overruns == 2)
    }

    @Test("a batch may take as long as its receivers together, and measuring on request goes on through a sample")
    func batchAndMeasure() {
        let fixture = HookFixture()
        let instance = fixture.add(Script(HL_ALLOW), HL_HOOK_ACL_DELIVER)
        fixture.dispatcher.sampleBudgets(now: 1)
        fixture.dispatcher.setMeasuring(true)
        fixture.dispatcher.sampleBudgets(now: 2)
        #expect(deliver(fixture, at: 3) == 0)
        #expect(fixture.dispatcher.measures.map(\.calls) == [1])
        fixture.dispatcher.setMeasuring(false)
        #expect(fixture.dispatcher.measures.isEmpty && instance.overruns <= 1)
    }
}
