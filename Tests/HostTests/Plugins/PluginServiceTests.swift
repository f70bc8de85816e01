import Foundation
import PluginABI
import Testing

@testable import BrokerCore
@testable import Host

@Suite struct PluginServiceTests {
    private func start(_ config: String = "{ file: rules.txt }") throws -> PluginHarness {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("services"), id: "svc", config)
        return harness
    }

    @Test("what a plugin learns about itself, topics, time and chance")
    func basics() throws {
        let harness = try start()
        #expect(harness.messagesNow("test.self") == ["svc 1 2"])
        #expect(harness.messagesNow("test.topics") == ["100100"])
        #expect(harness.messagesNow("test.misc") == ["1 1 1"])
        #expect(harness.messagesNow("test.debug").isEmpty, "what is off is not even formatted")
        #expect(harness.record.read { $0.lines.allSatisfy { $0.instance == "svc" } })
    }

    @Test("settings arrive as their declared types, defaults filled in")
    func settings() throws {
        let harness = try start()
        #expect(harness.messagesNow("test.values") == ["42 1 2.5 4096 300000000000"])
        #expect(harness.messagesNow("test.json") == ["[]"])
        let other = try start("{ file: x, integer: -1, boolean: false, size: 1MiB, duration: 2s, number: 0.5 }")
        #expect(other.messagesNow("test.values") == ["-1 0 0.5 1048576 2000000000"])
    }

    @Test("lists and maps are walked as nodes, each knows its place")
    func tree() throws {
        let harness = try start("file: x\nitems:\n  - { name: one, ttl: 5m }\n  - { name: two, ttl: often }\n")
        #expect(
            harness.messagesNow("test.item") == ["one 300000000000 plugins.yaml:3:5", "two -1 plugins.yaml:4:5"])
        #expect(harness.messagesNow("test.json") == [#"[{"name":"one","ttl":"5m"},{"name":"two","ttl":"often"}]"#])
    }

    @Test("timers and work run on workers")
    func workers() throws {
        let harness = try start()
        #expect(harness.messages("test.timer") == ["three ticks"])
        #expect(harness.messages("test.worker") == ["right"])
    }

    @Test("a watched file that is written, renamed over or reached through a turned link is noticed")
    func watch() throws {
        let harness = try PluginHarness()
        let file = harness.folder + "/rules.txt"
        let first = harness.folder + "/first"
        try FileManager.default.createDirectory(atPath: first, withIntermediateDirectories: true)
        try "1".write(toFile: first + "/rules.txt", atomically: false, encoding: .utf8)
        #expect(symlink("first", harness.folder + "/..data") == 0)
        #expect(symlink("..data/rules.txt", file) == 0)
        try harness.start(try PluginFixture.build("services"), id: "svc", "{ file: rules.txt }")
        try "22".write(toFile: first + "/rules.txt", atomically: false, encoding: .utf8)
        let written = harness.messages("test.watch").count
        #expect(written >= 1)
        try "333".write(toFile: first + "/rules.txt", atomically: true, encoding: .utf8)
        let renamed = harness.messages("test.watch", count: written + 1).count
        #expect(renamed > written)
        let second = harness.folder + "/second"
        try FileManager.default.createDirectory(atPath: second, withIntermediateDirectories: true)
        try "4444".write(toFile: second + "/rules.txt", atomically: false, encoding: .utf8)
        #expect(symlink("second", harness.folder + "/..new") == 0)
        #expect(rename(harness.folder + "/..new", harness.folder + "/..data") == 0)
        #expect(harness.messages("test.watch", count: renamed + 1).count > renamed)
    }

    @Test("events reach notify hooks on a worker")
    func events() throws {
        let harness = try start()
        var client = hl_client()
        client.client_id = view("dev-17")
        withUnsafePointer(to: client) { client in
            var event = hl_event()
            event.hook = HL_HOOK_NOTIFY_CONNECTED
            event.client = client
            event.reason = view("hello")
            harness.dispatchers[0].notify(&event)
        }
        #expect(harness.messages("test.event") == ["hello"])
        let line = harness.record.read { record in record.lines.first { $0.event == "test.event" } }
        #expect(line?.fields.map { "\($0.key)=\($0.value)" } == ["client=dev-17"])
    }

    @Test("a publish is copied, checked and marked with its instance and its hops")
    func publish() throws {
        let harness = try start()
        let properties: [UInt8] = [0x02, 0, 0, 0, 60, 0x26, 0, 6] + Array("colour".utf8) + [0, 3] + Array("red".utf8)
        #expect(harness.dispatchers[0].message("in/1", properties: properties, hops: 2) == .abstain)
        #expect(harness.messagesNow("test.msg") == ["in/1 red 60"])
        let published = harness.record.read { $0.published }
        #expect(published.map { String(decoding: $0.topic, as: UTF8.self) } == ["out"])
        #expect(published[0].payload == Array("hi".utf8) && published[0].retain && published[0].qos == 1)
        #expect(published[0].instance != 0 && published[0].hops == 3)
        _ = harness.dispatchers[0].message("in/1", hops: 8)
        #expect(harness.messagesNow("test.publish") == ["0", "\(HL_INVALID)"], "the ninth publish in a row is cut")
        #expect(harness.messagesNow("plugin.publish_loop").count == 1)
    }

    @Test("client/1 and health reach the broker")
    func brokerSide() throws {
        let harness = try start()
        #expect(harness.record.read { $0.rechecked } == [0])
        #expect(harness.record.read { $0.kicked } == ["dev-1 152"])
        let status = harness.host.statuses[0]
        #expect(status.health == "degraded" && status.healthText == "half of it")
        #expect(status.hooks == ["notify.connected", "msg.in"])
    }

    @Test("nothing of a plugin runs after stop has returned")
    func afterStop() throws {
        let harness = try start()
        _ = harness.messages("test.timer")
        harness.host.stop()
        let lines = harness.record.read { $0.lines.count }
        #expect(harness.record.read { $0.lines.last?.event } == "plugin.stopped")
        #expect(harness.record.read { $0.lines.count } == lines)
    }
}
