import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// What administrators see of sessions, subscriptions and retained messages, and what they do to them.
@Suite struct SessionReportTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("The report of a client tells who it is, what it agreed on, and what waits for it")
    func session() throws {
        let test = TestBroker { $0.receiveMaximum = 10 }
        let client = test.connect("c", expiry: 100) {
            $0.keepAlive = 60
            $0.userName = Array("ada".utf8)
            $0.properties.receiveMaximum = 1
        }
        client.subscribe("a", "b", qos: 1)
        let publisher = test.connect("p", .v3_1_1)
        for number in UInt16(1)...3 { publisher.publish("a", qos: 1, packetID: number) }
        let shard = test.broker.shards[0]
        let online = try #require(shard.report(ofClient: bytes("c")))
        #expect(online.clientID == bytes("c") && online.identity?.address == "test:1")
        #expect(online.keepAlive == 60 && online.expiryInterval == 100 && online.isPersistent)
        #expect(online.protocolLevel == 5 && online.subscriptions == 2 && online.shard == 0)
        #expect(online.inflight == 1 && online.queued == 2)
        #expect(online.connection != 0 && online.connectedAt == test.now)
        client.drop()
        let offline = try #require(shard.report(ofClient: bytes("c")))
        #expect(offline.identity == nil && offline.connection == 0 && offline.connectedAt == 0)
        #expect(offline.keepAlive == 0 && offline.subscriptions == 2)
        let other = try #require(shard.report(ofClient: bytes("p")))
        #expect(other.protocolLevel == 4 && !other.isPersistent)
        #expect(shard.report(ofClient: bytes("nobody")) == nil)
    }

    @Test("Pages hold every session once, and none that has ended", arguments: [1, 2, 3, 100])
    func pages(limit: Int) {
        let test = TestBroker()
        let clients = (0..<7).map { test.connect("c\($0)") }
        clients[3].disconnect()
        var (names, cursor): ([String], UInt64?) = ([], 0)
        while let from = cursor {
            let page = test.broker.shards[0].sessionReports(from: from, limit: limit)
            #expect(page.reports.count <= limit)
            names += page.reports.map { String(decoding: $0.clientID, as: UTF8.self) }
            cursor = page.next
        }
        #expect(names.sorted() == ["c0", "c1", "c2", "c4", "c5", "c6"])
    }

    @Test("Subscriptions are reported with their options; the group of a shared one stands apart")
    func subscriptions() throws {
        let test = TestBroker()
        let client = test.connect("c")
        client.subscribe("a/+", qos: 2, identifier: 7) {
            $0.noLocal = true
            $0.retainAsPublished = true
            $0.retainHandling = .doNotSend
        }
        client.subscribe("$share/workers/jobs/#", qos: 1)
        let shard = test.broker.shards[0]
        let reports = try #require(shard.subscriptionReports(ofClient: bytes("c")))
        #expect(reports.count == 2)
        let plain = try #require(reports.first { $0.shareGroup.isEmpty })
        #expect(plain.clientID == bytes("c") && plain.filter == bytes("a/+"))
        #expect(plain.qos == 2 && plain.noLocal && plain.retainAsPublished && plain.retainHandling == 2)
        #expect(plain.identifier == 7)
        let shared = try #require(reports.first { !$0.shareGroup.isEmpty })
        #expect(shared.shareGroup == bytes("workers") && shared.filter == bytes("jobs/#") && shared.qos == 1)
        #expect(!shared.noLocal && shared.identifier == 0)
        #expect(shard.subscriptionReports(ofClient: bytes("nobody")) == nil)
    }

    @Test("Who would receive a topic: the subscriptions that match it, shared ones by their filter")
    func subscribersOfATopic() {
        let test = TestBroker()
        for (name, filter) in [("a", "jobs/+"), ("b", "$share/g/jobs/#"), ("c", "other"), ("d", "#")] {
            test.connect(name).subscribe(filter)
        }
        func matching(_ topic: String?) -> [String] {
            test.broker.shards[0].subscriptionReports(from: 0, limit: 100, matching: topic.map(bytes)).reports
                .map { String(decoding: $0.clientID, as: UTF8.self) }.sorted()
        }
        #expect(matching("jobs/1") == ["a", "b", "d"])
        #expect(matching("jobs/1/2") == ["b", "d"])
        #expect(matching("$SYS/x") == [], "wildcards do not match topics that begin with $ [MQTT-4.7.2-1]")
        #expect(matching(nil) == ["a", "b", "c", "d"])
    }

    @Test("Ending a session disconnects its client and forgets everything, online or not", arguments: [0, 1])
    func endSession(online: Int) {
        let test = TestBroker()
        let client = test.connect("c", expiry: 100)
        client.subscribe("a", qos: 1)
        _ = client.received()
        if online == 0 { client.drop() }
        let shard = test.broker.shards[0]
        #expect(shard.endSession(ofClient: bytes("c"), reason: .administrativeAction))
        test.settle()
        #expect(client.isClosed && shard.report(ofClient: bytes("c")) == nil)
        if online == 1 {
            #expect(client.disconnectReason() == .administrativeAction && test.causes("c") == [.kicked])
        }
        #expect(!shard.endSession(ofClient: bytes("c"), reason: .administrativeAction))
        #expect(test.connect("c", cleanStart: false, expiry: 100).connack()?.sessionPresent == false)
    }

    @Test("A session that ends with its connection is ended once")
    func endCleanSession() {
        let test = TestBroker()
        let client = test.connect("c")
        #expect(test.broker.shards[0].endSession(ofClient: bytes("c"), reason: .administrativeAction))
        test.settle()
        #expect(client.isClosed && test.broker.shards[0].report(ofClient: bytes("c")) == nil)
    }

    @Test("A new identity holds for the next decision, and verdicts about the old one are forgotten")
    func setIdentity() throws {
        let test = TestBroker()
        let plugin = TestPlugin()
        var users: [String] = []
        plugin.onPublish { call, msg in
            users.append(msg.publisher.pointee.username.text)
            return HL_ALLOW
        }
        test.install(plugin)
        let client = test.connect("c")
        client.publish("t")
        let shard = test.broker.shards[0]
        let connection = try #require(shard.report(ofClient: bytes("c"))).connection
        #expect(
            shard.setIdentity(
                ofConnection: connection, username: bytes("ada"), groups: [bytes("staff")], account: bytes("acme")))
        client.publish("t")
        #expect(users == ["", "ada"])
        let identity = try #require(shard.report(ofClient: bytes("c"))?.identity)
        #expect(identity.groups == [bytes("staff")] && identity.account == bytes("acme"))
        #expect(identity.address == "test:1" && identity.listener == "tcp", "where it comes from stays")
        #expect(!shard.setIdentity(ofConnection: connection + 1, username: [], groups: [], account: []))
    }

    @Test("A connection is ended by its number; another one stays")
    func kickConnection() throws {
        let test = TestBroker()
        let (first, second) = (test.connect("a"), test.connect("b"))
        _ = (first.received(), second.received())
        let number = try #require(test.broker.shards[0].report(ofClient: bytes("a"))).connection
        test.tell(.kickConnection(number, reason: .administrativeAction))
        #expect(first.isClosed && first.disconnectReason() == .administrativeAction)
        #expect(!second.isClosed)
    }

    @Test("Retained messages are read one by one and in pages, with what they have left")
    func retained() throws {
        let test = TestBroker()
        let client = test.connect("c")
        for number in 0..<5 { client.publish("r/\(number)", "\(number)", retain: true) }
        client.publish("other", "long", qos: 1, retain: true) { $0.properties.messageExpiryInterval = 10 }
        let one = try #require(test.broker.retained(topic: bytes("other"), now: test.now))
        #expect(one.payload == bytes("long") && one.qos == 1 && one.publishedAt == test.now)
        #expect(one.expiresAt == test.now + 10_000_000_000)
        #expect(test.broker.retained(topic: bytes("none"), now: test.now) == nil)
        #expect(test.broker.retainedUsage.messages == 6 && test.broker.retainedUsage.bytes > 5 * 4)
        let walk = test.broker.retained(matching: bytes("r/+"))
        var (topics, isLast) = ([String](), false)
        while !isLast {
            let page = walk.next(maximum: 2, now: test.now)
            #expect(page.messages.count <= 2)
            topics += page.messages.map { String(decoding: $0.topic, as: UTF8.self) }
            isLast = page.isLast
        }
        #expect(topics.sorted() == (0..<5).map { "r/\($0)" })
        test.advance(seconds: 11)
        #expect(test.broker.retained(topic: bytes("other"), now: test.now) == nil)
    }
}
