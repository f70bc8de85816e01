import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// The queue of a consumer: messages in batches, bounded in number and bytes, losses counted and told.
@Suite struct ConsumerQueueTests {
    /// A broker whose messages go to one queue.
    private final class Bench {
        let test = TestBroker()
        let instance: HookInstance
        let handle = UnsafeMutablePointer<hl_self>.allocate(capacity: 1)
        let client: TestClient

        init(_ configure: (inout HookEventQueue.Bounds) -> Void) {
            var bounds = HookEventQueue.Bounds()
            configure(&bounds)
            handle.initialize(to: hl_self())
            instance = HookInstance(
                number: 7, name: "consumer", generation: 1, handle: handle, state: nil, onCancel: nil,
                submit: { _ in false }, events: bounds, eventsReady: {})
            // Read by batches alone: the function is never called.
            let function: hl_notify_fn = { _, _, _ in }
            let entry = HookEntry(
                hook: HL_HOOK_NOTIFY_PUBLISHED, function: unsafeBitCast(function, to: hl_hook_fn.self),
                instance: instance, interest: HookInterest())
            test.broker.install(HookTable(generation: 1, entries: [entry]))
            test.settle()
            client = test.connect("c")
        }

        deinit { handle.deallocate() }

        func publish(_ payloads: String...) {
            for payload in payloads { client.publish("t", payload) }
        }

        /// One batch: what is in it, what was lost before it, and whether more wait.
        func batch(limit: Int = 100) -> (payloads: [String], lost: UInt64, more: Bool) {
            var (payloads, losses) = ([String](), UInt64(0))
            let more = instance.events.runBatch(limit: limit) { messages, lost in
                payloads = messages.map(\.payload.text)
                losses = lost
            }
            return (payloads, losses, more)
        }
    }

    @Test("Batches hold the messages in order, at most as many as asked for")
    func batches() {
        let bench = Bench { _ in }
        bench.publish("1", "2", "3")
        #expect(bench.instance.events.usage.events == 3 && bench.instance.events.usage.bytes == 6)
        let first = bench.batch(limit: 2)
        #expect(first.payloads == ["1", "2"] && first.lost == 0 && first.more)
        let second = bench.batch(limit: 2)
        #expect(second.payloads == ["3"] && !second.more)
        #expect(bench.batch().payloads.isEmpty)
        let usage = bench.instance.events.usage
        #expect(usage.events == 0 && usage.bytes == 0 && usage.received == 3 && usage.lost == 0)
    }

    @Test("A full queue drops the new message, or the oldest, and says how many were lost", arguments: [false, true])
    func full(dropsOldest: Bool) {
        let bench = Bench {
            $0.events = 2
            $0.dropsOldest = dropsOldest
        }
        bench.publish("1", "2", "3", "4", "5")
        let batch = bench.batch()
        #expect(batch.payloads == (dropsOldest ? ["4", "5"] : ["1", "2"]))
        #expect(batch.lost == 3 && bench.instance.events.dropped == 3)
        bench.publish("6")
        #expect(bench.batch().lost == 0, "told once")
    }

    @Test("Bytes are bounded as well; one message alone may be larger")
    func bytes() {
        let bench = Bench {
            $0.bytes = 12
            $0.dropsOldest = true
        }
        bench.publish("a longer message than the queue has room for")
        #expect(bench.instance.events.usage.events == 1)
        bench.publish("123", "456")
        let batch = bench.batch()
        #expect(batch.payloads == ["123", "456"] && batch.lost == 1)
    }

    @Test("A long queue is read to its end in small batches while more comes")
    func compacts() {
        let bench = Bench { _ in }
        var seen: [String] = []
        for number in 0..<600 { bench.publish("\(number)") }
        for number in 600..<620 {
            seen += bench.batch(limit: 20).payloads
            bench.publish("\(number)")
        }
        while case let batch = bench.batch(limit: 20), !batch.payloads.isEmpty { seen += batch.payloads }
        #expect(seen == (0..<620).map { "\($0)" })
    }

    @Test("What waits for a consumer that stops is dropped")
    func close() {
        let bench = Bench { _ in }
        bench.publish("1")
        bench.instance.events.close()
        bench.publish("2")
        #expect(bench.batch().payloads.isEmpty && bench.instance.events.usage.events == 0)
    }
}
