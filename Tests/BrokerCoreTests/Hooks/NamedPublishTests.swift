import Locking
import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// Messages that a plugin publishes in the name of a client or of a bridge, and what it hears of acknowledgements.
@Suite struct NamedPublishTests {
    private final class Outcomes: Sendable {
        private let outcomes = Locked<[InjectionOutcome]>([])
        var all: [InjectionOutcome] { outcomes.withLock { $0 } }
        func add(_ outcome: InjectionOutcome) { outcomes.withLock { $0.append(outcome) } }
    }

    private func message(_ topic: String, _ outcomes: Outcomes) -> InjectedMessage {
        var message = InjectedMessage(topic: Array(topic.utf8), payload: [1])
        message.instance = 9
        message.hops = 1
        message.done = { outcomes.add($0.outcome) }
        return message
    }

    @Test("In a client's name: with its rights, and only while it is connected", arguments: [1, 2, 3])
    func asClient(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        plugin.onPublish { _, msg in
            msg.publisher.pointee.client_id.text.hasPrefix("ada") && msg.topic.text == "mine" ? HL_ALLOW : HL_DENY
        }
        test.install(plugin)
        let reader = test.connect("reader", home: 0)
        reader.subscribe("#")
        _ = reader.received()
        let ada = test.connect("ada", home: 1)
        let outcomes = Outcomes()
        for topic in ["mine", "another's"] {
            var named = message(topic, outcomes)
            named.asClient = Array(test.clientID("ada", home: 1).utf8)
            test.broker.publish(named)
            test.settle()
        }
        #expect(reader.messages().map(\.topicText) == ["mine"])
        #expect(outcomes.all == [.routed(matched: true), .refused(.notAuthorized)])
        ada.disconnect()
        var named = message("mine", outcomes)
        named.asClient = Array(test.clientID("ada", home: 1).utf8)
        test.broker.publish(named)
        test.settle()
        #expect(outcomes.all.last == .noSuchClient && reader.messages().isEmpty)
    }

    @Test("Through a bridge: acl.publish is asked about the bridge")
    func bridge() {
        let test = TestBroker()
        let plugin = TestPlugin()
        var seen: [String] = []
        plugin.onPublish { _, msg in
            let publisher = msg.publisher.pointee
            seen.append("\(publisher.client_id.text) \(publisher.flags & HL_CLIENT_BRIDGE != 0) \(msg.origin)")
            return msg.topic.text == "in" ? HL_ALLOW : HL_DENY
        }
        test.install(plugin)
        let outcomes = Outcomes()
        for topic in ["in", "out"] {
            var bridged = message(topic, outcomes)
            bridged.bridge = Array("north".utf8)
            test.broker.publish(bridged)
            test.settle()
        }
        #expect(seen == [String](repeating: "north true \(HL_ORIGIN_BRIDGE)", count: 2))
        #expect(outcomes.all == [.routed(matched: false), .refused(.notAuthorized)])
    }

    @Test("A message without a valid topic is refused, and the sender is told")
    func invalidTopic() {
        let test = TestBroker()
        let outcomes = Outcomes()
        test.broker.publish(message("a/#", outcomes))
        test.settle()
        #expect(outcomes.all == [.refused(.topicNameInvalid)])
    }

    @Test("notify.acked tells who has acknowledged what, at QoS 1 and 2", arguments: ProtocolVersion.allCases)
    func acked(version: ProtocolVersion) {
        let test = TestBroker()
        let plugin = TestPlugin()
        var seen: [String] = []
        plugin.on(HL_HOOK_NOTIFY_ACKED) { _, input in
            let event = input.load(as: hl_event.self)
            seen.append("\(event.client.pointee.client_id.text) \(event.qos) \(event.count)")
            return HL_OK
        }
        test.install(plugin)
        let reader = test.connect("reader", version)
        reader.subscribe("#", qos: 2)
        _ = reader.received()
        let writer = test.connect("writer", version)
        for qos in UInt8(0)...2 { writer.publish("t", qos: qos, packetID: 5 + UInt16(qos)) }
        plugin.runWork()
        #expect(seen.isEmpty, "not before the acknowledgement")
        _ = reader.takeAll()
        plugin.runWork()
        #expect(seen == ["reader 1 1", "reader 2 1"])
    }
}
