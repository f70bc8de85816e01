import Configuration
import Foundation
import PluginABI
import PositionedYAML
import Testing

@testable import Host

/// A plugin in strict C that uses every service, in a broker with real event loops and clients.
@Suite("Every service, from C")
struct EveryServiceTests {
    private func entry(_ id: String = "every") throws -> PluginEntry {
        let path = try PluginFixture.build("everything", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wpedantic")
        return PluginEntry(id: id, path: path, position: SourcePosition(file: "plugins.yaml", line: 3, column: 5))
    }

    private func started(_ loops: Int) throws -> LivePlugins {
        let live = try LivePlugins(loops: loops)
        try live.apply([try entry()])
        return live
    }

    @Test("A message is published as broker and as client, and each publication is answered", arguments: [1, 2])
    func publish(loops: Int) throws {
        let live = try started(loops)
        let client = try live.client("dev-1")
        client.subscribe("every/#")
        #expect(client.packet()?.first == 0x90)
        client.publish("ask", "publish")
        #expect(live.messages("test.published", count: 3).sorted() == ["lost 13 0", "named 0 0", "plain 0 0"])
        #expect(live.messages("test.ready") == ["room"])
        let payloads = (0..<2).compactMap { _ in client.packet() }.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(Set(payloads.map { $0.suffix(5) }) == ["plain", "named"])
        #expect(
            Set(live.messages("test.consumed", count: 2)) == ["every/thing plain live", "every/named named live"])
        client.publish("ask", "stop consuming")
        #expect(live.messages("test.stats") == ["1 0"])
        #expect(live.messagesNow("test.wrong") == [])
    }

    @Test("Sessions and their subscriptions are told, by client and in pages", arguments: [1, 2])
    func sessions(loops: Int) throws {
        let live = try started(loops)
        let client = try live.client("dev-1")
        client.subscribe("every/+", qos: 1)
        #expect(client.packet()?.first == 0x90)
        let other = try live.client("dev-2")
        other.subscribe("$share/g/every/thing")
        #expect(other.packet()?.first == 0x90)
        client.publish("ask", "sessions")
        // get, nobody, and the pages of list.
        let told = live.messages("test.session", count: 3)
        #expect(told.sorted() == ["dev-1 online 1", "dev-1 online 1", "dev-2 online 1"])
        #expect(live.messages("test.sessions", count: 2).contains("nobody 13 0"))
        client.publish("ask", "subscriptions")
        #expect(
            live.messages("test.subscription", count: 3).sorted() == [
                "client dev-1 every/+  1", "matching dev-1 every/+  1", "matching dev-2 every/thing g 0",
            ])
        client.publish("ask", "identity")
        #expect(live.messages("test.done") == ["identity 0"])
        client.publish("ask", "end")
        #expect(live.messages("test.done", count: 2) == ["identity 0", "end 0"])
        #expect(client.packet() == nil, "the client was disconnected")
    }

    @Test("Retained messages are set, looked at, consumed and cleared", arguments: [1, 2])
    func retained(loops: Int) throws {
        let live = try started(loops)
        let client = try live.client("dev-1")
        client.subscribe("every/kept")
        #expect(client.packet()?.first == 0x90)
        client.publish("ask", "retained")
        #expect(client.packet()?.first == 0x30, "set publishes, too")
        client.publish("ask", "look")
        #expect(live.messages("test.retained", count: 2).sorted() == ["get every/kept", "match every/kept"])
        #expect(live.messages("test.retained_end", count: 2).sorted() == ["get 0", "match 0"])
        #expect(live.messages("test.retained_count") == ["1"])
        // A second instance finds it when it opens its consumer.
        try live.apply([try entry()], renewing: ["every"])
        #expect(live.messages("test.consumed", count: 2).last == "every/kept kept retained")
        client.publish("ask", "clear")
        #expect(client.packet()?.first == 0x30)
        #expect(live.messagesNow("test.wrong") == [])
    }

    @Test("Keys outlive a generation and, on disk, the broker")
    func keys() throws {
        let data = try TemporaryDirectory()
        do {
            let live = try LivePlugins(loops: 1, data: data.path)
            try live.apply([try entry()])
            #expect(live.messages("test.kv") == ["1 0 14 1 a/2 13"])
            #expect(live.messages("test.kv_end") == ["0 13"])
            #expect(live.messages("test.stored") == ["starts 0"])
            try live.apply([try entry()], renewing: ["every"])
            #expect(live.messages("test.kv", count: 2).last == "2 0 14 1 a/2 13")
            live.host.stop()
        }
        let live = try LivePlugins(loops: 1, data: data.path)
        try live.apply([try entry()])
        #expect(live.messages("test.kv") == ["3 0 14 1 a/2 13"])
    }

    @Test("Routes are found by their longest prefix and answered; a body that is too long is not", arguments: [1, 2])
    func routes(loops: Int) throws {
        let live = try started(loops)
        #expect(live.messages("test.routes") == ["0 11 13"])
        #expect(
            PortsFile.object([], plugins: live.host.statuses, version: "1", process: 1).rendered.hasSuffix(
                #""plugins":{"every":{"api":"http://127.0.0.1:8080"}}}"#))
        #expect(live.messages("test.request") == ["PUT /api/every/1 /api/every"])
        #expect(
            live.messages("test.response", count: 2).sorted() == [
                "200 application/json body", "413 text/plain the body is larger than 16 bytes\n",
            ])
    }

    @Test("Metrics are collected with their labels, spans with their parents")
    func observability() throws {
        let live = try started(2)
        #expect(
            live.messages("test.sample", count: 5).sorted() == [
                "hookline_plugin_counted_total 1 2 0 0", "hookline_plugin_level 1 7.5 0 0",
                "hookline_plugin_took_seconds 2 100.25 2 2", "hookline_plugin_took_seconds 2 3 1 1",
                "hookline_plugin_traced_seconds 1 20.3 2 2",
            ])
        #expect(live.messages("test.exemplar") == ["1 6 0.3 ab"])
        #expect(live.messages("test.trace") == ["0 0 00-ab000000000000000000000000000001"])
        let spans = live.messages("test.span", count: 2)
        #expect(spans.count == 2 && spans[0].hasPrefix("inner ab ") && spans[0].hasSuffix(" 1"))
        #expect(spans.last == "outer ab cd 0")
    }

    @Test("Work runs where it should: workers, an event loop, when a descriptor is ready")
    func work() throws {
        let live = try started(2)
        #expect(live.messages("test.worked", count: 4).sorted() == ["job 2", "loop 1", "submit 2", "timer 2"])
        #expect(live.messages("test.readable", count: 2) == ["a", "b"])
        #expect(live.messages("test.abi") == ["1.0 acl.publish 1"])
        #expect(live.messages("test.small") == ["1 1 1 13"])
        #expect(live.messages("test.administration") == ["0 1"])
        #expect(live.messages("plugin.wrong_thread").count == 1)
        #expect(live.messagesNow("test.wrong") == [])
    }

    @Test("A generation hands its state to the next one: all of it, then what has changed")
    func handover() throws {
        let live = try started(1)
        try live.apply([try entry()], renewing: ["every"])
        #expect(live.messages("test.import", count: 2) == ["bulk 3 test.everything", "delta 3 test.everything"])
    }

    @Test("Nothing of a generation is left when it has stopped: routes, metrics, consumers, timers, descriptors")
    func leavesNothing() throws {
        let live = try started(2)
        _ = live.messages("test.readable", count: 2)
        let client = try live.client("dev-1")
        try live.apply([])
        #expect(live.messages("plugin.stopped").count == 1)
        let before = live.messagesNow("test.consumed").count
        client.publish("every/thing", "x")
        client.subscribe("barrier")
        #expect(client.packet()?.first == 0x90)
        #expect(live.messagesNow("test.consumed").count == before)
        #expect(live.host.context.metrics.samples.isEmpty)
        #expect(live.host.statuses.isEmpty)
        if case .nothing = live.host.context.http.routes.find(method: "GET", path: Array("/api/every".utf8)) {
        } else {
            Issue.record("the route is still there")
        }
    }
}
