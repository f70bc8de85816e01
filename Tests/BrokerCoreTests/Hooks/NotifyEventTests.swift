import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// What notify hooks are told about clients, and in which words.
@Suite struct NotifyEventTests {
    private struct Note: Equatable, CustomStringConvertible {
        var hook: UInt32
        var client = ""
        var topic = ""
        var word = ""
        var flags: UInt32 = 0
        var code: UInt32 = 0
        var qos: UInt32 = 0

        var description: String { "\(hook) \(client) \(topic) \(word) \(flags) \(code) \(qos)" }
    }

    /// A broker with a plugin that notes what `hooks` tell it; `told` hands the events over as a host does.
    private final class Bench {
        let test: TestBroker
        let plugin = TestPlugin()
        var notes: [Note] = []
        /// The numbers of notify.stats.
        var numbers: [String: UInt64] = [:]

        init(_ hooks: UInt32..., configure: (inout BrokerSettings) -> Void = { _ in }) {
            test = TestBroker(configure)
            for hook in hooks {
                plugin.on(hook) { [unowned self] _, input in
                    let event = input.load(as: hl_event.self)
                    numbers[event.reason.text] = event.count
                    notes.append(
                        Note(
                            hook: event.hook, client: event.client?.pointee.client_id.text ?? "",
                            topic: event.topic.text, word: event.reason.text, flags: event.flags,
                            code: event.reason_code, qos: event.qos))
                    return HL_OK
                }
            }
            test.install(plugin)
        }

        func told() -> [Note] {
            for event in test.events { test.broker.shards[0].notifyPlugins(event) }
            test.events = []
            plugin.runWork()
            defer { notes = [] }
            return notes
        }
    }

    @Test("A life of a client: connected, subscribed, unsubscribed, gone, offline")
    func life() {
        let bench = Bench(
            HL_HOOK_NOTIFY_CONNECTED, HL_HOOK_NOTIFY_SUBSCRIBED, HL_HOOK_NOTIFY_UNSUBSCRIBED,
            HL_HOOK_NOTIFY_DISCONNECTED)
        let client = bench.test.connect("c", expiry: 100)
        client.subscribe("a/+", qos: 1)
        client.unsubscribe("a/+")
        client.disconnect()
        #expect(
            bench.told() == [
                Note(hook: HL_HOOK_NOTIFY_CONNECTED, client: "c"),
                Note(hook: HL_HOOK_NOTIFY_SUBSCRIBED, client: "c", topic: "a/+", qos: 1),
                Note(hook: HL_HOOK_NOTIFY_UNSUBSCRIBED, client: "c", topic: "a/+"),
                Note(hook: HL_HOOK_NOTIFY_DISCONNECTED, client: "c", word: "client_disconnect"),
            ])
        _ = bench.test.connect("c", cleanStart: false, expiry: 100)
        #expect(bench.told() == [Note(hook: HL_HOOK_NOTIFY_CONNECTED, client: "c", flags: HL_EVENT_SESSION_PRESENT)])
    }

    @Test("The end of a connection tells who ended it, why, and of the will")
    func ends() {
        let bench = Bench(HL_HOOK_NOTIFY_DISCONNECTED, HL_HOOK_NOTIFY_TAKEN_OVER)
        let first = bench.test.connect("c") { $0.will = .init(topic: [0x77], payload: [1]) }
        let second = bench.test.connect("c")
        #expect(first.isClosed)
        let notes = bench.told()
        #expect(notes.map(\.hook) == [HL_HOOK_NOTIFY_DISCONNECTED, HL_HOOK_NOTIFY_TAKEN_OVER])
        #expect(notes.first?.word == "taken_over" && notes.first?.code == UInt32(ReasonCode.sessionTakenOver.rawValue))
        #expect(notes.first?.flags == HL_EVENT_BY_BROKER | HL_EVENT_WILL)
        second.drop()
        let lost = bench.told()
        #expect(lost.map(\.word) == ["connection_lost"] && lost.map(\.flags) == [0])
    }

    @Test("notify.offline and notify.expired: a session waits for its client, then ends")
    func offline() {
        let bench = Bench(HL_HOOK_NOTIFY_OFFLINE, HL_HOOK_NOTIFY_EXPIRED)
        bench.test.connect("c", expiry: 100).drop()
        #expect(bench.told() == [Note(hook: HL_HOOK_NOTIFY_OFFLINE, client: "c")])
        bench.test.advance(seconds: 101)
        #expect(bench.told() == [Note(hook: HL_HOOK_NOTIFY_EXPIRED, client: "c")])
        bench.test.connect("clean").drop()
        #expect(bench.told().isEmpty, "a session that ends with its connection has not expired")
    }

    @Test("notify.dropped names the receiver, the topic and why")
    func dropped() {
        let bench = Bench(HL_HOOK_NOTIFY_DROPPED) { $0.maximumQueuedMessages = 1 }
        let sleeper = bench.test.connect("sleeper", expiry: 100)
        sleeper.subscribe("t", qos: 1)
        sleeper.drop()
        let publisher = bench.test.connect("p")
        for number in UInt16(1)...2 { publisher.publish("t", qos: 1, packetID: number) }
        #expect(
            bench.told() == [Note(hook: HL_HOOK_NOTIFY_DROPPED, client: "sleeper", topic: "t", word: "queue_full")])
    }

    @Test("notify.stats tells the numbers of the shard every ten seconds, until nobody asks")
    func stats() {
        let bench = Bench(HL_HOOK_NOTIFY_STATS)
        let client = bench.test.connect("c")
        client.subscribe("a", "b")
        client.publish("a", qos: 1)
        #expect(bench.told().isEmpty)
        bench.test.advance(seconds: 10)
        #expect(bench.told().count == 9)
        #expect(bench.numbers["connections"] == 1 && bench.numbers["sessions"] == 1)
        #expect(bench.numbers["subscriptions"] == 2 && bench.numbers["queued_messages"] == 0)
        #expect(bench.numbers["messages_received"] == 1 && bench.numbers["messages_sent"] == 1)
        #expect(bench.numbers["messages_dropped"] == 0)
        bench.test.advance(seconds: 10)
        #expect(bench.told().count == 9, "and again")
        bench.test.broker.install(HookTable(generation: 2, entries: []))
        bench.test.settle()
        bench.test.advance(seconds: 10)
        #expect(bench.told().isEmpty)
    }

    @Test("Causes, drops, wills and forgiven faults have one word each, all different, in snake case")
    func words() {
        let causes: [DisconnectCause] = [
            .clientDisconnect, .connectionLost, .keepAliveTimeout, .connectTimeout, .takenOver,
            .protocolViolation("why"), .refused("why"), .credentialsExpired, .kicked, .shutdown, .limit("why"),
        ]
        let outcomes: [WillOutcome] = [.none, .published, .delayed, .discarded]
        for words in [
            causes.map(\.word), outcomes.map(\.word), DropReason.allCases.map(\.word),
            ToleratedFault.allCases.map(\.word),
        ] {
            #expect(Set(words).count == words.count)
            for word in words {
                #expect(word.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F })
            }
        }
        #expect(causes.filter { $0.detail == "why" }.count == 3)
        #expect(DisconnectCause.keepAliveTimeout.detail.contains("[MQTT-3.1.2-22]"))
        #expect(DisconnectCause.connectTimeout.detail.contains("section 3.1.4"))
        #expect(DisconnectCause.kicked.detail.isEmpty)
    }
}
