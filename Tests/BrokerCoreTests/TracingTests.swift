import Locking
import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// Spans of messages: the context that comes in, the one that is handed on, and what lies between.
@Suite struct TracingTests {
    /// Takes spans; its clock moves with every look.
    private final class Exporter: Sendable {
        private let state = Locked<(spans: [MessageSpan], time: Int64)>(([], 1_000))

        func settings(ratio: Double = 1, correlationField: String = "") -> TraceSettings {
            TraceSettings(
                ratio: ratio, correlationField: Array(correlationField.utf8),
                clock: { [self] in
                    state.withLock { state in
                        state.time += 1
                        return state.time
                    }
                }, take: { [self] spans in state.withLock { $0.spans += spans } })
        }

        /// All spans since the last call.
        func take() -> [MessageSpan] {
            state.withLock { state in
                defer { state.spans = [] }
                return state.spans
            }
        }
    }

    private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let sent = "00-\(traceID)-00f067aa0ba902b7-01"
    private static let parent: UInt64 = 0x00F0_67AA_0BA9_02B7

    private func traced(
        shards: Int = 1, ratio: Double = 1, correlationField: String = "",
        _ configure: (inout BrokerSettings) -> Void = { _ in }
    ) -> (TestBroker, Exporter) {
        let test = TestBroker(shards: shards, configure)
        let exporter = Exporter()
        test.tell(.trace(exporter.settings(ratio: ratio, correlationField: correlationField)))
        return (test, exporter)
    }

    private func subscriber(
        _ test: TestBroker, _ name: String = "s", home: Int = 0, qos: UInt8 = 0, _ filter: String = "t"
    ) -> TestClient {
        let client = test.connect(name, home: home)
        client.subscribe(filter, qos: qos)
        _ = client.received()
        return client
    }

    private func publish(
        _ client: TestClient, qos: UInt8 = 0, parent: String? = sent, more: [UserProperty] = []
    ) {
        _ = client.received()
        client.publish("t", qos: qos) { packet in
            packet.properties.userProperties =
                [UserProperty("first", "1")] + (parent.map { [UserProperty("traceparent", $0)] } ?? []) + more
        }
    }

    private func user(_ publish: Publish?, _ name: String) -> [String] {
        (publish?.properties.userProperties ?? []).filter { $0.name == Array(name.utf8) }
            .map { String(decoding: $0.value, as: UTF8.self) }
    }

    private func context(_ publish: Publish?) -> TraceContext? {
        user(publish, "traceparent").first.flatMap { text in Array(text.utf8).withUnsafeBytes { TraceContext($0) } }
    }

    private func value(_ span: MessageSpan?, _ key: String) -> String? {
        span?.attributes.first { $0.key == key }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    @Test(
        "A message leads to spans of its trace, and its receiver is told of the broker's",
        arguments: [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)] as [(Int, UInt8)])
    func chain(shards: Int, qos: UInt8) throws {
        let (test, exporter) = traced(shards: shards)
        let receiver = subscriber(test, home: shards - 1, qos: qos)
        publish(test.connect("p", home: 0), qos: qos, more: [UserProperty("last", "2")])
        let message = try #require(receiver.messages().first)
        let spans = exporter.take()
        let publish = try #require(spans.first { $0.work == .publish })
        let deliver = try #require(spans.first { $0.work == .deliver })
        #expect(spans.count == 2)
        #expect(publish.parentID == Self.parent && deliver.parentID == publish.context.spanID)
        #expect(spans.allSatisfy { $0.context.traceHigh == 0x4BF9_2F35_77B3_4DA6 && $0.began < $0.ended })
        #expect(context(message) == publish.context, "what the receiver does is a child of the broker's span")
        #expect(user(message, "first") == ["1"] && user(message, "last") == ["2"])
        #expect(message.properties.userProperties.map(\.name).map { $0.count } == [5, 11, 4], "their order is kept")
        #expect(value(publish, "messaging.destination.name") == "t" && value(publish, "mqtt.qos") == "\(qos)")
        #expect(value(deliver, "messaging.client.id")?.hasPrefix("s") == true)
        #expect(!publish.hasFailed && !deliver.hasFailed)
    }

    @Test("Without the sampled flag there is no span, and nothing of the message is changed")
    func notSampled() {
        let (test, exporter) = traced()
        let receiver = subscriber(test)
        let unsampled = Self.sent.dropLast(2) + "00"
        publish(test.connect("p"), parent: String(unsampled), more: [UserProperty("tracestate", "a=1")])
        let message = receiver.messages().first
        #expect(exporter.take().isEmpty)
        #expect(user(message, "traceparent") == [String(unsampled)] && user(message, "tracestate") == ["a=1"])
    }

    @Test("A trace that begins here is recorded by its ratio")
    func ratio() {
        let (test, exporter) = traced(ratio: 0)
        let receiver = subscriber(test)
        let publisher = test.connect("p")
        publish(publisher, parent: nil)
        #expect(exporter.take().isEmpty && user(receiver.messages().first, "traceparent").isEmpty)
        publish(publisher)
        #expect(exporter.take().count == 2, "a parent that is recorded outweighs the ratio")
        test.tell(.trace(exporter.settings(ratio: 1)))
        _ = receiver.received()
        publish(publisher, parent: nil)
        let spans = exporter.take()
        #expect(spans.last?.parentID == 0 && spans.count == 2)
        #expect(context(receiver.messages().first) == spans.last?.context)
    }

    @Test("Off again, messages go as they came")
    func off() {
        let (test, exporter) = traced()
        let receiver = subscriber(test)
        test.tell(.trace(nil))
        publish(test.connect("p"))
        #expect(exporter.take().isEmpty && user(receiver.messages().first, "traceparent") == [Self.sent])
    }

    @Test("tracestate is handed on with its trace, and is left out where a new one begins")
    func traceState() {
        let (test, exporter) = traced()
        let receiver = subscriber(test)
        let publisher = test.connect("p")
        let state = [UserProperty("tracestate", "a=1"), UserProperty("tracestate", "b=2")]
        publish(publisher, more: state)
        #expect(user(receiver.messages().first, "tracestate") == ["a=1", "b=2"])
        #expect(exporter.take().allSatisfy { $0.traceState == Array("a=1,b=2".utf8) })
        // Two parents: which of them holds nobody can say.
        publish(publisher, more: state + [UserProperty("traceparent", Self.sent)])
        let message = receiver.messages().first
        #expect(user(message, "tracestate").isEmpty && user(message, "traceparent").count == 1)
        let spans = exporter.take()
        #expect(spans.allSatisfy { $0.traceState.isEmpty && $0.context.traceHigh != 0x4BF9_2F35_77B3_4DA6 })
        #expect(context(message) == spans.last?.context)
    }

    @Test("A message waits in a queue with its context: one span when it gets there, one when it leaves")
    func queued() throws {
        let (test, exporter) = traced(shards: 2)
        let receiver = test.connect("s", home: 1, expiry: 100)
        receiver.subscribe("t", qos: 1)
        receiver.drop()
        publish(test.connect("p", home: 0), qos: 1)
        let before = exporter.take()
        let publish = try #require(before.first { $0.work == .publish })
        #expect(before.filter { $0.work == .queue }.map(\.parentID) == [publish.context.spanID])
        let again = test.connect("s", home: 1, cleanStart: false, expiry: 100)
        #expect(context(again.messages().first) == publish.context)
        let after = exporter.take()
        #expect(after.map(\.work) == [.deliver] && after.map(\.parentID) == [publish.context.spanID])
    }

    @Test("What must survive has a span until it is committed")
    func stored() throws {
        let (test, exporter) = traced { $0.storeEnabled = true }
        let receiver = test.connect("s", expiry: 100)
        test.commitAll()
        receiver.subscribe("t", qos: 1)
        test.commitAll()
        let publisher = test.connect("p")
        test.commitAll()
        publish(publisher, qos: 1)
        let before = exporter.take()
        #expect(!before.contains { $0.work == .store })
        test.commit()
        let after = exporter.take()
        let publish = try #require(before.first { $0.work == .publish })
        #expect(after.map(\.work) == [.store] && after.map(\.parentID) == [publish.context.spanID])
        #expect(after.allSatisfy { $0.ended > $0.began && !$0.hasFailed })
    }

    @Test("Every plugin that is asked about a message has a span, and a table that is exchanged has them too")
    func hooks() throws {
        let (test, exporter) = traced()
        let plugin = TestPlugin()
        var lent: [TraceContext?] = []
        plugin.onPublish { _, message in
            lent.append(message.trace.flatMap { TraceContext($0.pointee) })
            return HL_ALLOW
        }
        plugin.onDeliver { _, message, _ in
            lent.append(message.trace.flatMap { TraceContext($0.pointee) })
            return true
        }
        test.install(plugin)
        let receiver = subscriber(test)
        let publisher = test.connect("p")
        for generation in [2, 3] as [UInt32] {
            publish(publisher)
            #expect(receiver.messages().count == 1)
            let spans = exporter.take()
            let publish = try #require(spans.first { $0.work == .publish })
            let hooks = spans.filter { $0.work == .hook }
            #expect(hooks.map(\.name) == ["hook acl.publish", "hook acl.deliver"])
            #expect(hooks.allSatisfy { $0.parentID == publish.context.spanID })
            #expect(hooks.allSatisfy { value($0, "hookline.plugin") == "test" })
            #expect(value(hooks.first, "hookline.verdict") == "allow")
            let told = TraceContext(publish.context.raw)
            #expect(lent == [told, told] && told?.spanID == publish.context.spanID)
            lent = []
            #expect(spans.filter { $0.work == .deliver }.count == 1)
            test.install(plugin, generation: generation)
        }
    }

    @Test("A message that waits for a plugin has one span, from its arrival until it was handed out")
    func pending() throws {
        let (test, exporter) = traced()
        let plugin = TestPlugin()
        var token: UInt64 = 0
        plugin.onPublish { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        test.install(plugin)
        let receiver = subscriber(test)
        publish(test.connect("p"))
        #expect(exporter.take().isEmpty)
        test.complete(token, HL_ALLOW)
        let spans = exporter.take()
        #expect(spans.map(\.work) == [.hook, .deliver, .publish])
        #expect(value(spans.first, "hookline.verdict") == "pending")
        let publish = try #require(spans.last)
        #expect(publish.parentID == Self.parent && context(receiver.messages().first) == publish.context)
        #expect(spans.dropLast().allSatisfy { $0.parentID == publish.context.spanID })
    }

    @Test("A chain that waits goes on when tracing has ended and the table is another")
    func endsWhilePending() {
        let (test, exporter) = traced()
        let plugins = [TestPlugin(), TestPlugin()]
        var token: UInt64 = 0
        plugins[0].onPublish { call, _ in
            token = call.pend()
            return HL_PENDING
        }
        plugins[1].onPublish { _, _ in HL_ALLOW }
        test.install(plugins)
        let receiver = subscriber(test)
        publish(test.connect("p"))
        test.install(plugins, generation: 2)
        test.tell(.trace(nil))
        test.complete(token, HL_ALLOW)
        #expect(receiver.messages().count == 1 && plugins[1].calls(HL_HOOK_ACL_PUBLISH) == 1)
        #expect(exporter.take().isEmpty)
    }

    @Test("A message that is refused, and one that is dropped, have spans that say so")
    func failed() {
        let (test, exporter) = traced { $0.maximumQueuedMessages = 0 }
        let plugin = TestPlugin()
        plugin.onPublish { _, message in message.qos == 0 ? HL_DENY : HL_ALLOW }
        test.install(plugin)
        let receiver = test.connect("s", expiry: 100)
        receiver.subscribe("t", qos: 1)
        receiver.drop()
        let publisher = test.connect("p")
        publish(publisher)
        let refused = exporter.take().last
        #expect(refused?.work == .publish && refused?.hasFailed == true)
        #expect(value(refused, "error.type") == "publish_denied")
        publish(publisher, qos: 1)
        let dropped = exporter.take().first { $0.work == .deliver }
        #expect(dropped?.hasFailed == true && value(dropped, "error.type") == "queue_full")
    }

    @Test("A 3.1.1 client's message is known by the correlation id in its payload")
    func correlation() throws {
        let (test, exporter) = traced(ratio: 1, correlationField: "trace")
        let receiver = subscriber(test)
        let publisher = test.connect("p", .v3_1_1)
        _ = publisher.received()
        publisher.publish("t", #"{"trace":"\#(Self.traceID)"}"#)
        let spans = exporter.take()
        #expect(spans.count == 2 && spans.allSatisfy { $0.context.traceLow == 0xA3CE_929D_0E0E_4736 })
        #expect(value(spans.last, "messaging.message.conversation_id") == Self.traceID)
        #expect(context(receiver.messages().first) == spans.last?.context)
        publisher.publish("t", #"{"trace":"\#(Self.sent)"}"#)
        #expect(exporter.take().last?.parentID == Self.parent)
        publisher.publish("t", #"{"trace":"\#(Self.sent.dropLast(2))00"}"#)
        #expect(exporter.take().isEmpty)
        let five = test.connect("p5")
        five.publish("t", #"{"trace":"\#(Self.traceID)"}"#)
        #expect(exporter.take().allSatisfy { $0.context.traceHigh != 0x4BF9_2F35_77B3_4DA6 })
    }

    @Test("What a plugin publishes and a will have spans too, and so have members of shared groups", arguments: [1, 2])
    func others(shards: Int) throws {
        let (test, exporter) = traced(shards: shards)
        let member = subscriber(test, home: shards - 1, "$share/g/#")
        var message = InjectedMessage(topic: Array("t".utf8), payload: [1])
        message.properties = [0x26, 0, 11] + Array("traceparent".utf8) + [0, 55] + Array(Self.sent.utf8)
        test.broker.publish(message)
        test.settle()
        let spans = exporter.take()
        let publish = try #require(spans.first { $0.work == .publish })
        #expect(publish.parentID == Self.parent && value(publish, "hookline.origin") == "plugin")
        #expect(spans.filter { $0.work == .deliver }.map(\.parentID) == [publish.context.spanID])
        #expect(context(member.messages().first) == publish.context)
        let client = test.connect("w", home: 0) { $0.will = Will(topic: Array("t".utf8), payload: [2]) }
        client.drop()
        let ofWill = exporter.take()
        #expect(ofWill.filter { $0.work == .publish }.map { value($0, "hookline.origin") } == ["will"])
        #expect(ofWill.filter { $0.work == .deliver }.count == 1 && member.messages().count == 1)
    }

    @Test("Correlation Data is the conversation of a span")
    func correlationData() {
        let (test, exporter) = traced()
        test.connect("p").publish("t") { $0.properties.correlationData = Array("call-7".utf8) }
        #expect(value(exporter.take().first, "messaging.message.conversation_id") == "call-7")
    }
}
