import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// A plugin that takes its time costs the client it decides about, and nobody else. The measured form of this is
/// Benchmarks/hooks/slow_plugin.py.
@Suite struct SlowPluginTests {
    /// Decides about publishes of clients whose identifier begins with "slow", later.
    private func install(on test: TestBroker, blocks: Bool) -> (plugin: TestPlugin, complete: () -> Void) {
        let plugin = TestPlugin()
        var tokens: [UInt64] = []
        plugin.blocks = blocks
        plugin.onPublish { call, msg in
            // A plugin that is HL_BLOCKING is on a worker here, and may sleep.
            guard !blocks, msg.publisher.pointee.client_id.text.hasPrefix("slow") else { return HL_ALLOW }
            tokens.append(call.pend())
            return HL_PENDING
        }
        test.install(plugin)
        return (
            plugin,
            {
                if blocks { plugin.runWork() }
                let waiting = tokens
                tokens = []
                for token in waiting { test.complete(token, HL_ALLOW) }
                test.settle()
            }
        )
    }

    @Test("While one client waits for a plugin that pends, the others go on", arguments: [1, 2, 3])
    func pends(shards: Int) {
        let test = TestBroker(shards: shards)
        let (_, complete) = install(on: test, blocks: false)
        let receiver = test.connect("r", home: 0)
        receiver.subscribe("t")
        _ = receiver.received()
        let slow = test.connect("slow", home: 0)
        let quick = (0..<3).map { (home: Int) in test.connect("quick\(home)", home: home) }
        _ = slow.received()
        for client in quick { _ = client.received() }
        slow.publish("t", "slow 1", qos: 1)
        slow.publish("t", "slow 2", qos: 1, packetID: 2)
        for (number, client) in quick.enumerated() { client.publish("t", "quick \(number)", qos: 1) }
        #expect(receiver.payloads().sorted() == ["quick 0", "quick 1", "quick 2"])
        #expect(quick.allSatisfy { $0.received().map(\.type) == [.puback] })
        #expect(slow.received().isEmpty && slow.isPaused)
        complete()
        complete()
        #expect(receiver.payloads() == ["slow 1", "slow 2"], "and in order")
        #expect(slow.received().map(\.type) == [.puback, .puback] && !slow.isPaused)
    }

    @Test("A plugin that blocks runs on a worker: no event loop waits for it", arguments: [1, 2])
    func blocks(shards: Int) {
        let test = TestBroker(shards: shards)
        let (plugin, complete) = install(on: test, blocks: true)
        let receiver = test.connect("r", home: 0)
        receiver.subscribe("t")
        _ = receiver.received()
        let client = test.connect("c", home: 1)
        client.publish("t")
        #expect(plugin.calls(HL_HOOK_ACL_PUBLISH) == 0, "not on the event loop")
        client.send(.pingreq)
        receiver.send(.pingreq)
        #expect(receiver.received() == [.pingresp])
        complete()
        #expect(plugin.calls(HL_HOOK_ACL_PUBLISH) == 1 && receiver.messages().count == 1)
    }

    @Test("A plugin that blocks is asked about wills and edited topics as well, and its yes counts")
    func blockingWill() {
        let test = TestBroker()
        let (plugin, complete) = install(on: test, blocks: true)
        let receiver = test.connect("r")
        receiver.subscribe("w")
        _ = receiver.received()
        let client = test.connect("c") { $0.will = .init(topic: [0x77]) }
        complete()
        #expect(client.connack()?.reason == .success)
        client.drop()
        complete()
        #expect(receiver.messages().count == 1 && plugin.calls(HL_HOOK_ACL_PUBLISH) == 2)
    }
}
