import Locking
import OTLP
import Testing

@testable import PluginSDK
@testable import TracesPlugin

/// Spans on their way into requests.
@Suite struct SpanBatchTests {
    /// What was asked for and what was sent.
    private final class Probe: Sendable {
        struct Told {
            var requests: [[UInt8]] = []
            var lost: [UInt64] = []
            var timers: [@Sendable () -> Void] = []
        }
        let told = Locked(Told())
        let hasTimers: Bool

        init(hasTimers: Bool = true) { self.hasTimers = hasTimers }

        func makeBatches() -> SpanBatches {
            SpanBatches(
                resource: OTLPResource(version: "1", instance: "i", scope: "hookline"), interval: 1,
                after: { [self] _, body in
                    if hasTimers { told.withLock { $0.timers.append(body) } }
                    return hasTimers
                }, send: { [self] body in told.withLock { $0.requests.append(body) } },
                lost: { [self] count in told.withLock { $0.lost.append(count) } })
        }

        var requests: [[UInt8]] { told.withLock { $0.requests } }

        func runTimers() {
            let timers = told.withLock { told in
                defer { told.timers = [] }
                return told.timers
            }
            for timer in timers { timer() }
        }
    }

    private func span(_ name: String) -> SpanRecord {
        SpanRecord(
            trace: [UInt8](repeating: 1, count: 16), span: [UInt8](repeating: 2, count: 8),
            parent: [UInt8](repeating: 0, count: 8), traceState: "", kind: .server, instance: "", name: name, began: 1,
            ended: 2, attributes: [], isOK: true)
    }

    @Test("Spans wait for others until their time is up")
    func interval() {
        let probe = Probe()
        let batches = probe.makeBatches()
        batches.add([span("one")], lost: 0)
        batches.add([span("two")], lost: 3)
        #expect(probe.requests.isEmpty && probe.told.withLock { $0.timers.count } == 1)
        probe.runTimers()
        #expect(probe.requests.count == 1 && probe.told.withLock { $0.lost } == [3])
        batches.add([span("three")], lost: 0)
        probe.runTimers()
        #expect(probe.requests.count == 2)
    }

    @Test("A full request goes at once, and none holds more than it may")
    func full() {
        let probe = Probe()
        let batches = probe.makeBatches()
        batches.add((0..<SpanBatches.largest + 1).map { span("\($0)") }, lost: 0)
        #expect(probe.requests.count == 2)
        batches.flush()
        #expect(probe.requests.count == 2, "nothing waits any more")
    }

    @Test("Without a timer spans go at once")
    func noTimer() {
        let probe = Probe(hasTimers: false)
        probe.makeBatches().add([span("one")], lost: 0)
        #expect(probe.requests.count == 1)
    }

    @Test("A span becomes what OTLP calls it")
    func conversion() {
        var record = span("publish")
        record.instance = "geo"
        record.parent = [UInt8](repeating: 3, count: 8)
        record.isOK = false
        let span = OTLPSpan(record)
        #expect(span.kind == .server && span.parent.count == 8 && !span.isOK)
        #expect(span.attributes == [OTLPAttribute("hookline.plugin", "geo")])
        #expect(OTLPSpan(self.span("x")).parent.isEmpty)
    }
}
