import Locking
import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// What the publisher of a message that no connection sent is told about its receivers.
@Suite struct PublishReportTests {
    private final class Reports: Sendable {
        private let reports = Locked<[InjectionReport]>([])
        var all: [InjectionReport] { reports.withLock { $0 } }
        func add(_ report: InjectionReport) { reports.withLock { $0.append(report) } }
    }

    private func message(_ topic: String, qos: UInt8 = 1, _ reports: Reports) -> InjectedMessage {
        var message = InjectedMessage(topic: Array(topic.utf8), payload: [1], qos: qos)
        message.instance = 9
        message.hops = 1
        message.wantsCounts = true
        message.done = { reports.add($0) }
        return message
    }

    /// Receivers of every kind, on as many shards as there are.
    private func audience(_ test: TestBroker) -> [TestClient] {
        let readers = (0..<3).map { (home: Int) in test.connect("reader\(home)", home: home) }
        for reader in readers { reader.subscribe("t", "t/#", qos: 1) }
        let members = (0..<2).map { (number: Int) in test.connect("member\(number)", home: number + 1) }
        for member in members { member.subscribe("$share/g/t", qos: 1) }
        let away = test.connect("away", home: 1, expiry: 100)
        away.subscribe("t", qos: 1)
        away.drop()
        let late = test.connect("late", home: 2, expiry: 100)
        late.subscribe("t", qos: 0)
        late.drop()
        let barred = test.connect("barred", home: 0)
        barred.subscribe("t", qos: 1)
        let clients = readers + members + [barred]
        for client in clients { _ = client.received() }
        return clients
    }

    @Test("counts each receiver once, on all shards: sent, queued, denied, dropped", arguments: [1, 2, 3])
    func counts(shards: Int) {
        let test = TestBroker(shards: shards)
        let plugin = TestPlugin()
        plugin.onDeliver { _, _, client in !client.client_id.text.hasPrefix("barred") }
        test.install(plugin)
        let clients = audience(test)
        let reports = Reports()
        test.broker.publish(message("t", reports))
        test.settle()
        var expected = DeliveryCounts()
        (expected.sent, expected.queued, expected.denied, expected.dropped) = (4, 1, 1, 1)
        #expect(reports.all.map(\.outcome) == [.routed(matched: true)])
        #expect(reports.all.map(\.counts) == [expected] && reports.all[0].counts.matched == 7)
        #expect(reports.all.allSatisfy { $0.id != 0 })
        #expect(clients.reduce(0) { $0 + $1.messages().count } == 4)
    }

    @Test("nobody subscribes: all 0, and a message without a request for counts has none", arguments: [1, 3])
    func nobody(shards: Int) {
        let test = TestBroker(shards: shards)
        let reports = Reports()
        test.broker.publish(message("t", reports))
        test.settle()
        _ = audience(test)
        var uncounted = message("t", reports)
        uncounted.wantsCounts = false
        test.broker.publish(uncounted)
        test.settle()
        #expect(reports.all.map(\.outcome) == [.routed(matched: false), .routed(matched: true)])
        #expect(reports.all.map(\.counts) == [DeliveryCounts(), DeliveryCounts()])
    }

    @Test("a refused message names the rule, and one that msg.route drops has no receivers")
    func refused() {
        let test = TestBroker()
        let plugin = TestPlugin()
        plugin.onMessage { call, msg in
            guard msg.topic.text == "t" else { return HL_ABSTAIN }
            call.withView("rules.yaml:3") { _ = call.pointee.api.pointee.set_rule(call, $0) }
            return HL_DENY
        }
        plugin.on(HL_HOOK_MSG_ROUTE) { _, _ in HL_DROP }
        test.install(plugin)
        _ = audience(test)
        let reports = Reports()
        test.broker.publish(message("t", reports))
        test.broker.publish(message("t/1", reports))
        test.settle()
        #expect(reports.all.map(\.outcome) == [.refused(.implementationSpecificError), .routed(matched: false)])
        #expect(reports.all.map(\.rule) == ["rules.yaml:3", ""])
        #expect(reports.all.allSatisfy { $0.counts == DeliveryCounts() })
    }

    @Test("with a store it comes when what must be kept is durable", arguments: [1, 2, 3])
    func durable(shards: Int) {
        let test = TestBroker(shards: shards) { $0.storeEnabled = true }
        for home in 0..<2 {
            let away = test.connect("away\(home)", home: home, expiry: 100)
            test.commitAll()
            away.subscribe("t", qos: 1)
            test.commitAll()
            away.drop()
            test.commitAll()
        }
        let reports = Reports()
        test.broker.publish(message("t", reports))
        test.settle()
        #expect(reports.all.isEmpty)
        test.commitAll()
        #expect(reports.all.map(\.counts.queued) == [2])
        #expect(reports.all.map(\.outcome) == [.routed(matched: true)])
        // Nobody's session keeps it: nothing to wait for.
        test.broker.publish(message("elsewhere", reports))
        test.settle()
        #expect(reports.all.count == 2)
        #expect(test.broker.shards.allSatisfy { $0.tallies.isEmpty })
    }

    @Test("what the store has lost is not told as kept", arguments: [1, 2])
    func notStored(shards: Int) {
        let test = TestBroker(shards: shards) { $0.storeEnabled = true }
        let away = test.connect("away", home: 1, expiry: 100)
        test.commitAll()
        away.subscribe("t", qos: 1)
        test.commitAll()
        away.drop()
        test.commitAll()
        let reports = Reports()
        test.broker.publish(message("t", reports))
        test.settle()
        test.commit(succeeded: false)
        #expect(reports.all.map(\.outcome) == [.notStored])
        #expect(test.broker.shards.allSatisfy { $0.tallies.isEmpty })
    }

    @Test("properties that no PUBLISH may carry are not forwarded")
    func properties() {
        func isForwardable(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { PublishProperties.isForwardable($0) } }
        #expect(isForwardable([]))
        #expect(isForwardable([0x03, 0, 1, 0x61, 0x26, 0, 1, 0x61, 0, 1, 0x62]))
        let wrong: [[UInt8]] = [
            [0x02, 0, 0, 0, 1], [0x23, 0, 1], [0x0B, 1], [0x11, 0, 0, 0, 1], [0x03, 0, 9, 0x61], [0x03, 0, 1, 0xFF],
            [0x03, 0, 0, 0x03, 0, 0], [0x08, 0, 1, 0x23], [0x26, 0, 1, 0x61], [0x01, 2], [0x7F],
        ]
        for bytes in wrong { #expect(!isForwardable(bytes), "\(bytes)") }
    }
}
